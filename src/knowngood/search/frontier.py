"""Find out which versions of a package work in a combo: intervals with their causes, never one number.

Each release line stands for its last release. A resolver says which have a solution; of these the oldest, the current
and the newest run, and what lies between two that differ, until they are neighbors. The line at a boundary is looked
into, and spot checks look for islands.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import groupby, pairwise

from packaging.version import Version

from knowngood import packages
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change, named_by
from knowngood.search.declared import Bound, Lie, bounds_of, lies
from knowngood.search.frame import Frame
from knowngood.search.rows import Kinds, edges, explore, filled
from knowngood.search.trail import Kind, ask_each, kind_of, message

_LINES_A_CHECK = 8  # release lines for each spot check


class How(StrEnum):
    """How it is known what holds for a version."""

    RAN = "ran"
    REUSED = "reused"
    """From an earlier run of the same set."""
    RESOLVED = "resolved"
    """A resolver proves it, or cannot say; nothing ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What is known of one version."""

    version: Version
    says: Says
    cause: str
    """Why it does not work; empty when it does."""
    kind: Kind | None
    how: How
    combo: str = ""
    """The combo of the run that shows it; empty when nothing ran."""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version of what was installed with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Versions next to each other for which the same holds."""

    low: Version
    high: Version
    says: Says
    cause: str
    releases: int
    measured: int
    """How many of them are known by themselves, and not only by those around them."""
    moved: tuple[str, ...] = ()
    """Packages that the combo names, and that had another version in some of the sets than in the combo as it is."""
    forced: bool = False
    """Whether declared requirements forbid them: they were installed against these."""

    @property
    def text(self) -> str:
        """The ends: ``1.22 … 2.1.3``, or one version."""
        return str(self.low) if self.low == self.high else f"{self.low} … {self.high}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontier:
    """Which versions of a package work in a combo."""

    package: str
    """Canonical name."""
    base: Answer
    """The combo as it is."""
    points: tuple[Point, ...]
    """What is known by itself, the lowest version first."""
    intervals: tuple[Interval, ...]
    beyond: tuple[Interval, ...]
    """What is known of versions that declared requirements forbid."""
    bounds: tuple[Bound, ...]
    """What is declared about the package."""
    lies: tuple[Lie, ...]
    """Those of them that do not say what works."""
    lines: int
    """Release lines, each of which stands for its last release."""
    without_wheel: int
    """Releases that were left out, because they have no wheel for this Python."""

    @property
    def installed(self) -> Version | None:
        """The version in the combo as it is."""
        return packages.version(self.base.facts.installed.get(self.package, ""))

    @property
    def works(self) -> Interval | None:
        """The interval that works and has the current version, or else the newest that works."""
        working = [each for each in self.intervals if each.says is Says.WORKS]
        now = self.installed
        current = [each for each in working if now is not None and each.low <= now <= each.high]
        return next(iter(current or working[::-1]), None)


def find(oracle: Oracle, package: str, base: Answer, *, bounds: bool = True) -> Frontier:
    """Return which versions of ``package`` (canonical) work in the combo of ``oracle``, whose answer is ``base``.

    With ``bounds`` the versions next to declared bounds run as well, against what is declared.
    """
    versions = rows_versions(oracle, package)
    lines = representatives(versions)
    row = Row(oracle, package)
    row.resolve(lines)
    now = packages.version(base.facts.installed.get(package, ""))
    solvable = [version for version in lines if version not in row.points]
    if solvable:
        current = [place for place, version in enumerate(solvable) if now is not None and version <= now][-1:]
        explore(
            len(solvable),
            row.asking(solvable, versions),
            first=sorted({0, *current, len(solvable) - 1}),
            spots=_ends_of_majors(solvable),
            checks=round(len(solvable) / _LINES_A_CHECK),
            width=max(1, oracle.jobs),
        )
    _refine(row, lines, versions)
    named = named_by(oracle.combo) - {package}
    before = {name: version for name, version in base.facts.installed.items() if name in named}
    intervals = tuple(_intervals(versions, row.points, before))
    declared = tuple(bounds_of(package, [base, *row.answers]))
    forced = Row(oracle, package, forced=True)
    beyond = tuple(_beyond(versions, row, forced, before)) if bounds and declared else ()
    releases = oracle.releases(package) or ()
    sets = {version: point.installed for version, point in (row.points | forced.points).items() if point.installed}
    return Frontier(
        package=package,
        base=base,
        points=tuple(row.points[version] for version in sorted(row.points)),
        intervals=intervals,
        beyond=beyond,
        bounds=declared,
        lies=tuple(lies(declared, (*intervals, *beyond), sets)),
        lines=len({packages.line_of(version) for version in versions}),
        without_wheel=sum(not release.version.is_prerelease for release in releases) - len(versions),
    )


def rows_versions(oracle: Oracle, package: str) -> list[Version]:
    """Return the releases that are looked at, the lowest first: those with a wheel, or else those with sources."""
    with_wheels = list(oracle.versions(package))
    releases = oracle.releases(package) or ()
    return with_wheels or [each.version for each in releases if not each.version.is_prerelease]


def representatives(versions: Sequence[Version]) -> list[Version]:
    """Return the last release of each release line, and the lowest version of all."""
    lines = groupby(versions, packages.line_of)
    return sorted({*versions[:1], *([*members][-1] for _, members in lines)})


class Row:
    """Asks about versions of one package, and keeps what came out."""

    def __init__(self, oracle: Oracle, package: str, *, forced: bool = False) -> None:
        self._oracle = oracle
        self._package = package
        self._forced = forced
        self.points: dict[Version, Point] = {}
        self.answers: list[Answer] = []

    def resolve(self, versions: Sequence[Version]) -> None:
        """Let a resolver refute versions; what has a solution is left open."""
        open_ = [version for version in versions if version not in self.points]
        changes = [self._candidate(version, "") for version in open_]
        for version, resolved in zip(open_, self._oracle.resolve(changes), strict=True):
            if resolved.says is not None:
                kind = Kind(says=resolved.says) if resolved.says is Says.UNSOLVABLE else None
                self.points[version] = Point(
                    version=version, says=resolved.says, cause=resolved.message, kind=kind, how=How.RESOLVED
                )

    def asking(
        self, row: Sequence[Version], versions: Sequence[Version] = (), why: str = ""
    ) -> Callable[[Sequence[int]], Mapping[int, Hashable | None]]:
        """Return what answers for the places of a row; for one that is unknown, the release before it in its line."""
        return partial(self._ask_places, row, versions, why or f"which {self._package} works?")

    def _ask_places(
        self, row: Sequence[Version], versions: Sequence[Version], why: str, places: Sequence[int]
    ) -> dict[int, Hashable | None]:
        self.ask([row[place] for place in places], why)
        unknown = [place for place in places if row[place] in self.points and self.points[row[place]].kind is None]
        siblings = {place: _sibling(row[place], versions) for place in unknown}
        self.ask([version for version in siblings.values() if version is not None], "in place of one that is unknown")
        kinds: dict[int, Hashable | None] = {}
        for place in places:
            point = self.points.get(row[place])
            if point is not None:
                other = self.points.get(sibling) if (sibling := siblings.get(place)) is not None else None
                kinds[place] = point.kind or (other.kind if other is not None else None)
        return kinds

    def ask(self, versions: Sequence[Version], why: str) -> None:
        """Run what is not known yet."""
        open_ = {self._candidate(version, why): version for version in versions if version not in self.points}
        answers = ask_each(self._oracle, list(open_))
        for candidate, version in open_.items():
            answer = answers.get(candidate.change)
            if answer is not None:
                self.answers.append(answer)
                self.points[version] = Point(
                    version=version,
                    says=answer.says,
                    cause=message(answer),
                    kind=kind_of(answer),
                    how=How.RAN if answer.ran else How.REUSED if answer.facts.probes else How.RESOLVED,
                    combo=answer.combo.id,
                    installed=answer.facts.installed,
                )

    def _candidate(self, version: Version, why: str) -> Candidate:
        pin = f"{self._package}=={version}"
        change = Change(frame=Frame(overrides=(pin,))) if self._forced else Change(requirements=(pin,))
        return Candidate(change=change, why=why)


def _sibling(version: Version, versions: Sequence[Version]) -> Version | None:
    before = [each for each in versions if each < version and each.release[:2] == version.release[:2]]
    return before[-1] if before else None


def _ends_of_majors(row: Sequence[Version]) -> list[int]:
    """Return the places of the last version of each major release line, the newest first, at most three.

    Where almost every version is a major one, as with calendar versions, that says nothing: none is returned.
    """
    ends = [place for place, (low, high) in enumerate(pairwise(row)) if low.major != high.major]
    return ends[::-1][:3] if 2 * len(ends) < len(row) else []


def _refine(row: Row, lines: Sequence[Version], versions: Sequence[Version]) -> None:
    """Look into the release lines at which something changes."""
    kinds: Kinds = {place: row.points[version].kind for place, version in enumerate(lines) if version in row.points}
    whole = filled(len(lines), kinds)
    for place, (low, high) in enumerate(pairwise(lines)):
        before, after = whole[place], whole[place + 1]
        if before is None or after is None or before == after:
            continue
        inside = [version for version in versions if low < version < high]
        row.resolve(inside)
        inside = [version for version in inside if version not in row.points]
        if not inside:
            continue
        # What differs mostly begins with a release line, so its first release is asked first. Where one end has no
        # solution, the release next to it is the one to know.
        ends = Kind(says=Says.UNSOLVABLE)
        first = len(inside) if after == ends else 1
        asking = row.asking([low, *inside, high], (), f"where {row_name(low, high)} changes")
        edges([first], asking, known={0: before, len(inside) + 1: after})


def row_name(low: Version, high: Version) -> str:
    """Return how messages name what lies between two versions."""
    return f"what lies between {low} and {high}"


def _intervals(
    versions: Sequence[Version], points: Mapping[Version, Point], before: Mapping[str, str], *, forced: bool = False
) -> Iterator[Interval]:
    """Yield the intervals of a row, those that nobody knows among them."""
    kinds: Kinds = {place: points[version].kind for place, version in enumerate(versions) if version in points}
    whole = filled(len(versions), kinds)
    for kind, members in groupby(range(len(versions)), key=whole.__getitem__):
        places = list(members)
        known = [points[versions[place]] for place in places if versions[place] in points]
        says = kind.says if isinstance(kind, Kind) else Says.UNKNOWN
        yield Interval(
            low=versions[places[0]],
            high=versions[places[-1]],
            says=says,
            cause=known[0].cause if known else "not asked",
            releases=len(places),
            measured=len(known),
            moved=tuple(name for name in sorted(before) if any(_moved(point, name, before[name]) for point in known)),
            forced=forced,
        )


def _moved(point: Point, name: str, before: str) -> bool:
    return bool(point.installed) and point.installed.get(name) != before


def _beyond(versions: Sequence[Version], row: Row, forced: Row, before: Mapping[str, str]) -> Iterator[Interval]:
    """Yield what holds for versions without a solution on both sides of those that have one."""
    unsolvable = {version for version, point in row.points.items() if point.says is Says.UNSOLVABLE}
    solvable = [version for version, point in row.points.items() if point.kind and version not in unsolvable]
    if not solvable:
        return
    works = Kind(says=Says.WORKS)
    for side in (
        [version for version in versions if version > max(solvable)],
        [version for version in versions if version < min(solvable)][::-1],
    ):
        # The release next to the bound, and the last of each release line beyond it.
        lines = {*representatives(sorted(side)), *side[:1]} & unsolvable
        ordered = [version for version in side if version in lines]
        if not ordered or ordered[0] != side[0]:
            continue
        forced.resolve(ordered)
        ordered = [version for version in ordered if version not in forced.points]
        asking = forced.asking(ordered, (), "what is declared forbids it")
        if ordered and edges([0], asking).get(0) == works and len(ordered) > 1:
            edges([len(ordered) - 1], asking, known={0: works})
        stretches = _intervals(sorted(ordered), forced.points, before, forced=True)
        yield from (stretch for stretch in stretches if stretch.measured)
