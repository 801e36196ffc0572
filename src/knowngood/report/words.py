"""The words that every report and the live terminal share: verdicts, causes, drift, expectations."""

from collections.abc import Mapping

from knowngood.model import Cell, Confidence, Diagnosis, Drift, Expectation, Reason, RunInfo, Status
from knowngood.report.text import count, moment, plain, started

MEANING: Mapping[Status, str] = {
    Status.PASS: "every check passed",
    Status.MOVED: "every check passed, but its numbers left the tolerance around the reference combo's",
    Status.FAIL: "a check said no, or a pin of the combo is violated by what ended up installed",
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

GLYPHS: Mapping[Status, str] = {
    Status.PASS: "\u2713",
    Status.MOVED: "\u2248",
    Status.FAIL: "\u2717",
    Status.CRASH: "\u21af",
    Status.TIMEOUT: "\u2026",
    Status.OOM: "\u25b2",
    Status.UNSOLVABLE: "\u2205",
    Status.BUILD_FAIL: "\u22a0",
    Status.INFRA: "?",
    Status.ERROR: "!",
    Status.NOT_RUN: "\u2013",
}
"""One sign for each status, so that no report needs colour to tell two apart."""

SURE: Mapping[Confidence, str] = {
    Confidence.CERTAIN: "certain: it is told outright",
    Confidence.LIKELY: "likely: several facts point at it",
    Confidence.POSSIBLE: "possible: the nearest that the facts lead to",
    Confidence.UNKNOWN: "unknown",
}
"""How sure a diagnosis is, in words."""

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
    expect = cell.expect
    if expect.status is not cell.verdict.status:
        return str(expect.status)
    blamed = cell.diagnosis.culprit if cell.diagnosis else None
    return f"culprit {expect.culprit}" if expect.culprit not in (None, blamed) else "other evidence"


def expectation(expect: Expectation) -> str:
    """Return what a combo's author declared: ``fail: built for NumPy 1, with evidence that matches 'ABI'``."""
    told = [f"{expect.status}{f': {expect.reason}' if expect.reason else ''}"]
    if expect.match:
        # Not its repr, which doubles each backslash of a regular expression.
        quote = '"' if "'" in expect.match else "'"
        told.append(f"with evidence that matches {quote}{expect.match}{quote}")
    return ", ".join([*told, *([f"with {expect.culprit} as the culprit"] if expect.culprit else [])])


def where(cell: Cell) -> str:
    """Return the failing check, or else the reason; for a pass only what makes it less than clean."""
    if cell.verdict.reason is Reason.NUMBERS_MOVED and cell.numbers:
        return f"numbers moved, cosine {cell.numbers.cosine:.4f}"
    if cell.verdict.reason is not Reason.ALL_PASSED:
        return cell.check or str(cell.verdict.reason)
    again = [f"attempt {cell.attempts}"] if cell.attempts > 1 and not cell.flaky else []
    return ", ".join([*again, *([count(len(cell.warnings), "warning")] if cell.warnings else [])])


def why(cell: Cell) -> str:
    """Return the cause in a few words: what it needs, else who does not get along, else where it failed."""
    return ", ".join(filter(None, (_why(cell), f"flaky {cell.flaky}" if cell.flaky else "")))


def _why(cell: Cell) -> str:
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return where(cell)
    if diagnosis.fix:
        return f"{'may need' if diagnosis.confidence is Confidence.POSSIBLE else 'needs'} {fix(cell)}"
    if not diagnosis.culprit:
        return f"{where(cell)}, cause unknown"
    # Of an empty environment no versions are known, but a conflict of pins names two that were asked for.
    parties = [shown(cell, name) for name in (diagnosis.culprit, diagnosis.conflicts_with) if name]
    return " vs ".join(parties) if len(parties) > 1 else f"{where(cell)}: {parties[0]}"


def shown(cell: Cell, package: str) -> str:
    """Return ``numpy 2.0.2``, or just the name of what is not installed."""
    if package == "python":
        return f"Python {cell.python}"
    return f"{package} {cell.installed[package]}" if package in cell.installed else package


def fix(cell: Cell) -> str:
    """Return what fixes it: ``numpy<2``, or where a step must ask for it: ``torch==2.1.2 in step 3``; else nothing."""
    return ", ".join(_in_step(constraint, cell) for constraint in cell.diagnosis.fix) if cell.diagnosis else ""


def _in_step(constraint: str, cell: Cell) -> str:
    step = step_to_ask(constraint, cell)
    return f"{constraint} in step {step}" if step else constraint


def step_to_ask(constraint: str, cell: Cell) -> int | None:
    """Return the step that has to ask for ``constraint`` once more: it moved a pin that an earlier one asked for."""
    steps = [drift.step for drift in cell.drift if constraint in (drift.violates or "").split(", ")]
    return steps[-1] if steps else None


def end(cell: Cell) -> str:
    """Return what a line about a failure ends in: ``-> numpy<2``, ``-> perhaps httpx<0.28``, ``(cause unknown)``."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return ""
    if not explained(diagnosis):
        return "(cause unknown)"
    perhaps = "perhaps " if diagnosis.confidence is Confidence.POSSIBLE else ""
    return f"-> {perhaps}{fix(cell)}" if diagnosis.fix else ""


def explained(diagnosis: Diagnosis) -> bool:
    """Return whether a cause was found."""
    return bool(diagnosis.culprit or diagnosis.fix)


def diagnosed(cell: Cell) -> str:
    """Return the cause in a sentence; ``unknown: ...`` where none was found, and nothing where none was looked for."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return ""
    # More may follow, and some are written as a whole sentence.
    why = diagnosis.why.rstrip().removesuffix(".")
    return why if explained(diagnosis) else f"unknown: {why}"


def evidence(cell: Cell) -> tuple[str, ...]:
    """Return what the diagnosis rests on, without what the message of the cell or its exception says anyway."""
    raised = [one.message for check in cell.checks if check.name == cell.check for one in check.raised]
    said = plain("\n".join([cell.message, *raised]))
    return tuple(one for one in (cell.diagnosis.evidence if cell.diagnosis else ()) if plain(one) not in said)


def flaky(cell: Cell) -> str:
    """Return ``2/3 attempts passed``; nothing where the attempts agree."""
    return f"{cell.flaky} attempts passed" if cell.flaky else ""


def drifted(drift: Drift) -> str:
    """Return ``torch 2.1.2 -> 2.9.0 by step 3, violates torch==2.1.2``."""
    moved = f"{drift.package} {drift.before} -> {drift.after or 'removed'} by step {drift.step}"
    return f"{moved}, violates {drift.violates}" if drift.violates else moved


def cause(cell: Cell) -> str:
    """Return why: what was said, else the reason in words."""
    if cell.verdict.status is Status.PASS:
        return MEANING[Status.PASS]
    return cell.message or str(cell.verdict.reason).replace("-", " ")


def brief_cause(cell: Cell) -> str:
    """Return why in one line: the diagnosis if it is more than a guess, else what was said.

    Where a pin is violated it tells how that came about, and what failed because of it.
    """
    diagnosis = cell.diagnosis
    sure = diagnosis is not None and diagnosis.confidence in (Confidence.CERTAIN, Confidence.LIKELY)
    moved = [drift for drift in cell.drift if drift.violates]
    if cell.verdict.reason is not Reason.PIN_VIOLATED or not moved:
        return diagnosed(cell) if sure else cause(cell)
    told = list(map(drifted, moved))
    if diagnosis and sure and diagnosis.culprit not in [drift.package for drift in moved]:
        return "; ".join([*told, diagnosed(cell)])
    broken = [check for check in cell.checks if check.name == cell.check]
    # A check of the pins themselves says the same again.
    broken = [check for check in broken if not any(str(drift.violates) in check.message for drift in moved)]
    return "; ".join([*told, *(f"{check.name}: {check.message}" for check in broken)])


def age(cell: Cell, info: RunInfo) -> str:
    """Return how old a verdict was when its run began: ``3d``, ``5h``, ``12m``; whose it is, where it was just shared.

    Nothing for a verdict that was found out anew.
    """
    if cell.reused is None:
        return ""
    if cell.reused.run == info.id:
        return f"as {cell.reused.combo}"
    begun, recorded = started(info), moment(cell.reused.recorded)
    if begun is None or recorded is None:
        return "?"
    old = (begun - recorded).total_seconds()
    days, hours, minutes = int(old // 86400), int(old // 3600), max(0, int(old // 60))
    return f"{days}d" if days > 0 else f"{hours}h" if hours > 0 else f"{minutes}m"


def total_seconds(cell: Cell) -> float:
    """Return the seconds that a cell took in all; what the cells of a combo share is counted in each."""
    spent = cell.seconds
    return spent.resolve + spent.create + spent.install + spent.probe
