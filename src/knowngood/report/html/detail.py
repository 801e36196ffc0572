"""Prepare the details of one cell for the page, as many of them as its ``Level`` includes."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.model import Action, Cell, Check, ComboFacts, Diagnosis, Drift, Outcome, Phase, Reused, Run, Status
from knowngood.report import explanation, words
from knowngood.report.budget import Level
from knowngood.report.explanation import place
from knowngood.report.table import metric
from knowngood.report.text import ELLIPSIS, brief, count, plain
from knowngood.tracebacks import shorten_paths

_GLYPHS = {Outcome.PASSED: "\u2713", Outcome.FAILED: "\u2717", Outcome.SKIPPED: "\u2013", Outcome.OPEN: "\u21af"}
_TONES = {Outcome.PASSED: "good", Outcome.FAILED: "bad", Outcome.SKIPPED: "unsure", Outcome.OPEN: "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A label and what belongs to it."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of a traceback."""

    place: str
    source: str
    """The line of source; empty if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What went wrong and where."""

    place: str
    """Phase, and check or reason."""
    messages: tuple[str, ...]
    frames: tuple[Frame, ...]
    """Innermost first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A diagnosis in words."""

    text: str
    """Empty if the line below the row says the same and space is scarce."""
    confidence: str
    culprit: str
    conflicts_with: str
    fix: tuple[str, ...]
    fix_in_step: str
    """The fix with the steps that must ask for it."""
    fix_state: str
    """``offered`` or ``verified``; empty without a fix."""
    evidence: tuple[str, ...]
    reference: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """The checks of a probe."""

    listed: tuple["CheckRow", ...]
    passed: int
    """How many passed but are not listed."""
    suite: str = ""
    """The tests of a suite, by outcome; empty if the checks are not tests."""
    failures: tuple[tuple[str, str], ...] = ()
    """How many tests of a suite fail with one cause, and their names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRow:
    """One check and its outcome."""

    name: str
    glyph: str
    tone: str
    outcome: str
    time: str
    message: str
    metrics: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install step and its lock."""

    requirements: tuple[str, ...]
    digest: str
    size: str
    """How many packages the lock has."""
    lock: tuple[tuple[str, str], ...]
    """(name, version)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package that the combo names or the diagnosis is about."""

    name: str
    version: str
    remark: str
    blamed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Packages:
    """What is installed."""

    named: tuple[Package, ...]
    installed: tuple[tuple[str, str], ...]
    """(name, version) of every package; empty if the page leaves them out."""
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """How to run the cell again, and how its last run went."""

    command: str
    """Empty if the page names the command once for all cells."""
    timing: str
    log: str
    """Its path in the folder of the run; empty if there is none."""
    excerpt: str
    """The last lines of the output of the deciding command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """The details of one cell, in the order in which they are read."""

    failure: Failure | None
    cause: Cause | None
    notes: tuple[Fact, ...]
    reused: Reused | None
    checks: Checks
    numbers: tuple[Fact, ...]
    steps: tuple[Step, ...]
    packages: Packages
    drift: tuple[Drift, ...]
    conflicts: tuple[str, ...]
    """The declared requirements that the environment does not meet, a sentence each."""
    metrics: tuple[Fact, ...]
    """Metrics that no check recorded."""
    again: Again | None
    """None if there is nothing to say."""


def detail(cell: Cell, facts: ComboFacts | None, run: Run, level: Level) -> Detail:
    """Return the details of ``cell``; ``facts`` are those of its combo."""
    failure = explanation.failure(cell, run)
    return Detail(
        failure=_failure(failure, level) if failure else None,
        cause=_cause(cell, cell.diagnosis, failure, level) if cell.diagnosis else None,
        notes=tuple(Fact(label=note.label, text=_cut(note.text, level.message)) for note in _notes(cell, run)),
        reused=cell.reused,
        checks=_checks(cell, level),
        numbers=_numbers(cell, level),
        steps=_steps(cell, facts, level) if level.steps else (),
        packages=_packages(cell, level),
        drift=explanation.drift(cell),
        conflicts=words.conflicts(cell, most=level.evidence),
        metrics=_metrics(cell) if level.records else (),
        again=_again(cell, facts, run, level),
    )


def _failure(failure: explanation.Failure, level: Level) -> Failure:
    return Failure(
        place=failure.place,
        messages=tuple(_cut(message, level.message) for message in failure.messages),
        frames=tuple(Frame(place=place(frame), source=frame.text) for frame in failure.frames),
    )


def _cause(cell: Cell, diagnosis: Diagnosis, failure: explanation.Failure | None, level: Level) -> Cause:
    text = words.diagnosed(cell)
    confidence = words.SURE[diagnosis.confidence] if level.records else str(diagnosis.confidence)
    return Cause(
        text=text if level.records or words.brief_cause(cell) != text else "",
        confidence=confidence if words.explained(diagnosis) else "",
        culprit=words.shown(cell, diagnosis.culprit) if diagnosis.culprit else "",
        conflicts_with=words.shown(cell, diagnosis.conflicts_with) if diagnosis.conflicts_with else "",
        # The line below the row has the fix too, but not in a form that can be copied.
        fix=tuple(map(words.constraint, diagnosis.fix)) if level.records else (),
        fix_in_step=words.fix(cell) if level.records else "",
        fix_state=str(diagnosis.fix_state or ""),
        evidence=tuple(_cut(fact, level.message) for fact in explanation.evidence(cell, failure)[: level.evidence]),
        reference=diagnosis.reference,
    )


def _notes(cell: Cell, run: Run) -> list[Fact]:
    expect = cell.expect
    noted = explanation.notes(cell, run)
    remarks = [remark for remark in cell.remarks if remark not in [text for _, text in noted]]
    return [
        *([Fact(label="declared", text=words.expectation(expect))] if expect.status is not Status.PASS else []),
        # The comparison of numbers has a section of its own.
        *(Fact(label=label, text=text) for label, text in noted if label != "numbers"),
        *(Fact(label="also observed", text=remark) for remark in remarks),
    ]


MOST_CAUSES = 12
"""Causes of failing tests that are listed for one cell."""


def _checks(cell: Cell, level: Level) -> Checks:
    if cell.suite is not None:
        failures = [words.failing(group, most=level.tests) for group in cell.failures[:MOST_CAUSES]]
        failures += [("did not finish", name) for name in cell.suite.open[: level.tests]]
        return Checks(
            listed=(),
            passed=0,
            suite=words.suite(cell.suite),
            failures=tuple((_cut(cause, level.message), names) for cause, names in failures),
        )
    listed = cell.checks
    if not level.passed:
        # The section about the failure has the message of the failing check.
        listed = tuple(check for check in listed if check.outcome is not Outcome.PASSED and check.name != cell.check)
    passed = sum(check.outcome is Outcome.PASSED for check in cell.checks) if not level.passed else 0
    return Checks(listed=tuple(_check(check, cell, level) for check in listed), passed=passed)


def _check(check: Check, cell: Cell, level: Level) -> CheckRow:
    measured = [_measured(cell, name) for name in check.metrics]
    # The section about the failure has the message of the failing check.
    message = "" if check.name == cell.check else check.message
    return CheckRow(
        name=check.name,
        glyph=_GLYPHS[check.outcome],
        tone=_TONES[check.outcome],
        outcome=str(check.outcome),
        time=brief(check.seconds) if check.seconds else "",
        message=_cut(shorten_paths(message), level.message),
        metrics=", ".join(f"{fact.label} {fact.text}" for fact in measured),
    )


def _metrics(cell: Cell) -> tuple[Fact, ...]:
    in_checks = {name for check in cell.checks for name in check.metrics}
    return tuple(_measured(cell, name) for name in sorted(cell.metrics) if name not in in_checks)


def _measured(cell: Cell, name: str) -> Fact:
    """Return a metric with its unit: ``import_seconds`` is ``import 1.9s``, ``environment_mib`` is ``4.8 GiB``."""
    value = cell.metrics.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        label, _, unit = name.rpartition("_")
        if unit == "seconds" and label and 0 <= value < float("inf"):
            return Fact(label=_spaced(label), text=brief(value))
        if unit == "mib" and label:
            size = f"{value / 1024:.1f} GiB" if value >= 1000 else f"{value:.0f} MiB"
            return Fact(label=_spaced(label), text=size)
    return Fact(label=_spaced(name), text=metric(cell, name))


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _numbers(cell: Cell, level: Level) -> tuple[Fact, ...]:
    numbers = cell.numbers
    if numbers is None:
        return ()
    summary = Fact(label="summary", text=numbers.says)
    if not level.records:
        # For a pass, the line below the row says it.
        return () if cell.verdict.status is Status.PASS else (summary,)
    facts = [
        summary,
        Fact(label="smallest cosine", text=f"{numbers.cosine:.9f}"),
        Fact(label="largest difference", text=f"{numbers.difference:.2e}" if numbers.difference else "0"),
        Fact(label="difference of norms", text=f"{numbers.norm:.2e}" if numbers.norm else "0"),
        Fact(label="order of neighbors", text="changed" if numbers.order_changed else "unchanged"),
    ]
    if numbers.dtype:
        facts.append(Fact(label="type", text=f"{numbers.dtype[0]} in the reference, {numbers.dtype[1]} here"))
    if not numbers.finite:
        facts.append(Fact(label="finite", text="no: some values are infinite or not a number"))
    return tuple(facts)


def _steps(cell: Cell, facts: ComboFacts | None, level: Level) -> tuple[Step, ...]:
    recorded = {step.number: step for step in facts.steps} if facts else {}
    steps = []
    for number, declared in enumerate(cell.combo.steps, start=1):
        step = recorded.get(number) if level.locks else None
        lock: Mapping[str, str] = step.resolved if step else {}
        steps.append(
            Step(
                requirements=declared.lines,
                digest=step.lock if step else "",
                size=count(len(lock), "package"),
                lock=tuple(sorted(lock.items())),
            )
        )
    return tuple(steps)


def _packages(cell: Cell, level: Level) -> Packages:
    return Packages(
        # The columns of the list have most of their versions, and a diagnosis names the others.
        named=_named(cell) if level.records and cell.installed else (),
        installed=tuple(sorted(cell.installed.items())) if level.installed else (),
        number=len(cell.installed),
    )


def _named(cell: Cell) -> tuple[Package, ...]:
    blamed = {drift.package for drift in cell.drift if drift.violates}
    blamed |= {cell.diagnosis.culprit} if cell.diagnosis and cell.diagnosis.culprit else set()
    return tuple(
        Package(
            name=package.name,
            version=package.version or "not installed",
            remark=package.remark,
            blamed=package.name in blamed,
        )
        for package in explanation.packages(cell)
    )


def _again(cell: Cell, facts: ComboFacts | None, run: Run, level: Level) -> Again | None:
    again = Again(
        command=explanation.rerun(cell, run) if level.records and run.info.command else "",
        timing=_timing(cell) if level.records else "",
        log=(cell.log or "") if level.records else "",
        excerpt=_excerpt(cell, facts, level.excerpt),
    )
    return again if again.command or again.timing or again.log or again.excerpt else None


def _timing(cell: Cell) -> str:
    spent = cell.seconds
    parts = (
        ("resolve", spent.resolve),
        ("create env", spent.create),
        ("install", spent.install),
        ("probe", spent.probe),
    )
    timing = ", ".join(f"{label} {brief(value)}" for label, value in parts if value)
    return f"{timing}; {count(cell.attempts, 'attempt')}" if timing and cell.attempts > 1 else timing


def _excerpt(cell: Cell, facts: ComboFacts | None, most: int) -> str:
    """Return the end of the output of the deciding command: at most ``most`` characters, in whole lines."""
    action = _deciding(cell, facts) if facts and most else None
    if action is None:
        return ""
    text = plain(shorten_paths(action.output), lines=True).strip("\n")
    if len(text) <= most:
        return text
    return f"{ELLIPSIS}\n{text[-most:].partition(chr(10))[2] or text[-most:]}"


def _deciding(cell: Cell, facts: ComboFacts) -> Action | None:
    probed = [probe.action for probe in facts.probes if probe.probe == cell.probe]
    if probed:
        return probed[-1]
    if cell.verdict.phase is Phase.CREATE:
        return facts.create
    actions = [action for step in facts.steps for action in (step.resolve, step.install) if action]
    decisive = [action for action in actions if not action.exit.ok] or actions
    return decisive[-1] if decisive else None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}{ELLIPSIS}"
