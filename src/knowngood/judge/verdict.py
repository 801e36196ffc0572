"""Facts -> verdicts: what became of each cell of a combo, and whether that was expected."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from knowngood.judge.abi import score
from knowngood.judge.abi import sentence as predicted
from knowngood.judge.alarms import alarms
from knowngood.judge.causes import groups
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.diagnose import diagnose
from knowngood.judge.diagnosis.rules.numpy_abi import shown
from knowngood.judge.drift import ledger, violations
from knowngood.judge.installer_output import InstallerOutput
from knowngood.judge.known import day_of, excused
from knowngood.judge.numbers import arrays_of, compare, non_finite
from knowngood.judge.probes import deciding, failed_checks, first_line, flaky, judge_probe
from knowngood.judge.rules import Rules
from knowngood.model import (
    UNDECIDED,
    Action,
    Array,
    Cell,
    ComboFacts,
    JudgedRun,
    Numbers,
    Phase,
    ProbeFacts,
    Reason,
    Run,
    Seconds,
    Status,
    Verdict,
    WarningPolicy,
)
from knowngood.tracebacks import shorten_paths


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finding:
    """What one look at the facts says: a verdict, the check it is about, and why."""

    verdict: Verdict
    message: str
    check: str | None = None
    log: str | None = None


def judge(run: Run, rules: Rules) -> JudgedRun:
    """Return the verdict of every cell of ``run``, in the order of the matrix."""
    reference = _reference(run, rules)
    day = day_of(run.info)
    cells = tuple(cell for facts in run.combos for cell in judge_combo(facts, rules, reference, day=day))
    return JudgedRun(run=run, cells=cells, groups=groups(cell for cell in cells if cell.as_expected is not None))


def judge_combo(
    facts: ComboFacts,
    rules: Rules,
    reference: Mapping[str, Mapping[str, Array]] | None = None,
    *,
    day: date = date.min,
) -> tuple[Cell, ...]:
    """Return a cell for each probe of one combo, whatever became of it.

    ``reference`` holds, by probe, the arrays that numbers are compared with; without it none are. Known issues
    expire by ``day``, that of the run, so that an old log is judged the same on every day.
    """
    cells = (_cell(facts, probe, rules, (reference or {}).get(probe, {})) for probe in facts.combo.probes)
    return tuple(excused(cell, day) for cell in cells)


def _reference(run: Run, rules: Rules) -> Mapping[str, Mapping[str, Array]]:
    """Return what the probes of the reference combo recorded, where they passed: else there is nothing to hold to."""
    cells = [cell for facts in run.combos if facts.combo.id == run.info.reference for cell in judge_combo(facts, rules)]
    return {cell.probe: arrays_of(cell.checks) for cell in cells if cell.verdict.status is Status.PASS}


def case_of(facts: ComboFacts, cell: Cell, rules: Rules) -> Case:
    """Return a judged cell as the rules of a diagnosis see it."""
    attempts = [attempt for attempt in facts.probes if attempt.probe == cell.probe]
    failed = next((action for _, _, action in _commands(facts) if action is not None and not action.exit.ok), None)
    probe = attempts[-1] if attempts else None
    return Case(facts=facts, verdict=cell.verdict, probe=probe, action=failed, rules=rules)


def _cell(facts: ComboFacts, probe: str, rules: Rules, reference: Mapping[str, Array]) -> Cell:
    attempts = [attempt for attempt in facts.probes if attempt.probe == probe]
    last = deciding(attempts) if attempts else None
    finding = (
        _before_probes(facts, rules.installers[facts.combo.installer]) or _not_run(facts, last) or _probed(facts, last)
    )
    numbers = _numbers(finding, last, reference)
    if numbers is not None and numbers.moved and finding.verdict.status is Status.PASS:
        moved = Verdict(status=Status.MOVED, phase=Phase.COMPARE, reason=Reason.NUMBERS_MOVED)
        finding = replace(finding, verdict=moved, message=numbers.says)
    combo, actions = facts.combo, [step.resolve for step in facts.steps]
    checks = last.transcript.checks if last else ()
    cell = Cell(
        combo=combo,
        probe=probe,
        python=facts.python_version or combo.python,
        verdict=finding.verdict,
        as_expected=_as_expected(facts, last, finding),
        check=finding.check,
        message=shorten_paths(finding.message),
        checks=tuple(replace(one, message=shorten_paths(one.message)) for one in checks),
        installed=facts.installed,
        drift=ledger(facts),
        metrics=_metrics(facts, last),
        warnings=_warnings(last),
        seconds=Seconds(
            resolve=sum(action.seconds for action in actions if action),
            create=facts.create.seconds if facts.create else 0.0,
            install=sum(step.install.seconds for step in facts.steps if step.install),
            probe=sum(attempt.action.seconds for attempt in attempts),
        ),
        attempts=max(1, len(attempts)),
        numbers=numbers,
        flaky=flaky(attempts),
        reused=facts.reused,
        predicted=_predicted(facts, last, finding),
        log=finding.log or (last.action.log if last else None) or None,
    )
    case = case_of(facts, cell, rules)
    found = diagnose(case)
    tried = facts.environment is not None and cell.verdict.status not in UNDECIDED
    named = combo.expect.culprit is None or (found is not None and found.culprit == combo.expect.culprit)
    return replace(
        cell,
        as_expected=cell.as_expected and named,
        score=score(cell.predicted is not None, shown(case)) if tried else None,
        remarks=facts.environment.remarks if facts.environment else (),
        diagnosis=found and replace(found, evidence=tuple(map(shorten_paths, found.evidence))),
    )


def _predicted(facts: ComboFacts, last: ProbeFacts | None, finding: _Finding) -> str | None:
    """Return what the static scan predicts; after a pass only of what was imported, for the rest was not tried."""
    if facts.environment is None:
        return None
    passed = last is not None and finding.verdict.status in (Status.PASS, Status.MOVED)
    loaded = set(last.transcript.loaded) if last is not None and passed else set()
    touched = {one.name for one in facts.environment.distributions if not loaded or loaded & set(one.modules)}
    extensions = tuple(one for one in facts.environment.extensions if one.distribution in touched)
    return predicted(replace(facts.environment, extensions=extensions))


def _commands(facts: ComboFacts) -> list[tuple[Phase, str, Action | None]]:
    """Return the commands that build an environment: phase, what to say before their message, and how they ended."""
    return [
        *((Phase.RESOLVE, f"step {step.number}: ", step.resolve) for step in facts.steps),
        (Phase.CREATE, "", facts.create),
        *((Phase.INSTALL, f"step {step.number}: ", step.install) for step in facts.steps),
    ]


def _before_probes(facts: ComboFacts, installer: InstallerOutput) -> _Finding | None:
    """Return what kept the combo from being probed; None when nothing did."""
    if facts.harness_error is not None:
        return _Finding(
            verdict=Verdict(status=Status.ERROR, phase=Phase.PROBE, reason=Reason.HARNESS_BUG),
            message=facts.harness_error,
        )
    if facts.trouble is not None:
        trouble = facts.trouble
        verdict = Verdict(status=Status.INFRA, phase=trouble.phase, reason=trouble.reason)
        return _Finding(verdict=verdict, message=trouble.message, log=trouble.log)
    for phase, where, action in _commands(facts):
        if action is not None and not action.exit.ok:
            status, reason = installer.classify(action)
            verdict = Verdict(status=status, phase=phase, reason=reason)
            return _Finding(verdict=verdict, message=where + installer.message(action, status), log=action.log)
    return None


def _not_run(facts: ComboFacts, last: ProbeFacts | None) -> _Finding | None:
    if last is not None:
        return None
    reason = Reason.INTERRUPTED if facts.started else Reason.NOT_REACHED
    verdict = Verdict(status=Status.NOT_RUN, phase=Phase.PROBE, reason=reason)
    return _Finding(verdict=verdict, message="stopped before it was probed" if facts.started else "never started")


def _probed(facts: ComboFacts, last: ProbeFacts | None) -> _Finding:
    assert last is not None
    verdict, check, message = judge_probe(last)
    # What a pass hides: an answer that is no number, and alarms that the matrix does not put up with.
    hidden = ""
    if verdict.status is Status.PASS:
        alarming = alarms(last) if facts.combo.warnings is WarningPolicy.FAIL else ()
        hidden, reason = non_finite(arrays_of(last.transcript.checks)) or "", Reason.NOT_FINITE
        if not hidden and alarming:
            hidden, reason = "; ".join(alarming), Reason.ALARM
        if hidden:
            verdict, message = Verdict(status=Status.FAIL, phase=Phase.PROBE, reason=reason), hidden
    violated = violations(facts)
    # A crash or a hang tells more than the drift behind it; a failed check is what the drift led to.
    if violated and verdict.status in (Status.PASS, Status.FAIL):
        verdict = Verdict(status=Status.FAIL, phase=Phase.DRIFT, reason=Reason.PIN_VIOLATED)
        told = [str(one) for one in violated]
        # A check that looks at the pins itself says the same: once is enough.
        failed = [one for one in failed_checks(last.transcript) if not any(text in one.message for text in told)]
        broken = [f"{one.name}: {first_line(one)}" for one in failed]
        message = "; ".join([*told, *broken, *([hidden] if hidden else [])])
    return _Finding(verdict=verdict, message=message, check=check)


def _numbers(finding: _Finding, last: ProbeFacts | None, reference: Mapping[str, Array]) -> Numbers | None:
    ours = arrays_of(last.transcript.checks) if last is not None else {}
    # A cell that failed may not have come to record anything: that is told already.
    return compare(reference, ours) if ours or finding.verdict.status is Status.PASS else None


def _as_expected(facts: ComboFacts, last: ProbeFacts | None, finding: _Finding) -> bool | None:
    expect = facts.combo.expect
    if finding.verdict.status in UNDECIDED:
        return None
    if finding.verdict.status is not expect.status:
        return False
    return expect.match is None or re.search(expect.match, _evidence(facts, last, finding)) is not None


def _evidence(facts: ComboFacts, last: ProbeFacts | None, finding: _Finding) -> str:
    """Everything that was said: the message, each check, and the output of every command."""
    said = [finding.message]
    if last is not None:
        said += [check.message for check in last.transcript.checks]
        said += [raised.message for check in last.transcript.checks for raised in check.raised]
        said.append(last.action.output)
    for step in facts.steps:
        said += [action.output for action in (step.resolve, step.install) if action is not None]
    return "\n".join(said)


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


def _warnings(last: ProbeFacts | None) -> tuple[str, ...]:
    if last is None:
        return ()
    told = [warning for check in last.transcript.checks for warning in check.warnings]
    return tuple(dict.fromkeys([*alarms(last), *map(shorten_paths, told)]))
