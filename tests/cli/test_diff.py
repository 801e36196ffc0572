"""``knowngood diff``, ``run --accept`` and known issues as a user sees them."""

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


def published(project: Project) -> dict[str, str]:
    report = json.loads((project.folder / "reports" / "m" / "matrix.json").read_text(encoding="utf-8"))
    return {cell["combo"]: cell["verdict"]["status"] for cell in report["cells"]}


def test_a_regression_is_told_with_what_moved_and_is_not_published_until_it_is_accepted(
    project: Project, index: Index
) -> None:
    write(project, index, one="1.0")
    assert project.run("run").returncode == 0
    write(project, index, one="2.0")

    run = project.run("run")
    diff = project.run("diff")

    assert run.returncode == 1
    assert "Against reports/m/matrix.json: 1 regressed, 1 unchanged" in run.stdout
    assert "left as it is: one regressed against it" in run.stdout
    assert published(project) == {"one": "pass", "two": "pass"}
    assert diff.returncode == 1
    assert "moved   tiny 1.0 -> 2.0" in diff.stdout

    accepted = project.run("run", "--accept", "--fresh")

    assert accepted.returncode == 1
    assert published(project) == {"one": "fail", "two": "pass"}
    again = project.run("diff")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "2 unchanged" in again.stdout


def test_two_runs_are_compared_by_their_ids_and_in_every_format(project: Project, index: Index) -> None:
    write(project, index, one="2.0")
    project.run("run")
    write(project, index, one="1.0")
    project.run("run")
    first, second = [log.parent.name for log in project.logs()]

    told = project.run("diff", "--baseline", first, "--run", second, "--format", "json")
    page = project.run("diff", "--baseline", str(project.logs()[0]), "--format", "markdown")

    assert told.returncode == page.returncode == 0
    assert json.loads(told.stdout)["headline"] == "1 fixed, 1 unchanged"
    assert "| fixed | one | fail | pass |" in page.stdout


def test_an_outage_is_no_regression_but_leaves_the_comparison_undecided(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    project.run("run")
    project.write(project.matrix.read_text(encoding="utf-8").replace(index.url, "http://127.0.0.1:9/simple"))
    project.run("run")

    result = project.run("diff")

    assert result.returncode == 3, result.stdout + result.stderr
    assert "2 inconclusive" in result.stdout
    assert published(project) == {"one": "pass", "two": "pass"}


def test_a_run_of_some_combos_cannot_be_accepted_and_nothing_is_run(project: Project, index: Index) -> None:
    write(project, index, one="1.0")

    result = project.run("run", "--accept", "--only", "one")

    assert result.returncode == 2
    assert "only a run of all combos can be the baseline" in result.stderr
    assert not project.logs()


def test_a_baseline_that_is_not_there_is_told_before_anything_is_run(project: Project, index: Index) -> None:
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
        ("1.0", known(expires="expires = 2001-01-01"), 0, "its expired entry can go"),
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


def test_a_regression_that_is_a_known_issue_is_published(project: Project, index: Index) -> None:
    write(project, index, one="1.0")
    project.run("run")
    write(project, index, one="2.0", more=known())

    assert project.run("run").returncode == 0
    assert published(project) == {"one": "fail", "two": "pass"}
