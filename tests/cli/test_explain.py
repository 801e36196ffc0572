"""``knowngood explain`` as a user sees it, after runs of a matrix of tiny wheels."""

import json
import shutil
from pathlib import Path

import pytest

from support.index import Index
from support.project import Project

MATRIX = """
[matrix]

[index.local]
url = "{url}"

[[probe]]
id = "imports"
source = '''
from probe_api import check

@check("tiny imports")
def tiny():
    import tiny
    return tiny

@check("tiny is old", needs=[tiny])
def old():
    assert tiny.value.__version__ == "1.0", "not with " + tiny.value.__version__
'''

[[combo]]
id = "good"
steps = [["tiny==1.0"]]

[[combo]]
id = "moved"
title = "A later step moves a pin"
steps = [["tiny==1.0"], ["mover"]]
{expect}

[[combo]]
id = "none"
steps = [["tiny==3.0"]]
expect = "unsolvable"
"""
SIGNATURE = """
[[signature]]
id = "tiny-2"
family = "api-removed"
priority = 90
match = { message = "not with 2" }
culprit = "tiny"
cause = "our own knowledge of tiny 2"
"""
EXPECTED = 'expect = { status = "fail", reason = "mover needs tiny 2" }'


@pytest.fixture
def run(project: Project, index: Index) -> Project:
    """Return a project whose matrix was run once, with a combo that fails though it should pass."""
    project.write(MATRIX.format(url=index.url, expect=""))
    result = project.run("run")
    assert result.returncode == 1, result.stdout + result.stderr
    return project


def test_a_combo_is_explained_from_its_newest_run(run: Project) -> None:
    result = run.run("explain", "moved")

    assert result.returncode == 0, result.stderr
    (log,) = run.logs()
    folder = log.parent.relative_to(run.folder)
    shown = result.stdout
    assert shown.startswith("moved: FAIL\nA later step moves a pin\n")
    assert "asked for      1  tiny==1.0\n               2  mover\n" in shown
    assert "drift          step 2  tiny  1.0 -> 2.0  violates tiny==1.0\n" in shown
    assert "AssertionError: not with 2.0\n" in shown
    assert "               at imports.py:10 in old\n" in shown
    assert "passed         tiny imports\n" in shown
    assert "               - tiny==1.0 conflicts with the combo's other requirements\n" in shown
    assert f"log            {folder}/combos/moved/" in shown
    assert "--only moved --keep\n" in shown
    assert "\x1b" not in shown


def test_without_a_combo_the_unexpected_cells_are_explained(run: Project) -> None:
    shown = run.run("explain").stdout

    assert shown.startswith("moved: FAIL\n")
    assert "good: " not in shown
    assert "none: " not in shown


def test_if_every_cell_is_as_expected_the_cells_that_did_not_pass_are_listed(project: Project, index: Index) -> None:
    project.write(MATRIX.format(url=index.url, expect=EXPECTED))
    project.run("run")

    result = project.run("explain")

    assert result.returncode == 0
    assert "  moved  fail: tiny 1.0 -> 2.0 by step 2, violates tiny==1.0" in result.stdout
    assert "  none   unsolvable: " in result.stdout
    assert result.stdout.endswith("Use `knowngood explain COMBO` for everything about one combo.\n")


def test_passing_and_unsolvable_combos_can_be_explained_too(run: Project) -> None:
    assert "passed         tiny imports, tiny is old\n" in run.run("explain", "good").stdout
    none = run.run("explain", "none").stdout
    assert "unsolvable     resolve: version not found\n" in none
    assert "tiny==3.0" in none


def test_an_explanation_can_be_markdown_or_json(run: Project) -> None:
    assert run.run("explain", "moved", "--format", "markdown").stdout.startswith("## moved: FAIL\n")
    (cell,) = json.loads(run.run("explain", "moved", "--format", "json").stdout)["cells"]
    assert cell["explained"]["frames"][0]["place"] == "imports.py:10 in old"
    every = json.loads(run.run("explain", "*", "--format", "json").stdout)["cells"]
    assert [cell["combo"] for cell in every] == ["good", "moved", "none"]


def test_a_combo_is_explained_from_the_newest_run_that_finished_it_unless_another_is_named(run: Project) -> None:
    run.run("run", "--only", "good")
    first, second = (log.parent.name for log in run.logs())

    assert f"run {first} on" in run.run("explain", "moved").stdout
    assert f"run {second} on" in run.run("explain", "good").stdout
    assert f"run {first} on" in run.run("explain", "good", "--run", first[:-1]).stdout
    assert f"run {first} on" in run.run("explain", "good", "--run", str(run.logs()[0])).stdout
    assert f"run {first} on" in run.run("explain", "good", "--run", str(run.logs()[0].parent)).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["move"], 4, "near matches: moved"),
        (["moved", "--probe", "other"], 4, "the probes are: imports"),
        (["moved", "--run", "1999"], 2, "no run '1999'"),
        (["moved", "--matrix", "none"], 2, "no matrix 'none'"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_those_that_do(
    run: Project, arguments: list[str], code: int, message: str
) -> None:
    result = run.run("explain", *arguments)

    assert result.returncode == code
    assert message in result.stderr
    assert result.stdout == ""


def test_before_the_first_run_explain_says_that_there_are_no_runs(project: Project, index: Index) -> None:
    project.write(MATRIX.format(url=index.url, expect=""))

    result = project.run("explain", "moved")

    assert result.returncode == 2
    assert "error: m has no runs yet" in result.stderr


def test_a_combo_that_never_ran_is_not_called_unknown(project: Project, index: Index) -> None:
    project.write(MATRIX.format(url=index.url, expect=""))
    project.run("run", "--only", "good")

    result = project.run("explain", "moved")

    assert result.returncode == 2
    assert "error: no run of m includes moved" in result.stderr


def test_a_run_is_explained_by_the_signatures_of_its_project_from_any_folder(run: Project, tmp_path: Path) -> None:
    (run.folder / "signatures.toml").write_text(SIGNATURE, encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    log = str(run.logs()[0])

    by_log = run.run("explain", "moved", "--run", log, folder=elsewhere)
    by_matrix = run.run("explain", "moved", "--matrix", str(run.matrix), folder=elsewhere)
    downloaded = str(shutil.copy(log, elsewhere / "events.jsonl"))
    by_copy = run.run("explain", "moved", "--run", downloaded, folder=elsewhere)

    assert "our own knowledge of tiny 2" in by_log.stdout
    assert "our own knowledge of tiny 2" in by_matrix.stdout
    assert by_copy.returncode == 0 and "our own knowledge" not in by_copy.stdout
