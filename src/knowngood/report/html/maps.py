"""Draw a matrix with axes as maps: one axis down, one across, and a map for each value of the other axes."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowngood.model import Cell
from knowngood.report.html.anchors import Anchors
from knowngood.report.html.rows import Badge, badge

MOST_MAPS = 12
"""With more maps than this, the list of results is easier to read."""
MOST_ACROSS = 24
_PROBE = "probe"
_NOT_PACKAGES = ("python", "order", "installer")
"""Axes that make a map each rather than span one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    """One tested point of a map."""

    anchor: str
    badge: Badge


@dataclass(frozen=True, kw_only=True, slots=True)
class MapRow:
    """One row of a map."""

    label: str
    squares: tuple[Square | None, ...]
    """None: not tested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """One table of squares."""

    facet: str
    """What its squares have in common besides the two axes, such as ``python 3.12``; empty for the only map."""
    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[MapRow, ...]


def maps(cells: Sequence[Cell], anchors: Anchors) -> tuple[Map, ...]:
    """Return the maps of a run; empty unless at least two axes vary, and for too many values."""
    placed = [
        ({**dict(cell.combo.axes), _PROBE: cell.probe}, cell, anchor)
        for cell, anchor in zip(cells, anchors.ids, strict=True)
        if cell.combo.axes
    ]
    values: dict[str, dict[str, None]] = {}
    for point, _, _ in placed:
        for axis, value in point.items():
            values.setdefault(axis, {})[value] = None
    varying = [axis for axis in values if len(values[axis]) > 1]
    spanning = sorted((axis for axis in varying if axis != _PROBE), key=lambda axis: axis in _NOT_PACKAGES)[:2]
    if len(spanning) < 2:
        return ()
    down, across = spanning
    if len(values[across]) > len(values[down]) and len(values[across]) > MOST_ACROSS:
        down, across = across, down
    facets = [axis for axis in varying if axis not in spanning]
    by_facet: dict[str, dict[tuple[str | None, str | None], Square]] = {}
    for point, cell, anchor in placed:
        facet = ", ".join(f"{axis} {point[axis]}" for axis in facets if axis in point)
        square = Square(anchor=anchor, badge=badge(cell))
        by_facet.setdefault(facet, {})[point.get(down), point.get(across)] = square
    if len(by_facet) > MOST_MAPS or len(values[across]) > MOST_ACROSS:
        return ()
    return tuple(
        Map(
            facet=facet,
            down=down,
            across=across,
            columns=tuple(values[across]),
            rows=tuple(
                MapRow(label=row, squares=tuple(squares.get((row, column)) for column in values[across]))
                for row in values[down]
            ),
        )
        for facet, squares in by_facet.items()
    )
