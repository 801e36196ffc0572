"""Define what a diagnosis asks beyond what a run records by itself, and the answers: releases, dates, versions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from packaging.version import InvalidVersion, Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """When was a version of a package uploaded? The answer is a time: UTC, ISO 8601."""

    package: str
    version: str
    ask: Literal["uploaded"] = "uploaded"


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentAt:
    """Which version of a package was the newest at a time, of those that need no build? The answer is a version."""

    package: str
    time: str
    """ISO 8601."""
    ask: Literal["current-at"] = "current-at"


@dataclass(frozen=True, kw_only=True, slots=True)
class NextWithWheel:
    """What is the lowest version above another that has a wheel for this Python? The answer is a version."""

    package: str
    above: str | None
    """None: any version will do, the highest is preferred."""
    ask: Literal["next-with-wheel"] = "next-with-wheel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Releases:
    """Which releases does the index have? The answer is a tuple of them, for the Python of the combo.

    ``model.releases`` says how each is written.
    """

    package: str
    ask: Literal["releases"] = "releases"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectStatus:
    """What is the status of a project at its index (PEP 792)? The answer is ``archived``, or ``archived: REASON``.

    An index that states none leaves the question open.
    """

    package: str
    ask: Literal["project-status"] = "project-status"


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWith:
    """What is the newest version below the installed one whose module has a name? The answer is a version."""

    package: str
    installed: str
    module: str
    """Dotted; empty when it is not known: then the name is looked for in all modules of the package."""
    name: str
    """With a module, a name in it. Without one, a member, ``Config.update``; or a parameter, ``Client.__init__(x)``."""
    ask: Literal["last-with"] = "last-with"


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstWith:
    """What is the lowest version above the installed one whose module has a name? The answer is a version."""

    package: str
    installed: str
    module: str
    name: str
    """As in ``LastWith``."""
    ask: Literal["first-with"] = "first-with"


@dataclass(frozen=True, kw_only=True, slots=True)
class NearestWithout:
    """What is the nearest version to the installed one whose sources do not mention a word? The answer is a version."""

    package: str
    installed: str
    word: str
    newer: bool
    """Whether to look above the installed version rather than below it."""
    module: str = ""
    """With a module, the question is in which version that module does not have the word as a name."""
    ask: Literal["nearest-without"] = "nearest-without"


@dataclass(frozen=True, kw_only=True, slots=True)
class Solvable:
    """Is there a set of versions that meets all of these requirements? The answer is False, or such a set.

    Each member is ``NAME==VERSION``, and the time of its upload if that is known.
    """

    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Options of the installer that matter, such as ``--pre``."""
    ask: Literal["solvable"] = "solvable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Does the probe pass with a set that meets all of these requirements? It is built, and the probe is run once.

    The answer is ``("pass",)``; or ``("fail", MESSAGE)``, followed by the fix that the diagnosis of that failure has.
    """

    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Options of the installer that matter, such as ``--pre``."""
    probe: str = ""
    """The id of the probe that failed; empty where the combo never got to one."""
    ask: Literal["trial"] = "trial"


@dataclass(frozen=True, kw_only=True, slots=True)
class Definitions:
    """In the source of which distributions is a class or function defined? The answer is their canonical names."""

    name: str
    among: tuple[str, ...]
    """Canonical names of the installed distributions to look into."""
    ask: Literal["definitions"] = "definitions"


Question: TypeAlias = (
    Uploaded
    | CurrentAt
    | NextWithWheel
    | Releases
    | ProjectStatus
    | LastWith
    | FirstWith
    | NearestWithout
    | Solvable
    | Trial
    | Definitions
)

Answer: TypeAlias = bool | str | tuple[str, ...] | None
"""None: cannot tell, which is evidence of nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A question and its answer."""

    question: Question
    answer: Answer


class Files(StrEnum):
    """What a release has for the Python and the platform of a combo."""

    OWN_WHEEL = "own-wheel"
    """A wheel that was built for just this Python."""
    WHEEL = "wheel"
    """A wheel that fits more than this Python."""
    ELSEWHERE = "elsewhere"
    """A source distribution, and wheels for other Pythons or platforms."""
    SOURCE = "source"
    """Only a source distribution."""
    NONE = "none"
    """Nothing: other Pythons, other platforms, or all of it was withdrawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release of a package."""

    version: Version
    uploaded: datetime | None
    """When its first file was uploaded, UTC; None where the index does not say."""
    files: Files
    size: int = 0
    """Bytes of its smallest wheel that fits, else of its source distribution; 0: unknown. Not recorded."""

    @property
    def installs(self) -> bool:
        """Whether it is a final release that needs no build."""
        return self.has_wheel and not self.version.is_prerelease

    @property
    def has_wheel(self) -> bool:
        """Whether it has a wheel for the Python of the combo."""
        return self.files in (Files.OWN_WHEEL, Files.WHEEL)

    def __str__(self) -> str:
        """Return it as it is recorded: ``8.1.7 2023-08-17T17:29:10+00:00 wheel``; an unknown time is ``-``."""
        return f"{self.version} {self.uploaded.isoformat() if self.uploaded else '-'} {self.files}"


def release(text: str) -> Release | None:
    """Return a release as it was recorded; None when ``text`` is not one."""
    version, _, rest = text.partition(" ")
    time, _, files = rest.partition(" ")
    try:
        uploaded = None if time == "-" else datetime.fromisoformat(time).astimezone(UTC)
        return Release(version=Version(version), uploaded=uploaded, files=Files(files))
    except (InvalidVersion, ValueError):
        return None
