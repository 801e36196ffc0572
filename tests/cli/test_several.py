"""Several matrices in one run: a report for each, one overview, the most severe exit code, and how to go on."""

import json
import re
import signal
import subprocess

import pytest

from support.index import Index
from support.project import Project, wait_for

PROBE = """
[[probe]]
id = "imports"
source = '''
import os, pathlib, time
import tiny
mark = pathlib.Path(os.environ["KG_TEST_MARK"])
if os.environ.get("SLOW") and not (mark / "gate").exists():
    (mark / "reached").touch()
    time.sleep(60)
assert tiny.__version__ == "1.0"
'''
"""


def combo(name: str, version: str = "1.0", *, slow: bool = False) -> str:
    # Combos with equal locks and variables would share one verdict.
    slowness = ', SLOW = "1"' if slow else ""
    return f'[[combo]]\nid = "{name}"\nsteps = [["tiny=={version}"]]\nenv = {{ NAME = "{name}"{slowness} }}\n'


def write(project: Project, index: Index, **matrices: str) -> None:
    """Write a matrix file for each name."""
    project.matrix.parent.mkdir(exist_ok=True)
    for name, combos in matrices.items():
        # Its probe talks to the test through files outside of its own folders.
        text = f'[matrix]\nisolation = "none"\n\n[index.local]\nurl = "{index.url}"\n{PROBE}{combos}'
        project.matrix.with_name(f"{name}.toml").write_text(text, encoding="utf-8")


def overview(output: str) -> list[list[str]]:
    """Return the cells of the table that ends the output."""
    lines = output[output.rindex("\nmatrix  ") :].strip().split("\n\n")[0].splitlines()
    return [re.split(r"  +", line) for line in lines]


def test_each_matrix_has_a_report_and_an_overview_counts_their_combos(project: Project, index: Index) -> None:
    write(project, index, green=combo("a") + combo("b"), red=combo("bad", "2.0"), none=combo("gone", "3.0"))

    result = project.run("run", "--all")

    assert result.returncode == 1, result.stderr
    rows = overview(result.stdout)
    assert rows[0] == ["matrix", "combos", "as expected", "different", "undecided", "time"]
    assert [row[:5] for row in rows[1:]] == [
        ["green", "2", "2", "0", "0"],
        ["none", "1", "0", "1", "0"],
        ["red", "1", "0", "1", "0"],
        ["3 matrices", "4", "2", "2", "0"],
    ]
    assert all(re.fullmatch(r"\d+\.\ds|\d+ms", row[5]) for row in rows[1:4])
    reports = sorted((project.folder / ".knowngood" / "runs").glob("*/*/report/matrix.json"))
    assert [report.parents[2].name for report in reports] == ["green", "none", "red"]


def test_named_matrices_run_once_each_in_the_given_order(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b=combo("y"), c=combo("z"))

    result = project.run("run", "c", "a", "matrices/c.toml")

    assert result.returncode == 0, result.stderr
    assert [row[0] for row in overview(result.stdout)[1:]] == ["c", "a", "2 matrices"]


def test_an_outage_in_one_matrix_counts_more_than_success_and_less_than_a_difference(
    project: Project, index: Index
) -> None:
    write(project, index, good=combo("a"), red=combo("bad", "2.0"))
    project.matrix.with_name("down.toml").write_text(
        f'[index.local]\nurl = "http://127.0.0.1:9/simple"\n{PROBE}{combo("a")}', encoding="utf-8"
    )

    undecided = project.run("run", "good", "down")
    both = project.run("run", "down", "red")

    assert undecided.returncode == 3
    assert [row[:5] for row in overview(undecided.stdout)[1:3]] == [
        ["good", "1", "1", "0", "0"],
        ["down", "1", "0", "0", "1"],
    ]
    assert both.returncode == 1


@pytest.mark.parametrize(
    "option", [("--only", "a"), ("--shard", "1/2"), ("--baseline", "x"), ("--report-dir", "r"), ("--deal", "a")]
)
def test_an_option_for_one_matrix_is_an_error_with_several(
    project: Project, index: Index, option: tuple[str, str]
) -> None:
    write(project, index, m=combo("a"), other=combo("a"))

    for matrices in (("m", "other"), ("--all",)):
        result = project.run("run", *matrices, *option)

        assert (result.returncode, result.stdout, project.logs()) == (2, "", [])
        assert f"error: {option[0]} works with one matrix, not with 2\n" in result.stderr
        assert f"next: leave it out, or name one matrix: knowngood run m {option[0]} ...\n" in result.stderr


def test_all_and_a_name_exclude_each_other(project: Project, index: Index) -> None:
    write(project, index, m=combo("a"))

    for verb in ("run", "plan"):
        result = project.run(verb, "m", "--all")

        assert result.returncode == 2
        assert "error: both --all and a matrix are given\nnext: leave out one of them\n" in result.stderr


def test_all_in_a_folder_without_matrices_is_an_error(project: Project) -> None:
    result = project.run("run", "--all")

    assert result.returncode == 2
    assert "error: there is no matrix here" in result.stderr and "next: " in result.stderr


def test_mistakes_in_several_matrices_are_all_reported_before_the_first_runs(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b="[[combo]]\n", c="[[combo]]\n")

    result = project.run("run", "a", "b", "c", "absent")

    assert (result.returncode, result.stdout, project.logs()) == (2, "", [])
    assert "matrices/b.toml: 2 problems" in result.stderr and "matrices/c.toml: 2 problems" in result.stderr
    assert "error: no matrix 'absent'" in result.stderr


def test_a_folder_of_wheels_that_is_missing_is_found_before_the_first_matrix_runs(
    project: Project, index: Index
) -> None:
    write(project, index, a=combo("x"))
    text = f'[index.local]\nurl = "./absent"\n{PROBE}{combo("y")}'
    project.matrix.with_name("b.toml").write_text(text, encoding="utf-8")

    result = project.run("run", "a", "b")

    assert (result.returncode, result.stdout, project.logs()) == (2, "", [])
    assert "absent" in result.stderr


def test_ctrl_c_ends_all_matrices_and_the_advice_goes_on_with_what_is_left(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b=combo("quick") + combo("stuck", slow=True), c=combo("z"), d=combo("z"))
    running = project.start("run", "a", "b", "c", "d", "--jobs", "1")
    wait_for((project.folder / "reached").exists)

    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)

    assert running.returncode == 130, err
    assert [row[:6] for row in overview(out)[2:5]] == [
        ["b", "2", "1", "0", "1", overview(out)[2][5]],
        ["c", "1", "0", "0", "1", "not started"],
        ["d", "1", "0", "0", "1", "not started"],
    ]
    advice = out.splitlines()[-1]
    assert advice == (
        "To continue within 24 hours: knowngood run b c d (and your other options); b resumes, the other 2 start."
    )
    (project.folder / "gate").touch()
    again = project.run(*advice.partition("knowngood ")[2].partition(" (")[0].split())
    assert again.returncode == 0, again.stdout + again.stderr
    assert [row[:5] for row in overview(again.stdout)[1:4]] == [
        ["b", "2", "2", "0", "0"],
        ["c", "1", "1", "0", "0"],
        ["d", "1", "1", "0", "0"],
    ]
    assert again.stderr.count("Resuming") == 1


def test_several_matrices_can_be_published_and_accepted(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b=combo("y"))

    result = project.run("run", "--all", "--publish", "--accept")

    assert result.returncode == 0, result.stderr
    assert sorted(path.parent.name for path in (project.folder / "reports").glob("*/baseline.json")) == ["a", "b"]


def jobs_of(result: "subprocess.CompletedProcess[str]") -> list[dict[str, str]]:
    assert result.returncode == 0 and result.stdout.count("\n") == 1, result.stderr
    jobs: list[dict[str, str]] = json.loads(result.stdout)["include"]
    return jobs


def test_the_jobs_of_several_matrices_are_one_list_and_each_can_be_run(project: Project, index: Index) -> None:
    write(project, index, a="".join(map(combo, "pqrst")), b=combo("x"))

    jobs = jobs_of(project.run("plan", "--all", "--format", "github", "--shards", "4"))

    assert [(job["matrix"], job["shard"]) for job in jobs] == [("a", "1/3"), ("a", "2/3"), ("a", "3/3"), ("b", "1/1")]
    assert sorted(combo for job in jobs[:3] for combo in job["combos"].split(",")) == list("pqrst")
    for number, job in enumerate(jobs):
        options = ("--shard", job["shard"], "--deal", job["combos"], "--state-dir", f"job-{number}")
        assert project.run("run", job["matrix"], *options).returncode == 0
    reported = project.run("report", *(f"job-{number}/runs/a" for number in range(3)), "--gate")
    assert reported.returncode == 0 and "5" in reported.stdout, reported.stderr


def test_the_jobs_of_named_matrices_keep_their_order_and_gitlab_gets_the_same(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b=combo("y"), c=combo("z"))

    jobs = jobs_of(project.run("plan", "c", "a", "--format", "github"))
    pipeline = json.loads(project.run("plan", "c", "a", "--format", "gitlab").stdout)

    assert [(job["matrix"], job["combos"]) for job in jobs] == [("c", "z"), ("a", "x")]
    assert {name: job["variables"] for name, job in pipeline.items()} == {
        f"{job['matrix']} {job['shard']}": {"MATRIX": job["matrix"], "SHARD": job["shard"], "COMBOS": job["combos"]}
        for job in jobs
    }


def test_the_job_of_a_matrix_elsewhere_names_its_file(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"))
    (project.folder / "other").mkdir()
    (project.folder / "other" / "b.toml").write_text(project.matrix.with_name("a.toml").read_text())

    jobs = jobs_of(project.run("plan", "a", "other/b.toml", "--format", "github"))

    assert [job["matrix"] for job in jobs] == ["a", "other/b.toml"]


def test_fewer_jobs_than_matrices_is_an_error(project: Project, index: Index) -> None:
    write(project, index, a=combo("x"), b=combo("y"), c=combo("z"))

    result = project.run("plan", "--all", "--format", "github", "--shards", "2")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "error: 3 matrices need 3 jobs, and --shards allows 2\ncause: a job runs combos of one matrix\n"
        "next: use --shards 3 or more, or plan fewer matrices at once\n"
    )
