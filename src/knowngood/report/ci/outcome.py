"""Report a cell as a test: passed, failed, skipped or undecided, with a name, a message and all that is known of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from knowngood.model import UNDECIDED, Cell, Check, JudgedRun, Outcome, Status
from knowngood.report import explain_text, words
from knowngood.report.text import shorten, xml_text

MOST_TESTS = 1000
"""Most tests of one suite that a report lists."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteTest:
    """One test of a suite that a probe ran."""

    file: str
    name: str
    outcome: TestOutcome
    seconds: float
    message: str
    detail: str


def tests_of(cell: Cell, *, most: int = MOST_TESTS) -> tuple[SuiteTest, ...]:
    """Return the tests of the suite of a cell, at most ``most``: tests that passed are left out first.

    A test that fails in a cell that is as expected counts as skipped: it was declared.
    """
    if cell.suite is None:
        return ()
    room = most - sum(check.outcome is not Outcome.PASSED for check in cell.checks)
    shown = []
    for check in cell.checks:
        room -= check.outcome is Outcome.PASSED
        if room >= 0 or check.outcome is not Outcome.PASSED:
            shown.append(_test(cell, check))
    return tuple(shown[:most])


def _test(cell: Cell, check: Check) -> SuiteTest:
    file, _, name = check.name.rpartition("::") if "[" not in check.name else _before_parameters(check.name)
    went_wrong = check.outcome in (Outcome.FAILED, Outcome.OPEN)
    declared = went_wrong and cell.as_expected is True
    outcome = {
        Outcome.PASSED: TestOutcome.PASSED,
        Outcome.SKIPPED: TestOutcome.SKIPPED,
        Outcome.FAILED: TestOutcome.FAILED,
        Outcome.OPEN: TestOutcome.FAILED,
    }[check.outcome]
    text = check.message or ("it began and never finished" if check.outcome is Outcome.OPEN else "")
    first = text.partition("\n")[0]
    return SuiteTest(
        file=plain_name(file.replace("::", ".") or cell.probe),
        name=plain_name(name),
        outcome=TestOutcome.SKIPPED if declared else outcome,
        seconds=check.seconds or 0.0,
        message=shorten(xml_text(f"fails, as declared: {first}" if declared else first), LONGEST_MESSAGE),
        detail=xml_text(text, lines=True),
    )


def _before_parameters(name: str) -> tuple[str, str, str]:
    """Split the name of a test at its last ``::``; its parameters may have some as well."""
    before, bracket, parameters = name.partition("[")
    file, separator, test = before.rpartition("::")
    return file, separator, f"{test}{bracket}{parameters}"


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
    return xml_text(explain_text.render(cell, judged.run, run_folder=judged.run.info.id, width=WIDTH), lines=True)
