"""Fit the columns of a table into a terminal: leave out what is missed least, then cut what may be cut."""

from collections.abc import Sequence
from dataclasses import replace

from knowngood.report.columns import Column
from knowngood.report.text import columns, plain, shorten

GAP = 2
"""Columns of a terminal between two columns of a table."""
HEADER = 12
"""A longer header is broken between its words."""


def fit(table: Sequence[Column], width: int | None) -> tuple[Column, ...]:
    """Return the columns that fit into ``width``, in order, as plain text; all of them when ``width`` is None.

    Columns enter by rank, each if there is still room for it. Those of rank 0 always stay, and are cut where even they
    are too wide together: the result fits every width from the sum of their ``least`` on.
    """
    table = [replace(column, header=broken(column.header), values=tuple(map(plain, column.values))) for column in table]
    if width is None:
        return tuple(table)
    kept = [column for column in table if not column.rank]
    for column in sorted((column for column in table if column.rank), key=lambda column: column.rank):
        if sum(map(_floor, [*kept, column])) + GAP * len(kept) <= width:
            kept.append(column)
    return _squeezed([column for column in table if column in kept], width)


def _floor(column: Column) -> int:
    """Return the width a column needs to enter: those that always stay shall not be cut to let another in."""
    return min(column.width, column.least) if column.rank and column.least else column.width


def _squeezed(kept: Sequence[Column], width: int) -> tuple[Column, ...]:
    """Cut the columns that may be cut, those a reader misses least first, until all fit."""
    over = sum(column.width for column in kept) + GAP * (len(kept) - 1) - width
    cut = list(kept)
    for index in sorted(range(len(cut)), key=lambda index: (-cut[index].rank, -cut[index].width)):
        column = cut[index]
        spare = min(over, column.width - (column.least or column.width))
        if spare > 0:
            values = tuple(shorten(value, column.width - spare) for value in column.values)
            cut[index] = replace(column, values=values)
            over -= spare
    return tuple(cut)


def broken(header: str) -> str:
    """Return a header as plain lines of at most twelve columns where its hyphens, dots and spaces allow it."""
    words = plain(header).replace("-", "-\0").replace(" ", "\0").split("\0")
    lines = [""]
    for word in words:
        joint = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if lines[-1] and columns(lines[-1] + joint + word) > HEADER:
            lines.append(word)
        else:
            lines[-1] += joint + word
    return "\n".join(lines)
