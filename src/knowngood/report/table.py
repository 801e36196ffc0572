"""Print the result table on a terminal: one row for each cell, in the order of the matrix."""

from collections.abc import Sequence
from dataclasses import replace

from tabulate import tabulate

from knowngood.model import UNDECIDED, JudgedRun, Status
from knowngood.report import words
from knowngood.report.columns import VIOLATION, Column, columns_of
from knowngood.report.text import columns, plain, shorten, wrap

GAP = 2
"""Columns of a terminal between two columns of a table."""
HEADER = 12
"""The longest header that is not broken between its words."""


def fit(table: Sequence[Column], width: int | None) -> tuple[Column, ...]:
    """Return the columns that fit into ``width``, in order, as plain text; all of them when ``width`` is None.

    Columns enter by rank, each if there is room for it. Those of rank 0 always stay, and are cut when even they are
    too wide together: the result fits every width from the sum of their ``least`` on.
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
    """Return the width that a column needs to enter: a column of rank 0 is not cut to let another one in."""
    return min(column.width, column.least) if column.rank and column.least else column.width


def _squeezed(kept: Sequence[Column], width: int) -> tuple[Column, ...]:
    """Cut the columns that may be cut, those with the largest rank first, until all fit."""
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
    """Return a header as plain lines of at most twelve columns, broken only after hyphens and at spaces."""
    parts = plain(header).replace("-", "-\0").replace(" ", "\0").split("\0")
    lines = [""]
    for part in parts:
        joint = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if lines[-1] and columns(lines[-1] + joint + part) > HEADER:
            lines.append(part)
        else:
            lines[-1] += joint + part
    return "\n".join(lines)


def render(judged: JudgedRun, *, width: int | None = None) -> str:
    """Return the table and a legend of its marks, ending in a newline.

    With ``width`` no line is wider, from 24 columns on, or 36 where combos have several probes: less important columns
    are left out and long texts are cut, but what identifies a row and its verdict always stay.
    """
    if not judged.cells:
        return "no cells\n"
    kept = fit(columns_of(judged), width)
    # Headers are passed as rows because tabulate makes every column two wider than its header.
    heads = [column.header for column in kept]
    rules = ["-" * column.width for column in kept]
    grid = tabulate(
        [heads, rules, *zip(*(column.values for column in kept), strict=True)],
        tablefmt="plain",
        disable_numparse=True,  # otherwise version 1.10 is printed as 1.1
        colalign=["right" if column.right else "left" for column in kept],
    )
    lines = [line.rstrip() for line in grid.splitlines()]
    return "\n".join([*lines, *_legend(judged, kept, width)]) + "\n"


def _legend(judged: JudgedRun, kept: Sequence[Column], width: int | None) -> list[str]:
    notes = []
    if any(value.endswith(f" {VIOLATION}") for column in kept for value in column.values):
        notes.append(f"{VIOLATION} the installed version violates the combo's own pin")
    statuses = {cell.verdict.status for cell in judged.cells}
    undecided = [status for status in Status if status in UNDECIDED and status in statuses]
    if undecided:
        notes.append(f"{', '.join(undecided)}: {words.UNTESTED}, {words.UNDECIDED_NOTE}")
    return ["", *(line for note in notes for line in wrap(note, width or 120, most=4))] if notes else []
