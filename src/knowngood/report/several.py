"""Render an overview of the runs of several matrices, a line for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowngood.model import JudgedRun, Matrix
from knowngood.report.text import aligned, seconds

_HEAD = ("matrix", "combos", "as expected", "different", "undecided", "time")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The run of one matrix, in numbers of combos."""

    name: str
    expected: int
    different: int
    undecided: int
    time: str
    """How long it took, or why it has no time."""

    @property
    def combos(self) -> int:
        """How many combos were selected."""
        return self.expected + self.different + self.undecided


def line(name: str, judged: JudgedRun, *, elapsed: float) -> Line:
    """Return the line of a run that took ``elapsed`` seconds.

    A combo is different if any of its cells is, and otherwise undecided if any of its cells is.
    """
    combos: dict[str, list[bool | None]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell.as_expected)
    different = sum(False in cells for cells in combos.values())
    undecided = sum(None in cells and False not in cells for cells in combos.values())
    return Line(
        name=name,
        expected=len(combos) - different - undecided,
        different=different,
        undecided=undecided,
        time=seconds(elapsed),
    )


def unrun(name: str, matrix: Matrix, why: str) -> Line:
    """Return the line of a matrix that was not run: ``why`` stands in the place of its time."""
    return Line(name=name, expected=0, different=0, undecided=len(matrix.combos), time=why)


def render(lines: Sequence[Line], *, width: int) -> str:
    """Return a table of the runs and of their sum, ending in a newline."""
    rows = [(line.name, line.combos, line.expected, line.different, line.undecided, line.time) for line in lines]
    sums = [sum(numbers) for numbers in zip(*(row[1:5] for row in rows), strict=True)]
    texts = [_HEAD, *(tuple(map(str, row)) for row in rows), (f"{len(rows)} matrices", *map(str, sums), "")]
    wide = [max(len(text[column]) for text in texts) for column in range(1, 5)]
    numbered = [
        (text[0], *(value.rjust(size) for value, size in zip(text[1:5], wide, strict=True)), text[5]) for text in texts
    ]
    return "\n".join(aligned(numbered, width)) + "\n"
