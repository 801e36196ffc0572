"""``knowngood plan`` and shards, as a user and a CI see them."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from knowngood.process.sandbox import find
from support.index import Index
from support.project import Project, wait_for

Knowngood = Callable[..., "subprocess.CompletedProcess[str]"]

COMBOS = {
    "good": '[["tiny==1.0"]]',
    "bad": '[["tiny==2.0"]]',
    "steps": '[["tiny==1.0"], ["mover"]]',
    "none": '[["tiny==3.0"]]',
}
PROBE = "[[probe]]\nid = \"imports\"\nsource = '''\nimport tiny\nassert tiny.__version__ == \"1.0\"\n'''\n"


def matrix(url: str, combos: dict[str, str] = COMBOS, *, more: str = "") -> str:
    tables = "".join(f'[[combo]]\nid = "{name}"\nsteps = {steps}\n{more}\n' for name, steps in combos.items())
    return f'[matrix]\n[index.local]\nurl = "{url}"\n{PROBE}{tables}'


@pytest.fixture
def knowngood(project: Project, index: Index) -> Knowngood:
    """Return a function that runs ``knowngood`` with an empty cache."""
    project.write(matrix(index.url))

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return project.run(*arguments, XDG_CACHE_HOME=str(project.folder / "cache"))

    return run


def statuses(knowngood: Knowngood, *arguments: str, code: int = 0) -> dict[str, str]:
    result = knowngood("plan", "--format", "json", *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return {row["combo"]: row["status"] for row in json.loads(result.stdout)["combos"]}


def test_a_plan_lists_what_would_run_and_what_cannot_exist_and_builds_nothing(
    knowngood: Knowngood, project: Project
) -> None:
    result = knowngood("plan")

    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [re.split(r"  +", line)[:3] for line in lines[:3]] == [
        ["good", "run", "1 package"],
        ["bad", "run", "1 package"],
        ["steps", "run", "2 packages"],
    ]
    assert re.split(r"  +", lines[3])[:2] == ["none", "impossible"] and "unsolvable" in lines[3]
    assert lines[-1].startswith("4 combos: 3 to run, 0 reused, 1 impossible")
    assert project.logs() == []
    assert not list(project.folder.rglob("pyvenv.cfg")) and not (project.folder / "reports").exists()


def test_a_plan_as_json_holds_the_lock_of_each_combo(knowngood: Knowngood) -> None:
    document = json.loads(knowngood("plan", "--format", "json").stdout)

    rows = {row["combo"]: row for row in document["combos"]}
    assert document["schema"] == 2
    assert rows["steps"]["lock"] == {"mover": "1.0", "tiny": "2.0"}
    assert rows["none"]["lock"] == {} and rows["none"]["seconds"] == 0.0
    assert rows["good"]["seconds"] > 0


def test_a_plan_reuses_the_verdicts_of_earlier_runs_unless_all_combos_are_to_run(knowngood: Knowngood) -> None:
    assert knowngood("run", "--only", "good", "--only", "bad").returncode == 1

    assert statuses(knowngood) == {"good": "reused", "bad": "reused", "steps": "run", "none": "impossible"}
    assert statuses(knowngood, "--fresh") == {"good": "run", "bad": "run", "steps": "run", "none": "impossible"}
    table = knowngood("plan").stdout
    assert "imports pass (tested 20" in table and "imports fail (tested 20" in table
    assert "1 to run, 2 reused, 1 impossible" in table


def test_a_selection_can_be_planned_and_an_empty_one_is_an_error(knowngood: Knowngood) -> None:
    assert list(statuses(knowngood, "--only", "g*")) == ["good"]

    result = knowngood("plan", "--only", "absent")
    assert result.returncode == 4
    assert "no combo matches 'absent'" in result.stderr and "next:" in result.stderr


@pytest.mark.parametrize("arguments", [["--shards", "0"], ["--shards", "257"], ["--format", "xml"]])
def test_an_invalid_option_of_plan_is_an_error(knowngood: Knowngood, arguments: list[str]) -> None:
    assert knowngood("plan", *arguments).returncode == 2


def test_a_missing_matrix_is_an_error_with_a_next_step(knowngood: Knowngood) -> None:
    result = knowngood("plan", "absent")

    assert result.returncode == 2
    assert "next:" in result.stderr


def many(index: Index) -> str:
    return matrix(index.url, {f"c{number}": '[["tiny==1.0"]]' for number in range(8)})


def test_the_jobs_of_a_plan_for_github_run_every_combo_once(
    knowngood: Knowngood, project: Project, index: Index
) -> None:
    project.write(many(index))

    result = knowngood("plan", "--format", "github", "--shards", "3")

    assert result.returncode == 0 and result.stdout.count("\n") == 1
    jobs = json.loads(result.stdout)["include"]
    assert [job["shard"] for job in jobs] == ["1/3", "2/3", "3/3"]
    dealt = [combo for job in jobs for combo in job["combos"].split(",")]
    assert sorted(dealt) == [f"c{number}" for number in range(8)]
    assert max(len(job["combos"].split(",")) for job in jobs) == 3


def test_the_jobs_of_a_plan_for_gitlab_are_those_for_github(
    knowngood: Knowngood, project: Project, index: Index
) -> None:
    project.write(many(index))

    github = json.loads(knowngood("plan", "--format", "github", "--shards", "3").stdout)["include"]
    gitlab = json.loads(knowngood("plan", "--format", "gitlab", "--shards", "3").stdout)

    assert [job["extends"] for job in gitlab.values()] == [".knowngood-shard"] * 3
    names = ("MATRIX", "SHARD", "COMBOS")
    assert [tuple(job["variables"][name] for name in names) for job in gitlab.values()] == [
        (job["matrix"], job["shard"], job["combos"]) for job in github
    ]


def test_a_plan_that_takes_more_minutes_than_allowed_is_printed_but_starts_no_jobs(knowngood: Knowngood) -> None:
    # Three combos never ran and count as a minute each; one is impossible and costs nothing.
    assert knowngood("plan", "--max-minutes", "3").returncode == 0
    table = knowngood("plan", "--max-minutes", "2.9")
    jobs = knowngood("plan", "--max-minutes", "2.9", "--format", "github")

    assert table.returncode == jobs.returncode == 3
    assert "3 to run" in table.stdout and jobs.stdout == ""
    assert "the plan takes about 3 minutes, and --max-minutes allows 2.9" in jobs.stderr
    assert "3 combos would run; 3 of them never ran" in jobs.stderr
    assert "--cover 2" in jobs.stderr


def test_with_an_index_that_is_down_no_combo_is_impossible_and_plan_exits_3(
    knowngood: Knowngood, project: Project
) -> None:
    project.write(matrix("http://127.0.0.1:9/simple", {"good": '[["tiny==1.0"]]'}))

    assert statuses(knowngood, code=3) == {"good": "unknown"}


def test_the_summary_of_a_plan_counts_unknown_combos_apart_from_impossible_ones(
    knowngood: Knowngood, project: Project
) -> None:
    project.write(matrix("http://127.0.0.1:9/simple", {"good": '[["tiny==1.0"]]'}))

    result = knowngood("plan")

    assert result.returncode == 3
    assert "1 unknown" in result.stdout.splitlines()[-1]
    assert "1 impossible" not in result.stdout


def test_a_combo_whose_python_is_missing_is_unknown(knowngood: Knowngood, project: Project, index: Index) -> None:
    project.write(matrix(index.url, {"good": '[["tiny==1.0"]]'}, more='python = "3.99"'))

    assert statuses(knowngood, code=3) == {"good": "unknown"}


def test_a_shard_runs_its_combos_and_records_those_of_other_shards(knowngood: Knowngood, project: Project) -> None:
    result = knowngood("run", "--shard", "1/2", "--deal", "none,good")

    assert result.returncode == 1, result.stderr
    (started,) = project.events("run-started")
    assert [combo["id"] for combo in started["combos"]] == ["good", "none"]
    assert [combo["id"] for combo in started["elsewhere"]] == ["bad", "steps"]
    assert started["order"] == ["good", "bad", "steps", "none"]
    assert started["info"]["shard"] == "1/2"
    assert not (project.folder / "reports").exists()


def test_the_shards_of_a_plan_can_be_run_one_by_one(knowngood: Knowngood, project: Project, index: Index) -> None:
    project.write(many(index))
    jobs = json.loads(knowngood("plan", "--format", "github", "--shards", "2").stdout)["include"]

    for job in jobs:
        assert knowngood("run", "--shard", job["shard"], "--deal", job["combos"]).returncode == 0
        (started,) = project.events("run-started")
        selected = [combo["id"] for combo in (*started["combos"], *started["elsewhere"])]
        assert ",".join(combo["id"] for combo in started["combos"]) == job["combos"]
        assert sorted(selected) == [f"c{number}" for number in range(8)]


def test_a_shard_without_deal_gets_every_nth_combo(knowngood: Knowngood, project: Project) -> None:
    knowngood("run", "--shard", "2/2")

    (started,) = project.events("run-started")
    assert [combo["id"] for combo in started["combos"]] == ["bad", "none"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--shard", "1/2", "--deal", "good,absent"], 2, "--deal names combos that are not selected: 'absent'"),
        (["--shard", "1/2", "--deal", "bad", "--only", "good"], 2, "--deal names combos that are not selected: 'bad'"),
        (["--shard", "1/2", "--deal", ","], 4, "--deal names no combo"),
        (["--shard", "3/2", "--deal", "good"], 2, "invalid shard"),
        (["--shard", "9/9"], 4, "shard 9/9 is empty"),
        pytest.param(
            ["--deal", "good"],
            2,
            "--deal",
        ),
    ],
)
def test_an_invalid_shard_is_an_error_with_a_next_step_and_nothing_is_run(
    knowngood: Knowngood, project: Project, arguments: list[str], code: int, says: str
) -> None:
    result = knowngood("run", *arguments)

    assert result.returncode == code
    assert says in result.stderr and "next:" in result.stderr
    assert project.logs() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_plan_that_is_stopped_exits_with_the_code_of_the_signal(
    project: Project, index: Index, number: signal.Signals, code: int
) -> None:
    project.write(matrix(index.url, {"good": '[["tiny==1.0"]]'}))
    asked = len(index.requests)
    index.delay = 30.0
    try:
        running = project.start("plan")
        wait_for(lambda: len(index.requests) > asked)
        running.send_signal(number)
        _, err = running.communicate(timeout=10)
    finally:
        index.delay = 0.0

    assert running.returncode == code, err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("verb", "code"),
    [(("run", "--report-dir", "report"), 0), (("plan",), 0), (("fix", "first"), 0), (("timeline", "first"), 0)],
    ids=["run", "plan", "fix", "timeline"],
)
def test_variables_of_pass_env_that_are_not_set_are_named(
    project: Project, index: Index, verb: tuple[str, ...], code: int
) -> None:
    project.write(
        f"""
[index.local]
url = "{index.url}"

[[probe]]
id = "asks"
source = "import tiny"
pass-env = ["KG_ABSENT", "ABSENT_*", "KG_THERE", "KG_TH*"]

[[combo]]
id = "first"
steps = [["tiny==1.0"]]
"""
    )

    done = project.run(*verb, KG_THERE="yes")

    assert done.returncode == code, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("note:")]
    assert notes == [
        "note: probe 'asks': the variable KG_ABSENT is not set, which pass-env names",
        "note: probe 'asks': no variable matches 'ABSENT_*', which pass-env names",
    ]


@pytest.mark.skipif(find(os.environ) is None, reason="bubblewrap does not work here")
def test_a_plan_and_a_search_isolate_probes_as_their_option_says(knowngood: Knowngood, project: Project) -> None:
    searched = knowngood("fix", "good", "--isolation", "none")

    assert searched.returncode == 0, searched.stderr
    (log,) = (project.folder / ".knowngood").rglob("events.jsonl")
    assert json.loads(log.read_text().splitlines()[0])["info"]["isolation"] == "none"
    planned = [statuses(knowngood, "--only", "good", "--isolation", how)["good"] for how in ("none", "sandbox")]
    assert planned == ["reused", "run"]
