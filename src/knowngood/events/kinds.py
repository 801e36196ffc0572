"""Define the events of a run, and encode them as lines of JSON.

The event log is the only record of a run. It holds facts; verdicts are derived from them (see ``judge``), so that newer
rules can judge an old log again. A log without ``run-finished`` is that of an incomplete run.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from knowngood import strict_json
from knowngood.model import (
    Action,
    Answer,
    Basis,
    Combo,
    Cover,
    EnvironmentFacts,
    IndexChoice,
    Phase,
    Question,
    Reused,
    RunInfo,
    SourceFacts,
    Tampering,
    Transcript,
    Trouble,
    VerifiedFix,
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
    cover: Cover | None = None
    """What ``--cover`` left out; None: nothing."""
    schema_version: int = SCHEMA
    event: Literal["run-started"] = "run-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResumed:
    """An unfinished run continues; its unfinished combos start again."""

    event: Literal["run-resumed"] = "run-resumed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CombosAdded:
    """A search adds more combos to its run."""

    combos: tuple[Combo, ...]
    event: Literal["combos-added"] = "combos-added"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexChosen:
    """The run decided which URL to use for a declared index."""

    choice: IndexChoice
    event: Literal["index-chosen"] = "index-chosen"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerChanged:
    """A worker of a cluster takes part from now on, was refused, or is lost."""

    worker: str
    state: Literal["joined", "refused", "lost"]
    about: str
    """What kind of host it is, why it was refused, or how it was lost."""
    event: Literal["worker-changed"] = "worker-changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboStarted:
    """The evaluation of a combo begins; the facts of an earlier, unfinished try no longer count."""

    combo: str
    host: str = ""
    """The worker that evaluates it; empty: the machine that the run was started on."""
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
    yank_reasons: Mapping[str, str] = field(default_factory=dict)
    highest: tuple[str, ...] = ()
    event: Literal["step-resolved"] = "step-resolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class BasisKnown:
    """All steps of a combo are resolved, so it is known what its verdicts depend on."""

    combo: str
    basis: Basis
    event: Literal["basis-known"] = "basis-known"


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
class TamperingFound:
    """Something wrote into files that environments share; this one is built again, and its probe runs again."""

    combo: str
    tampering: Tampering
    event: Literal["tampering-found"] = "tampering-found"


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
class FixVerified:
    """A search found what makes a failing combo pass, and verified it: in this run, or earlier under the same key."""

    combo: str
    fix: VerifiedFix
    event: Literal["fix-verified"] = "fix-verified"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboFinished:
    """The evaluation of a combo ended; no event of it follows but a fix."""

    combo: str
    event: Literal["combo-finished"] = "combo-finished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interrupted:
    """The run was stopped early; its unfinished combos count as not run."""

    signal: str
    """A signal, such as ``SIGINT``, or a budget, such as ``the budget of 15m``."""
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
    | CombosAdded
    | IndexChosen
    | WorkerChanged
    | ComboStarted
    | PhaseStarted
    | StepResolved
    | BasisKnown
    | FactsReused
    | EnvironmentCreated
    | StepInstalled
    | EnvironmentMeasured
    | EnvironmentRead
    | QuestionAnswered
    | TroubleMet
    | TamperingFound
    | ProbeFinished
    | Retrying
    | HarnessFailed
    | FixVerified
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


@cache
def _combo_codec() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Combo)


def encode(event: Event, *, seq: int, at: datetime, elapsed: float) -> bytes:
    """Return one line of an event log.

    ``seq`` counts from 1 in a log, ``at`` is the wall clock, ``elapsed`` is seconds since this process began the run.
    """
    head = {"seq": seq, "at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "elapsed": round(elapsed, 3)}
    if isinstance(event, RunStarted | CombosAdded):
        # Thousands of combos one by one: as nested dictionaries they take more memory than all facts of the run.
        lists = {name: getattr(event, name) for name in ("combos", "elsewhere") if hasattr(event, name)}
        body = _json(head | _codec().dump_python(event, exclude=set(lists)))
        dumped = (f'"{name}":[{",".join(map(_combo, combos))}]' for name, combos in lists.items())
        return f"{body[:-1]},{','.join(dumped)}}}\n".encode()
    return f"{_json(head | _codec().dump_python(event))}\n".encode()


def _combo(combo: Combo) -> str:
    return _json(_combo_codec().dump_python(combo))


def _json(value: object) -> str:
    # Not pydantic's own JSON, which replaces lone surrogates in keys: the name of a metric may hold one.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def decode(lines: Iterable[bytes]) -> Iterable[Event | Unknown | None]:
    """Yield the event of each line; None for a line that is cut short or holds no event."""
    from pydantic import ValidationError

    names = {kind.__dataclass_fields__["event"].default for kind in Event.__args__}
    for line in lines:
        try:
            raw = strict_json.loads(line)
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
