"""Import a file of a project that a test writes, and read the matrix that is made of it with our own parser."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knowngood.declare.matrix_file import parse
from knowngood.model import Combo, Matrix
from knowngood.project.files import FolderFiles
from knowngood.project.importing.entry import import_file, matrix_text

PROJECT = """
[project]
name = "shop"
version = "1.0"
optional-dependencies = { s3 = ["boto"], test = ["pytest"] }
[dependency-groups]
dev = ["checker"]
test = ["pytest>=8"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
"""The pyproject.toml of a project that can be installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What was made of a file."""

    text: str
    matrix: Matrix
    remarks: tuple[tuple[int, str], ...]
    """(line, what) of everything that was not imported."""
    notes: tuple[tuple[int, str], ...]

    @property
    def combos(self) -> dict[str, Combo]:
        return {combo.id: combo for combo in self.matrix.combos}

    @property
    def steps(self) -> dict[str, list[list[str]]]:
        """The lines of the steps of each combo, by id."""
        return {combo.id: [list(step.lines) for step in combo.steps] for combo in self.matrix.combos}

    @property
    def pythons(self) -> dict[str, str]:
        return {combo.id: combo.python for combo in self.matrix.combos}

    def remark(self, line: int) -> str:
        """Return what was not imported of a line."""
        return "; ".join(what for at, what in self.remarks if at == line)


def imported(folder: Path, name: str, text: str, files: Mapping[str, str] | None = None) -> Result:
    """Write a file with ``text`` and others into ``folder``, and import it."""
    for path, content in {**(files or {}), name: text}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    target = folder / "matrices" / "m.toml"
    written, result = matrix_text(import_file(folder / name, folder), path=name, target=target, project=folder)
    return Result(
        text=written,
        matrix=parse(written, path=target, project=folder, files=FolderFiles(folder)),
        remarks=tuple((remark.line, remark.what) for remark in result.remarks if not remark.is_note),
        notes=tuple((remark.line, remark.what) for remark in result.remarks if remark.is_note),
    )


def line_with(text: str, part: str) -> int:
    """Return the number of the only line of a text that has ``part`` in it, counted from 1."""
    (number,) = (number for number, line in enumerate(text.splitlines(), start=1) if part in line)
    return number
