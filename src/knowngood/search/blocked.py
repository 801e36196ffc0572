"""Say what blocks an upgrade, and which versions it blocks: measured by running them, or proven by a resolver."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.search.ask import Candidate, Oracle, Says
from knowngood.search.changes import Change
from knowngood.search.frontier import representatives
from knowngood.search.rows import Kinds, edges, filled

_DEPENDS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)[^\s,]* (?:[\d.]+\S* )?depends? on ([A-Za-z0-9._-]+)")
Moves = tuple[tuple[str, str, str], ...]
"""(package, version before, version after) for each that moves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Versions of a package for which the same holds."""

    package: str
    low: str
    high: str
    says: Says


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocked:
    """A group that cannot move to the goal."""

    moves: Moves
    """What would have to move, from now to the goal."""
    says: Says
    cause: str
    blocker: str
    """The package that conflicts with it, as the diagnosis or the resolver has it; empty when neither names one."""
    frontier: tuple[Range, ...] = ()
    """What holds for the versions of its first package on the way to the goal; none where that was not found out."""
    blocking: tuple[Range, ...] = ()
    """What a resolver says about the versions of the blocker beside the goal; none where a run showed the conflict."""

    @property
    def last(self) -> str:
        """The newest version of its first package that works; empty when that was not found out."""
        works = [each for each in self.frontier if each.says is Says.WORKS]
        return works[-1].high if works else ""

    @property
    def first(self) -> str:
        """The next version that does not work; empty when that was not found out."""
        later = [each for each in self.frontier if Version(each.low) > Version(self.last)] if self.last else []
        return next((each.low for each in later if each.says not in (Says.WORKS, Says.UNKNOWN)), "")


def ranges(package: str, row: Sequence[Version], kinds: Kinds) -> tuple[Range, ...]:
    """Return what holds along a row, whose kinds are ``Says``; None and what nobody asked about is unknown."""
    says = [kind if isinstance(kind, Says) else Says.UNKNOWN for kind in filled(len(row), kinds)]
    stretches = [[*members] for _, members in groupby(range(len(row)), key=says.__getitem__)]
    return tuple(
        Range(package=package, low=str(row[places[0]]), high=str(row[places[-1]]), says=says[places[0]])
        for places in stretches
    )


def unsolvable(oracle: Oracle, wanted: Requirement, now: Mapping[str, str], rest: Change, message: str) -> Blocked:
    """Return what blocks a demand that has no solution: how far its package can go, and the versions that forbid more.

    ``rest`` is the rest of the goal, and ``message`` what the resolver says about the goal. Nothing runs.
    """
    name = packages.name_of(wanted)
    versions = oracle.versions(name)
    before = packages.public(now.get(name, ""))
    fitting = [version for version in versions if wanted.specifier.contains(version, prereleases=True)]
    goal = str(fitting[0]) if fitting else str(wanted.specifier)
    upper = fitting[0] if fitting else None
    lower = [version for version in versions if (before or versions[0]) <= version and version not in fitting]
    row = [version for version in representatives(lower) if upper is None or version < upper]
    row = sorted({*row, *([before] if before in versions else []), *fitting[:1]})
    blocker = _forbids(message, name)
    return Blocked(
        moves=((name, now.get(name, ""), goal),),
        says=Says.UNSOLVABLE,
        cause=f"no release of {name} meets {wanted.specifier}; the newest is {versions[-1]}"
        if versions and not fitting
        else message,
        blocker=blocker if fitting else "",
        frontier=_resolved(oracle, name, row, rest),
        blocking=_resolved(oracle, blocker, representatives(oracle.versions(blocker)), rest.plus(_demand(wanted)))
        if blocker and fitting
        else (),
    )


def _demand(wanted: Requirement) -> Change:
    return Change(requirements=(str(wanted),))


def _forbids(message: str, name: str) -> str:
    """Return the package that a resolver says depends on other versions of ``name``; empty when it says none."""
    for match in _DEPENDS.finditer(message):
        package, other = canonicalize_name(match[1].rstrip("._-")), canonicalize_name(match[2].rstrip("._-"))
        if other == name and package != name:
            return package
    return ""


def _resolved(oracle: Oracle, name: str, row: Sequence[Version], rest: Change) -> tuple[Range, ...]:
    """Return for which versions of a package a resolver finds a set, beside ``rest``."""
    if not row:
        return ()

    def ask(places: Sequence[int]) -> Mapping[int, Hashable | None]:
        changes = [rest.plus(Change(requirements=(f"{name}=={row[place]}",))) for place in places]
        found = oracle.resolve([Candidate(change=change, why=f"how far {name} can go") for change in changes])
        says = {None: Says.WORKS, Says.UNSOLVABLE: Says.UNSOLVABLE}
        return {place: says.get(each.says) for place, each in zip(places, found, strict=True)}

    return ranges(name, row, edges([0, len(row) // 2, len(row) - 1], ask, width=max(1, oracle.jobs)))
