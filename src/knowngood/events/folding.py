"""Fold the events of a run into the run: a live run, a resumed run and every report use the same fold."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from knowngood.events.kinds import (
    BasisKnown,
    ComboFinished,
    CombosAdded,
    ComboStarted,
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    FactsReused,
    FixVerified,
    HarnessFailed,
    IndexChosen,
    Interrupted,
    ProbeFinished,
    QuestionAnswered,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
    TamperingFound,
    TroubleMet,
    Unknown,
    WorkerChanged,
)
from knowngood.model import Answered, ComboFacts, ProbeFacts, Run, RunInfo, StepFacts

_MOST_SHARED = 20_000
"""Values. Those that all combos have in common are found again soon after the others were forgotten."""


class _Shared:
    """Lets equal parts of the facts of many combos be one object, without which thousands of combos take gigabytes.

    Combos that differ in one version have all other distributions in common, and their steps, probes and variables.
    """

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._ids: set[int] = set()

    def __call__(self, value: Any) -> Any:
        """Return a value that is equal to ``value``, its parts included: the first one of all that are equal."""
        if len(self._known) > _MOST_SHARED:
            self._known.clear()
            self._ids.clear()
        return self._one(value)

    def _one(self, value: Any) -> Any:
        # Parts are compared by identity: 1, 1.0 and True are equal, and not the same.
        if id(value) in self._ids:
            return value
        kind = type(value)
        key: Any
        if kind is str:
            key = value
        elif kind is tuple:
            value = tuple(map(self._one, value))
            key = (tuple, *map(id, value))
        elif kind is dict:
            names = [*map(self._one, value)]
            for name in names:
                value[name] = self._one(value[name])
            key = (dict, *map(id, names), *map(id, value.values()))
        elif names := _field_names(kind):  # type: ignore[arg-type]  # a class is hashable
            parts = [self._one(getattr(value, name)) for name in names]
            for name, part in zip(names, parts, strict=True):
                # It stays equal, so nobody can see that a frozen value changes; a copy would be checked again.
                object.__setattr__(value, name, part)
            key = (kind, *map(id, parts))
        else:
            return value
        first = self._known.setdefault(key, value)
        self._ids.add(id(first))
        return first


@cache
def _field_names(kind: type) -> list[str]:
    """Return the names of the fields of a dataclass; none for anything else."""
    return [field.name for field in fields(kind)] if is_dataclass(kind) else []


class Folding:
    """Folds events into a run while they happen. ``begun`` is what was recorded of the run before."""

    def __init__(self, begun: Run | None = None) -> None:
        self._run = begun
        self._facts = {facts.combo.id: facts for facts in begun.combos} if begun else {}
        self._unknown = begun.unknown_events if begun else 0
        self._bad = begun.bad_lines if begun else 0
        self._shared = _Shared()

    def __call__(self, event: Event | Unknown | None) -> None:
        """Add an event to the run."""
        run = self._run
        match event:
            case None:
                self._bad += 1
            case Unknown():
                self._unknown += 1
            case RunStarted():
                self._run = Run(
                    info=event.info, combos=(), elsewhere=event.elsewhere, order=event.order, cover=event.cover
                )
                self._facts = {combo.id: ComboFacts(combo=self._shared(combo)) for combo in event.combos}
            case _ if run is None:
                self._bad += 1
            case RunResumed():
                self._run = replace(run, interrupted=None, finished=False)
            case CombosAdded():
                self._facts |= {combo.id: ComboFacts(combo=self._shared(combo)) for combo in event.combos}
            case IndexChosen():
                kept = tuple(choice for choice in run.indexes if choice.name != event.choice.name)
                self._run = replace(run, indexes=(*kept, event.choice))
            case WorkerChanged():
                pass  # for people: each combo says where it was evaluated
            case Interrupted():
                self._run = replace(run, interrupted=event.signal)
            case RunFinished():
                self._run = replace(run, finished=True)
            case _ if event.combo in self._facts and _is_possible(self._facts[event.combo], event):
                facts = add(self._facts[event.combo], event)
                self._facts[event.combo] = self._shared(facts) if isinstance(event, ComboFinished) else facts
            case _:
                self._bad += 1

    def facts(self, combo: str) -> ComboFacts:
        """Return the facts of one combo so far. Raises ``KeyError``: the run does not have it."""
        return self._facts[combo]

    @property
    def info(self) -> RunInfo:
        """What the run was asked to do. Raises ``LookupError`` before its first event."""
        if self._run is None:
            raise LookupError("the run has not begun")
        return self._run.info

    @property
    def run(self) -> Run | None:
        """The run so far; None before its first event."""
        if self._run is None:
            return None
        combos = tuple(self._facts.values())
        return replace(self._run, combos=combos, unknown_events=self._unknown, bad_lines=self._bad)


def fold(events: Iterable[Event | Unknown | None]) -> Run | None:
    """Return the run that the events record; None when there is no ``run-started`` among them."""
    folding = Folding()
    for event in events:
        folding(event)
    return folding.run


def add(facts: ComboFacts, event: Event) -> ComboFacts:
    """Return the facts of a combo with one more event of it. Events that record no fact change nothing."""
    match event:
        case _ if not _is_possible(facts, event):
            return facts
        case ComboStarted():
            return ComboFacts(combo=facts.combo, started=True, host=event.host)
        case StepResolved():
            step = _step(facts, event.step, event.requirements)
            answer = replace(step, resolve=event.action, resolved=event.resolved, lock=event.lock)
            yanked = replace(answer, yanked=event.yanked, yank_reasons=event.yank_reasons)
            return _with_step(facts, replace(yanked, sources=event.sources, highest=event.highest))
        case BasisKnown():
            return replace(facts, basis=event.basis)
        case FactsReused():
            return replace(facts, reused=event.reused)
        case EnvironmentCreated():
            return replace(facts, create=event.action, python_version=event.python_version)
        case StepInstalled():
            step = _step(facts, event.step, event.requirements)
            return _with_step(facts, replace(step, install=event.action, installed=event.installed))
        case EnvironmentMeasured():
            return replace(facts, environment_bytes=event.size)
        case EnvironmentRead():
            return replace(facts, environment=event.environment)
        case QuestionAnswered():
            return replace(facts, answers=(*facts.answers, Answered(question=event.question, answer=event.answer)))
        case TroubleMet():
            return replace(facts, trouble=event.trouble)
        case TamperingFound():
            return replace(facts, tampering=(*facts.tampering, event.tampering))
        case ProbeFinished():
            probe = ProbeFacts(probe=event.probe, action=event.action, transcript=event.transcript)
            return replace(facts, probes=(*facts.probes, probe))
        case FixVerified():
            return replace(facts, fix=event.fix)
        case HarnessFailed():
            return replace(facts, harness_error=event.error)
        case ComboFinished():
            return replace(facts, finished=True)
        case _:
            return facts


def _is_possible(facts: ComboFacts, event: Event) -> bool:
    """Return whether an event can be one of its combo: it names a step that the combo has."""
    return not isinstance(event, StepResolved | StepInstalled) or 1 <= event.step <= len(facts.combo.steps)


def _step(facts: ComboFacts, number: int, requirements: tuple[str, ...]) -> StepFacts:
    known = [step for step in facts.steps if step.number == number]
    return known[0] if known else StepFacts(number=number, requirements=requirements)


def _with_step(facts: ComboFacts, step: StepFacts) -> ComboFacts:
    others = [known for known in facts.steps if known.number != step.number]
    return replace(facts, steps=tuple(sorted([*others, step], key=lambda known: known.number)))
