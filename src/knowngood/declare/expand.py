"""The ids of all combos of a matrix, listed and spanned.

Only the standard library and packaging are needed: ``noxfile.py`` lists combos with ``combo_ids`` where nothing else is
installed. The loader takes ids from the same functions, so both name the same combos.
"""

import itertools
from collections.abc import Iterator, Mapping

from knowngood.declare.grid import Grid, read_grid
from knowngood.declare.locate import Where
from knowngood.declare.problems import WrongValueError
from knowngood.declare.values import checked_id, fitted
from knowngood.declare.versions import python_version

DEFAULT_PYTHON = ("3.11",)
"""The Pythons of a matrix that names none."""

MOST_COMBOS = 10_000
"""Combos that a matrix may have, before anything is excluded."""


def combo_ids(raw: Mapping[str, object]) -> tuple[str, ...]:
    """List the ids of a matrix file as ``tomllib`` reads it; what cannot be read is left out, nothing is raised."""
    grid = read_grid(raw["axes"], matrix_pythons(raw), _ignore) if "axes" in raw else None
    ids = (combo_id for _, combo_id in identified(raw, grid))
    return tuple(dict.fromkeys(itertools.islice(ids, MOST_COMBOS)))


def identified(raw: Mapping[str, object], grid: Grid | None) -> Iterator[tuple[Where, str]]:
    """Give each id and where in the file it comes from; a grid beyond ``MOST_COMBOS`` is left out."""
    for position, stem, pythons in listed(raw):
        for combo_id, _ in spread(stem, pythons):
            yield ("combo", position, "id"), combo_id
    if grid is not None and grid.size <= MOST_COMBOS:
        for point in grid.points():
            yield ("axes",), point.id


def listed(raw: Mapping[str, object]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Give position, id and Pythons of each ``[[combo]]`` that has a usable id."""
    combos = raw.get("combo")
    default = matrix_pythons(raw)
    for position, combo in enumerate(combos if isinstance(combos, list | tuple) else ()):
        if isinstance(combo, Mapping) and isinstance(combo.get("id"), str):
            try:
                yield position, checked_id(combo["id"]), _pythons(combo.get("python")) or default
            except WrongValueError:
                continue


def matrix_pythons(raw: Mapping[str, object]) -> tuple[str, ...]:
    """Give the Pythons that combos have unless they say otherwise."""
    matrix = raw.get("matrix")
    return (_pythons(matrix.get("python")) if isinstance(matrix, Mapping) else ()) or DEFAULT_PYTHON


def spread(combo_id: str, pythons: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Give (id, Python) of a combo that is listed once and run with several Pythons."""
    if len(pythons) == 1:
        return ((combo_id, pythons[0]),)
    return tuple((fitted(f"{combo_id}-py{python}"), python) for python in pythons)


def _pythons(value: object) -> tuple[str, ...]:
    found = []
    for item in value if isinstance(value, list | tuple) else (value,):
        try:
            found.append(python_version(item))
        except WrongValueError:
            continue
    return tuple(dict.fromkeys(found))


def _ignore(where: Where, what: str, hint: str = "") -> None:
    """Leave what is wrong to the loader to tell."""
