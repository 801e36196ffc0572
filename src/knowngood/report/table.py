"""The result table for a terminal, printed with tabulate: one row per cell, in the order of the matrix."""

from tabulate import tabulate

from knowngood.model import UNDECIDED, JudgedRun, Status
from knowngood.report import words
from knowngood.report.columns import CONTRADICTED, columns_of
from knowngood.report.fit import fit
from knowngood.report.text import wrap


def render(judged: JudgedRun, *, width: int | None = None) -> str:
    """Return the table and the legend of the marks it uses, ending in a newline.

    With ``width`` no line is wider, from 24 columns on: columns of lesser worth are left out and long texts are cut,
    but combo and verdict always stay.
    """
    if not judged.cells:
        return "no cells\n"
    kept = fit(columns_of(judged), width)
    # Headers go in as rows because tabulate makes every column two wider than its header.
    heads = [column.header for column in kept]
    rules = ["-" * column.width for column in kept]
    grid = tabulate(
        [heads, rules, *zip(*(column.values for column in kept), strict=True)],
        tablefmt="plain",
        disable_numparse=True,  # otherwise version 1.10 is printed as 1.1
        colalign=["right" if column.right else "left" for column in kept],
    )
    lines = [line.rstrip() for line in grid.splitlines()]
    return "\n".join([*lines, *_legend(judged, width)]) + "\n"


def _legend(judged: JudgedRun, width: int | None) -> list[str]:
    notes = []
    if any(drift.contradicts for cell in judged.cells for drift in cell.drift):
        notes.append(f"{CONTRADICTED} the installed version contradicts the combo's own pin")
    undecided = [status for status in Status if status in UNDECIDED and _has(judged, status)]
    if undecided:
        notes.append(f"{', '.join(undecided)}: undecided, {words.UNDECIDED_NOTE}")
    return ["", *(line for note in notes for line in wrap(note, width or 120, most=4))] if notes else []


def _has(judged: JudgedRun, status: Status) -> bool:
    return any(cell.verdict.status is status for cell in judged.cells)
