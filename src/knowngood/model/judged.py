"""What is judged from the facts of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowngood.model.declared import Combo, Phase, Status
from knowngood.model.facts import Check, Reason, Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Status, phase and reason of a cell, derived from recorded facts."""

    status: Status
    phase: Phase
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """A package that a later step moved away from what an earlier step installed."""

    package: str
    step: int
    before: str
    after: str | None
    """None: the step removed it."""
    contradicts: str | None
    """The combo's own requirement that the end state does not meet; None when it meets them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """Where the time of a cell went; create and install are shared by the cells of one combo."""

    resolve: float = 0.0
    create: float = 0.0
    install: float = 0.0
    probe: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Combo x probe, judged."""

    combo: Combo
    probe: str
    python: str
    verdict: Verdict
    as_expected: bool | None
    """None: undecided, nothing can be said."""
    check: str | None
    """The failing check, or the one that was open."""
    message: str
    checks: tuple[Check, ...] = ()
    installed: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    metrics: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """Alarming text that was seen though the process went on."""
    seconds: Seconds = Seconds()
    attempts: int = 1
    log: str | None = None
    """Relative to the folder of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRun:
    """A run and the verdict of each of its cells, in the order of the matrix."""

    run: Run
    cells: tuple[Cell, ...]
