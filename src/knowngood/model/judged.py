"""What is judged from the facts of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from knowngood.model.declared import Combo, Expectation, Phase, Status
from knowngood.model.recorded import Check, Reason, Reused, Run


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
    violates: str | None
    """The combo's own requirement that the end state does not meet; None when it meets them all."""


class Confidence(StrEnum):
    """How sure a diagnosis is of its culprit."""

    CERTAIN = "certain"
    """The message, the resolver or the metadata says so."""
    LIKELY = "likely"
    """Several facts point at it."""
    POSSIBLE = "possible"
    """It is the nearest that the facts lead to."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """Which package must move, what it conflicts with, why, and what fixes it."""

    culprit: str | None
    """Canonical name of the distribution whose version must move or that must be added; ``python``; None: unknown."""
    conflicts_with: str | None
    why: str
    """One sentence."""
    fix: tuple[str, ...] = ()
    """Constraints that, taken together, fix it; empty when none is known."""
    evidence: tuple[str, ...] = ()
    """What it rests on, one fact each, the strongest first."""
    reference: str | None = None
    """URL of a page that tells more."""
    confidence: Confidence = Confidence.UNKNOWN
    signature: str | None = None
    """Id of the signature that matched; None: found from facts alone."""


class Score(StrEnum):
    """What became of a prediction, or of there being none."""

    HIT = "hit"
    """Predicted, and so it came."""
    MISS = "miss"
    """It failed, and nothing was predicted."""
    FALSE_ALARM = "false-alarm"
    """Predicted, and it did not fail."""
    QUIET = "quiet"
    """Nothing was predicted, and nothing failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """The vectors of one cell compared with those of the reference combo, the worst of all arrays."""

    cosine: float
    """Smallest cosine of a vector with its counterpart."""
    difference: float
    """Largest absolute difference of two components."""
    norm: float
    """Largest absolute difference of two norms."""
    dtype: tuple[str, str] | None
    """(reference's, ours) where they differ."""
    order_changed: bool
    """Whether the neighbours of some vector come in another order."""
    finite: bool
    """Whether all of ours are."""
    moved: bool
    """Whether it is beyond the tolerance."""
    says: str
    """Whether one can upgrade without re-indexing, in a sentence."""


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
    diagnosis: Diagnosis | None = None
    numbers: Numbers | None = None
    predicted: str | None = None
    """What the static scan predicted would fail, one sentence; None: nothing."""
    score: Score | None = None
    """What became of that prediction; None: the run could not tell."""
    remarks: tuple[str, ...] = ()
    """What else looks dangerous in the files of the environment."""
    excused: Expectation | None = None
    """The expectation of a live known issue, which takes the place of the combo's own; None: the combo's own counts."""
    known: str | None = None
    """What an entry of known issues says: excused until when, expired, or seemingly fixed; None: there is none."""
    flaky: str | None = None
    """``2/3``: how many attempts passed, of how many, where they disagree."""
    reused: Reused | None = None
    """Where the verdict comes from, when this run did not find it out anew."""

    @property
    def expect(self) -> Expectation:
        """What the cell is expected to be, known issues taken into account."""
        return self.excused or self.combo.expect


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Cells that did not pass for one cause."""

    cause: str
    """What is said of it: the diagnosis where there is one, else what the first of the cells said."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRun:
    """A run and the verdict of each of its cells, in the order of the matrix."""

    run: Run
    cells: tuple[Cell, ...]
    groups: tuple[Group, ...] = ()
    """The cells that did not pass, by cause: the largest group first."""
