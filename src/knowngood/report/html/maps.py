"""A matrix of axes as a map: one axis down, one across, and a map of its own for each value of what else varies."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowngood.model import Cell
from knowngood.report.html.anchors import Anchors
from knowngood.report.html.badge import Sign, sign

MOST_MAPS = 12
"""Beyond these a list tells better."""
MOST_ACROSS = 24
_PROBE = "probe"
_NOT_PACKAGES = ("python", "order", "installer")
"""Axes that rather tell maps apart than span one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    """One tested point of a map."""

    anchor: str
    sign: Sign


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """One table of squares; None where nothing was tested."""

    facet: str
    """What all its squares have in common beside the axes, such as ``python 3.12``; empty when it is the only one."""
    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square | None, ...]], ...]


def maps(cells: Sequence[Cell], anchors: Anchors) -> tuple[Map, ...]:
    """Return the maps of a run; nothing when it does not vary along two axes at least, or along too many values."""
    placed = [
        ({**dict(cell.combo.axes), _PROBE: cell.probe}, cell, anchor)
        for cell, anchor in zip(cells, anchors.ids, strict=True)
        if cell.combo.axes
    ]
    values: dict[str, dict[str, None]] = {}
    for at, _, _ in placed:
        for axis, value in at.items():
            values.setdefault(axis, {})[value] = None
    varying = [axis for axis in values if len(values[axis]) > 1]
    spanning = sorted((axis for axis in varying if axis != _PROBE), key=lambda axis: axis in _NOT_PACKAGES)[:2]
    if len(spanning) < 2:
        return ()
    down, across = spanning
    if len(values[across]) > len(values[down]) and len(values[across]) > MOST_ACROSS:
        down, across = across, down
    facets = [axis for axis in varying if axis not in spanning]
    squares: dict[str, dict[tuple[str | None, str | None], Square]] = {}
    for at, cell, anchor in placed:
        facet = ", ".join(f"{axis} {at[axis]}" for axis in facets if axis in at)
        squares.setdefault(facet, {})[at.get(down), at.get(across)] = Square(anchor=anchor, sign=sign(cell))
    if len(squares) > MOST_MAPS or len(values[across]) > MOST_ACROSS:
        return ()
    return tuple(
        Map(
            facet=facet,
            down=down,
            across=across,
            columns=tuple(values[across]),
            rows=tuple((row, tuple(found.get((row, column)) for column in values[across])) for row in values[down]),
        )
        for facet, found in squares.items()
    )
