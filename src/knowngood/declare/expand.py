"""Give ids to all combos of a matrix, those of ``[[combo]]`` and those of ``[[grid]]``.

This needs only the standard library and packaging: ``noxfile.py`` lists combos with ``combo_ids`` where nothing else is
installed. ``parse`` takes ids from the same functions, so both name the same combos.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

from knowngood.declare.axes import read_value
from knowngood.declare.grid import MOST_COMBOS, Grid
from knowngood.declare.grids import read_grids
from knowngood.declare.locate import Where
from knowngood.declare.problems import WrongValueError
from knowngood.declare.selections import NOTHING, Selections
from knowngood.declare.values import checked_id, fitted, python_version

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
