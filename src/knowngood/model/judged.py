"""Define what is judged from the facts of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from knowngood.model.declared import Combo, Expectation, Phase, Status
from knowngood.model.reasons import Reason
from knowngood.model.recorded import Reused, Run
from knowngood.model.run_info import Coverage
from knowngood.model.searched import FixState, VerifiedFix
from knowngood.model.transcripts import Check


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
    """The combo's own requirements that the final environment violates; None when it meets them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    """A project, archive or wheel of the user that was installed, or something from a URL: what was tested."""

    name: str
    """Canonical."""
    version: str | None
    """None: it could not be built."""
    origin: str
    """The path as the matrix has it, or a URL without credentials."""
    tree: str = ""
    """What identifies the files that it was built from, as a digest; empty for a URL."""
    commit: str | None = None
    dirty: bool = False
    """Whether it was built from anything that the commit does not have."""
    editable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A declared requirement of an installed distribution that the environment does not meet."""

    distribution: str
    """Canonical name of the distribution that declares it."""
    version: str
    """The installed version of that distribution."""
    requirement: str
    """As declared, without its marker: ``Werkzeug>=3.0.0``."""
    package: str
    """Canonical name of the package that it is about."""
    installed: str | None
    """The installed version of that package; None: it is not installed."""


class Confidence(StrEnum):
    """How certain a diagnosis is of its culprit."""

    CERTAIN = "certain"
    """The error, the resolver or the metadata states it."""
    LIKELY = "likely"
    """Several facts point at it."""
    POSSIBLE = "possible"
    """The best guess from the recorded facts."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """The package that must move, what it conflicts with, why, and what fixes it."""

    culprit: str | None
    """Canonical name of the distribution whose version must move or that must be added; ``python``; None: unknown."""
    conflicts_with: str | None
    why: str
    """One sentence."""
    fix: tuple[str, ...] = ()
    """Constraints that together fix it; empty when none is known."""
    evidence: tuple[str, ...] = ()
    """The facts that support it, the strongest first."""
    reference: str | None = None
    """URL of a page that explains it."""
    confidence: Confidence = Confidence.UNKNOWN
    signature: str | None = None
    """Id of the signature that matched; None: no signature was needed."""
    verified: VerifiedFix | None = None
    """The fix as a search verified it; None: nobody searched, or nothing was found."""
    fix_state: FixState | None = None
    """None: there is no fix."""


class Score(StrEnum):
    """Whether a prediction, or its absence, was right."""

    HIT = "hit"
    """Predicted, and it failed."""
    MISS = "miss"
    """Not predicted, and it failed."""
    FALSE_ALARM = "false-alarm"
    """Predicted, and it did not fail."""
    QUIET = "quiet"
    """Not predicted, and it did not fail."""


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
    """Whether the neighbors of some vector changed their order."""
    finite: bool
    """Whether all numbers of this cell are finite."""
    moved: bool
    """Whether the difference exceeds the tolerance."""
    says: str
    """A sentence that says whether one can upgrade without re-indexing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """Where the time of a cell went; the cells of one combo share resolve, create and install."""

    resolve: float = 0.0
    create: float = 0.0
    install: float = 0.0
    probe: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """How many tests a probe has, by outcome: a probe whose checks are the tests of a suite."""

    collected: int
    """All tests that were to run."""
    passed: int
    failed: int
    skipped: int
    open: tuple[str, ...] = ()
    """The tests that began and never finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """Tests of one probe that fail with the same exception and the same shape of its message."""

    cause: str
    """The first line of the message of the first of them."""
    checks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Combo x probe, judged."""

    combo: Combo
    probe: str
    python: str
    verdict: Verdict
    as_expected: bool | None
    """None: undecided."""
    check: str | None
    """The check that failed, or that was open when the process died."""
    message: str
    checks: tuple[Check, ...] = ()
    """For a suite that was read from a report, only those that failed or never finished."""
    suite: Suite | None = None
    """None: its checks are not the tests of a suite."""
    failures: tuple[Failures, ...] = ()
    """The failing tests of a suite by cause: the largest group first."""
    installed: Mapping[str, str] = field(default_factory=dict)
    lock: str = ""
    """What identifies the locks of all steps of its combo, as SHA-256; empty: a step has none."""
    tested: tuple[Tested, ...] = ()
    """What its steps installed that is not from an index."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> what tells two builds of one version apart, as far as it is known."""
    drift: tuple[Drift, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    """The declared requirements that its environment does not meet: a pass with one is not known good."""
    yanked: tuple[str, ...] = ()
    """Canonical names of the packages whose installed version was yanked from its index."""
    yank_reasons: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> why it was yanked, where the index says."""
    highest: tuple[str, ...] = ()
    """Canonical names of what it has in the highest version, although it takes the lowest of the project's own."""
    metrics: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """Alarming text that was printed although the process went on."""
    seconds: Seconds = Seconds()
    attempts: int = 1
    log: str | None = None
    """Relative to the folder of the run."""
    diagnosis: Diagnosis | None = None
    numbers: Numbers | None = None
    predicted: str | None = None
    """What the scan of compiled files predicted would fail, in one sentence; None: nothing."""
    score: Score | None = None
    """Whether that prediction was right; None: the run does not show it."""
    remarks: tuple[str, ...] = ()
    """Other dangers in the files of the environment."""
    narrower: Expectation | None = None
    """The expectation that takes the place of the combo's own: one that names the probe or a check, or that of a live
    known issue. None: the combo's own counts."""
    unmet: tuple[str, ...] = ()
    """A sentence for each check that is not what is expected of it."""
    known: str | None = None
    """A note about its known issue: excused until when, expired, or seemingly fixed; None: there is no known issue."""
    flaky: str | None = None
    """How many attempts passed, of how many, such as ``2/3``; None: all agree."""
    reused: Reused | None = None
    """Where the verdict comes from, when this run reused it."""

    @property
    def known_good(self) -> bool:
        """Whether it passed, and its environment meets every declared requirement."""
        return self.verdict.status is Status.PASS and not self.conflicts

    @property
    def works_against_metadata(self) -> bool:
        """Whether it passed although its environment does not meet every declared requirement."""
        return self.verdict.status is Status.PASS and bool(self.conflicts)

    @property
    def left_out(self) -> bool:
        """Whether ``--cover`` left it out: nobody wanted to know, so it is not undecided either."""
        return self.verdict.reason is Reason.NOT_COVERED

    @property
    def expect(self) -> Expectation:
        """What the cell is expected to be, known issues taken into account."""
        return self.narrower or self.combo.expect


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Cells that did not pass, for the same cause."""

    cause: str
    """The diagnosis, if there is one, else the message of the first cell."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRun:
    """A run and the verdict of each of its cells, in the order of the matrix."""

    run: Run
    cells: tuple[Cell, ...]
    groups: tuple[Group, ...] = ()
    """The cells that did not pass, by cause: the largest group first."""
    coverage: Coverage | None = None
    """How much of its grids was tested; None: nothing was left out with ``--cover``."""

    @property
    def undecided(self) -> tuple[Cell, ...]:
        """The cells that were to be decided and were not."""
        return tuple(cell for cell in self.cells if cell.as_expected is None and not cell.left_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """A distribution that has the same version as in a baseline, but was built again, from other files."""

    package: str
    """Canonical name."""
    version: str
    before: str
    """The first digits of a digest: of its source tree, if it was built from one, else of its files."""
    after: str
    from_source: bool
    """Whether they are digests of its source tree."""


class ChangeKind(StrEnum):
    """What a cell is, compared with the same cell of a baseline."""

    STILL_PASS = "still-pass"
    MOVED = "moved"
    """It still passes, but with other numbers."""
    REGRESSED = "regressed"
    FIXED = "fixed"
    STILL_FAIL = "still-fail"
    CHANGED_FAIL = "changed-fail"
    """It failed before and fails now, for another cause."""
    INCONCLUSIVE = "inconclusive"
    """It is undecided now, or was in the baseline: never held against the versions."""
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One cell, compared with the same cell of a baseline."""

    combo: str
    probe: str
    kind: ChangeKind
    before: str | None
    """Status in the baseline; None: it has no such cell."""
    after: str | None
    """Status now; None: the cell no longer exists."""
    why: str
    """Where the cell failed and with which message, or what it was before; empty when there is nothing to say."""
    packages: tuple[tuple[str, str | None, str | None], ...] = ()
    """(canonical name or ``python``, version before, version now) of each difference; None: not installed."""
    rebuilt: tuple[Rebuilt, ...] = ()
    """What has the same version, but not the same files."""
    new_conflicts: tuple[Conflict, ...] = ()
    """The conflicts that the baseline does not have."""
    gone_conflicts: tuple[Conflict, ...] = ()
    """The conflicts of the baseline that are no more."""
