"""Define the facts that a run records, before anything is judged, and when later runs may reuse them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from knowngood.model.declared import Combo, Phase, ProbeKind
from knowngood.model.isolation import Tampering
from knowngood.model.questions import Answered
from knowngood.model.reasons import Reason
from knowngood.model.run_info import Cover, IndexChoice, RunInfo
from knowngood.model.searched import VerifiedFix
from knowngood.model.transcripts import Transcript, shortened


class Ending(StrEnum):
    """How a process ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    CANCELLED = "cancelled"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exit:
    """How a process ended, and what it used."""

    ending: Ending
    code: int | None = None
    """Exit code; only when it exited by itself."""
    signal: str | None = None
    """Such as ``SIGSEGV``; only when a signal ended it that we did not send."""
    note: str = ""
    leaked: int = 0
    """How many descendants were still alive when it ended, and were killed."""
    dropped_bytes: int = 0
    """Bytes of output that did not fit into its log."""
    peak_memory: int = 0
    """Bytes; the largest resident size among its processes."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.ending is Ending.EXITED and self.code == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One command that was run: how it ended, how long it took, and what it printed."""

    exit: Exit
    seconds: float
    log: str
    """Relative to the folder of the run."""
    output: str = ""
    """The part of the log that a verdict needs: the last few KiB."""

    __pydantic_config__ = {"allow_inf_nan": False}  # noqa: RUF012  # as in Check

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", shortened(self.output))


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """What a step installed that is not from an index: a project, an archive or a wheel of this machine, or a URL."""

    name: str
    """Canonical. When it could not be built, the name that its files give, or that of its folder."""
    version: str | None
    """None: it could not be built."""
    origin: str
    """The path as the matrix has it, such as ``.`` or ``packages/a``; or a URL without credentials."""
    extras: tuple[str, ...] = ()
    """The extras that the step asks for, of a path."""
    tree: str = ""
    """What identifies the files that it was built from, as a digest; empty for a URL."""
    files: str = ""
    """What identifies the files that it installs, as a digest; empty for a URL, and when it could not be built."""
    commit: str | None = None
    """The commit that was checked out; None without git."""
    dirty: bool = False
    """Whether it was built from anything that the commit does not have."""
    editable: bool = False
    build: Action | None = None
    """The command that built it; None: a wheel of an earlier build was reused, or nothing was built here."""

    @property
    def failed(self) -> bool:
        """Whether it could not be built."""
        return self.build is not None and not self.build.exit.ok


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFacts:
    """The requirements of one install step, counted from 1, what it resolved to, and what was installed after it."""

    number: int
    requirements: tuple[str, ...]
    """Its lines, as the matrix file has them."""
    resolve: Action | None = None
    resolved: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version that the resolver chose for this step alone."""
    lock: str = ""
    """SHA-256 of its lock with hashes, the file ``combos/<combo>/step<number>.lock``; empty: it has none."""
    sources: tuple[SourceFacts, ...] = ()
    """What it installs that is not from an index."""
    yanked: tuple[str, ...] = ()
    yank_reasons: Mapping[str, str] = field(default_factory=dict)
    """The packages whose chosen version was yanked, and canonical name -> the reason, where the index says."""
    highest: tuple[str, ...] = ()
    """Canonical names of what resolved to its highest version, in a step that takes the lowest of the project's own."""
    install: Action | None = None
    installed: Mapping[str, str] | None = None
    """Canonical name -> version of everything in the environment after this step; None: the step did not finish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeFacts:
    """One attempt at one probe."""

    probe: str
    action: Action
    transcript: Transcript


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One installed distribution, from its own metadata."""

    name: str
    """Canonical."""
    version: str
    requires: tuple[str, ...] = ()
    """Its declared requirements, with their markers."""
    modules: tuple[str, ...] = ()
    """What it installs at the top of ``site-packages``: packages, modules, and file names of extensions."""
    contents: str = ""
    """First digits of a digest of its files, then the tags of its wheel: they identify a build. Empty: unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """A compiled file that was built against the C API of NumPy."""

    file: str
    """Relative to ``site-packages``."""
    distribution: str
    """Canonical name of the distribution that owns it."""
    numpy: str
    """``1`` when it runs on NumPy 1.x only, ``2`` when it was built for NumPy 2 (and runs on 1.x as well)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentFacts:
    """What the files of an environment show before anything runs in it."""

    distributions: tuple[Distribution, ...] = ()
    extensions: tuple[Extension, ...] = ()
    remarks: tuple[str, ...] = ()
    """Other dangers: two OpenMP runtimes, a file that two distributions own, a wrong platform tag."""

    def loaded(self, modules: Collection[str]) -> frozenset[str]:
        """Return the distributions that have one of the modules that were loaded; all where none was recorded."""
        return frozenset(
            distribution.name
            for distribution in self.distributions
            if not modules or any(module.partition(".")[0] in modules for module in distribution.modules)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something outside the steps of a combo that prevented its evaluation."""

    phase: Phase
    reason: Reason
    message: str
    log: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reused:
    """Where facts come from that this run reused."""

    run: str
    """Id of the run that recorded them."""
    combo: str
    """Id of the combo that they were recorded for; it may be another combo of this run with the same lock."""
    recorded: str
    """When, UTC, ISO 8601."""
    key: str
    """The key in the cache of verdicts: equal keys mean equal facts."""
    archive: str = ""
    """Name of the file from which ``cache import`` took it; empty: it was recorded by a run with this cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeBasis:
    """What the verdict of one probe depends on, beside the environment and what the probe is seen to read."""

    probe: str
    kind: ProbeKind
    reuse: bool | None = None
    """Whether its verdict is reused whatever it does; None: when everything that it depends on is known."""
    inputs: tuple[str, ...] = ()
    """The globs that it declares."""
    unmatched: tuple[str, ...] = ()
    """Those of them that match no file."""
    files: int | None = None
    """How many files of the project its key has: those that the globs match, or the tree; None: no files."""
    digest: str = ""
    """What identifies these files; empty: it has none."""
    variables: tuple[str, ...] = ()
    """Names of the variables that it gets from the harness, whose values are in the key as digests."""
    network: bool = False
    """Whether it may use the network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Basis:
    """What the verdicts of a combo depend on."""

    key: str
    """The key that results are stored and found under."""
    lock: str
    """What identifies the locks of all steps."""
    python: str
    """What identifies the build of the interpreter."""
    machine: str
    variables: tuple[str, ...]
    """Names of the environment variables that every probe gets."""
    probes: tuple[ProbeBasis, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComboFacts:
    """Everything that is recorded about one combo."""

    combo: Combo
    started: bool = False
    finished: bool = False
    host: str = ""
    """The worker that evaluated it; empty: the machine that the run was started on."""
    steps: tuple[StepFacts, ...] = ()
    create: Action | None = None
    python_version: str | None = None
    """Exact, such as ``3.11.7``."""
    environment_bytes: int | None = None
    environment: EnvironmentFacts | None = None
    answers: tuple[Answered, ...] = ()
    """What was looked up to diagnose its failure."""
    probes: tuple[ProbeFacts, ...] = ()
    """Every attempt, in order; the last one at a probe counts."""
    tampering: tuple[Tampering, ...] = ()
    """What was written into files that its environment shares with others."""
    basis: Basis | None = None
    """What its verdicts depend on; None until its steps are resolved."""
    reused: Reused | None = None
    """Set when the facts after its resolution come from an earlier run."""
    fix: VerifiedFix | None = None
    """What makes it pass: found and verified by a search, in this run or in an earlier one of the same key."""
    trouble: Trouble | None = None
    harness_error: str | None = None
    """Our own bug, as text."""

    @property
    def installed(self) -> Mapping[str, str]:
        """Canonical name -> version after the last step that was installed."""
        known = [step.installed for step in self.steps if step.installed is not None]
        return known[-1] if known else {}

    def requirements(self, step: int) -> tuple[str, ...]:
        """Return what the combo asks for in a step, given its number: PEP 508 requirements and bare URLs."""
        return self.combo.steps[step - 1].requirements


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Everything that one run recorded: the fold of its event log."""

    info: RunInfo
    combos: tuple[ComboFacts, ...]
    elsewhere: tuple[Combo, ...] = ()
    """The combos that other shards of the same selection ran."""
    cover: Cover | None = None
    """What ``--cover`` left out of the grids; None: nothing was left out that way."""
    order: tuple[str, ...] = ()
    """The ids of all combos of the matrix, in its order; empty in a log from before they were recorded."""
    indexes: tuple[IndexChoice, ...] = ()
    interrupted: str | None = None
    """What stopped it early: a signal, such as ``SIGINT``, or its budget, such as ``the budget of 15m``."""
    finished: bool = False
    unknown_events: int = 0
    bad_lines: int = 0


CHANGED = "changed"
"""What ``Transcript.reads`` has for a file that changed while the probe ran: it can never be the same again."""
_FEW = 3
"""Programs that a message names."""


def why_not_reused(basis: ProbeBasis, attempts: Iterable[Transcript]) -> str | None:
    """Return why the verdict of these attempts at a probe is never reused; None when it can be."""
    transcripts = tuple(attempts)
    if basis.reuse is False:
        return "the probe says reuse = false"
    for transcript in transcripts:
        for path, found in transcript.reads.items():
            if found == CHANGED:
                return f"{path} changed while the probe ran, or cannot be compared"
    if basis.unmatched:
        return f"its inputs match no file: {', '.join(basis.unmatched)}"
    if basis.reuse or basis.inputs:
        return None
    if basis.network:
        return "it may use the network, and declares neither inputs nor reuse = true"
    if basis.kind is not ProbeKind.SCRIPT:
        return None
    return next((why for transcript in transcripts if (why := _unknown(transcript))), None)


def _unknown(transcript: Transcript) -> str | None:
    """Return why it is not known what a script read."""
    if transcript.spawned:
        more = f" and {len(transcript.spawned) - _FEW} more" if len(transcript.spawned) > _FEW else ""
        programs = ", ".join(program.rpartition("/")[2] for program in transcript.spawned[:_FEW])
        return f"it started {programs}{more}, whose reads are not seen: declare inputs or reuse = true"
    if transcript.connected:
        return "it opened a connection: declare inputs or reuse = true"
    if transcript.hello and not transcript.watched:
        why = "Python 3.7 cannot record it, or there was too much of it"
        return f"what it read is not known: {why}; declare inputs or reuse = true"
    return None
