"""Choose the versions that the selectors of a matrix stand for, when a run or a plan of it starts.

Only an index can say them. They are part of the record of the run, so a resumed run and every report have the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from knowngood.declare.selectors import Kind, Selections, Selector, read_selector
from knowngood.install import index, registry
from knowngood.install.releases import read_page
from knowngood.install.router import describe
from knowngood.install.routing import Routing, routing
from knowngood.install.upstream import Fault, IndexFault
from knowngood.model import Reason, Selection, Wanted
from knowngood.model.questions import Files, Release
from knowngood.project.project import Project
from knowngood.run.host import Machine

_SUPPORTED = timedelta(days=730)
"""How long SPEC 0 supports a release line: 24 months."""

_REASONS = {
    Fault.UNREACHABLE: Reason.INDEX_UNREACHABLE,
    Fault.REFUSED: Reason.INDEX_REFUSED,
    Fault.ERROR: Reason.INDEX_ERROR,
    Fault.NOT_AN_INDEX: Reason.NOT_AN_INDEX,
    Fault.OFFLINE: Reason.OFFLINE,
}


class NoTimesError(Exception):
    """The index does not say when a release was uploaded."""


def select(
    project: Project, machine: Machine, *, offline: bool = False, resume: bool = True, now: datetime | None = None
) -> Project:
    """Return the project with an exact version for each selector of its matrix.

    An unfinished run of the same matrix that can be resumed has chosen already. What an index cannot say makes the
    combos that need it undecided. ``now`` is the present moment.
    """
    matrix = project.matrix
    if not matrix.wanted:
        return project
    begun = project.runs.selected(matrix.digest) if resume else ()
    if begun and not any(selection.problem for selection in begun):
        return project.with_selections(Selections(all=begun))
    access = registry.access(machine.outside)
    routes = index.decide(matrix.indexes, project=matrix.project, access=access, offline=offline)
    earlier = {selection.wanted: selection for selection in matrix.selections}
    with routing(routes, machine.outside, machine.cache_folder) as routed:
        chooser = _Chooser(routed=routed, now=now or datetime.now(UTC), earlier=earlier)
        # Days first: what an index had then depends on them.
        ordered = sorted(matrix.wanted, key=lambda wanted: wanted.package != "")
        return project.with_selections(Selections(all=tuple(map(chooser.choose, ordered))))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chooser:
    """Asks indexes, each for a package once."""

    routed: Routing
    now: datetime
    earlier: Mapping[Wanted, Selection]
    _releases: dict[tuple[str, str], tuple[Release, ...]] = field(default_factory=dict)

    def choose(self, wanted: Wanted) -> Selection:
        """Return the versions that are wanted, or why nobody can say."""
        if not wanted.package:
            moment = self._moment(wanted.selector).isoformat(timespec="seconds").replace("+00:00", "Z")
            return Selection(wanted=wanted, versions=(("", moment),))
        selector = read_selector(wanted.selector)
        assert selector is not None, "only selectors are wanted"
        try:
            releases = self._listed(wanted.package, wanted.python)
            return Selection(wanted=wanted, versions=choose(selector, releases, wanted, self._until(wanted), self.now))
        except IndexFault as fault:
            before = self.earlier.get(wanted)
            if fault.fault is Fault.OFFLINE and before is not None:
                return before
            why = describe(self.routed.source(wanted.package), fault, wanted.package)
            message = f"{selector.text} of {wanted.package} cannot be chosen: {why}"
            reason = _REASONS[fault.fault]
        except NoTimesError:
            title = self.routed.source(wanted.package).title
            message = f"{selector.text} of {wanted.package} cannot be chosen: {title} does not say when it was uploaded"
            reason = Reason.NO_UPLOAD_TIMES
            before = self.earlier.get(wanted)
        return Selection(
            wanted=wanted, versions=before.versions if before else (), problem=message, reason=reason.value
        )

    def _listed(self, package: str, python: str) -> tuple[Release, ...]:
        key = package, python
        if key not in self._releases:
            page = self.routed.required_page(package)
            self._releases[key] = read_page(page, python) if page is not None else ()
        return self._releases[key]

    def _moment(self, as_of: str) -> datetime:
        if as_of.endswith("d"):
            return self.now - timedelta(days=int(as_of[:-1]))
        return datetime.fromisoformat(as_of).replace(tzinfo=UTC) + timedelta(days=1)

    def _until(self, wanted: Wanted) -> datetime | None:
        return None if wanted.as_of in ("", "now") else self._moment(wanted.as_of)


def choose(
    selector: Selector, releases: Iterable[Release], wanted: Wanted, until: datetime | None, now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the (release line, version) pairs that a selector stands for, lowest first.

    ``releases`` are all that the index has, with their files for the Python that is wanted; those after ``until`` do
    not count. Raises ``NoTimesError`` when an upload time that matters is not known.
    """
    known = tuple(releases)
    if until is not None:
        known = tuple(release for release in known if _uploaded(release) < until)
    usable = [release for release in known if release.files is not Files.NONE]
    final = [release for release in usable if not release.version.is_prerelease]
    match selector.kind:
        case Kind.PRE:
            return _one(usable[-1:])
        case Kind.LATEST:
            return _one((final or usable)[-1:])
        case Kind.OLDEST:
            bound = SpecifierSet(wanted.bound)
            allowed = [release for release in usable if bound.contains(release.version, prereleases=True)]
            return _one(([release for release in allowed if release in final] or allowed)[:1])
        case Kind.MAJORS | Kind.MINORS:
            bound = SpecifierSet(selector.argument)
            return _lines([release for release in final if bound.contains(release.version)], _PARTS[selector.kind])
        case Kind.LAST:
            return _lines(final)[-int(selector.argument) :]
        case Kind.SPEC0:
            return _supported(known, final, (until or now) - _SUPPORTED)


_PARTS = {Kind.MAJORS: 1, Kind.MINORS: 2}


def _one(releases: list[Release]) -> tuple[tuple[str, str], ...]:
    return tuple(("", release.version.public) for release in releases)


def _line(version: Version, parts: int = 2) -> str:
    """Return the release line of a version: its first numbers."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, (*version.release, 0)[:parts]))


def _lines(releases: Iterable[Release], parts: int = 2) -> tuple[tuple[str, str], ...]:
    """Return each release line with its newest release; ``releases`` are sorted."""
    lines = groupby(releases, lambda release: _line(release.version, parts))
    return tuple((line, [*members][-1].version.public) for line, members in lines)


def _supported(known: Iterable[Release], final: Iterable[Release], since: datetime) -> tuple[tuple[str, str], ...]:
    """Return the lines whose first release is not older than ``since``, at least the newest."""
    final = tuple(final)
    lines = _lines(final)
    first: dict[str, datetime] = {}
    for release in known:
        if not release.version.is_prerelease:
            line = _line(release.version)
            first[line] = min(_uploaded(release), first.get(line, _uploaded(release)))
    return tuple(pair for pair in lines if first[pair[0]] >= since) or lines[-1:]


def _uploaded(release: Release) -> datetime:
    if release.uploaded is None:
        raise NoTimesError
    return release.uploaded
