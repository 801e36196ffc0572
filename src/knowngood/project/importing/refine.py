"""Leave out, and name, what a matrix cannot have: lines that are wrong, Pythons that are too old."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from knowngood.declare.expand import DEFAULT_PYTHON
from knowngood.declare.lines import Lines, logical_lines
from knowngood.declare.options import ONLY_PIP
from knowngood.declare.problems import WrongValueError
from knowngood.declare.projects import Projects
from knowngood.errors import some
from knowngood.project.importing import pythons
from knowngood.project.importing.parts import Cell, Imported, Line, Remarks, Source, Step

_INDEX_LINE = re.compile(r"(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host|--no-index)\b")


def refined(imported: Imported, source: Source) -> Imported:
    """Return what a matrix can have of ``imported``; everything else is named in its remarks."""
    remarks = Remarks()
    remarks.merge(imported.remarks)
    refiner = _Refiner(imported, source, remarks)
    cells = tuple(cell for each in imported.cells if (cell := refiner.cell(each)) is not None)
    for problem, names in refiner.left_out.items():
        remarks.add(0, f"{problem}: {some(names)} left out")
    unsaid = tuple(dict.fromkeys(cell.name for cell in cells if cell.python is None))
    if unsaid and not any(remark.is_note for remark in imported.remarks):
        remarks.note(
            0, f'no Python is stated for {some(unsaid)}: the matrix uses {DEFAULT_PYTHON[0]}, or add python = ["3.…"]'
        )
    return replace(imported, cells=cells, remarks=remarks.all())


class _Refiner:
    def __init__(self, imported: Imported, source: Source, remarks: Remarks) -> None:
        self._files = source.files
        self._remarks = remarks
        self._lines = Lines(
            source.files,
            Projects(source.files, indexes=not imported.indexes),
            [index.url for index in imported.indexes],
        )
        self.left_out: dict[str, list[str]] = {}
        """What is wrong with a Python -> the names of cells that have it."""
        self._known: dict[str, tuple[Line, ...]] = {}

    def cell(self, cell: Cell) -> Cell | None:
        """Return a cell with the lines that are right; None when nothing of it is left."""
        if cell.python is not None and (problem := pythons.problem(cell.python)):
            self.left_out.setdefault(problem, []).append(cell.name)
            return None
        steps = tuple(step for each in cell.steps if (step := self._step(each, cell.installer)))
        if cell.steps and not steps:
            return None
        env = tuple((name, value) for name, value in cell.env if cell.probes or not name.startswith("PYTHON"))
        if env != cell.env:
            self._remarks.note(0, f"the PYTHON… variables of {cell.name} are left out: add python-options to a probe")
        return replace(cell, steps=steps, env=env)

    def _step(self, step: Step, installer: str | None) -> Step:
        lines = tuple(dict.fromkeys(line for each in step for line in self._right(each)))
        if installer != "pip" and any(line.text in ONLY_PIP for line in lines):
            self._remarks.note(lines[0].at, f"{', '.join(sorted(ONLY_PIP))} is for pip alone: it is left out")
            lines = tuple(line for line in lines if line.text not in ONLY_PIP)
        # Options and constraints alone install nothing.
        return lines if any(not re.match(r"-(?!r |e |-group)", line.text) for line in lines) else ()

    def _right(self, line: Line) -> tuple[Line, ...]:
        """Return the line if it is right; of a file with wrong lines the others; else nothing."""
        if line.text not in self._known:
            try:
                self._lines.read(line.text)
                self._known[line.text] = (line,)
            except WrongValueError as wrong:
                self._known[line.text] = tuple(self._rest(line, wrong))
        return self._known[line.text]

    def _rest(self, line: Line, wrong: WrongValueError) -> Iterator[Line]:
        path = line.text.removeprefix("-r ").strip()
        text = self._files.read(path) if line.text.startswith("-r ") and self._files.has_file(path) else None
        hint = f" ({wrong.hint})" if wrong.hint else ""
        if text is None or "includes itself" in wrong.what:
            self._remarks.add(line.at, f"{line.text[:100]!r} is left out: {wrong.what}{hint}")
            return
        for number, row in logical_lines(text):
            if _INDEX_LINE.match(row):
                self._remarks.add(line.at, f"{path}, line {number}: {row[:100]!r} is left out: declare [index.NAME]")
                continue
            row = _moved(row, posixpath.dirname(path))
            try:
                self._lines.read(row)
            except WrongValueError as wrong_row:
                self._remarks.add(line.at, f"{path}, line {number}: {row[:100]!r} is left out: {wrong_row.what}")
            else:
                yield Line(row, line.at)


def _moved(row: str, folder: str) -> str:
    """Return a line of a file in a folder as it must be written in the matrix."""
    match = re.fullmatch(r"(-r|--requirement|-c|--constraint)[ =]*(\S+)", row)
    if match is None or "://" in match[2] or posixpath.isabs(match[2]):
        return row
    return f"{match[1]} {posixpath.normpath(posixpath.join(folder, match[2]))}"
