"""Define a rule, which asks questions and diagnoses from the answers, and what these answers offer.

A list of releases is an answer as well: it shows where to move a package, back to what another package knew or
forward. A bound names what exists: the first release that is excluded, or the first one that is wanted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.model import (
    Answer,
    Answered,
    CurrentAt,
    Definitions,
    Diagnosis,
    FirstWith,
    LastWith,
    NearestWithout,
    NextWithWheel,
    ProjectStatus,
    Question,
    Releases,
    Solvable,
    Trial,
    Uploaded,
)
from knowngood.model.questions import Files, Release, release

if TYPE_CHECKING:
    from knowngood.judge.diagnosis.case import Case


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

    def needs_build(self, specifier: SpecifierSet) -> bool:
        """Return whether the newest that meets ``specifier`` has wheels for other Pythons only, but other releases do.

        Such a release is older than this Python.
        """
        meeting = [release for release in self.releases if specifier.contains(release.version, prereleases=False)]
        newest = next((release for release in reversed(meeting) if release.files is not Files.NONE), None)
        installs = any(release.installs for release in self.releases)
        return installs and newest is not None and newest.files is Files.ELSEWHERE

    def newest_at(self, time: datetime) -> Version | None:
        """Return the highest usable version that had been uploaded by ``time``."""
        there = (release.version for release in self.usable if release.uploaded and release.uploaded <= time)
        return max(there, default=None)

    def oldest_line(self) -> Version | None:
        """Return the last version of the oldest usable line."""
        first = min((release.version for release in self.usable), default=None)
        of_line = (
            release.version
            for release in self.usable
            if first and packages.line_of(release.version) == packages.line_of(first)
        )
        return max(of_line, default=None)

    def started(self, version: Version) -> datetime | None:
        """Return when the first release of the line of ``version`` was uploaded."""
        times = (
            release.uploaded
            for release in self.usable
            if packages.line_of(release.version) == packages.line_of(version)
        )
        return min(filter(None, times), default=None)

    def uploaded(self, version: Version) -> datetime | None:
        """Return when ``version`` was uploaded."""
        return next((release.uploaded for release in self.releases if release.version == version), None)

    def previous_line(self, version: Version) -> Version | None:
        """Return the last usable version below the release line of ``version``."""
        lower = (
            release.version for release in self.usable if packages.line_of(release.version) < packages.line_of(version)
        )
        return max(lower, default=None)

    def majors_after(self, version: Version) -> tuple[str, ...]:
        """Return the specifiers of what is above ``version``: the rest of its major version, the next, the last."""
        newer = [release.version for release in self.usable if release.version > version]
        majors = sorted({other.major for other in newer})
        first = {major: min(other for other in newer if other.major == major) for major in majors}
        chosen = dict.fromkeys((*majors[:2], *majors[-1:]))
        return tuple(f">={first[major].public},<{major + 1}" for major in chosen)

    def majors_before(self, version: Version) -> tuple[str, ...]:
        """Return the specifiers of what is below ``version``: below its release line, and below its major version."""
        final = [release for release in self.releases if not release.version.is_prerelease]
        older = [release.version for release in final if release.version < version and release.files is not Files.NONE]
        major = Version(f"{version.epoch}!{version.major}")
        line = Version(f"{version.epoch}!{version.major}.{version.minor}")
        starts = dict.fromkeys(start for start in (line, major) if any(other < start for other in older))
        return tuple(f"<{bound(start)}" for start in starts)

    def below(self, last: Version, installed: Version, *, exactly: bool = False) -> str | None:
        """Return the specifier that admits ``last``, but neither ``installed`` nor anything known to fail.

        It ends at the end of the line of ``last``: patches rarely break. If another major version follows, it ends
        there: a major number announces what breaks. It ends right after ``last`` where the installed version is of the
        same line, or with ``exactly``: then ``last`` is known to be the last good one.
        """
        following = [release.version for release in self.releases if last < release.version <= installed]
        if not exactly and packages.line_of(last) != packages.line_of(installed):
            major = 0 < last.major < installed.major
            following = [
                version
                for version in following
                if (version.major > last.major if major else packages.line_of(version) > packages.line_of(last))
            ]
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
            # Patches of an old line rarely support what is new; later lines do.
            newer = [version for version in newer if packages.line_of(version) > packages.line_of(above)] or newer
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


class Answers:
    """What was looked up for one combo.

    A method returns None for what was not asked and for what is unknown: neither is evidence.
    """

    def __init__(self, answered: Iterable[Answered] = ()) -> None:
        self._answers = {entry.question: entry.answer for entry in answered}

    def __contains__(self, question: Question) -> bool:
        """Return whether ``question`` was asked, whatever the answer."""
        return question in self._answers

    def uploaded(self, package: str | None) -> datetime | None:
        """Return when the installed version of ``package`` was uploaded."""
        time = self._text(lambda asked: isinstance(asked, Uploaded) and asked.package == package)
        return datetime.fromisoformat(time) if time else None

    def current(self, package: str | None) -> Version | None:
        """Return the version of ``package`` that was the newest when the other party to the conflict came out."""
        return self._version(lambda asked: isinstance(asked, CurrentAt) and asked.package == package)

    def next_with_wheel(self, package: str) -> str | None:
        """Return the next version of ``package`` that has a wheel for the Python of the environment."""
        return self._text(lambda asked: isinstance(asked, NextWithWheel) and asked.package == package)

    def history(self, package: str | None) -> History | None:
        """Return the releases of ``package``."""
        answer = self._answers.get(Releases(package=package or ""))
        listed = [parsed for text in answer if (parsed := release(text))] if isinstance(answer, tuple) else []
        return history(package or "", listed) if listed else None

    def status(self, package: str) -> str | None:
        """Return the status of a project, with the reason: ``archived: use x``; None for one that is active."""
        answer = self._answers.get(ProjectStatus(package=package))
        return answer if isinstance(answer, str) and answer.partition(":")[0] != "active" else None

    def last_with(self, module: str, name: str, package: str | None = None) -> Version | None:
        """Return the newest version below the installed one in which ``module`` still has ``name``.

        ``package``: of this package only; None: of any that has it.
        """
        found = (
            answer
            for asked, answer in self._answers.items()
            if isinstance(asked, LastWith) and (asked.module, asked.name) == (module, name)
            if answer and package in (None, asked.package)
        )
        return packages.version(str(next(found, "")))

    def first_with(self, module: str, name: str) -> Version | None:
        """Return the lowest version above the installed one in which ``module`` has ``name``."""
        return self._version(
            lambda asked: isinstance(asked, FirstWith) and (asked.module, asked.name) == (module, name)
        )

    def nearest_without(self, package: str | None, *, newer: bool) -> Version | None:
        """Return the nearest older or newer version of ``package`` that does not use what is missing."""
        return self._version(
            lambda asked: isinstance(asked, NearestWithout) and (asked.package, asked.newer) == (package, newer)
        )

    def definitions(self, name: str) -> tuple[str, ...]:
        """Return the distributions in whose source a class or function called ``name`` is defined."""
        answer = self._first(lambda asked: isinstance(asked, Definitions) and asked.name == name)
        return answer if isinstance(answer, tuple) else ()

    def solvable(self, question: Solvable) -> bool | None:
        """Return whether all requirements of ``question`` can be met at once."""
        answer = self._answers.get(question)
        return answer if isinstance(answer, bool) else (True if isinstance(answer, tuple) else None)

    def trial(self, question: Trial) -> tuple[str, ...]:
        """Return ``("pass",)``, or ``("fail", MESSAGE)`` and a fix for that; empty where nothing came of the trial."""
        answer = self._answers.get(question)
        return answer if isinstance(answer, tuple) else ()

    @property
    def trials(self) -> int:
        """How many trials there were."""
        return sum(isinstance(asked, Trial) for asked in self._answers)

    def solution(self, question: Solvable) -> Mapping[str, tuple[Version, datetime | None]]:
        """Return canonical name -> version and day of the set that meets ``question``; empty where it is not known."""
        answer = self._answers.get(question)
        solution: dict[str, tuple[Version, datetime | None]] = {}
        for pin in answer if isinstance(answer, tuple) else ():
            named, _, time = pin.partition(" ")
            name, _, text = named.partition("==")
            if (version := packages.version(text)) is not None:
                solution[canonicalize_name(name)] = version, datetime.fromisoformat(time) if time else None
        return solution

    def _first(self, matches: Callable[[Question], bool]) -> Answer:
        return next((answer for asked, answer in self._answers.items() if matches(asked)), None)

    def _text(self, matches: Callable[[Question], bool]) -> str | None:
        answer = self._first(matches)
        return answer if isinstance(answer, str) else None

    def _version(self, matches: Callable[[Question], bool]) -> Version | None:
        return packages.version(self._text(matches) or "")


class Rule(Protocol):
    """One way to diagnose a failure; the modules in ``rules`` are such rules."""

    def questions(self, case: "Case", answers: Answers, /) -> Iterable[Question]:
        """Yield what the rule needs to have looked up for ``case``, given the answers so far."""
        ...

    def diagnose(self, case: "Case", answers: Answers, /) -> Diagnosis | None:
        """Return the diagnosis of ``case``; None when the rule does not know this kind of failure."""
        ...
