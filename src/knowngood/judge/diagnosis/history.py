"""Find in the list of releases of a package where to move it: back to what another package knew, or forward.

A bound names what exists: the first release that is excluded, or the first one that is wanted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from knowngood.model.releases import Files, Release


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The releases of a package for one Python, the lowest first."""

    package: str
    releases: tuple[Release, ...]

    @property
    def usable(self) -> tuple[Release, ...]:
        """The final releases that need no build; all final ones of a package that never had a wheel."""
        built = tuple(release for release in self.releases if release.installs)
        return built or tuple(
            release for release in self.releases if release.files is Files.SOURCE and not release.version.is_prerelease
        )

    def has(self, specifier: SpecifierSet) -> bool:
        """Return whether a release that can be installed meets ``specifier``."""
        installable = (release for release in self.releases if release.files is not Files.NONE)
        return any(specifier.contains(release.version, prereleases=True) for release in installable)

    def newest_at(self, time: datetime) -> Version | None:
        """Return the highest usable version of those that were there at ``time``."""
        there = (release.version for release in self.usable if release.uploaded and release.uploaded <= time)
        return max(there, default=None)

    def started(self, version: Version) -> datetime | None:
        """Return when the first release of the line of ``version`` was uploaded."""
        times = (release.uploaded for release in self.usable if _line(release.version) == _line(version))
        return min(filter(None, times), default=None)

    def uploaded(self, version: Version) -> datetime | None:
        """Return when ``version`` was uploaded."""
        return next((release.uploaded for release in self.releases if release.version == version), None)

    def previous_line(self, version: Version) -> Version | None:
        """Return the last usable version below the release line of ``version``."""
        lower = (release.version for release in self.usable if _line(release.version) < _line(version))
        return max(lower, default=None)

    def below(self, last: Version, installed: Version, *, exactly: bool = False) -> str | None:
        """Return the specifier that admits ``last`` and nothing that is known to be worse, but not ``installed``.

        It ends at the end of the line of ``last``: patches rarely break. It ends right after ``last`` where the
        installed version is of the same line, or with ``exactly``: then ``last`` is known to be the last good one.
        """
        following = [release.version for release in self.releases if last < release.version <= installed]
        if not exactly and _line(last) != _line(installed):
            following = [version for version in following if _line(version) > _line(last)]
        first = next((version for version in following if not version.is_prerelease), installed)
        return f"<{bound(first)}" if first > last else None

    def since(
        self, time: datetime | None, above: Version, *, least: Version | None = None, before: Version | None = None
    ) -> str | None:
        """Return the specifier of the versions above ``above`` that came out after ``time``, in one major version.

        ``least`` is the lowest that counts, and ``before`` the lowest that does not.
        """
        newer = [
            release.version
            for release in self.usable
            if release.version > above
            and (least is None or release.version >= least)
            and (before is None or release.version < before)
            and (time is None or (release.uploaded is not None and release.uploaded >= time))
        ]
        if least is None and before is None:
            # Patches of an old line rarely come to know what is new; its later lines do.
            newer = [version for version in newer if _line(version) > _line(above)] or newer
        if not newer:
            return None
        first = min(newer)
        highest = max(release.version for release in self.usable)
        limit = f",<{first.major + 1}" if highest.major > first.major and before is None else ""
        return f">={first.public}{limit or (f',<{before}' if before is not None else '')}"

    def own_wheel_since(self, above: Version) -> Version | None:
        """Return the first version above ``above`` with a wheel for just this Python, if such wheels exist."""
        built = (release.version for release in self.usable if release.files is Files.OWN_WHEEL)
        return min((version for version in built if version > above), default=None)


def history(package: str, releases: Iterable[Release]) -> History:
    """Return the history of ``package``."""
    return History(package=package, releases=tuple(sorted(releases, key=lambda release: release.version)))


def bound(version: Version) -> str:
    """Return a version as the shortest text that means the same as a bound: ``2`` for 2.0.0, ``1.0.9`` for 1.0.9."""
    numbers = list(version.release)
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    text = ".".join(map(str, numbers))
    return f"{version.epoch}!{text}" if version.epoch else text


def _line(version: Version) -> tuple[int, int, int]:
    return version.epoch, version.major, version.minor
