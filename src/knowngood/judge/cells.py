"""Make the cell of a probe in one pass: numbers, diagnosis, prediction, expectation; then the cell, whole."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from knowngood.judge.diagnosis import diagnose
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import numpy_abi
from knowngood.judge.diagnosis.rules.numpy_abi import score, sentence
from knowngood.judge.evidence import Finding, ProbeEvidence
from knowngood.judge.expectations import Comparison
from knowngood.judge.expectations import compare as compare_with_expectation
from knowngood.judge.numbers import compare
from knowngood.judge.probes import Attempt, first_line, flaky
from knowngood.model import (
    UNDECIDED,
    Array,
    Cell,
    ComboFacts,
    Conflict,
    Numbers,
    Phase,
    ProbeFacts,
    Reason,
    Seconds,
    Status,
    Tampering,
    Tested,
    Verdict,
)
from knowngood.tracebacks import shorten_paths


def make_cell(evidence: ProbeEvidence, reference: Mapping[str, Array], day: date, unmet: tuple[Conflict, ...]) -> Cell:
    """Return the cell of a probe.

    ``reference`` holds the arrays that its numbers are compared with, none for no comparison; ``day`` is that of the
    run; ``unmet`` are the conflicts of the combo.
    """
    facts, probe, attempts = evidence.combo.facts, evidence.probe, evidence.attempts
    combo, environment, attempt = facts.combo, facts.environment, evidence.attempt
    last = attempt.facts if attempt is not None else None
    checks = last.transcript.checks if last else ()
    numbers = _numbers(evidence.finding, attempt, reference)
    finding = _with_numbers(evidence.finding, numbers)
    status = finding.verdict.status
    case = evidence.case(finding)
    diagnosis = diagnose.with_fix(diagnose.diagnose(case, Answers(facts.answers)), facts.fix)
    passed = last is not None and status in (Status.PASS, Status.MOVED)
    predicted = sentence(environment, last.transcript.loaded if last and passed else ()) if environment else None
    tried = environment is not None and status not in UNDECIDED
    comparison = compare_with_expectation(facts, probe, last, finding, diagnosis, day)
    if comparison.unmet:
        finding = _about_unmet(finding, comparison)
    resolutions = [step.resolve for step in facts.steps]
    return Cell(
        combo=combo,
        probe=probe,
        python=facts.python_version or combo.python,
        verdict=finding.verdict,
        as_expected=comparison.as_expected,
        narrower=comparison.narrower,
        unmet=tuple(map(shorten_paths, comparison.unmet)),
        known=comparison.known,
        check=finding.check,
        # Where on this machine an index or a disk is, is what a reader has to know about trouble with it.
        message=finding.message if status is Status.INFRA else shorten_paths(finding.message),
        suite=attempt.suite if attempt else None,
        failures=attempt.failures if attempt else (),
        checks=tuple(replace(check, message=shorten_paths(check.message)) for check in checks),
        installed=facts.installed,
        lock=_lock(facts),
        tested=_tested(facts),
        contents=_contents(facts),
        drift=evidence.combo.drift,
        conflicts=unmet,
        yanked=_yanked(facts),
        yank_reasons=_yank_reasons(facts),
        highest=tuple(sorted({name for step in facts.steps for name in step.highest})),
        metrics=_metrics(facts, last),
        warnings=_warnings(attempt),
        seconds=Seconds(
            resolve=sum(action.seconds for action in resolutions if action),
            create=facts.create.seconds if facts.create else 0.0,
            install=sum(step.install.seconds for step in facts.steps if step.install),
            probe=sum(attempt.facts.action.seconds for attempt in attempts),
        ),
        attempts=max(1, len(attempts)),
        numbers=numbers,
        flaky=flaky(attempts),
        reused=facts.reused,
        predicted=predicted,
        score=score(predicted is not None, numpy_abi.is_proven(case)) if tried else None,
        remarks=(*map(_tampered, facts.tampering), *(environment.remarks if environment else ())),
        diagnosis=diagnosis and replace(diagnosis, evidence=tuple(map(shorten_paths, diagnosis.evidence))),
        log=finding.log or (last.action.log if last else None) or None,
    )


def _lock(facts: ComboFacts) -> str:
    locks = [step.lock for step in facts.steps]
    complete = len(locks) == len(facts.combo.steps) and all(locks)
    return hashlib.sha256("\n".join(locks).encode()).hexdigest() if locks and complete else ""


def _about_unmet(finding: Finding, comparison: Comparison) -> Finding:
    """Return a finding that is about the first check that is not what is expected of it."""
    if comparison.about is not None:
        return replace(finding, check=comparison.about.name, message=first_line(comparison.about))
    return replace(finding, message="; ".join(comparison.unmet))


def _with_numbers(finding: Finding, numbers: Numbers | None) -> Finding:
    """Return ``finding`` after its numbers were compared: a pass whose numbers moved is no longer a pass."""
    if numbers is None or not numbers.moved or finding.verdict.status is not Status.PASS:
        return finding
    moved = Verdict(status=Status.MOVED, phase=Phase.COMPARE, reason=Reason.NUMBERS_MOVED)
    return replace(finding, verdict=moved, message=numbers.says)


def _numbers(finding: Finding, attempt: Attempt | None, reference: Mapping[str, Array]) -> Numbers | None:
    ours = attempt.arrays if attempt is not None else {}
    # A failed cell may have recorded no arrays; its failure already explains that.
    return compare(reference, ours) if ours or finding.verdict.status is Status.PASS else None


def _tampered(tampering: Tampering) -> str:
    """Return what was written into, and what was done about it, as a sentence without full stop."""
    files = ", ".join(tampering.files) + (f" and {tampering.more} more" if tampering.more else "")
    when = f"while probe {tampering.probe} ran" if tampering.probe else "before the environment was built"
    removed = ", ".join(tampering.distributions)
    return (
        f"files that several environments share were changed {when}: {files}; {removed} was removed from the caches, "
        "and the probe ran in a private copy of the environment"
    )


def _tested(facts: ComboFacts) -> tuple[Tested, ...]:
    """Return what the steps installed that is not from an index; of one that several steps name, the last."""
    sources = {source.name: source for step in facts.steps for source in step.sources}
    return tuple(
        Tested(
            name=source.name,
            version=source.version,
            origin=source.origin,
            tree=source.tree,
            commit=source.commit,
            dirty=source.dirty,
            editable=source.editable,
        )
        for source in sources.values()
    )


def _contents(facts: ComboFacts) -> Mapping[str, str]:
    distributions = facts.environment.distributions if facts.environment else ()
    return {distribution.name: distribution.contents for distribution in distributions if distribution.contents}


def _yanked(facts: ComboFacts) -> tuple[str, ...]:
    """Return the packages whose yanked version is installed, or would have been."""
    installed = facts.installed
    chosen = {(name, step.resolved.get(name, "")) for step in facts.steps for name in step.yanked}
    return tuple(sorted(name for name, version in chosen if installed.get(name, version) == version))


def _yank_reasons(facts: ComboFacts) -> Mapping[str, str]:
    reasons = {name: text for step in facts.steps for name, text in step.yank_reasons.items()}
    return {name: reasons[name] for name in _yanked(facts) if name in reasons}


def _metrics(facts: ComboFacts, last: ProbeFacts | None) -> Mapping[str, bool | int | float | str | None]:
    metrics: dict[str, bool | int | float | str | None] = {}
    if last is not None:
        for check in last.transcript.checks:
            for name, value in check.metrics.items():
                metrics[name if name not in metrics else f"{check.name}.{name}"] = value
        if last.action.exit.peak_memory:
            metrics["peak_memory_mib"] = round(last.action.exit.peak_memory / 2**20)
    if facts.environment_bytes is not None:
        metrics["environment_mib"] = round(facts.environment_bytes / 2**20)
    return metrics


def _warnings(attempt: Attempt | None) -> tuple[str, ...]:
    if attempt is None:
        return ()
    warnings = [warning for check in attempt.facts.transcript.checks for warning in check.warnings]
    return tuple(dict.fromkeys([*attempt.alarms, *map(shorten_paths, warnings)]))
