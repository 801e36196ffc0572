"""Read ``[[grid]]`` tables and span them: the product of their axes, with the id, title and contents of each combo."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from knowngood.declare.asked import Chosen, Order
from knowngood.declare.axes import (
    ABSENT,
    AddProblem,
    Value,
    axis_name,
    flattened,
    is_package,
    line_value,
    package_of,
    read_value,
    read_values,
    unknown_axis,
    variable_of,
    written,
)
from knowngood.declare.locate import Where
from knowngood.declare.problems import WrongValueError, did_you_mean, kind, listing, shown
from knowngood.declare.selected import Selections
from knowngood.declare.values import checked_id, fitted
from knowngood.model import InstallerName, ResolutionMode, Wanted

_USUAL = (Order.TOGETHER, InstallerName.UV, ResolutionMode.HIGHEST, "now")
"""Values of axes that an id does not name, since most combos have them."""
_BEHIND = ("with", "extras", "order", "installer", "resolution", "as-of")
"""Axes in the order in which ids name them, behind the packages; variables and Python follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One combo of a grid; what is None is not set by an axis."""

    id: str
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
    wanted: tuple[Wanted, ...]
    """What its selectors need to know; a bound is not in it."""


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
        wanted: list[Wanted] = []
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
                wanted.append(need)
                selection = self.selections.of(need)
                version = selection and dict(selection.versions).get(value.line)
                if version:
                    requirement = f"{package}=={version}"
                    versions.append((axis, version))
                elif selection and value.line and selection.versions:
                    return None
                if selection is None:
                    unselected = unselected or ("", f"the version of {package} {value.selector.text} is not chosen yet")
                elif selection.problem:
                    unselected = unselected or (selection.reason, selection.problem)
            requirements.append((package, requirement))
        exact = dict(versions)
        env = ((name, value.text) for axis, value in chosen.items() if (name := variable_of(axis)) is not None)
        return Point(
            id=self._id(chosen),
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
            wanted=tuple(wanted),
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
        # Of a single thing that varies, the usual value has a name, too.
        parts = parts or [chosen[axis].part for axis in varying]
        unnamed = "grid" if self.alone else f"grid{self.position + 1}"
        return fitted("-".join([self.prefix, *parts] if self.prefix else parts) or unnamed)

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
    return all(axis in chosen and not names.isdisjoint(_names(chosen[axis])) for axis, names in entry.items())


def _names(value: Value) -> tuple[str, ...]:
    """Return what ``exclude`` may call a value: a release line by its number, or by the selector that it is of."""
    if value.selector is None:
        return (value.text,)
    return (value.text, f"{value.line}.x", value.selector.text) if value.line else (value.text,)


def read_grids(
    raw: Mapping[str, object], pythons: tuple[str, ...], selections: Selections, add_problem: AddProblem
) -> tuple[Grid, ...]:
    """Read the axes of all ``[[grid]]`` tables; several ``pythons`` of the matrix become an axis of each without one.

    Passes each problem to ``add_problem`` and leaves out what is wrong.
    """
    if "axes" in raw:
        add_problem(("axes",), "[axes] is now a [[grid]], of which a file may have several", _as_grid(raw["axes"]))
    tables = raw.get("grid", ())
    if not isinstance(tables, list | tuple):
        add_problem(("grid",), f"must be an array of tables, not {kind(tables)}", "open each with [[grid]]")
        return ()
    return tuple(
        grid
        for position, table in enumerate(tables)
        if isinstance(table, Mapping)
        and (grid := _grid(table, position, len(tables) == 1, pythons, selections, add_problem)) is not None
    )


def _as_grid(raw: object) -> str:
    """Return the hint of how the axes of an older matrix are written."""
    if not isinstance(raw, Mapping):
        return "open it with [[grid]] and [grid.axes]"
    exclude = " Put exclude beside axes, above [grid.axes]." if "exclude" in raw else ""
    order = "" if "order" in raw else ' Packages are installed together; order = ["as-given"] gives each its own step.'
    return f"write [[grid]] and below it [grid.axes] with the same lines.{exclude}{order}"


def _grid(
    table: Mapping[str, object],
    position: int,
    alone: bool,
    pythons: tuple[str, ...],
    selections: Selections,
    add_problem: AddProblem,
) -> Grid | None:
    where: Where = ("grid", position)
    raw = table.get("axes", {})
    if not isinstance(raw, Mapping) or not raw:
        if "axes" not in table:
            add_problem(where, "missing key 'axes'", 'write axes = { numpy = ["1.26.4", "2.0.2"] }')
        else:
            what = "must name at least one axis" if raw == {} else f"must be a table, not {kind(raw)}"
            add_problem((*where, "axes"), what, 'write axes = { numpy = ["1.26.4", "2.0.2"] }')
        return None
    axes: dict[str, tuple[Value, ...]] = {}
    for key, values, place in flattened(raw):
        try:
            axis = axis_name(key, values)
            if axis in axes:
                hint = "case, '-', '_' and '.' make no difference in package names"
                raise WrongValueError(f"duplicate axis {axis!r}", hint)
        except WrongValueError as wrong:
            add_problem((*where, "axes", *place), wrong.what, wrong.hint)
            continue
        axes[axis] = tuple(read_values(axis, values, (*where, "axes", *place), add_problem))
    if "python" not in axes and len(pythons) > 1:
        axes["python"] = tuple(read_value("python", python) for python in pythons)
    include = tuple(_read_include(table.get("include", ()), axes, (*where, "include"), add_problem))
    prefix = table.get("id")
    try:
        prefix = checked_id(prefix) if isinstance(prefix, str) else ""
    except WrongValueError:
        prefix = ""
    as_of = table.get("as-of", "now")
    grid = Grid(
        position=position,
        prefix=prefix,
        alone=alone,
        axes={axis: values for axis, values in axes.items() if values},
        pythons=pythons,
        as_of=read_value("as-of", as_of).text if _is_valid("as-of", as_of) else "now",
        selections=selections,
        include=include,
    )
    exclude = tuple(_read_exclude(table.get("exclude", ()), axes, grid, (*where, "exclude"), add_problem))
    return replace(grid, exclude=exclude) if grid.axes else None


def _is_valid(axis: str, value: object) -> bool:
    try:
        read_value(axis, value)
    except WrongValueError:
        return False
    return True


def _entries(
    raw: object, where: Where, example: str, add_problem: AddProblem
) -> Iterator[tuple[Where, Mapping[object, object]]]:
    if not isinstance(raw, list | tuple):
        add_problem(where, f"must be an array of tables, not {kind(raw)}", f"write [{example}]")
        return
    for position, entry in enumerate(raw):
        if not isinstance(entry, Mapping) or not entry:
            add_problem((*where, position), "must be a table that names at least one axis", f"write {example}")
            continue
        yield (*where, position), entry


def _read_exclude(
    raw: object, axes: Mapping[str, tuple[Value, ...]], grid: Grid, where: Where, add_problem: AddProblem
) -> Iterator[Mapping[str, frozenset[str]]]:
    for place, entry in _entries(raw, where, '{ numpy = ["2.0.2"] }', add_problem):
        chosen: dict[str, frozenset[str]] = {}
        pairs = list(flattened(entry))
        for key, value, inside in pairs:
            try:
                axis = axis_name(key, value)
                if axis not in axes:
                    raise unknown_axis(key, axes)
                if axis in chosen:
                    raise WrongValueError(f"duplicate axis {axis!r}")
                items = value if isinstance(value, list | tuple) else [value]
                if not items:
                    raise WrongValueError("must name at least one value", "name some, or leave the axis out")
                chosen[axis] = frozenset(_known_value(axis, item, grid) for item in items)
            except WrongValueError as wrong:
                add_problem((*place, *inside), wrong.what, wrong.hint)
        if len(chosen) == len(pairs):
            yield chosen


def _known_value(axis: str, value: object, grid: Grid) -> str:
    """Return what a combo calls a value; where the axis has no valid values, any is accepted."""
    name = written(value)
    included = tuple(entry[axis] for entry in grid.include if axis in entry)
    declared = (*grid.axes.get(axis, ()), *included)
    known = (*grid.spanned.get(axis, ()), *included)
    names = [*dict.fromkeys(name for value in known for name in _names(value))]
    if not names or name in names:
        return name
    if _is_valid(axis, value):
        meaning = read_value(axis, value).meaning
        if (same := next((other.text for other in declared if other.meaning == meaning), None)) is not None:
            return same
    if any(value.selector is not None and value.selector.has_lines for value in declared):
        # Release lines come and go with the index.
        return name
    what = f"unknown value {shown(name)} of {axis}: nothing is excluded"
    raise WrongValueError(what, did_you_mean(name, names, listing(names)))


def _read_include(
    raw: object, axes: Mapping[str, tuple[Value, ...]], where: Where, add_problem: AddProblem
) -> Iterator[Entry]:
    for place, entry in _entries(raw, where, '{ numpy = "pre", python = "3.14" }', add_problem):
        chosen: dict[str, tuple[Value, ...]] = {}
        pairs = list(flattened(entry))
        for key, value, inside in pairs:
            try:
                axis = axis_name(key, value)
                if axis not in axes and (near := did_you_mean(axis, axes)):
                    raise WrongValueError(f"unknown axis {shown(key)}", near)
                if axis in chosen:
                    raise WrongValueError(f"duplicate axis {axis!r}")
                items = value if isinstance(value, list | tuple) and axis != "extras" else [value]
                if not items:
                    raise WrongValueError("must name at least one value", "name some, or leave the axis out")
                chosen[axis] = tuple(_included(axis, item, axes) for item in items)
            except WrongValueError as wrong:
                add_problem((*place, *inside), wrong.what, wrong.hint)
        if len(chosen) == len(pairs):
            for values in itertools.product(*chosen.values()):
                yield dict(zip(chosen, values, strict=True))


def _included(axis: str, item: object, axes: Mapping[str, tuple[Value, ...]]) -> Value:
    if axis != "with":
        return read_value(axis, item)
    names = [value.text for value in axes.get("with", ())]
    known = next((value for value in axes.get("with", ()) if value.text == item), None)
    if known is None:
        raise WrongValueError(f"unknown list {shown(item)}", did_you_mean(str(item), names, listing(names)))
    return known
