"""What happens in a run, as events; their JSON-lines codec; and ``fold``, which makes a run of them.

An event log is the only truth of a run. Facts are stored, verdicts are derived (see ``judge``), so an old log can be
judged again by newer rules. A log without ``run-finished`` is an incomplete run.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from knowngood.model import (
    Action,
    Answer,
    Answered,
    Combo,
    ComboFacts,
    EnvironmentFacts,
    IndexChoice,
    Phase,
    ProbeFacts,
    Question,
    Reused,
    Run,
    RunInfo,
    StepFacts,
    Transcript,
    Trouble,
)

SCHEMA = 2
"""Version of the event log; it changes when a reader of the old one would be wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """The first event: what was asked, and of whom."""

    info: RunInfo
    combos: tuple[Combo, ...]
    elsewhere: tuple[Combo, ...] = ()
    order: tuple[str, ...] = ()
    schema_version: int = SCHEMA
    event: Literal["run-started"] = "run-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResumed:
    """A run that was cut short goes on; combos without their end start again."""

    event: Literal["run-resumed"] = "run-resumed"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexChosen:
    """Decided once per run."""

    choice: IndexChoice
    event: Literal["index-chosen"] = "index-chosen"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboStarted:
    """A worker took up a combo; what an earlier, unfinished try at it recorded no longer counts."""

    combo: str
    event: Literal["combo-started"] = "combo-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseStarted:
    """For whoever watches: what a combo is doing now."""

    combo: str
    phase: Phase
    detail: str
    log: str = ""
    """What can be watched of it meanwhile, relative to the folder of the run."""
    event: Literal["phase-started"] = "phase-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResolved:
    """A resolver answered for one step; a repeated step replaces the earlier answer."""

    combo: str
    step: int
    requirements: tuple[str, ...]
    action: Action
    resolved: Mapping[str, str]
    lock: str = ""
    event: Literal["step-resolved"] = "step-resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactsReused:
    """What follows of this combo was found out before, for the same lock, probe and machine."""

    combo: str
    reused: Reused
    event: Literal["facts-reused"] = "facts-reused"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentCreated:
    """The empty venv exists, or could not be made."""

    combo: str
    action: Action
    python_version: str | None
    event: Literal["environment-created"] = "environment-created"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepInstalled:
    """An install command ended; ``installed`` was read from the environment after it."""

    combo: str
    step: int
    requirements: tuple[str, ...]
    action: Action
    installed: Mapping[str, str] | None
    event: Literal["step-installed"] = "step-installed"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentMeasured:
    """How large the finished environment is, in bytes."""

    combo: str
    size: int
    event: Literal["environment-measured"] = "environment-measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentRead:
    """What the files of the finished environment tell before anything runs in it."""

    combo: str
    environment: EnvironmentFacts
    event: Literal["environment-read"] = "environment-read"


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionAnswered:
    """Something was looked up for the diagnosis of a combo that failed."""

    combo: str
    question: Question
    answer: Answer
    event: Literal["question-answered"] = "question-answered"


@dataclass(frozen=True, kw_only=True, slots=True)
class TroubleMet:
    """Something outside the steps stood in the way of a combo, such as an asset that could not be fetched."""

    combo: str
    trouble: Trouble
    event: Literal["trouble-met"] = "trouble-met"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeFinished:
    """One attempt at one probe ended."""

    combo: str
    probe: str
    action: Action
    transcript: Transcript
    event: Literal["probe-finished"] = "probe-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrying:
    """An attempt is repeated because its cause may pass."""

    combo: str
    phase: Phase
    why: str
    delay: float
    event: Literal["retrying"] = "retrying"


@dataclass(frozen=True, kw_only=True, slots=True)
class HarnessFailed:
    """Our own bug while evaluating a combo."""

    combo: str
    error: str
    event: Literal["harness-failed"] = "harness-failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboFinished:
    """Nothing more will be recorded of this combo."""

    combo: str
    event: Literal["combo-finished"] = "combo-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interrupted:
    """The run was told to stop; combos without their end are not run."""

    signal: str
    event: Literal["interrupted"] = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """The last event of a complete run."""

    event: Literal["run-finished"] = "run-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """A line of a newer log that this version has no word for: kept and counted, never dropped silently."""

    name: str


Event = (
    RunStarted
    | RunResumed
    | IndexChosen
    | ComboStarted
    | PhaseStarted
    | StepResolved
    | FactsReused
    | EnvironmentCreated
    | StepInstalled
    | EnvironmentMeasured
    | EnvironmentRead
    | QuestionAnswered
    | TroubleMet
    | ProbeFinished
    | Retrying
    | HarnessFailed
    | ComboFinished
    | Interrupted
    | RunFinished
)

Emit = Callable[[Event], None]
"""How a runner tells what happened; it knows no reporter."""


@cache
def _codec() -> Any:
    # pydantic costs 90 ms to import: only a run or a report pays for it, not `--help`.
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Event, Field(discriminator="event")])


def encode(event: Event, *, seq: int, at: datetime, elapsed: float) -> bytes:
    """Return one line of an event log.

    ``seq`` counts from 1 in a log, ``at`` is the wall clock, ``elapsed`` is seconds since this process began the run.
    """
    head = {"seq": seq, "at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "elapsed": round(elapsed, 3)}
    # Not pydantic's own JSON: what a probe calls its metrics may hold lone surrogates, which that one replaces in keys.
    body = _codec().dump_python(event)
    return json.dumps(head | body, ensure_ascii=True, separators=(",", ":"), default=str).encode() + b"\n"


def decode(lines: Iterable[bytes]) -> Iterable[Event | Unknown | None]:
    """Yield an event for each line; None for one that is torn or is not an event at all."""
    from pydantic import ValidationError

    names = {kind.__dataclass_fields__["event"].default for kind in Event.__args__}
    for line in lines:
        try:
            raw = json.loads(line)
        except ValueError:
            yield None
            continue
        name = raw.get("event") if isinstance(raw, dict) else None
        if isinstance(name, str) and name not in names:
            yield Unknown(name=name)
            continue
        try:
            yield _codec().validate_python(raw)
        except ValidationError:
            yield None


class Folding:
    """A run as it comes about, event by event; ``begun`` is what was recorded of it before."""

    def __init__(self, begun: Run | None = None) -> None:
        self._run = begun
        self._facts = {facts.combo.id: facts for facts in begun.combos} if begun else {}
        self._unknown = begun.unknown_events if begun else 0
        self._bad = begun.bad_lines if begun else 0

    def __call__(self, event: Event | Unknown | None) -> None:
        """Take one event in."""
        run = self._run
        match event:
            case None:
                self._bad += 1
            case Unknown():
                self._unknown += 1
            case RunStarted():
                self._run = Run(info=event.info, combos=(), elsewhere=event.elsewhere, order=event.order)
                self._facts = {combo.id: ComboFacts(combo=combo) for combo in event.combos}
            case _ if run is None:
                self._bad += 1
            case RunResumed():
                self._run = replace(run, interrupted=None)
            case IndexChosen():
                kept = tuple(choice for choice in run.indexes if choice.name != event.choice.name)
                self._run = replace(run, indexes=(*kept, event.choice))
            case Interrupted():
                self._run = replace(run, interrupted=event.signal)
            case RunFinished():
                self._run = replace(run, finished=True)
            case _ if event.combo in self._facts:
                self._facts[event.combo] = add(self._facts[event.combo], event)
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
    """Return the run that the events tell of; None when they hold no ``run-started``."""
    folding = Folding()
    for event in events:
        folding(event)
    return folding.run


def add(facts: ComboFacts, event: Event) -> ComboFacts:
    """Return the facts of a combo after one more event of it; events that record no fact leave them as they are."""
    match event:
        case ComboStarted():
            return ComboFacts(combo=facts.combo, started=True)
        case StepResolved():
            step = _step(facts, event.step, event.requirements)
            return _with_step(facts, replace(step, resolve=event.action, resolved=event.resolved, lock=event.lock))
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
            answered = Answered(question=event.question, answer=event.answer)
            return replace(facts, answers=(*facts.answers, answered))
        case TroubleMet():
            return replace(facts, trouble=event.trouble)
        case ProbeFinished():
            probe = ProbeFacts(probe=event.probe, action=event.action, transcript=event.transcript)
            return replace(facts, probes=(*facts.probes, probe))
        case HarnessFailed():
            return replace(facts, harness_error=event.error)
        case ComboFinished():
            return replace(facts, finished=True)
        case _:
            return facts


def _step(facts: ComboFacts, number: int, requirements: tuple[str, ...]) -> StepFacts:
    known = [step for step in facts.steps if step.number == number]
    return known[0] if known else StepFacts(number=number, requirements=requirements)


def _with_step(facts: ComboFacts, step: StepFacts) -> ComboFacts:
    others = [known for known in facts.steps if known.number != step.number]
    return replace(facts, steps=tuple(sorted([*others, step], key=lambda known: known.number)))
