from dataclasses import replace
from pathlib import Path

from knowngood.model import JudgedRun, Seconds, Status
from knowngood.report import markdown
from knowngood.report.words import MEANING
from report.factory import combo, mission, passing, run

GOLDEN = Path(__file__).parent / "golden" / "matrix.md"


def test_the_page_is_the_golden_one() -> None:
    assert markdown.render(mission()) == GOLDEN.read_text(encoding="utf-8")


def test_another_run_with_other_times_changes_no_line_of_the_table() -> None:
    judged = mission()
    slower = replace(judged, cells=tuple(replace(cell, seconds=Seconds(probe=99.0)) for cell in judged.cells))
    assert markdown.render(slower) == markdown.render(judged)


def test_a_combo_with_several_probes_has_one_part_with_a_verdict_for_each() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    cells = (passing(both), passing(both, probe="numbers"))
    page = markdown.render(JudgedRun(run=run(cells), cells=cells))
    assert page.count("## legacy") == 1
    assert page.index("**embedding: pass**") < page.index("**numbers: pass**")


def test_every_status_has_a_meaning() -> None:
    assert set(MEANING) == set(Status)
