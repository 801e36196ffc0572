"""``knowngood report`` as a user and a CI see it: merged logs, formats, files, and ``--gate``."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.index import Index
from support.project import Project

PROBE = """
[[probe]]
id = "imports"
source = '''
import tiny
assert tiny.__version__ == "1.0", tiny.__version__
'''
"""


def write(project: Project, index: Index, **combos: str) -> None:
    """Write a matrix with a combo for each name, with the given version of tiny."""
    text = "".join(f'\n[[combo]]\nid = "{name}"\nsteps = [["tiny=={tiny}"]]\n' for name, tiny in combos.items())
    project.write(f'[matrix]\n[index.local]\nurl = "{index.url}"\n{PROBE}{text}')


@pytest.fixture
def sharded(project: Project, index: Index) -> Project:
    """Return a project whose four combos, one of which fails, ran in two shards as on two machines."""
    write(project, index, one="1.0", two="1.0", three="2.0", four="1.0")
    for number in (1, 2):
        shard = f"{number}/2"
        project.run(
            "run", "--shard", shard, "--state-dir", f"machine-{number}", XDG_CACHE_HOME=str(project.folder / "c")
        )
    return project


def verdicts(text: str) -> dict[str, str]:
    return {cell["combo"]: cell["verdict"]["status"] for cell in json.loads(text)["cells"]}


def test_the_logs_of_shards_are_merged_into_one_report_in_the_order_of_the_matrix(sharded: Project) -> None:
    logs = [str(path.relative_to(sharded.folder)) for path in sharded.folder.glob("machine-*/runs/m/*/events.jsonl")]
    assert len(logs) == 2

    by_files = sharded.run("report", *logs, "--format", "json")
    by_folders = sharded.run("report", "machine-2", "machine-1", "--format", "json")

    assert by_files.returncode == 0, by_files.stderr
    assert list(verdicts(by_files.stdout).items()) == [
        ("one", "pass"),
        ("two", "pass"),
        ("three", "fail"),
        ("four", "pass"),
    ]
    assert by_files.stdout == by_folders.stdout
    assert "missing" not in by_files.stderr
    (log,) = (cell["log"] for cell in json.loads(by_files.stdout)["cells"] if cell["combo"] == "three")
    assert (sharded.folder / log).is_file(), "relative to the folder that all logs are in"


def test_a_missing_shard_is_named_and_its_combos_are_not_run(sharded: Project) -> None:
    rendered = sharded.run("report", "machine-2", "--format", "json")
    gated = sharded.run("report", "machine-2", "--gate")

    assert rendered.returncode == 0
    assert rendered.stderr == "missing: shard 1/2; 2 combos were not run\n"
    assert verdicts(rendered.stdout) == {"one": "not-run", "two": "pass", "three": "not-run", "four": "pass"}
    assert gated.returncode == 3, "a missing shard is undecided"
    assert "not-run" in gated.stdout


def test_gate_exits_as_the_run_would_have_and_rendering_alone_exits_0(sharded: Project) -> None:
    assert sharded.run("report", ".").returncode == 0
    gated = sharded.run("report", ".", "--gate")

    assert gated.returncode == 1
    assert "  FAIL  three" in gated.stdout


def test_every_format_is_written_into_its_own_file_and_rendering_again_gives_the_same_bytes(sharded: Project) -> None:
    for folder in ("first", "second"):
        written = sharded.run("report", "machine-1", "machine-2", "--format", "all", "-o", folder)
        assert (written.returncode, written.stdout) == (0, ""), written.stderr

    first, second = (
        {path.name: path.read_bytes() for path in (sharded.folder / name).iterdir()} for name in ("first", "second")
    )
    assert first == second
    assert first.keys() > {"matrix.md", "matrix.json", "index.html", "junit.xml", "summary.md", "annotations.txt"}
    assert first.keys() > {"issue.md", "issue-title.txt", "badge.json", "feed.xml"}
    assert len(ElementTree.fromstring(first["junit.xml"]).findall(".//testcase")) == 4
    assert first["issue-title.txt"].decode().startswith("m: 3 pass; 1 NOT as expected")


def test_one_format_goes_to_the_terminal_to_a_file_or_into_a_folder(sharded: Project) -> None:
    (sharded.folder / "there").mkdir()
    asked = ("report", "machine-1", "machine-2", "--format", "junit")

    shown = sharded.run(*asked).stdout
    assert sharded.run(*asked, "-o", "new/mine.xml").returncode == 0
    assert sharded.run(*asked, "-o", "there").returncode == 0

    assert shown.startswith("<?xml")
    assert (sharded.folder / "new" / "mine.xml").read_text() == shown
    assert (sharded.folder / "there" / "junit.xml").read_text() == shown


def test_changes_are_reported_against_the_baseline_or_a_named_run(project: Project, index: Index) -> None:
    write(project, index, one="1.0", two="1.0")
    assert project.run("run", "--accept").returncode == 0
    first = project.logs()[0].parent
    write(project, index, one="2.0", two="1.0")
    project.run("run")

    summary = project.run("report", "--format", "github").stdout
    issue = project.run("report", "--format", "issue", "--url", "https://ci.example/7", "--baseline", str(first)).stdout
    title = project.run("report", "--format", "issue-title").stdout

    assert "Against `reports/m/baseline.json`: **1 regressed, 1 unchanged**" in summary
    assert "| tiny | 1.0 | 2.0 |" in issue and "(<https://ci.example/7>)" in issue
    assert "events.jsonl`: **1 regressed" in issue
    assert title == "m: 1 regressed, 1 unchanged\n"


def test_a_report_needs_neither_a_baseline_nor_the_matrix_file(sharded: Project, tmp_path: Path) -> None:
    (sharded.folder / "matrices" / "m.toml").unlink()

    summary = sharded.run("report", "machine-1", "machine-2", "--format", "github")
    asked = sharded.run("report", "machine-1", "machine-2", "--format", "github", "--baseline", "x")

    assert summary.returncode == 0 and "Compared" not in summary.stdout
    assert asked.returncode == 2 and "the matrix of this run is not here: m" in asked.stderr


def test_logs_of_different_matrices_are_refused_by_name(sharded: Project, index: Index) -> None:
    write(sharded, index, one="1.0")
    sharded.run("run", "--state-dir", "other")

    refused = sharded.run("report", "machine-1", "other")

    assert refused.returncode == 2
    assert "several versions of one matrix" in refused.stderr and "cause: m " in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empty",), "empty holds no run"),
        (("text",), "text is not the event log of a run"),
        (("machine-1", "--format", "all"), "--format all needs a folder"),
        (("machine-1", "-o", "x"), "a table cannot be written to a file"),
        (("machine-1", "--format", "html", "-o", "text/x"), "text/x cannot be written"),
    ],
)
def test_an_impossible_request_is_refused_with_a_next_step(
    sharded: Project, arguments: tuple[str, ...], message: str
) -> None:
    (sharded.folder / "empty" / "deep").mkdir(parents=True)
    (sharded.folder / "text").write_text("hello\n", encoding="utf-8")

    refused = sharded.run("report", *arguments)

    assert refused.returncode == 2
    assert message in refused.stderr and "next: " in refused.stderr


def test_a_log_that_is_named_twice_counts_once(sharded: Project) -> None:
    shutil.copytree(sharded.folder / "machine-1", sharded.folder / "machine-1-again")

    once = sharded.run("report", "machine-1", "machine-2", "--format", "markdown").stdout
    twice = sharded.run(
        "report", "machine-1", "machine-1-again", "machine-2", "machine-2", "--format", "markdown"
    ).stdout

    assert once == twice


def test_a_report_is_judged_by_the_signatures_of_the_project_from_any_folder(sharded: Project, tmp_path: Path) -> None:
    (sharded.folder / "signatures.toml").write_text(
        '[[signature]]\nid = "tiny-2"\nfamily = "api-removed"\npriority = 90\nmatch = { message = "2.0" }\n'
        'culprit = "tiny"\ncause = "our own knowledge of tiny 2"\n',
        encoding="utf-8",
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    kept = sharded.run("report", str(sharded.folder / "machine-1"), "--format", "json", folder=elsewhere)
    shutil.copytree(sharded.folder / "machine-1" / "runs", elsewhere / "runs", ignore=shutil.ignore_patterns("project"))
    copied = sharded.run("report", "runs", "--format", "json", folder=elsewhere)
    named = sharded.run("report", "runs", "--format", "json", "--matrix", str(sharded.matrix), folder=elsewhere)

    assert "our own knowledge of tiny 2" in kept.stdout and "our own knowledge of tiny 2" in named.stdout
    assert copied.returncode == 0 and "our own knowledge" not in copied.stdout
