"""Read requirements and constraints files, lock files, and scripts that name their dependencies (PEP 723)."""

import posixpath
import re
from collections.abc import Iterator

import tomli

from knowngood.declare.problems import WrongValueError
from knowngood.declare.pyproject import Table, strings, table
from knowngood.declare.uv_settings import SETTINGS, Treatment, limits
from knowngood.errors import UsageError
from knowngood.project.importing import pythons
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.locks import read_lock, requires_python
from knowngood.project.importing.parts import Cell, Imported, Remarks, Source, step

_SCRIPT = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""The expression that PEP 723 gives."""


def is_script(text: str) -> bool:
    """Return whether a Python file has the block of PEP 723."""
    return any(match["type"] == "script" for match in _SCRIPT.finditer(text.replace("\r\n", "\n")))


def read_requirements(source: Source) -> Imported:
    """Return one cell that installs a requirements file, which stays the place where its versions are written.

    A file of constraints limits what the project requires, if it is in the folder of one.
    """
    remarks = Remarks()
    indexes = Indexes(remarks)
    indexes.scan(source.path, source.files, 0)
    folder = posixpath.dirname(source.path)
    name = posixpath.basename(source.path)
    lines = [f"-r {source.path}"]
    if "constraint" in name.lower():
        place = next((place for place in dict.fromkeys((folder or ".", ".")) if _is_project(source, place)), None)
        lines = [place if place == "." else f"./{place}", f"-c {source.path}"] if place else lines
    python = _python(source, "")
    cell = Cell(name=posixpath.splitext(name)[0], steps=(step(lines),), python=python)
    return Imported(cells=(cell,), indexes=indexes.all(), remarks=remarks.all())


def read_locked(source: Source) -> Imported:
    """Return one cell with every version that a lock file has, and the project that it is about."""
    remarks = Remarks()
    lines = list(read_lock(source.path, source.text))
    if not lines:
        raise UsageError(f"{source.path} has no packages", next_step="lock the project again")
    folder = posixpath.dirname(source.path) or "."
    steps = [step(lines)]
    if posixpath.basename(source.path) != "pylock.toml" and _is_project(source, folder):
        steps.append(step(["." if folder == "." else f"./{folder}"]))
    python = _python(source, requires_python(source.path, source.text))
    return Imported(cells=(Cell(name="locked", steps=tuple(steps), python=python),), remarks=remarks.all())


def read_script(source: Source) -> Imported:
    """Return one cell with the dependencies of a script. Raises ``UsageError``: its block is not what PEP 723 says."""
    remarks = Remarks()
    text = source.text.replace("\r\n", "\n")
    blocks = [match for match in _SCRIPT.finditer(text) if match["type"] == "script"]
    if len(blocks) != 1:
        raise UsageError(f"{source.path} has {len(blocks)} blocks '# /// script'", next_step="keep one")
    line = text.count("\n", 0, blocks[0].start()) + 1
    rows = (row[2:] if row.startswith("# ") else row[1:] for row in blocks[0]["content"].splitlines())
    try:
        block = tomli.loads("\n".join(rows))
    except (tomli.TOMLDecodeError, RecursionError) as error:
        cause = f"the block on line {line} is not TOML: {error}"
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="follow PEP 723") from error
    listed = block.get("dependencies", [])
    dependencies = strings(block, "dependencies")
    if not isinstance(listed, list) or len(dependencies) < len(listed):
        cause = f"dependencies in the block on line {line} is not an array of strings"
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="follow PEP 723")
    if not dependencies:
        raise UsageError(f"{source.path} has no dependencies", next_step="add some to its block '# /// script'")
    python = _python(source, str(block.get("requires-python", "")))
    name = posixpath.splitext(posixpath.basename(source.path))[0]
    options = _options_of_uv(block, line, remarks)
    cell = Cell(name=name, steps=(step((*dependencies, *options), line),), python=python)
    return Imported(cells=(cell,), remarks=remarks.all())


def _options_of_uv(block: Table, line: int, remarks: Remarks) -> Iterator[str]:
    """Yield the options of a step that ``[tool.uv]`` of a script stands for."""
    uv = table(table(block, "tool"), "uv")
    for key, value in uv.items():
        try:
            limits_of = limits({key: value}, "the block")
        except WrongValueError as wrong:
            remarks.add(line, wrong.what)
            continue
        yield from (option.replace("=", " ", 1) for option in limits_of.options)
        if not limits_of.options and SETTINGS[key] is Treatment.HONORED:
            remarks.add(line, f"[tool.uv] {key} is not read")


def _is_project(source: Source, folder: str) -> bool:
    return any(source.files.has_file(posixpath.join(folder, name)) for name in ("pyproject.toml", "setup.py"))


def _python(source: Source, specifier: str) -> str | None:
    """Return the Python to use: that of a ``.python-version``, or one that is allowed."""
    python = pythons.pinned(source.files, posixpath.dirname(source.path)) or pythons.pinned(source.files, "")
    return python or pythons.chosen(specifier)
