"""``knowngood diff``, ``run --accept`` and known issues, as a user sees them."""

import json

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
LATER = "expires = 2999-01-01"


def write(project: Project, index: Index, *, one: str, two: str = "1.0", more: str = "", source: str = PROBE) -> None:
    """Write a matrix of the combos ``one`` and ``two``, each with a version of tiny."""
    combos = "".join(
        f'\n[[combo]]\nid = "{name}"\nsteps = [["tiny=={tiny}"]]\n' for name, tiny in (("one", one), ("two", two))
    )
    project.write(f'[matrix]\n[index.local]\nurl = "{index.url}"\n{source}{combos}{more}')


def known(status: str = "fail", *, combo: str = "one", expires: str = LATER) -> str:
    return f'\n[[known]]\ncombo = "{combo}"\nstatus = "{status}"\nreason = "tiny 2 is new"\n{expires}\n'


def accepted(project: Project) -> dict[str, str]:
    """Return the statuses in the baseline, by combo."""
    report = json.loads((project.folder / "reports" / "m" / "baseline.json").read_text(encoding="utf-8"))
    return {cell["combo"]: cell["verdict"]["status"] for cell in report["cells"]}


def test_a_regression_is_reported_with_what_changed_until_it_is_accepted(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    assert project.run("run", "--accept").returncode == 0
    write(project, index, one="2.0")

    run = project.run("run")
    diff = project.run("diff")

    assert run.returncode == 1
    assert "Against reports/m/baseline.json: 1 regressed, 1 unchanged" in run.stdout
    assert "Regressed unexpectedly: one." in run.stdout and "knowngood run m --accept" in run.stdout
    assert accepted(project) == {"one": "pass", "two": "pass"}
    assert diff.returncode == 1
    assert "packages  tiny 1.0 -> 2.0" in diff.stdout

    accepting = project.run("run", "--accept", "--fresh")

    assert accepting.returncode == 1
    assert accepted(project) == {"one": "fail", "two": "pass"}
    again = project.run("diff")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "2 unchanged" in again.stdout


def test_without_a_baseline_a_run_says_how_to_make_one_and_diff_is_an_error(project: Project, index: Index) -> None:
    write(project, index, one="1.0")

    run = project.run("run")
    diff = project.run("diff")

    assert run.returncode == 0
    assert "There is no baseline yet. To make this run the baseline: knowngood run m --accept" in run.stdout
    assert diff.returncode == 2
    assert "error: m has no baseline yet" in diff.stderr
    assert "next: make a complete run the baseline with `knowngood run m --accept`" in diff.stderr


def test_two_runs_are_compared_by_their_ids_and_in_every_format(project: Project, index: Index) -> None:
    write(project, index, one="2.0")
    project.run("run")
    write(project, index, one="1.0")
    project.run("run")
    first, second = [log.parent.name for log in project.logs()]

    document = project.run("diff", "--baseline", first, "--run", second, "--format", "json")
    page = project.run("diff", "--baseline", str(project.logs()[0]), "--format", "markdown")

    assert document.returncode == page.returncode == 0
    assert json.loads(document.stdout)["headline"] == "1 fixed, 1 unchanged"
    assert "| fixed | one | fail | pass |" in page.stdout


def test_an_outage_is_not_a_regression_but_leaves_the_comparison_undecided(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    project.run("run", "--accept")
    project.write(project.matrix.read_text(encoding="utf-8").replace(index.url, "http://127.0.0.1:9/simple"))
    project.run("run")

    result = project.run("diff")

    assert result.returncode == 3, result.stdout + result.stderr
    assert "2 inconclusive" in result.stdout


def test_an_undecided_run_cannot_be_accepted_and_the_baseline_stays(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    project.run("run", "--accept")
    project.write(project.matrix.read_text(encoding="utf-8").replace(index.url, "http://127.0.0.1:9/simple"))

    result = project.run("run", "--accept")

    assert result.returncode == 3
    assert "cause: not every cell could be decided: one, two" in result.stderr
    assert accepted(project) == {"one": "pass", "two": "pass"}


@pytest.mark.parametrize("option", ["--accept", "--publish"])
def test_a_run_of_some_combos_cannot_be_accepted_or_published_and_nothing_is_run(
    project: Project, index: Index, option: str
) -> None:
    write(project, index, one="1.0")

    result = project.run("run", option, "--only", "one")

    assert result.returncode == 2
    assert "only a run of all combos can be published or become the baseline" in result.stderr
    assert not project.logs()


def test_a_missing_baseline_is_reported_before_anything_is_run(project: Project, index: Index) -> None:
    write(project, index, one="1.0")

    assert project.run("diff").returncode == 2
    assert project.run("run", "--baseline", "absent").returncode == 2
    assert not project.logs()


@pytest.mark.parametrize(
    ("one", "entry", "code", "said"),
    [
        ("2.0", known(), 0, "known until 2999-01-01: tiny 2 is new"),
        ("2.0", known(combo="o*"), 0, "known until 2999-01-01"),
        ("2.0", known(expires="expires = 2001-01-01"), 1, "known issue expired on 2001-01-01"),
        ("2.0", known("crash"), 1, "not excused, the known issue is crash"),
        ("1.0", known(), 1, "known issue seems fixed"),
        ("1.0", known(expires="expires = 2001-01-01"), 0, "remove its expired entry"),
    ],
    ids=["excused", "by a glob", "expired", "another failure", "fixed", "expired and fixed"],
)
def test_a_known_issue_excuses_its_failure_until_its_date_and_nothing_else(
    project: Project, index: Index, one: str, entry: str, code: int, said: str
) -> None:
    write(project, index, one=one, more=entry)

    result = project.run_matrix()

    assert result.returncode == code, result.stdout + result.stderr
    assert said in result.stdout
    assert said in project.cells()["one"]["known"]
    assert project.cells()["two"]["known"] is None


def test_a_regression_that_is_a_known_issue_is_not_called_unexpected(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    project.run("run", "--accept")
    write(project, index, one="2.0", more=known())

    result = project.run("run")

    assert result.returncode == 0
    assert "1 regressed" in result.stdout and "Regressed unexpectedly" not in result.stdout
