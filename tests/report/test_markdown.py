"""The page matrix.md: its content, and that its table stays the same from run to run."""

from dataclasses import replace
from pathlib import Path

from knowngood.model import Diagnosis, JudgedRun, Numbers, Seconds, Status
from knowngood.report import markdown
from knowngood.report.words import MEANING
from report.factory import combo, diagnosed, mission, only, passing, run

GOLDEN = Path(__file__).parent / "golden" / "matrix.md"


def test_the_page_is_the_golden_one() -> None:
    assert markdown.render(mission()) == GOLDEN.read_text(encoding="utf-8")


def test_other_times_change_no_line_of_the_page() -> None:
    judged = mission()
    slower = replace(judged, cells=tuple(replace(cell, seconds=Seconds(probe=99.0)) for cell in judged.cells))
    assert markdown.render(slower) == markdown.render(judged)


def test_a_combo_with_several_probes_has_one_section_with_a_verdict_for_each() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    cells = (passing(both), passing(both, probe="numbers"))
    page = markdown.render(JudgedRun(run=run(cells), cells=cells))
    assert page.count("## legacy") == 1
    assert page.index("**embedding: pass**") < page.index("**numbers: pass**")


def test_every_status_has_a_meaning() -> None:
    assert set(MEANING) == set(Status)


def test_a_failing_cell_has_its_diagnosis_with_evidence_and_fix() -> None:
    page = markdown.render(only(diagnosed(numbers=None)))
    assert (
        """
**Diagnosis** (likely): sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2 does not have. \
Fix: `huggingface-hub<0.26` `torch==2.1.2` in step 3 as well. See https://example.org/breakage

- huggingface-hub 0.25.2 still has it

- flaky: 1/2 attempts passed
- also observed: `A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0`
- predicted: torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed
"""
        in page
    )


def test_an_unknown_cause_is_said_to_be_unknown() -> None:
    unknown = Diagnosis(culprit=None, conflicts_with=None, why="no recorded fact explains it")
    assert "\n**Diagnosis**: unknown: no recorded fact explains it.\n" in markdown.render(
        only(diagnosed(diagnosis=unknown))
    )


def test_a_pass_shows_what_its_numbers_mean() -> None:
    numbers = Numbers(
        cosine=1, difference=0, norm=0, dtype=None, order_changed=False, finite=True, moved=False, says="keep the index"
    )
    assert "\n- numbers: keep the index\n" in markdown.render(only(passing(combo("a"), numbers=numbers)))
