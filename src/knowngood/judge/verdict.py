"""Judge the facts of a run: from facts to evidence, and from the evidence about each probe to its cell."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from knowngood.errors import ExitCode
from knowngood.judge.causes import groups
from knowngood.judge.cells import make_cell
from knowngood.judge.conflicts import conflicts
from knowngood.judge.coverage import coverage, marked
from knowngood.judge.diagnosis import diagnose
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.evidence import Evidence, Rules
from knowngood.model import (
    UNDECIDED,
    Array,
    Cell,
    ComboFacts,
    JudgedRun,
    Question,
    Reason,
    Run,
    Status,
)


def exit_code(judged: JudgedRun) -> ExitCode:
    """Return the exit code of a run: the first of these that applies.

    Interrupted; the reference combo failed; a cell differs from what is expected; a cell is undecided; all as expected.
    The combos that a budget left out are undecided; those that ``--cover`` left out do not count.
    """
    if judged.run.interrupted is not None and is_signal(judged.run.interrupted):
        return stopped_by(judged.run.interrupted)
    reference = [cell for cell in judged.cells if cell.combo.id == judged.run.info.reference]
    if any(cell.verdict.status not in (*UNDECIDED, Status.PASS) for cell in reference):
        return ExitCode.REFERENCE_FAILED
    if any(cell.as_expected is False for cell in judged.cells):
        return ExitCode.DIFFERS
    if judged.undecided:
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


def judge(run: Run, rules: Rules) -> JudgedRun:
    """Return the verdict of every cell of ``run``, in the order of the matrix."""
    reference = _arrays(Evidence.of(facts, rules) for facts in run.combos if facts.combo.id == run.info.reference)
    combos = (Evidence.of(facts, rules) for facts in run.combos)
    day, machine = run.info.day, run.info.platform
    cells = tuple(cell for evidence in combos for cell in _cells(evidence, reference, day, machine))
    if run.interrupted is not None and not is_signal(run.interrupted):
        elsewhere = {combo.id for combo in run.elsewhere}
        cells = tuple(cell if cell.combo.id in elsewhere else _timed(cell, run.interrupted) for cell in cells)
    covered = coverage(run, cells)
    if run.cover is not None and covered is not None:
        refused = {known.pair: known.why for known in covered.unsolvable}
        absent = (Evidence.of(ComboFacts(combo=combo), rules) for combo in run.cover.left_out)
        left_out = [marked(cell, run.cover, refused) for each in absent for cell in _cells(each, {}, day, machine)]
        place = {name: number for number, name in enumerate(run.order)}
        cells = tuple(sorted((*cells, *left_out), key=lambda cell: place.get(cell.combo.id, len(place))))
    decided = groups(cell for cell in cells if cell.as_expected is not None)
    return JudgedRun(run=run, cells=cells, groups=decided, coverage=covered)


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
    return _cells(Evidence.of(facts, rules), reference or {}, day, machine)


def open_questions(facts: ComboFacts, rules: Rules) -> tuple[Question, ...]:
    """Return what the diagnosis of the first failing cell of a combo wants to have looked up; empty when nothing.

    Answers are part of the facts, so ask again with them: one answer can lead to the next question.
    """
    evidence = Evidence.of(facts, rules)
    for probe in facts.combo.probes:
        about = evidence.about(probe)
        if about.finding.verdict.status not in (*UNDECIDED, Status.PASS):
            return diagnose.open_questions(about.case(about.finding), Answers(facts.answers))
    return ()


def _arrays(combos: Iterable[Evidence]) -> Mapping[str, Mapping[str, Array]]:
    """Return what the probes of the reference combo recorded, where they passed; else there is nothing to compare."""
    about = (evidence.about(probe) for evidence in combos for probe in evidence.facts.combo.probes)
    return {
        passed.probe: passed.attempt.arrays
        for passed in about
        if passed.attempt is not None and passed.finding.verdict.status is Status.PASS
    }


def _cells(
    evidence: Evidence, reference: Mapping[str, Mapping[str, Array]], day: date, machine: str
) -> tuple[Cell, ...]:
    unmet = conflicts(evidence.facts, machine=machine)
    probes = evidence.facts.combo.probes
    return tuple(make_cell(evidence.about(probe), reference.get(probe, {}), day, unmet) for probe in probes)


def _timed(cell: Cell, budget: str) -> Cell:
    """Return a cell of a run whose budget was spent, with that as the reason if it was not run to its end."""
    if cell.verdict.reason not in (Reason.INTERRUPTED, Reason.NOT_REACHED):
        return cell
    message = f"{cell.message}: {budget} was spent"
    return replace(cell, verdict=replace(cell.verdict, reason=Reason.OUT_OF_TIME), message=message)
