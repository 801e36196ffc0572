"""All that is known of one cell, ready to be laid out; how much of it, ``Depth`` says."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.model import Action, Cell, Check, ComboFacts, Diagnosis, Outcome, Phase, Reused, Run, Status
from knowngood.report import explanation, words
from knowngood.report.columns import metric
from knowngood.report.frames import place
from knowngood.report.html.budget import Depth
from knowngood.report.text import ELLIPSIS, brief, count, plain
from knowngood.tracebacks import shorten_paths

_GLYPHS = {Outcome.PASSED: "\u2713", Outcome.FAILED: "\u2717", Outcome.SKIPPED: "\u2013", Outcome.OPEN: "\u21af"}
_TONES = {Outcome.PASSED: "good", Outcome.FAILED: "bad", Outcome.SKIPPED: "unsure", Outcome.OPEN: "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A diagnosis in words."""

    text: str
    """Empty where the line below the row says it, and room is scarce."""
    sure: str
    culprit: str
    against: str
    fix_in_step: str
    fix: tuple[str, ...]
    evidence: tuple[str, ...]
    reference: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install step: what was asked for, and the lock that came of it."""

    requirements: tuple[str, ...]
    digest: str
    size: str
    """How many packages the lock has."""
    lock: tuple[tuple[str, str], ...]
    """(name, version)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRow:
    """What became of one check."""

    name: str
    glyph: str
    tone: str
    outcome: str
    time: str
    message: str
    metrics: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """One cell in full, in the order in which it is read."""

    place: str
    """Phase and check or reason; empty for a pass."""
    said: tuple[str, ...]
    frames: tuple[tuple[str, str], ...]
    """(place, line of source), innermost first."""
    cause: Cause | None
    expectation: str
    """Empty where a pass is expected, as of most."""
    notes: tuple[tuple[str, str], ...]
    asked: tuple[tuple[str, str, str, bool], ...]
    """(package, version or words, remark, whether it is to blame) of the packages that matter."""
    installed: tuple[tuple[str, str], ...]
    packages: int
    drift: tuple[tuple[int, str, str, str, str], ...]
    """(step, package, before, after, pin that it violates or nothing)."""
    steps: tuple[Step, ...]
    checks: tuple[CheckRow, ...]
    silent: int
    """How many passed checks are only counted."""
    numbers: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]
    """Those that no check recorded."""
    spent: str
    excerpt: str
    """The end of the output of what decided; lines."""
    log: str | None
    rerun: str
    """Empty where the page tells once how any cell is run again."""
    reused: Reused | None


def detail(cell: Cell, facts: ComboFacts | None, run: Run, depth: Depth) -> Detail:
    """Return what is told of ``cell``; ``facts`` are those of its combo."""
    failed = explanation.failure(cell, run)
    checks = _checks(cell, depth)
    said = tuple(_cut(one, depth.message) for one in failed.said) if failed else ()
    return Detail(
        place=failed.place if failed else "",
        said=said,
        frames=tuple((place(frame), frame.text) for frame in failed.frames) if failed else (),
        cause=_cause(cell, cell.diagnosis, failed, depth) if cell.diagnosis else None,
        expectation="" if cell.combo.expect.status is Status.PASS else words.expectation(cell.combo.expect),
        notes=tuple((label, _cut(text, depth.message)) for label, text in _notes(cell, run)),
        # The columns of the list have the versions of most of them, and a diagnosis names the others.
        asked=_asked(cell) if depth.records else (),
        installed=tuple(sorted(cell.installed.items())) if depth.installed else (),
        packages=len(cell.installed),
        drift=tuple(
            (one.step, one.package, one.before, one.after or "removed", one.violates or "")
            for one in explanation.moved(cell)
        ),
        steps=_steps(cell, facts, depth) if depth.steps else (),
        checks=tuple(_check(check, cell, depth) for check in checks),
        silent=sum(check.outcome is Outcome.PASSED for check in cell.checks) if not depth.passed else 0,
        numbers=_numbers(cell, depth),
        metrics=_metrics(cell) if depth.records else (),
        spent=_spent(cell) if depth.records else "",
        excerpt=_excerpt(cell, facts, depth.excerpt),
        log=cell.log if depth.records else None,
        rerun=explanation.rerun(cell, run) if depth.records else "",
        reused=cell.reused,
    )


def _cause(cell: Cell, diagnosis: Diagnosis, failed: explanation.Failure | None, depth: Depth) -> Cause:
    return Cause(
        text=words.diagnosed(cell) if depth.records or words.brief_cause(cell) != words.diagnosed(cell) else "",
        sure=words.SURE[diagnosis.confidence] if words.explained(diagnosis) else "",
        culprit=words.shown(cell, diagnosis.culprit) if diagnosis.culprit else "",
        against=words.shown(cell, diagnosis.conflicts_with) if diagnosis.conflicts_with else "",
        fix_in_step=words.fix(cell),
        # The line below the row has it too, but not to be copied.
        fix=diagnosis.fix if depth.records else (),
        evidence=tuple(_cut(one, depth.message) for one in explanation.evidence(cell, failed)[: depth.evidence]),
        reference=diagnosis.reference,
    )


def _notes(cell: Cell, run: Run) -> tuple[tuple[str, str], ...]:
    told = explanation.notes(cell, run)
    # The comparison with the reference has a table of its own.
    known = {text for _, text in told}
    remarks = tuple(("seen", remark) for remark in cell.remarks if remark not in known)
    return (*(note for note in told if note[0] != "numbers"), *remarks)


def _asked(cell: Cell) -> tuple[tuple[str, str, str, bool], ...]:
    if not cell.installed:
        return ()
    blamed = {drift.package for drift in cell.drift if drift.violates}
    blamed |= {cell.diagnosis.culprit} if cell.diagnosis and cell.diagnosis.culprit else set()
    return tuple(
        (one.package, one.version or "not installed", one.remark, one.package in blamed)
        for one in explanation.got(cell)
    )


def _steps(cell: Cell, facts: ComboFacts | None, depth: Depth) -> tuple[Step, ...]:
    recorded = {step.number: step for step in facts.steps} if facts else {}
    found = []
    for number, requirements in enumerate(cell.combo.steps, start=1):
        step = recorded.get(number)
        lock: Mapping[str, str] = step.resolved if step and depth.locks else {}
        digest = step.lock if step and depth.locks else ""
        found.append(
            Step(
                requirements=requirements,
                digest=digest,
                size=count(len(lock), "package"),
                lock=tuple(sorted(lock.items())),
            )
        )
    return tuple(found)


def _checks(cell: Cell, depth: Depth) -> tuple[Check, ...]:
    """Return the checks that are told one by one; what the failing one said is told above all else anyway."""
    if depth.passed:
        return cell.checks
    return tuple(check for check in cell.checks if check.outcome is not Outcome.PASSED and check.name != cell.check)


def _check(check: Check, cell: Cell, depth: Depth) -> CheckRow:
    told = ", ".join(f"{name.replace('_', ' ')} {metric(cell, name)}" for name in check.metrics)
    # What the failing check said is told above.
    message = "" if check.name == cell.check else check.message
    return CheckRow(
        name=check.name,
        glyph=_GLYPHS[check.outcome],
        tone=_TONES[check.outcome],
        outcome=str(check.outcome),
        time=brief(check.seconds) if check.seconds else "",
        message=_cut(shorten_paths(message), depth.message),
        metrics=told,
    )


def _metrics(cell: Cell) -> tuple[tuple[str, str], ...]:
    told = {name for check in cell.checks for name in check.metrics}
    return tuple((name.replace("_", " "), metric(cell, name)) for name in sorted(cell.metrics) if name not in told)


def _numbers(cell: Cell, depth: Depth) -> tuple[tuple[str, str], ...]:
    numbers = cell.numbers
    if numbers is None:
        return ()
    if not depth.records:
        # The line below the row of a pass says it.
        return () if cell.verdict.status is Status.PASS else (("in short", numbers.says),)
    rows = [
        ("in short", numbers.says),
        ("smallest cosine", f"{numbers.cosine:.9f}"),
        ("largest difference", f"{numbers.difference:.2e}" if numbers.difference else "0"),
        ("difference of norms", f"{numbers.norm:.2e}" if numbers.norm else "0"),
        ("order of neighbours", "changed" if numbers.order_changed else "the same"),
    ]
    rows += [("type", f"{numbers.dtype[0]} in the reference, {numbers.dtype[1]} here")] if numbers.dtype else []
    return (*rows, *(() if numbers.finite else (("finite", "no: some are not a number or infinite"),)))


def _spent(cell: Cell) -> str:
    spent = cell.seconds
    parts = (("resolve", spent.resolve), ("create", spent.create), ("install", spent.install), ("probe", spent.probe))
    told = ", ".join(f"{label} {brief(value)}" for label, value in parts if value)
    return f"{told}; {count(cell.attempts, 'attempt')}" if told and cell.attempts > 1 else told


def _excerpt(cell: Cell, facts: ComboFacts | None, most: int) -> str:
    """Return the end of what the deciding command said, at most ``most`` characters, beginning with a whole line."""
    action = _decided(cell, facts) if facts and most else None
    if action is None:
        return ""
    text = plain(shorten_paths(action.output), lines=True).strip("\n")
    if len(text) <= most:
        return text
    return f"{ELLIPSIS}\n{text[-most:].partition(chr(10))[2] or text[-most:]}"


def _decided(cell: Cell, facts: ComboFacts) -> Action | None:
    probed = [one.action for one in facts.probes if one.probe == cell.probe]
    if probed:
        return probed[-1]
    if cell.verdict.phase is Phase.CREATE:
        return facts.create
    actions = [action for step in facts.steps for action in (step.resolve, step.install) if action]
    decisive = [action for action in actions if not action.exit.ok] or actions
    return decisive[-1] if decisive else None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}{ELLIPSIS}"
