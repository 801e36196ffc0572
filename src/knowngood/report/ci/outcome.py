"""A cell as tools for test results see it: a test that passed, failed, was skipped, or could not be told."""

from collections.abc import Iterable
from enum import StrEnum

from knowngood.model import UNDECIDED, Cell, JudgedRun, Status
from knowngood.report import explain, words
from knowngood.report.text import shorten
from knowngood.report.xml import xml_text

LONGEST_NAME = 240
LONGEST_MESSAGE = 300
WIDTH = 120
"""Columns of the story of a cell."""


class Standing(StrEnum):
    """What a cell comes to: not whether its versions work, but whether they do what is expected of them."""

    PASSED = "passed"
    """As expected; an expected failure, too."""
    FAILED = "failed"
    SKIPPED = "skipped"
    UNDECIDED = "undecided"
    """The index, the machine or the harness stood in the way: never held against the versions."""


def standing(cell: Cell) -> Standing:
    """Return what a cell comes to."""
    if cell.verdict.status is Status.NOT_RUN:
        return Standing.SKIPPED
    if cell.verdict.status in UNDECIDED or cell.as_expected is None:
        return Standing.UNDECIDED
    return Standing.PASSED if cell.as_expected else Standing.FAILED


def names(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return a name for each cell, no two of them equal: its combo, with the probe where the combo has several."""
    found: dict[str, None] = {}
    for cell in cells:
        name = plain_name(words.name(cell))
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name} ({number})"
        found[unique] = None
    return tuple(found)


def plain_name(text: str) -> str:
    """Return ``text`` as a name: one line, not too long, and never empty."""
    return shorten(xml_text(text), LONGEST_NAME) or "unnamed"


def message(cell: Cell) -> str:
    """Return the verdict and its cause in one line."""
    told = f"{words.verdict(cell)} in {cell.verdict.phase} ({cell.verdict.reason}): {words.brief_cause(cell)}"
    if standing(cell) is Standing.UNDECIDED:
        told = f"{cell.verdict.status}, which {words.UNDECIDED_NOTE} ({cell.verdict.reason}): {words.cause(cell)}"
    return shorten(xml_text(told), LONGEST_MESSAGE)


def story(cell: Cell, judged: JudgedRun) -> str:
    """Return all that is known of a cell, in plain lines; its log is told relative to the folder of the runs."""
    return xml_text(explain.render(cell, judged.run, run_folder=judged.run.info.id, width=WIDTH), lines=True)
