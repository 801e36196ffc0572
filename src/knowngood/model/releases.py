"""Define one release of a package, as an index lists it, and how it is recorded."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from packaging.version import InvalidVersion, Version


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
    """Bytes of its smallest wheel that fits; 0: unknown. Not recorded."""

    @property
    def installs(self) -> bool:
        """Whether it is a final release that needs no build."""
        return self.files in (Files.OWN_WHEEL, Files.WHEEL) and not self.version.is_prerelease

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
