"""What a shell offers: verbs, matrices, combos, probes and runs, and never an error."""

import shlex

import pytest

from support.index import Index
from support.project import Project


@pytest.fixture
def shop(project: Project, index: Index) -> Project:
    """Return a project with two matrices, of which one ran."""
    project.write(
        f'[matrix]\ntitle = "The shop"\n[index.local]\nurl = "{index.url}"\n'
        '[[probe]]\nid = "serves"\nsource = "import tiny"\n'
        '[[combo]]\nid = "today"\nsteps = [["tiny==1.0"]]\n[[combo]]\nid = "older"\nsteps = [["tiny==2.0"]]\n'
    )
    project.matrix.with_name("other.toml").write_text(
        '[[probe]]\nid = "works"\nsource = "pass"\n[[combo]]\nid = "tomorrow"\nsteps = [["tiny"]]\n'
    )
    return project


def offered(project: Project, line: str) -> list[str]:
    """Return what bash would offer at the end of ``line``."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    result = project.run(
        _KNOWNGOOD_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1)
    )
    assert result.stderr == ""
    return [answer.partition(",")[2] for answer in result.stdout.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("knowngood front", ["frontier"]),
        ("knowngood run ", ["m", "other"]),
        ("knowngood run o", ["other"]),
        ("knowngood run m --only to", ["today"]),
        ("knowngood explain --matrix other to", ["tomorrow"]),
        ("knowngood explain to", ["today", "tomorrow"]),
        ("knowngood fix older to", ["today", "tomorrow"]),
        ("knowngood explain older --probe s", ["serves"]),
        ("knowngood run --format", []),
        ("knowngood run --last", ["--last-failed"]),
    ],
)
def test_a_shell_offers_what_fits(shop: Project, line: str, expected: list[str]) -> None:
    assert offered(shop, line) == expected


def test_runs_are_offered_newest_first(shop: Project) -> None:
    for _ in range(2):
        shop.run("run", "m", "-q", "--fresh")
    ids = [log.parent.name for log in shop.logs()]

    assert offered(shop, "knowngood report --matrix m 2") == ids[::-1]
    assert offered(shop, f"knowngood explain today --matrix m --run {ids[0][:-1]}") == [ids[0]]


def test_a_broken_matrix_and_an_empty_folder_offer_nothing_and_print_no_error(project: Project) -> None:
    assert offered(project, "knowngood explain ") == []
    project.write("[matrix\n")
    assert offered(project, "knowngood explain ") == []
    assert offered(project, "knowngood run ") == ["m"]
