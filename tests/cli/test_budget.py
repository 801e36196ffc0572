"""``knowngood run --budget``: a run that ends when its time is up, says so, and goes on later."""

import json
import time

import pytest

from cli.test_several import combo, overview, write
from support.index import Index
from support.project import Project, wait_for


def reasons(project: Project) -> dict[str, tuple[str, str, str]]:
    """Return status, reason and message of each combo in the newest report."""
    report = sorted((project.folder / ".knowngood" / "runs").glob("*/*/report/matrix.json"))[-1]
    cells = json.loads(report.read_text(encoding="utf-8"))["cells"]
    return {cell["combo"]: (cell["verdict"]["status"], cell["verdict"]["reason"], cell["message"]) for cell in cells}


def test_a_run_ends_when_its_budget_is_spent_and_the_same_command_goes_on(project: Project, index: Index) -> None:
    write(project, index, m=combo("quick") + combo("stuck", slow=True) + combo("last"))

    began = time.monotonic()
    result = project.run("run", "--budget", "8s", "--jobs", "1")

    assert result.returncode == 3, result.stdout + result.stderr
    assert time.monotonic() - began < 30, "the probe that was running would take 60 s"
    seen = reasons(project)
    assert seen["quick"][0] == "pass"
    assert seen["stuck"][:2] == seen["last"][:2] == ("not-run", "out-of-time")
    assert seen["last"][2].endswith("the budget of 8s was spent")
    assert "incomplete run: interrupted by the budget of 8s" in result.stdout
    assert "Re-run the same command within 24 hours to resume." in result.stdout
    wait_for(lambda: not project.processes_left(), seconds=2)
    (project.folder / "gate").touch()

    again = project.run("run", "--budget", "60s", "--jobs", "1")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "Resuming" in again.stderr and "incomplete" not in again.stdout
    assert {status for status, _, _ in reasons(project).values()} == {"pass"}
    assert [event["combo"] for event in project.events("combo-started")].count("quick") == 1


def test_a_difference_counts_more_than_a_budget_that_was_spent(project: Project, index: Index) -> None:
    write(project, index, m=combo("bad", "2.0") + combo("stuck", slow=True))

    assert project.run("run", "--budget", "8s", "--jobs", "1").returncode == 1


def test_a_budget_in_which_nothing_was_finished_is_said_to_be_too_short(project: Project, index: Index) -> None:
    write(project, index, m=combo("stuck", slow=True))

    result = project.run("run", "--budget", "3s")

    assert result.returncode == 3, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == (
        "No combo was finished: the budget of 3s is too short for this matrix. Run it again with a longer --budget."
    )


def test_a_budget_that_is_not_spent_changes_nothing(project: Project, index: Index) -> None:
    write(project, index, m=combo("quick"))

    result = project.run("run", "--budget", "10m")

    assert result.returncode == 0 and "budget" not in result.stdout + result.stderr


def test_a_budget_holds_for_all_matrices_together(project: Project, index: Index) -> None:
    write(project, index, a=combo("x") + combo("stuck", slow=True), b=combo("y"))

    result = project.run("run", "a", "b", "--budget", "8s", "--jobs", "1")

    assert result.returncode == 3, result.stdout + result.stderr
    assert [row[0:1] + row[5:] for row in overview(result.stdout)[2:3]] == [["b", "not started"]]
    how = "To continue within 24 hours: knowngood run a b (and your other options); a resumes, b starts."
    assert how in result.stdout


@pytest.mark.parametrize("text", ["15", "m", "-1m", "0s", "8d", "15 minutes", "", "99999h"])
def test_an_invalid_budget_is_an_error_with_a_hint(project: Project, index: Index, text: str) -> None:
    write(project, index, m=combo("quick"))

    result = project.run("run", "--budget", text)

    assert (result.returncode, result.stdout, project.logs()) == (2, "", [])
    assert "error: --budget: " in result.stderr
    assert "next: write a number and its unit: --budget 90s, 15m or 1.5h\n" in result.stderr
