"""Read ``[[grid]]`` tables, and give ids to all combos of a matrix: those of grids and those of ``[[combo]]``.

This needs only the standard library and packaging: ``noxfile.py`` lists combos with ``combo_ids`` where nothing else is
installed. ``parse`` takes ids from the same functions, so both name the same combos.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from knowngood.declare.axes import (
    AddProblem,
    Value,
    axis_name,
    flattened,
    read_value,
    read_values,
    unknown_axis,
    written,
)
from knowngood.declare.grid import MOST_COMBOS, Entry, Grid, names_of
from knowngood.declare.problems import WrongValueError, did_you_mean, kind, listing, shown
from knowngood.declare.selectors import NOTHING, Selections
from knowngood.declare.toml import Where
from knowngood.declare.values import checked_id, fitted, python_version


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
    return replace(grid, exclude=exclude, _wanted={}) if grid.axes else None


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
    names = [*dict.fromkeys(name for value in known for name in names_of(value))]
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
        count = math.prod(map(len, chosen.values()))
        if count > MOST_COMBOS:
            what = f"the entry stands for {count:,} combos; the limit is {MOST_COMBOS:,}"
            add_problem(place, what, "shorten its arrays")
        elif len(chosen) == len(pairs):
            for values in itertools.product(*chosen.values()):
                yield dict(zip(chosen, values, strict=True))


def _included(axis: str, item: object, axes: Mapping[str, tuple[Value, ...]]) -> Value:
    if axis != "with":
        return read_value(axis, item)
    names = [value.text for value in axes.get("with", ())]
    known = next((value for value in axes.get("with", ()) if value.text == item), None)
    if known is None:
        hint = (
            did_you_mean(str(item), names, listing(names))
            if names
            else 'add it to axes: with = { new = ["pandas>=2"] }'
        )
        raise WrongValueError(f"unknown list {shown(item)}", hint)
    return known


DEFAULT_PYTHON = ("3.11",)
"""The Python of a matrix that names none."""


def combo_ids(raw: Mapping[str, object], selections: Selections = NOTHING) -> tuple[str, ...]:
    """Return the ids of all combos of a matrix file that ``tomllib`` parsed, without the invalid ones. Never raises.

    ``selections`` say which release lines a selector stands for; without them the selector itself is part of an id.
    """
    grids = read_grids(raw, matrix_pythons(raw), selections, _ignore)
    ids = (combo_id for _, combo_id in identified(raw, grids))
    return tuple(dict.fromkeys(itertools.islice(ids, MOST_COMBOS)))


def identified(raw: Mapping[str, object], grids: Iterable[Grid]) -> Iterator[tuple[Where, str]]:
    """Yield each id with the place in the file that it comes from; grids larger than ``MOST_COMBOS`` are left out."""
    for position, listed_id, pythons in listed(raw):
        for combo_id, _ in spread(listed_id, pythons):
            yield ("combo", position, "id"), combo_id
    for grid in grids:
        if grid.size <= MOST_COMBOS:
            for point in grid.points:
                yield ("grid", grid.position), point.id


def listed(raw: Mapping[str, object]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield the position, id and Pythons of each ``[[combo]]`` with a valid id."""
    combos = raw.get("combo")
    default = matrix_pythons(raw)
    for position, combo in enumerate(combos if isinstance(combos, list | tuple) else ()):
        if isinstance(combo, Mapping) and isinstance(combo.get("id"), str):
            try:
                yield position, checked_id(combo["id"]), _pythons(combo.get("python")) or default
            except WrongValueError:
                continue


def matrix_pythons(raw: Mapping[str, object]) -> tuple[str, ...]:
    """Return the Pythons of combos that name none."""
    matrix = raw.get("matrix")
    return (_pythons(matrix.get("python")) if isinstance(matrix, Mapping) else ()) or DEFAULT_PYTHON


def spread(combo_id: str, pythons: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return an (id, Python) pair for each of ``pythons``; with several, the Python is part of the id."""
    if len(pythons) == 1:
        return ((combo_id, pythons[0]),)
    return tuple((fitted(f"{combo_id}-{read_value('python', python).part}"), python) for python in pythons)


def _pythons(value: object) -> tuple[str, ...]:
    pythons = []
    for item in value if isinstance(value, list | tuple) else (value,):
        try:
            pythons.append(python_version(item))
        except WrongValueError:
            continue
    return tuple(dict.fromkeys(pythons))


def _ignore(where: Where, what: str, hint: str = "") -> None:
    """Ignore a problem; ``parse`` reports it."""
