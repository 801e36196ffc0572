"""Check that ``[[known]]`` and the reference name combos of release lines, whatever is known about an index."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.conftest import ProblemsOf
from knowngood.declare import checks
from knowngood.declare.matrix_file import parse
from knowngood.declare.selectors import NOTHING, Selections
from knowngood.model import Matrix, Selection, Wanted
from support.files import MemoryFiles

MATRIX = """
[matrix]
{matrix}
[[probe]]
id = "imports"
source = "import six"
[[grid]]
[grid.axes]
six = ["minors:>=1.16", "1.10"]
attrs = ["20.1", "21.1"]
"""
KNOWN = '[[known]]\ncombo = "{}"\nstatus = "fail"\nreason = "later"\nexpires = 2099-01-01\n'
LINES = Selections(
    all=(
        Selection(
            wanted=Wanted(package="six", selector="minors:>=1.16", python="3.11", as_of="now"),
            versions=(("1.16", "1.16.0"), ("1.17", "1.17.2")),
        ),
    )
)
SELECTOR = "six-minors-ge1.16-attrs20.1"


def matrix(known: str, selections: Selections, *, reference: str = "") -> Matrix:
    text = MATRIX.format(matrix=f'reference = "{reference}"' if reference else "") + KNOWN.format(known)
    return parse(text, path=Path("matrices/m.toml"), project=Path(), files=MemoryFiles({}), selections=selections)


def excused(known: str, selections: Selections) -> list[str]:
    return [combo.id for combo in matrix(known, selections).combos if combo.known]


def test_the_id_of_a_selector_is_known_for_all_its_lines() -> None:
    assert excused(SELECTOR, NOTHING) == [SELECTOR]
    assert excused(SELECTOR, LINES) == ["six1.16.x-attrs20.1", "six1.17.x-attrs20.1"]
    assert excused("six-minors-*", LINES) == [
        "six1.16.x-attrs20.1",
        "six1.16.x-attrs21.1",
        "six1.17.x-attrs20.1",
        "six1.17.x-attrs21.1",
    ]
    for combo in matrix(SELECTOR, LINES).combos:
        assert all(known.covers(combo.id) for known in combo.known)


def test_a_line_can_be_known_before_the_index_names_it() -> None:
    assert excused("six1.17.x-attrs20.1", NOTHING) == []
    assert excused("six1.17.x-*", NOTHING) == []
    assert excused("six1.17.x-attrs20.1", LINES) == ["six1.17.x-attrs20.1"]


@pytest.mark.parametrize("selections", [NOTHING, LINES], ids=["fresh", "known"])
@pytest.mark.parametrize("reference", ["six1.17.x-attrs20.1", "six1.10-attrs21.1", SELECTOR])
def test_the_reference_may_be_a_line_or_a_selector(selections: Selections, reference: str) -> None:
    chosen = matrix("six*", selections, reference=reference).reference

    assert chosen == ("six1.17.x-attrs20.1" if reference == SELECTOR and selections is LINES else reference)


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        ("sixx1.17.x-attrs20.1", ""),
        ("six1.17-attrs20.1", ""),
        ("six1.10-atrs20.1", "did you mean 'six1.10-attrs20.1'?"),
        ("six1.1?.x-attrs22.1", ""),
        ("six-majors-*", ""),
    ],
)
def test_an_id_that_no_line_can_have_is_unknown(problems_of: ProblemsOf, known: str, hint: str) -> None:
    (problem,) = problems_of(MATRIX.format(matrix="") + KNOWN.format(known))

    assert (problem.where, problem.what) == ("known[0].combo", f"unknown combo '{known}'")
    assert hint in problem.hint and problem.hint


def test_a_misspelled_reference_beside_a_selector_is_unknown(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(MATRIX.format(matrix='reference = "six1.10-attrs2.1"'))

    assert problem.what == "unknown combo 'six1.10-attrs2.1'"
    assert problem.hint == "did you mean 'six1.10-attrs21.1'?"


def test_a_glob_is_not_a_reference(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(MATRIX.format(matrix='reference = "six1.17.x-*"'))

    assert problem.what == "unknown combo 'six1.17.x-*'" and "single combo" in problem.hint


TEXTS = st.text("ab", max_size=5)
GLOBS = st.text("ab*?", max_size=6)


@given(GLOBS, GLOBS, TEXTS)
def test_globs_that_match_the_same_text_overlap(first: str, second: str, text: str) -> None:
    if fnmatchcase(text, first) and fnmatchcase(text, second):
        assert checks.overlap(first, second)


@given(GLOBS, TEXTS)
def test_a_text_overlaps_exactly_the_globs_that_match_it(glob: str, text: str) -> None:
    assert checks.overlap(text, glob) == checks.overlap(glob, text) == fnmatchcase(text, glob)
