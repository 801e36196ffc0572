"""The words that every report and the live terminal share: verdicts, causes, drift, expectations."""

from collections.abc import Mapping

from knowngood.model import Cell, Drift, Expectation, Reason, Status
from knowngood.report.text import count

MEANING: Mapping[Status, str] = {
    Status.PASS: "every check passed",
    Status.MOVED: "every check passed, but its numbers left the tolerance around the reference combo's",
    Status.FAIL: "a check said no, or a pin of the combo is contradicted by what ended up installed",
    Status.CRASH: "it died of a signal, or left without finishing its records",
    Status.TIMEOUT: "it took longer than it may, and was ended",
    Status.OOM: "it ran out of memory",
    Status.UNSOLVABLE: "the resolver proved that no set of versions fits",
    Status.BUILD_FAIL: "a package could not be built from source",
    Status.INFRA: "undecided, the index, the network or the machine stood in the way",
    Status.ERROR: "undecided, a bug of the harness",
    Status.NOT_RUN: "undecided, it was never run to its end",
}
"""One line for each status, for legends."""

UNDECIDED_NOTE = "says nothing about the versions"


def name(cell: Cell) -> str:
    """Return the combo of a cell, with the probe where the combo has several."""
    return f"{cell.combo.id} {cell.probe}" if len(cell.combo.probes) > 1 else cell.combo.id


def verdict(cell: Cell) -> str:
    """Return ``pass``, ``fail (expected)``, or in capitals what nobody expected: ``PASS, expected fail``."""
    status = cell.verdict.status
    if cell.as_expected is False:
        return f"{status.upper()}, expected {_missed(cell)}"
    return f"{status} (expected)" if cell.as_expected and status is not Status.PASS else str(status)


def _missed(cell: Cell) -> str:
    expect = cell.combo.expect
    return str(expect.status) if expect.status is not cell.verdict.status else "other evidence"


def expectation(expect: Expectation) -> str:
    """Return what a combo's author declared: ``fail: built for NumPy 1, with evidence that matches 'ABI'``."""
    why = f": {expect.reason}" if expect.reason else ""
    return f"{expect.status}{why}" + (f", with evidence that matches {expect.match!r}" if expect.match else "")


def where(cell: Cell) -> str:
    """Return the failing check, or else the reason; for a pass only what makes it less than clean."""
    if cell.verdict.reason is not Reason.ALL_PASSED:
        return cell.check or str(cell.verdict.reason)
    again = [f"attempt {cell.attempts}"] if cell.attempts > 1 else []
    return ", ".join([*again, *([count(len(cell.warnings), "warning")] if cell.warnings else [])])


def drifted(drift: Drift) -> str:
    """Return ``torch 2.1.2 -> 2.9.0 by step 3, contradicts torch==2.1.2``."""
    moved = f"{drift.package} {drift.before} -> {drift.after or 'removed'} by step {drift.step}"
    return f"{moved}, contradicts {drift.contradicts}" if drift.contradicts else moved


def cause(cell: Cell) -> str:
    """Return why: what was said, else the reason in words."""
    if cell.verdict.status is Status.PASS:
        return MEANING[Status.PASS]
    return cell.message or str(cell.verdict.reason).replace("-", " ")


def brief_cause(cell: Cell) -> str:
    """Return why in one line; where a pin is contradicted: how that came about, and what failed because of it."""
    moved = [drift for drift in cell.drift if drift.contradicts]
    if cell.verdict.reason is not Reason.PIN_CONTRADICTED or not moved:
        return cause(cell)
    broken = [check for check in cell.checks if check.name == cell.check]
    # A check of the pins themselves says the same again.
    broken = [check for check in broken if not any(str(drift.contradicts) in check.message for drift in moved)]
    return "; ".join([*map(drifted, moved), *(f"{check.name}: {check.message}" for check in broken)])


def total_seconds(cell: Cell) -> float:
    """Return the seconds that a cell took in all; what the cells of a combo share is counted in each."""
    spent = cell.seconds
    return spent.resolve + spent.create + spent.install + spent.probe
