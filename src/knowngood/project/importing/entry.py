"""Read any file that knowngood can import: its name and content say which reader reads it."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from knowngood.declare.grids import DEFAULT_PYTHON
from knowngood.declare.lines import Lines, logical_lines
from knowngood.declare.matrix_file import parse
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.options import ONLY_PIP
from knowngood.declare.problems import WrongValueError
from knowngood.declare.projects import Projects
from knowngood.errors import MatrixFileError, UsageError, some
from knowngood.project.files import FolderFiles, near
from knowngood.project.importing import (
    asv,
    dockerfile,
    edgetest,
    noxfile,
    pyproject,
    pythons,
    requirements,
    riot,
    scripts,
    tox,
    workflow,
)
from knowngood.project.importing.locks import is_lock
from knowngood.project.importing.parts import Cell, Imported, Line, Remarks, Source, Step
from knowngood.project.importing.shape import Combo, Grid, arranged, line_of
from knowngood.project.importing.writing import write

LARGEST = 8 * 1024 * 1024
"""Most bytes of a file to import."""

_DOCKERFILE = re.compile(r"(?i)((docker|container)file([._-].*)?|.*\.(docker|container)file)")
_COMBO = re.compile(r"combo\[(\d+)\]")
_REQUIREMENT = re.compile(r"\s*(#|$|-[a-z-]|[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*([=<>!~;@#]|$)|\.|[a-z+]+://)")

Reader = Callable[[Source], Imported]
_NAMES: Mapping[str, Reader] = {
    "tox.ini": tox.read_ini,
    "tox.toml": tox.read_toml,
    "pyproject.toml": pyproject.read,
    "noxfile.py": noxfile.read,
    "riotfile.py": riot.read,
    "hatch.toml": pyproject.read_hatch,
}
KINDS = (
    "Dockerfile, requirements.txt, constraints.txt, uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, "
    "pyproject.toml, hatch.toml, tox.ini, tox.toml, noxfile.py, riotfile.py, asv.conf.json, a setup.cfg with "
    "[edgetest.envs], a script with a PEP 723 block, a shell script, or a workflow of GitHub"
)


class _RawFiles(FolderFiles):
    """The files of a project as they are: readers choose what they need of a lock."""

    def read(self, path: str) -> str | None:
        """Return the text of a file; None when it does not exist. Raises ``OSError`` when it cannot be read."""
        file = self._folder / path
        return file.read_text(encoding="utf-8", errors="surrogateescape") if file.is_file() else None


def import_file(path: Path, project: Path) -> Imported:
    """Return what can be imported from a file. Paths in it are made relative to ``project``, which holds the file.

    Nothing is executed. Raises ``UsageError``: it cannot be read, or nothing in it can be imported.
    """
    text = _text(path)
    relative = path.relative_to(project).as_posix()
    source = Source(path=relative, text=text, files=ProjectFiles(_RawFiles(project), project))
    reader = _reader(source)
    if reader is None:
        raise UsageError(f"{near(path)} is not a file that can be imported", next_step=f"name a {KINDS}")
    imported = refined(reader(source), source)
    if not imported.cells:
        causes = [f"line {remark.line}: {remark.what}" if remark.line else remark.what for remark in imported.remarks]
        raise UsageError(
            f"{near(path)} has nothing that could be imported",
            cause="; ".join(causes[:5]) or "it installs no packages of Python",
            next_step="name the file that says what is installed",
        )
    return imported


def matrix_text(imported: Imported, *, path: str, target: Path, project: Path) -> tuple[str, Imported]:
    """Return the text of a matrix file that our own parser accepts, and what of ``imported`` is in it.

    ``path`` is that of the imported file, ``target`` the one the text may be written to. A combo that a matrix cannot
    have is left out, and named in the remarks. Raises ``UsageError``: none is left.
    """
    tables = arranged(imported.cells)
    while True:
        text = write(imported, tables, path=path)
        try:
            parse(text, path=target, project=project, files=FolderFiles(project))
        except MatrixFileError as error:
            problem = error.problems[0]
            if any(isinstance(table, Grid) for table in tables):
                tables = arranged(imported.cells, grids=False)
                continue
            combos = [table for table in tables if isinstance(table, Combo)]
            wrong = {int(match[1]): each for each in error.problems if (match := _COMBO.match(each.where))}
            left = {cell for number in wrong for cell in combos[number].cells}
            cells = tuple(cell for cell in imported.cells if cell not in left)
            if not left or not cells:
                raise UsageError(
                    f"{path} cannot be imported as it is",
                    cause=f"{problem.where}: {problem.what}",
                    next_step=problem.hint or "write the matrix by hand",
                ) from error
            remarks = Remarks()
            remarks.merge(imported.remarks)
            for number, each in wrong.items():
                hint = f" ({each.hint})" if each.hint else ""
                remarks.add(line_of(combos[number]), f"{combos[number].id} is left out: {each.what}{hint}")
            imported = replace(imported, cells=cells, remarks=remarks.all())
            tables = arranged(cells)
        else:
            return text, imported


def importable(folder: Path) -> tuple[str, ...]:
    """Return the names of files in a folder that can be imported, as far as their names say."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    workflows = sorted(path.relative_to(folder).as_posix() for path in folder.glob(".github/workflows/*.y*ml"))
    return (*(name for name in names if _by_name(name) is not None), *workflows)


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            holds = importable(path)
            raise UsageError(
                f"{near(path)} is a folder",
                cause=f"it holds {some(holds)}" if holds else "it contains no file that can be imported",
                next_step=f"name a file: knowngood import {near(path / holds[0])}" if holds else f"name a {KINDS}",
            )
        if path.exists() and not path.is_file():
            raise UsageError(f"{near(path)} is a pipe or a device", next_step="copy its content into a file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{near(path)} cannot be read", cause=str(error), next_step="name another file") from error
    if len(data) > LARGEST:
        limit = f"it is larger than {LARGEST // 1024**2} MiB"
        raise UsageError(f"{near(path)} cannot be imported", cause=limit, next_step="is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{near(path)} is not UTF-8 text",
            cause=f"byte 0x{data[error.start]:02x} on line {line}",
            next_step="save it as UTF-8, or name another file",
        ) from error
    if "\0" in text:
        raise UsageError(f"{near(path)} is a binary file", next_step=f"name a {KINDS}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _by_name(name: str) -> Reader | None:
    if is_lock(name):
        return requirements.read_locked
    if _DOCKERFILE.fullmatch(name):
        return dockerfile.read
    if name in _NAMES:
        return _NAMES[name]
    if re.fullmatch(r"asv.*\.json", name):
        return asv.read
    if re.search(r"(?i)(require|constraint).*\.(txt|in)$", name):
        return requirements.read_requirements
    return None


def _reader(source: Source) -> Reader | None:
    name = posixpath.basename(source.path)
    if (reader := _by_name(name)) is not None:
        return reader
    if name.endswith(".py") and requirements.is_script(source.text):
        return requirements.read_script
    if name.endswith(".py") and re.search(r"(?m)^(import nox|from nox )", source.text):
        return noxfile.read
    if name.endswith(".py") and re.search(r"(?m)^(import riot|from riot )", source.text):
        return riot.read
    if name.endswith((".ini", ".cfg")) and re.search(r"(?m)^\[(tox:tox|testenv)", source.text):
        return tox.read_ini
    if name.endswith((".ini", ".cfg")) and re.search(r"(?m)^\[edgetest\.envs\.", source.text):
        return edgetest.read_cfg
    if name.endswith((".yml", ".yaml")):
        return workflow.read
    if name.endswith((".sh", ".bash")) or re.match(r"#!.*\b(ba|da|z)?sh\b", source.text):
        return scripts.read
    rows = [row for row in source.text.splitlines() if row.strip() and not row.lstrip().startswith("#")]
    if rows and re.match(r"(?i)(FROM|ARG)\s+\S", rows[0]) and re.search(r"(?im)^FROM\s", source.text):
        return dockerfile.read
    if name.endswith((".txt", ".in", ".pip")) and rows and all(map(_REQUIREMENT.match, rows)):
        return requirements.read_requirements
    return None


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
