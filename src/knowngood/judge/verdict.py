"""Judge the facts of a run: the verdict of each cell, its diagnosis, whether it was expected, the exit code.

One cell goes through in one pass: finding, numbers, diagnosis, expectation; then the cell is made, whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from knowngood.errors import ExitCode
from knowngood.judge.abi import score, sentence
from knowngood.judge.causes import groups
from knowngood.judge.conflicts import Violation, conflicts, ledger, violations
from knowngood.judge.diagnosis import diagnose
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import numpy_abi
from knowngood.judge.expectations import Comparison
from knowngood.judge.expectations import compare as compare_with_expectation
from knowngood.judge.findings import Finding, day_of, find, with_numbers
from knowngood.judge.numbers import compare
from knowngood.judge.probes import Attempt, deciding, flaky, judged
from knowngood.judge.rules import Rules
from knowngood.judge.suites import first_line
from knowngood.model import (
    UNDECIDED,
    Array,
    Cell,
    ComboFacts,
    Conflict,
    Drift,
    JudgedRun,
    Numbers,
    ProbeFacts,
    Question,
    Reason,
    Run,
    Seconds,
    Status,
    Tested,
)
from knowngood.tracebacks import shorten_paths


def judge(run: Run, rules: Rules) -> JudgedRun:
    """Return the verdict of every cell of ``run``, in the order of the matrix."""
    reference = _reference(run, rules)
    day = day_of(run.info)
    machine = run.info.platform
    cells = tuple(
        cell for facts in run.combos for cell in judge_combo(facts, rules, reference, day=day, machine=machine)
    )
    if run.interrupted is not None and not is_signal(run.interrupted):
        elsewhere = {combo.id for combo in run.elsewhere}
        cells = tuple(cell if cell.combo.id in elsewhere else _timed(cell, run.interrupted) for cell in cells)
    return JudgedRun(run=run, cells=cells, groups=groups(cell for cell in cells if cell.as_expected is not None))


def _timed(cell: Cell, budget: str) -> Cell:
    """Return a cell of a run whose budget was spent, with that as the reason if it was not run to its end."""
    if cell.verdict.reason not in (Reason.INTERRUPTED, Reason.NOT_REACHED):
        return cell
    message = f"{cell.message}: {budget} was spent"
    return replace(cell, verdict=replace(cell.verdict, reason=Reason.OUT_OF_TIME), message=message)


def judge_combo(
    facts: ComboFacts,
    rules: Rules,
    reference: Mapping[str, Mapping[str, Array]] | None = None,
    *,
    day: date = date.min,
    machine: str = "",
) -> tuple[Cell, ...]:
    """Return a cell for each probe of one combo, whatever became of it.

    ``reference`` holds, by probe, the arrays that numbers are compared with; without it none are. Known issues
    expire by ``day``, that of the run, so that an old log is judged the same on every day. Markers of declared
    requirements are evaluated for ``machine``, the platform of the run; empty stands for this one.
    """
    shown, unmet = _show(facts, rules), conflicts(facts, machine=machine)
    return tuple(_cell(shown, probe, (reference or {}).get(probe, {}), day, unmet) for probe in facts.combo.probes)


def open_questions(facts: ComboFacts, rules: Rules) -> tuple[Question, ...]:
    """Return what the diagnosis of the first failing cell of a combo wants to have looked up; empty when nothing.

    Answers are part of the facts, so ask again with them: one answer can lead to the next question.
    """
    shown = _show(facts, rules)
    for probe in facts.combo.probes:
        case = _first_case(shown, probe)
        if case.verdict.status not in (*UNDECIDED, Status.PASS):
            return diagnose.open_questions(case, Answers(facts.answers))
    return ()


def _reference(run: Run, rules: Rules) -> Mapping[str, Mapping[str, Array]]:
    """Return what the probes of the reference combo recorded, where they passed; else there is nothing to compare."""
    arrays: dict[str, Mapping[str, Array]] = {}
    for shown in (_show(facts, rules) for facts in run.combos if facts.combo.id == run.info.reference):
        for probe in shown.facts.combo.probes:
            attempt = deciding(shown.attempts(probe))
            if attempt is not None and shown.find(attempt).verdict.status is Status.PASS:
                arrays[probe] = attempt.arrays
    return arrays


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """What the facts of a combo show, whatever the probe."""

    facts: ComboFacts
    violations: tuple[Violation, ...]
    drift: tuple[Drift, ...]
    rules: Rules

    def attempts(self, probe: str) -> tuple[Attempt, ...]:
        return judged(attempt for attempt in self.facts.probes if attempt.probe == probe)

    def find(self, attempt: Attempt | None) -> Finding:
        return find(self.facts, attempt, self.violations, self.rules.reader(self.facts))

    def case(self, attempt: Attempt | None, finding: Finding) -> Case:
        return Case(
            facts=self.facts,
            verdict=finding.verdict,
            probe=attempt.facts if attempt is not None else None,
            action=finding.command,
            violations=self.violations,
            drift=self.drift,
            rules=self.rules,
        )


def _show(facts: ComboFacts, rules: Rules) -> _Shown:
    violated = violations(facts)
    return _Shown(facts=facts, violations=violated, drift=ledger(facts, violated), rules=rules)


def _first_case(shown: _Shown, probe: str) -> Case:
    """Return the case of a probe before its numbers are compared."""
    attempt = deciding(shown.attempts(probe))
    return shown.case(attempt, shown.find(attempt))


def _cell(shown: _Shown, probe: str, reference: Mapping[str, Array], day: date, unmet: tuple[Conflict, ...]) -> Cell:
    facts, combo, environment = shown.facts, shown.facts.combo, shown.facts.environment
    attempts = shown.attempts(probe)
    attempt = deciding(attempts)
    last = attempt.facts if attempt is not None else None
    checks = last.transcript.checks if last else ()
    finding = shown.find(attempt)
    numbers = _numbers(finding, attempt, reference)
    finding = with_numbers(finding, numbers)
    status = finding.verdict.status
    case = shown.case(attempt, finding)
    diagnosis = diagnose.diagnose(case, Answers(facts.answers))
    predicted = _predicted(facts, last, finding)
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
        tested=_tested(facts),
        contents=_contents(facts),
        drift=shown.drift,
        conflicts=unmet,
        yanked=_yanked(facts),
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
        remarks=environment.remarks if environment else (),
        diagnosis=diagnosis and replace(diagnosis, evidence=tuple(map(shorten_paths, diagnosis.evidence))),
        log=finding.log or (last.action.log if last else None) or None,
    )


def _about_unmet(finding: Finding, comparison: Comparison) -> Finding:
    """Return a finding that is about the first check that is not what is expected of it."""
    if comparison.about is not None:
        return replace(finding, check=comparison.about.name, message=first_line(comparison.about))
    return replace(finding, message="; ".join(comparison.unmet))


def _numbers(finding: Finding, attempt: Attempt | None, reference: Mapping[str, Array]) -> Numbers | None:
    ours = attempt.arrays if attempt is not None else {}
    # A failed cell may have recorded no arrays; its failure already explains that.
    return compare(reference, ours) if ours or finding.verdict.status is Status.PASS else None


def _predicted(facts: ComboFacts, last: ProbeFacts | None, finding: Finding) -> str | None:
    """Return what the static scan predicts; after a pass only about what was imported, for the rest was not tried."""
    if facts.environment is None:
        return None
    passed = last is not None and finding.verdict.status in (Status.PASS, Status.MOVED)
    loaded = set(last.transcript.loaded) if last is not None and passed else set()
    touched = {
        distribution.name
        for distribution in facts.environment.distributions
        if not loaded or loaded & set(distribution.modules)
    }
    extensions = tuple(extension for extension in facts.environment.extensions if extension.distribution in touched)
    return sentence(replace(facts.environment, extensions=extensions))


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


def exit_code(judged: JudgedRun) -> ExitCode:
    """Return the exit code of a run: the first of these that applies.

    Interrupted; the reference combo failed; a cell differs from what is expected; a cell is undecided; all as expected.
    The combos that a budget left out are undecided.
    """
    if judged.run.interrupted is not None and is_signal(judged.run.interrupted):
        return stopped_by(judged.run.interrupted)
    reference = [cell for cell in judged.cells if cell.combo.id == judged.run.info.reference]
    if any(cell.verdict.status not in (*UNDECIDED, Status.PASS) for cell in reference):
        return ExitCode.REFERENCE_FAILED
    if any(cell.as_expected is False for cell in judged.cells):
        return ExitCode.DIFFERS
    if any(cell.as_expected is None for cell in judged.cells):
        return ExitCode.UNDECIDED
    return ExitCode.AS_EXPECTED


def is_signal(reason: str) -> bool:
    """Return whether what stopped a run is a signal, and not its budget."""
    return reason.startswith("SIG")


def stopped_by(reason: str) -> ExitCode:
    """Return the exit code of what a signal, or a budget that was spent, ended early."""
    if not is_signal(reason):
        return ExitCode.UNDECIDED
    return ExitCode.INTERRUPTED if reason == "SIGINT" else ExitCode.TERMINATED
