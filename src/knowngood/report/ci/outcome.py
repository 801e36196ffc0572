"""Report a cell as a test: passed, failed, skipped or undecided, with a name, a message and all that is known of it."""

from collections.abc import Iterable
from enum import StrEnum

from knowngood.model import UNDECIDED, Cell, JudgedRun, Status
from knowngood.report import explain, words
from knowngood.report.text import shorten, xml_text

LONGEST_NAME = 240
LONGEST_MESSAGE = 300
WIDTH = 120
"""Columns of the explanation of a cell."""


class TestOutcome(StrEnum):
    """The outcome of a cell as a test of its expectation: a failure that was declared has passed."""

    __test__ = False  # pytest collects classes whose names begin with Test

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNDECIDED = "undecided"
    """The index, the machine or the harness failed: never held against the versions."""


def outcome_of(cell: Cell) -> TestOutcome:
    """Return the outcome of a cell as a test."""
    if cell.verdict.status is Status.NOT_RUN:
        return TestOutcome.SKIPPED
    if cell.verdict.status in UNDECIDED or cell.as_expected is None:
        return TestOutcome.UNDECIDED
    return TestOutcome.PASSED if cell.as_expected else TestOutcome.FAILED


def names(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return a unique name for each cell: its combo, with the probe where the combo has several."""
    unique_names: dict[str, None] = {}
    for cell in cells:
        name = plain_name(words.name(cell))
        unique, number = name, 1
        while unique in unique_names:
            number += 1
            unique = f"{name} ({number})"
        unique_names[unique] = None
    return tuple(unique_names)


def plain_name(text: str) -> str:
    """Return ``text`` as a name: one line, not too long, and never empty."""
    return shorten(xml_text(text), LONGEST_NAME) or "unnamed"


def message(cell: Cell) -> str:
    """Return the verdict and its cause in one line."""
    if outcome_of(cell) is TestOutcome.UNDECIDED:
        line = f"{cell.verdict.status}, {words.UNDECIDED_NOTE} ({cell.verdict.reason}): {words.cause(cell)}"
    else:
        line = f"{words.verdict(cell)} in {cell.verdict.phase} ({cell.verdict.reason}): {words.brief_cause(cell)}"
    return shorten(xml_text(line), LONGEST_MESSAGE)


def explanation(cell: Cell, judged: JudgedRun) -> str:
    """Return all that is known of a cell, in plain lines; its log is relative to the folder of the runs."""
    return xml_text(explain.render(cell, judged.run, run_folder=judged.run.info.id, width=WIDTH), lines=True)
