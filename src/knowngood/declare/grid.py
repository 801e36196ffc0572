"""Span a grid: the product of its axes, with the id, title and contents of each combo."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from knowngood.declare.axes import (
    ABSENT,
    Value,
    is_package,
    line_value,
    package_of,
    variable_of,
)
from knowngood.declare.line_contents import Chosen, Order
from knowngood.declare.selectors import Selections
from knowngood.declare.values import LONGEST_ID, fitted
from knowngood.model import InstallerName, ResolutionMode, Selection, Wanted

MOST_COMBOS = 10_000
"""Most combos of a matrix, before anything is excluded."""

_ANY_LINE = "987654321"
"""Stands for a release line that nobody knows yet."""
_USUAL = (Order.TOGETHER, InstallerName.UV, ResolutionMode.HIGHEST, "now")
"""Values of axes that an id does not name, since most combos have them."""
_BEHIND = ("with", "extras", "order", "installer", "resolution", "as-of")
"""Axes in the order in which ids name them, after the packages; variables and Python follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One combo of a grid; what is None is not set by an axis."""

    id: str
    family: str
    """Its id before the lines of selectors were known, which all combos of the same selectors share."""
    title: str
    chosen: Chosen
    python: str
    installer: InstallerName | None
    resolution: ResolutionMode | None
    as_of: str | None
    env: tuple[tuple[str, str], ...]
    axes: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    """(axis, exact version) pairs of what a selector became."""
    unselected: tuple[str, str] | None
    """(reason, message) pair when a selector could not become a version."""


Entry = Mapping[str, Value]
"""Axis -> value."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One ``[[grid]]``: axes, and what is left out or added."""

    position: int
    """Among the grids of the file, counted from 0."""
    prefix: str
    """What its ids begin with: its own id, or nothing."""
    alone: bool
    """Whether the file has no other grid."""
    axes: Mapping[str, tuple[Value, ...]]
    """Name -> values as declared, in the order of the file."""
    pythons: tuple[str, ...]
    """The Pythons of the matrix, of which the first counts if there is no axis of them."""
    as_of: str = "now"
    selections: Selections
    exclude: tuple[Mapping[str, frozenset[str]], ...] = ()
    """Axis -> values; a combo that has one of the values of each axis of an entry is left out."""
    include: tuple[Entry, ...] = ()
    _wanted: dict[Wanted, None] = field(default_factory=dict)

    @cached_property
    def spanned(self) -> Mapping[str, tuple[Value, ...]]:
        """The axes with each release line of a selector, as far as they are known, as a value of its own."""
        return {axis: tuple(self._lines(axis, values)) for axis, values in self.axes.items()}

    @property
    def packages(self) -> tuple[str, ...]:
        """The axes that are packages, in the order of the file."""
        return tuple(filter(is_package, self.axes))

    @property
    def has_selectors(self) -> bool:
        """Whether its combos depend on what an index has."""
        values = itertools.chain(*self.axes.values(), *(entry.values() for entry in self.include))
        return any(value.selector is not None and value.selector.has_lines for value in values)

    @property
    def size(self) -> int:
        """Number of combos before anything is excluded; computed without listing them."""
        return math.prod(len(values) for values in self.spanned.values()) + len(self.include)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The combos, the last axis changing fastest, and then those that are included."""
        entries = itertools.chain(self._product(), self._included())
        return tuple(point for entry in entries if (point := self._point(entry)) is not None)

    @cached_property
    def possible_ids(self) -> tuple[str, ...]:
        """Globs of the ids that it may have, whatever lines an index has; nothing where no id depends on that."""
        if not self.has_selectors:
            return ()
        values = [
            (package_of(axis), value.selector.text)
            for entry in (self.axes, *({axis: (value,) for axis, value in entry.items()} for entry in self.include))
            for axis, declared in entry.items()
            for value in declared
            if value.selector is not None and value.selector.has_lines
        ]
        lines = tuple(
            Selection(wanted=Wanted(package=package, selector=text), versions=((_ANY_LINE, _ANY_LINE),))
            for package, text in values
        )
        grid = replace(self, selections=Selections(all=lines), _wanted={})
        ids = dict.fromkeys(name for point in grid.points for name in (point.id, point.family))
        # In an id that was too long and was cut, the line is part of a digest.
        cut = "*" if any(len(name) == LONGEST_ID for name in ids) else ""
        return tuple(filter(None, (*(name.replace(_ANY_LINE, "[0-9]*") for name in ids), cut)))

    @cached_property
    def _unspanned(self) -> "Grid":
        """The same grid without anything known of an index."""
        return replace(self, selections=Selections(), _wanted={})

    @cached_property
    def wanted(self) -> tuple[Wanted, ...]:
        """What its selectors need to know, also for the Pythons that have nothing of a release line."""
        _ = self.points
        return tuple(self._wanted)

    def _product(self) -> Iterator[Entry]:
        for values in itertools.product(*self.spanned.values()):
            chosen = dict(zip(self.axes, values, strict=True))
            if not any(_leaves_out(entry, chosen) for entry in self.exclude):
                yield chosen

    def _included(self) -> Iterator[Entry]:
        first = {axis: values[0] for axis, values in self.spanned.items() if values}
        for entry in self.include:
            yield from self._each_line({**first, **entry})

    def _lines(self, axis: str, values: Iterable[Value]) -> Iterator[Value]:
        seen = set()
        for value in values:
            lines = self._known_lines(axis, value)
            for line in lines or (value,):
                if line.text not in seen:
                    seen.add(line.text)
                    yield line

    def _known_lines(self, axis: str, value: Value) -> tuple[Value, ...]:
        if value.selector is None or not value.selector.has_lines:
            return ()
        lines = self.selections.lines(package_of(axis), value.selector.text)
        return tuple(line_value(axis, value.selector, line) for line in lines)

    def _each_line(self, entry: Entry) -> Iterator[Entry]:
        choices = [self._known_lines(axis, value) or (value,) for axis, value in entry.items()]
        for values in itertools.product(*choices):
            yield dict(zip(entry, values, strict=True))

    def _point(self, chosen: Entry) -> Point | None:
        """Return one combo; None when a release line of it has no release for its Python."""
        python = chosen["python"].text if "python" in chosen else self.pythons[0]
        as_of = chosen["as-of"].text if "as-of" in chosen else self.as_of
        requirements: list[tuple[str, str]] = []
        versions: list[tuple[str, str]] = []
        absent: list[str] = []
        unselected: tuple[str, str] | None = None
        for axis, value in chosen.items():
            if not is_package(axis):
                continue
            package, requirement = package_of(axis), value.requirement
            if value.text == ABSENT:
                absent.append(package)
                continue
            if value.selector is not None:
                need = Wanted(package=package, selector=value.selector.text, python=python, as_of=as_of)
                self._wanted[need] = None
                selection = self.selections.of(need)
                version = selection and dict(selection.versions).get(value.line)
                if selection is not None and version and not selection.problem:
                    requirement = f"{package}=={version}"
                    versions.append((axis, version))
                elif selection and value.line and not version and selection.versions:
                    return None
                if selection is None:
                    unselected = unselected or ("", f"the version of {package} {value.selector.text} is not chosen yet")
                elif selection.problem:
                    unselected = unselected or (selection.reason, selection.problem)
            requirements.append((package, requirement))
        exact = dict(versions)
        env = ((name, value.text) for axis, value in chosen.items() if (name := variable_of(axis)) is not None)
        own_id = self._id(chosen)
        return Point(
            id=own_id,
            family=self._unspanned._id(self._declared(chosen)) if any(it.line for it in chosen.values()) else own_id,
            title=self._title(chosen, exact),
            chosen=Chosen(
                requirements=tuple(requirements),
                absent=tuple(absent),
                lines=chosen["with"].lines if "with" in chosen else (),
                extras=chosen["extras"].names if "extras" in chosen else None,
                order=Order(chosen["order"].text) if "order" in chosen else None,
            ),
            python=python,
            installer=InstallerName(chosen["installer"].text) if "installer" in chosen else None,
            resolution=ResolutionMode(chosen["resolution"].text) if "resolution" in chosen else None,
            as_of=chosen["as-of"].text if "as-of" in chosen else None,
            env=tuple(env),
            axes=tuple((axis, value.text) for axis, value in chosen.items()),
            versions=tuple(versions),
            unselected=unselected,
        )

    def _varies(self, axis: str, value: Value) -> bool:
        """Return whether an id must name a value: the axis has several, or an entry of ``include`` brings it."""
        own = self.axes.get(axis, ())
        if len(self.spanned.get(axis, ())) > 1:
            return True
        return not any(value.text == other.text or (value.selector or 0) == other.selector for other in own)

    def _id(self, chosen: Entry) -> str:
        axes = _ordered(tuple(chosen))
        varying = [axis for axis in axes if self._varies(axis, chosen[axis])]
        if not any(map(is_package, varying)):
            varying = [axis for axis in axes if axis in varying or is_package(axis)]
        parts = [chosen[axis].part for axis in varying if is_package(axis) or chosen[axis].text not in _USUAL]
        # If only one thing varies, its usual value has a name as well.
        parts = parts or [chosen[axis].part for axis in varying]
        unnamed = "grid" if self.alone else f"grid{self.position + 1}"
        return fitted("-".join([self.prefix, *parts] if self.prefix else parts) or unnamed)

    def _declared(self, chosen: Entry) -> Entry:
        """Return ``chosen`` with the selector in place of each of its lines."""
        every = {axis: [*self.axes.get(axis, ()), *(it[axis] for it in self.include if axis in it)] for axis in chosen}
        return {
            axis: next(it for it in every[axis] if it.selector == value.selector) if value.line else value
            for axis, value in chosen.items()
        }

    def _title(self, chosen: Entry, exact: Mapping[str, str]) -> str:
        titles = [
            chosen[axis].title + (f" ({exact[axis]})" if axis in exact else "")
            for axis in _ordered(tuple(chosen))
            if is_package(axis) or (self._varies(axis, chosen[axis]) and chosen[axis].text not in _USUAL)
        ]
        return ", ".join(titles)


@cache
def _ordered(axes: tuple[str, ...]) -> tuple[str, ...]:
    """Return axes in the order in which ids and titles name them."""
    variables = [axis for axis in axes if variable_of(axis) is not None]
    named = [*filter(is_package, axes), *_BEHIND, *variables, "python"]
    return tuple(axis for axis in named if axis in axes)


def _leaves_out(entry: Mapping[str, frozenset[str]], chosen: Entry) -> bool:
    return all(axis in chosen and not names.isdisjoint(names_of(chosen[axis])) for axis, names in entry.items())


def names_of(value: Value) -> tuple[str, ...]:
    """Return what ``exclude`` may call a value: a release line by its number, or by the selector that it is of."""
    if value.selector is None:
        return (value.text,)
    return (value.text, f"{value.line}.x", value.selector.text) if value.line else (value.text,)
