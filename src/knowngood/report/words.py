"""Put verdicts, causes, fixes and expectations into words: the vocabulary of all reports and of the live terminal."""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from knowngood import packages
from knowngood.model import (
    PROBES_ONLY,
    UNDECIDED,
    Cell,
    Confidence,
    Conflict,
    Diagnosis,
    Drift,
    Expectation,
    Failures,
    Phase,
    Reason,
    RunInfo,
    Status,
    Suite,
)
from knowngood.report.text import count, plain, shorten

MEANING: Mapping[Status, str] = {
    Status.PASS: "every check passed",
    Status.MOVED: "every check passed, but its numbers differ from the reference combo's by more than the tolerance",
    Status.FAIL: "a check failed, or an installed version violates one of the combo's own pins",
    Status.CRASH: "the probe died of a signal, or exited before it was finished",
    Status.TIMEOUT: "it did not finish within its time limit",
    Status.OOM: "it ran out of memory",
    Status.UNSOLVABLE: "the resolver proved that no set of versions meets the requirements",
    Status.BUILD_FAIL: "a package could not be built from source",
    Status.INFRA: "undecided, because the index, the network or the machine failed",
    Status.ERROR: "undecided, because a mistake in the probe or a bug in knowngood prevented the test",
    Status.NOT_RUN: "undecided, because it was not run or did not finish",
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
"""One sign for each status, so that no report needs color to tell two apart."""

SURE: Mapping[Confidence, str] = {
    Confidence.CERTAIN: "certain: stated by the error, the resolver or the metadata",
    Confidence.LIKELY: "likely: several facts point to it",
    Confidence.POSSIBLE: "possible: the best guess from the facts",
    Confidence.UNKNOWN: "unknown",
}
"""How sure a diagnosis is, in words."""

UNTESTED = "could not be tested"
UNDECIDED_NOTE = "not counted as a failure"
"""What to know about a cell that could not be tested."""


AGAINST_METADATA = "works against its metadata"
"""What is said of a pass whose environment does not meet every declared requirement."""
AGAINST_METADATA_MARK = "*"
"""The mark after the verdict of such a pass."""
AGAINST_METADATA_NOTE = f"{AGAINST_METADATA}: an installed package declares versions that are not installed"
"""What the mark means."""


def conflict(conflict: Conflict) -> str:
    """Return ``flask 3.0.3 declares Werkzeug>=3.0.0, and werkzeug 2.2.3 is installed``."""
    actual = f"{conflict.package} {conflict.installed} is installed" if conflict.installed else "it is not installed"
    return f"{conflict.distribution} {conflict.version} declares {conflict.requirement}, and {actual}"


def conflicts(cell: Cell, *, most: int | None = None) -> tuple[str, ...]:
    """Return the conflicts of a cell, a sentence each; of more than ``most``, how many more there are."""
    shown = tuple(map(conflict, cell.conflicts[:most]))
    more = len(cell.conflicts) - len(shown)
    return (*shown, f"and {count(more, 'more conflict')}") if more else shown


BEFORE_PROBES = frozenset({Phase.RESOLVE, Phase.CREATE, Phase.INSTALL})
"""The phases that the cells of a combo share: what ends there ends all of them."""


def each_once(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return ``cells`` in order, and of a combo that never got to its probes only the first."""
    kept: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        kept.setdefault((cell.combo.id, "" if cell.verdict.phase in BEFORE_PROBES else cell.probe), cell)
    return tuple(kept.values())


def subject(cell: Cell) -> str:
    """Return what a failure is about: the combo where it never got to its probes, else as ``name``."""
    return cell.combo.id if cell.verdict.phase in BEFORE_PROBES else name(cell)


def name(cell: Cell) -> str:
    """Return the combo of a cell, with the probe where the combo has several."""
    return f"{cell.combo.id} {cell.probe}" if len(cell.combo.probes) > 1 else cell.combo.id


def verdict(cell: Cell) -> str:
    """Return ``pass`` or ``fail (expected)``, and in capitals an unexpected verdict: ``FAIL``, ``UNEXPECTED PASS``.

    An unexpected failure that was declared otherwise says so: ``CRASH (declared: fail)``.
    """
    status = cell.verdict.status
    if cell.as_expected is not False:
        return f"{status} (expected)" if cell.as_expected and status is not Status.PASS else str(status)
    if status is Status.PASS:
        return "UNEXPECTED PASS"
    declared = _declared(cell)
    return f"{status.upper()} (declared: {declared})" if declared else status.upper()


def marked_verdict(cell: Cell) -> str:
    """Return ``verdict``, with a mark where a pass works against its metadata: for tables, which have a legend."""
    return f"{verdict(cell)} {AGAINST_METADATA_MARK}" if cell.works_against_metadata else verdict(cell)


def _declared(cell: Cell) -> str:
    """Return which part of a declared failure an unexpected one does not meet; empty if none was declared."""
    expect = cell.expect
    if expect.status is Status.PASS or cell.unmet:
        return ""
    if expect.status is not cell.verdict.status:
        return str(expect.status)
    culprit = cell.diagnosis.culprit if cell.diagnosis else None
    return f"culprit {expect.culprit}" if expect.culprit not in (None, culprit) else "other evidence"


def expectation(expect: Expectation) -> str:
    """Return what the author of a combo declared: ``fail: built for NumPy 1, with evidence that matches 'ABI'``."""
    status = f"{expect.status} of {expect.check}" if expect.check else str(expect.status)
    parts = [f"{status}: {expect.reason}" if expect.reason else status]
    if expect.match:
        # Not its repr, which doubles each backslash of a regular expression.
        quote = '"' if "'" in expect.match else "'"
        parts.append(f"with evidence that matches {quote}{expect.match}{quote}")
    if expect.culprit:
        parts.append(f"with {expect.culprit} as the culprit")
    return ", ".join(parts)


def where(cell: Cell) -> str:
    """Return the failing check, or else the reason; for a pass only what makes it less than clean.

    Where nothing could be decided, the check that was open says nothing: there it is the reason.
    """
    if cell.verdict.reason is Reason.NUMBERS_MOVED and cell.numbers:
        return f"numbers moved, cosine {cell.numbers.cosine:.4f}"
    if cell.verdict.reason is not Reason.ALL_PASSED:
        check = cell.check if cell.verdict.status not in UNDECIDED else None
        return check or str(cell.verdict.reason)
    parts = [f"attempt {cell.attempts}"] if cell.attempts > 1 and not cell.flaky else []
    parts += [f"yanked {', '.join(cell.yanked)}"] if cell.yanked else []
    return ", ".join([*parts, *([count(len(cell.warnings), "warning")] if cell.warnings else [])])


def why(cell: Cell) -> str:
    """Return the cause in a few words: the fix, else the packages in conflict, else where it failed."""
    return ", ".join(filter(None, (_why(cell), f"flaky {cell.flaky}" if cell.flaky else "")))


def _why(cell: Cell) -> str:
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return where(cell)
    if offer(cell):
        return offer(cell)
    if not diagnosis.culprit:
        return f"{where(cell)}, cause unknown"
    # An empty environment has no versions, but conflicting pins name two packages.
    parties = [shown(cell, package) for package in (diagnosis.culprit, diagnosis.conflicts_with) if package]
    return " vs ".join(parties) if len(parties) > 1 else f"{where(cell)}: {parties[0]}"


def shown(cell: Cell, package: str) -> str:
    """Return ``numpy 2.0.2``, or just the name of a package that is not installed."""
    if package == "python":
        return f"Python {cell.python}"
    return f"{package} {cell.installed[package]}" if package in cell.installed else package


def fix(cell: Cell) -> str:
    """Return the constraints of the fix, empty without one: ``numpy<2``, or ``torch==2.1.2 in step 3``.

    A step is named where it must ask for a constraint again, since it moved a pin of an earlier step. What a verified
    fix does to the steps follows.
    """
    if cell.diagnosis is None:
        return ""
    return ", ".join([*(_in_step(each, cell) for each in cell.diagnosis.fix), *steps_of_fix(cell.diagnosis)])


def steps_of_fix(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return what a verified fix does to the steps, in words; empty where it only constrains versions."""
    verified = diagnosis.verified
    if verified is None:
        return ()
    joined = ("all steps as one",) if verified.joined else ()
    return (*joined, *([f"steps {', '.join(str(place + 1) for place in verified.order)}"] if verified.order else ()))


def stated_fix(cell: Cell) -> str:
    """Return the fix and whether it was verified: ``numpy<2 (verified)``; empty without one."""
    constraints = fix(cell)
    state = cell.diagnosis.fix_state if cell.diagnosis else None
    return f"{constraints} ({state})" if constraints and state else constraints


def fix_label(cell: Cell) -> str:
    """Return the word in front of a fix: ``fix``, or ``possible fix`` where the diagnosis is only a guess."""
    diagnosis = cell.diagnosis
    guess = diagnosis is not None and diagnosis.confidence is Confidence.POSSIBLE and diagnosis.verified is None
    return "possible fix" if guess else "fix"


def offer(cell: Cell) -> str:
    """Return ``fix numpy<2 (verified)``, or ``possible fix numpy<2 (offered)`` for a guess; empty without a fix."""
    stated = stated_fix(cell)
    return f"{fix_label(cell)} {stated}" if stated else ""


def isolation(info: RunInfo) -> str:
    """Return how the probes and builds of a run were kept apart; empty where that was not recorded."""
    how = {
        "sandbox": "probes and builds in a sandbox",
        PROBES_ONLY: "probes in a sandbox, builds without one",
        "none": "probes and builds without a sandbox",
    }
    return how.get(info.isolation, info.isolation)


def constraint(text: str) -> str:
    """Return one constraint of a fix as people read it: ``numpy<2``, or ``remove pinecone-client``."""
    parsed = packages.requirement(text)
    return f"remove {parsed.name}" if parsed is not None and packages.is_removal(parsed) else text


def copied(text: str) -> str:
    """Return one constraint of a fix as a shell takes it; a removal, which no ``pip install`` does, stays in words."""
    shown = constraint(text)
    return shlex.quote(plain(text)) if shown == text else shown


def _in_step(text: str, cell: Cell) -> str:
    step = step_to_ask(text, cell)
    return f"{constraint(text)} in step {step}" if step else constraint(text)


def step_to_ask(constraint: str, cell: Cell) -> int | None:
    """Return the step that must ask for ``constraint`` again because it moved a pin of an earlier step; else None."""
    steps = [drift.step for drift in cell.drift if constraint in (drift.violates or "").split(", ")]
    return steps[-1] if steps else None


def end(cell: Cell) -> str:
    """Return the end of a line about a failure: ``-> fix numpy<2``, ``(cause unknown)`` or nothing."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return ""
    if not explained(diagnosis):
        return "(cause unknown)"
    return f"-> {offer(cell)}" if offer(cell) else ""


def explained(diagnosis: Diagnosis) -> bool:
    """Return whether the diagnosis has a cause."""
    return bool(diagnosis.culprit or diagnosis.fix or diagnosis.verified)


def diagnosed(cell: Cell) -> str:
    """Return the cause, a sentence without full stop; ``unknown: ...`` without a cause, empty if not diagnosed."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return ""
    sentence = diagnosis.why.rstrip().removesuffix(".")
    return sentence if explained(diagnosis) else f"unknown: {sentence}"


def evidence(cell: Cell) -> tuple[str, ...]:
    """Return the evidence of the diagnosis, without what the message of the cell or its exception says anyway."""
    raised = [exception.message for check in cell.checks if check.name == cell.check for exception in check.raised]
    messages = plain("\n".join([cell.message, *raised]))
    facts = cell.diagnosis.evidence if cell.diagnosis else ()
    return tuple(fact for fact in facts if plain(fact) not in messages)


def highest(cell: Cell) -> str:
    """Return what a combo of the lowest versions has in the highest; empty for any other."""
    names = [shown(cell, name) for name in cell.highest]
    return f"{', '.join(names)}: without a lower bound in the project, so at the highest version" if names else ""


_REASON = 200  # columns of the reason for a yank


def yanked(cell: Cell) -> tuple[str, ...]:
    """Return ``attrs 21.1.0 was yanked from its index: REASON`` for each installed version that was."""
    reasons = {name: f": {shorten(text, _REASON)}" for name, text in cell.yank_reasons.items()}
    return tuple(f"{shown(cell, name)} was yanked from its index{reasons.get(name, '')}" for name in cell.yanked)


_DIGITS = 12
"""Hexadecimal digits of a digest or a commit that people read."""


def tested(cell: Cell) -> tuple[str, ...]:
    """Return ``shop 1.0 from ., commit 0f3a5b7c9d1e and changes`` for each project that was installed."""
    sentences = []
    for project in cell.tested:
        parts = [f"{project.name} {project.version or '(not built)'} from {project.origin}"]
        if project.commit:
            parts.append(f"commit {project.commit[:_DIGITS]}{' and changes' if project.dirty else ''}")
        elif project.tree:
            parts.append(f"tree {project.tree[:_DIGITS]}")
        sentences.append(", ".join([*parts, *(["editable"] if project.editable else [])]))
    return tuple(sentences)


MOST_WARNINGS = 10
"""Warnings that are listed for one cell: a suite can print hundreds."""


def some(warnings: Sequence[str]) -> tuple[str, ...]:
    """Return the first of ``warnings``, and how many more there are."""
    more = len(warnings) - MOST_WARNINGS
    return (*warnings[:MOST_WARNINGS], f"and {count(more, 'more warning')}") if more > 0 else tuple(warnings)


def suite(suite: Suite) -> str:
    """Return ``3 of 412 tests fail, 404 pass, 5 are skipped``, or ``all 412 tests pass``."""
    if suite.passed == suite.collected:
        return "the only test passes" if suite.passed == 1 else f"all {suite.passed} tests pass"
    not_run = suite.collected - suite.passed - suite.failed - suite.skipped - len(suite.open)
    parts = [
        (suite.failed, "fails", "fail"),
        (suite.passed, "passes", "pass"),
        (suite.skipped, "is skipped", "are skipped"),
        (len(suite.open), "did not finish", "did not finish"),
        (not_run, "did not run", "did not run"),
    ]
    texts = [f"{number} {one if number == 1 else several}" for number, one, several in parts if number > 0]
    first, *rest = texts or ["0 pass"]
    number, _, verb = first.partition(" ")
    return ", ".join([f"{number} of {count(suite.collected, 'test')} {verb}", *rest])


def failing(failures: Failures, *, most: int) -> tuple[str, str]:
    """Return how many tests fail with one cause, and the names of the first of them."""
    more = len(failures.checks) - most
    names = ", ".join([*failures.checks[:most], *([f"and {more} more"] if more > 0 else [])])
    return f"{count(len(failures.checks), 'test')}: {failures.cause}", names


def flaky(cell: Cell) -> str:
    """Return ``2/3 attempts passed``; empty where the attempts agree."""
    return f"{cell.flaky} attempts passed" if cell.flaky else ""


def drifted(drift: Drift) -> str:
    """Return ``torch 2.1.2 -> 2.9.0 by step 3, violates torch==2.1.2``."""
    change = f"{drift.package} {drift.before} -> {drift.after or 'removed'} by step {drift.step}"
    return f"{change}, violates {drift.violates}" if drift.violates else change


def cause(cell: Cell) -> str:
    """Return the message of a cell, else its reason in words."""
    if cell.verdict.status is Status.PASS:
        return MEANING[Status.PASS]
    return cell.message or str(cell.verdict.reason).replace("-", " ")


def brief_cause(cell: Cell) -> str:
    """Return the cause in one line: the diagnosis if it is more than a guess, else the message.

    For a violated pin it says which step moved the package, and which checks failed because of that.
    """
    diagnosis = cell.diagnosis
    sure = diagnosis is not None and diagnosis.confidence in (Confidence.CERTAIN, Confidence.LIKELY)
    violations = [drift for drift in cell.drift if drift.violates]
    if cell.verdict.reason is not Reason.PIN_VIOLATED or not violations:
        return diagnosed(cell) if sure else cause(cell)
    parts = list(map(drifted, violations))
    if diagnosis and sure and diagnosis.culprit not in [drift.package for drift in violations]:
        return "; ".join([*parts, diagnosed(cell)])
    failed = [check for check in cell.checks if check.name == cell.check]
    # A check of the pins themselves would repeat the drift.
    failed = [check for check in failed if not any(str(drift.violates) in check.message for drift in violations)]
    return "; ".join([*parts, *(f"{check.name}: {check.message}" for check in failed)])
