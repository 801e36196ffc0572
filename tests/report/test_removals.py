"""Fixes that remove a package: people read a sentence, and never the marker that stands for it in a requirement."""

from knowngood.model import Confidence, Diagnosis
from knowngood.packages import removal
from knowngood.report import explain_markdown, explain_text, markdown
from knowngood.report.html import page
from report.factory import diagnosed, only


def test_a_package_to_remove_is_shown_in_words_by_every_report() -> None:
    cell = diagnosed(
        diagnosis=Diagnosis(
            culprit="jwt", conflicts_with="pyjwt", why="both", fix=(removal("jwt"),), confidence=Confidence.CERTAIN
        )
    )
    run = only(cell)

    reports = (
        explain_text.render(cell, run.run, run_folder="r"),
        explain_markdown.render(cell, run.run, run_folder="r"),
        markdown.render(run),
        page.render(run),
    )

    for text, shown in zip(reports, ("remove jwt\n", "`remove jwt`", "`remove jwt`", ">remove jwt<"), strict=True):
        assert shown in text and "python_version" not in text
