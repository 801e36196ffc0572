"""Define the events of a run, encode them as lines of JSON, and fold them into a run.

The event log is the only record of a run. It holds facts; verdicts are derived from them (see ``judge``), so that newer
rules can judge an old log again. A log without ``run-finished`` is that of an incomplete run.
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
    SourceFacts,
    StepFacts,
    Transcript,
    Trouble,
)

SCHEMA = 2
"""Version of the event log. It changes when a reader of the old version would misread a log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """The first event: what is run, and on which machine."""

    info: RunInfo
    combos: tuple[Combo, ...]
    elsewhere: tuple[Combo, ...] = ()
    """The combos of the same selection that other shards run."""
    order: tuple[str, ...] = ()
    """The ids of all combos of the matrix, in its order."""
    schema_version: int = SCHEMA
    event: Literal["run-started"] = "run-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResumed:
    """An unfinished run continues; its unfinished combos start again."""

    event: Literal["run-resumed"] = "run-resumed"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexChosen:
    """The run decided which URL to use for a declared index."""

    choice: IndexChoice
    event: Literal["index-chosen"] = "index-chosen"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboStarted:
    """The evaluation of a combo begins; the facts of an earlier, unfinished try no longer count."""

    combo: str
    event: Literal["combo-started"] = "combo-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseStarted:
    """A combo begins something else. It is not a fact, but for people who watch the run."""

    combo: str
    phase: Phase
    detail: str
    log: str = ""
    """The log that the running command writes, relative to the folder of the run."""
    event: Literal["phase-started"] = "phase-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResolved:
    """A resolver answered for one step. A later answer for the same step replaces this one.

    When one of its sources could not be built, ``action`` is the command that failed to build it.
    """

    combo: str
    step: int
    requirements: tuple[str, ...]
    action: Action
    resolved: Mapping[str, str]
    lock: str = ""
    sources: tuple[SourceFacts, ...] = ()
    yanked: tuple[str, ...] = ()
    event: Literal["step-resolved"] = "step-resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactsReused:
    """The facts that follow for this combo are reused from a run with the same lock, probes and machine."""

    combo: str
    reused: Reused
    event: Literal["facts-reused"] = "facts-reused"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentCreated:
    """The empty venv was created, or could not be."""

    combo: str
    action: Action
    python_version: str | None
    event: Literal["environment-created"] = "environment-created"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepInstalled:
    """An install command ended. ``installed`` was read from the environment after a success."""

    combo: str
    step: int
    requirements: tuple[str, ...]
    action: Action
    installed: Mapping[str, str] | None
    event: Literal["step-installed"] = "step-installed"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentMeasured:
    """The size of the finished environment was measured, in bytes."""

    combo: str
    size: int
    event: Literal["environment-measured"] = "environment-measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentRead:
    """The files of the finished environment were read, before anything ran in it."""

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
    """Something outside its steps keeps a combo from running, such as an asset that could not be fetched."""

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
    """An attempt is repeated, because another one may give another result."""

    combo: str
    phase: Phase
    why: str
    delay: float
    event: Literal["retrying"] = "retrying"


@dataclass(frozen=True, kw_only=True, slots=True)
class HarnessFailed:
    """A bug of knowngood ended the evaluation of a combo."""

    combo: str
    error: str
    event: Literal["harness-failed"] = "harness-failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboFinished:
    """The evaluation of a combo ended; no event of it follows."""

    combo: str
    event: Literal["combo-finished"] = "combo-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interrupted:
    """The run was stopped early; its unfinished combos count as not run."""

    signal: str
    event: Literal["interrupted"] = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """The last event of a complete run."""

    event: Literal["run-finished"] = "run-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """An event of a newer version, which this version counts but does not understand."""

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
"""What takes the events of a run one after the other. A runner knows nothing else of those who report them."""


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
    # Not pydantic's own JSON, which replaces lone surrogates in keys: the name of a metric may hold one.
    body = _codec().dump_python(event)
    return json.dumps(head | body, ensure_ascii=True, separators=(",", ":"), default=str).encode() + b"\n"


def decode(lines: Iterable[bytes]) -> Iterable[Event | Unknown | None]:
    """Yield the event of each line; None for a line that is cut short or holds no event."""
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
    """Folds events into a run while they happen. ``begun`` is what was recorded of the run before."""

    def __init__(self, begun: Run | None = None) -> None:
        self._run = begun
        self._facts = {facts.combo.id: facts for facts in begun.combos} if begun else {}
        self._unknown = begun.unknown_events if begun else 0
        self._bad = begun.bad_lines if begun else 0

    def __call__(self, event: Event | Unknown | None) -> None:
        """Add an event to the run."""
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
    """Return the run that the events record; None when there is no ``run-started`` among them."""
    folding = Folding()
    for event in events:
        folding(event)
    return folding.run


def add(facts: ComboFacts, event: Event) -> ComboFacts:
    """Return the facts of a combo with one more event of it. Events that record no fact change nothing."""
    match event:
        case ComboStarted():
            return ComboFacts(combo=facts.combo, started=True)
        case StepResolved():
            step = _step(facts, event.step, event.requirements)
            answer = replace(step, resolve=event.action, resolved=event.resolved, lock=event.lock)
            return _with_step(facts, replace(answer, sources=event.sources, yanked=event.yanked))
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
