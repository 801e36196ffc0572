"""Follow a shell script from command to command: what it installs, where, and what it runs besides."""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from knowngood.project.importing.commands import Commands, Install, PlacePath
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.parts import Cell, Imported, Remarks, Source
from knowngood.project.importing.shell import Command, UnknownValueError, commands, expand

INSTALLS = re.compile(
    r"\b(pip[\d.]* +(\S+ +)*install|uv +(sync|add)|(poetry|pdm|pipenv) +(install|sync)|setup\.py +(install|develop)"
    r"|(conda|mamba) +install)\b"
)

_DEEPEST = 3  # scripts that run scripts


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A command that a script runs: what it installs, or None and its words."""

    words: tuple[str, ...]
    line: int
    folder: str
    """The current folder."""
    install: Install | None


def walk(
    text: str,
    *,
    line: int,
    folder: str,
    variables: dict[str, str],
    reader: Commands,
    remarks: Remarks,
    places: Callable[[str], PlacePath],
    depth: int = 0,
) -> Iterator[Done]:
    """Yield the commands of a script that are run in any case; ``variables`` are changed as the script does.

    ``places`` returns how paths are found from a folder. What may or may not be run is named in ``remarks``, if it
    installs something.
    """
    outside = folder
    was_inside = False
    for command in commands(text, line):
        if depth:  # what a script of its own does is done by the line that runs it
            command = replace(command, line=line)
        if was_inside and not command.in_subshell:
            folder = outside
        if command.in_subshell and not was_inside:
            outside = folder
        was_inside = command.in_subshell
        held = [guard.holds(variables) for guard in command.guards]
        if False in held:
            continue
        unknown = next((guard.why for guard, holds in zip(command.guards, held, strict=True) if holds is None), "")
        _assign(command, variables, is_certain=not unknown)
        try:
            words = command.words(variables)
            problem = unknown
        except UnknownValueError as error:
            words, problem = command.raw, str(error)
        if problem:
            if INSTALLS.search(" ".join(words)):
                remarks.add(command.line, f"{joined(words)!r} is not read: {problem}")
            continue
        if not words:
            continue
        if words[0] in ("cd", "pushd") and len(words) > 1:
            folder = posixpath.normpath(posixpath.join(folder, words[1]))
            continue
        if depth < _DEEPEST and (sourced := _script(words, places(folder), reader)) is not None:
            is_sourced = words[0] in ("source", ".")
            yield from walk(
                sourced,
                line=command.line,
                folder=folder,
                variables=variables if is_sourced else dict(variables),
                reader=reader,
                remarks=remarks,
                places=places,
                depth=depth + 1,
            )
            continue
        reader.set_variables(variables)
        yield Done(
            words=words, line=command.line, folder=folder, install=reader.read(words, command.line, places(folder))
        )


def _script(words: Sequence[str], place: PlacePath, reader: Commands) -> str | None:
    """Return the text of the script of the project that a command runs; None when it runs none."""
    rest = [word for word in words if not word.startswith("-")]
    if rest[0] in ("source", ".", "bash", "sh"):
        rest = rest[1:]
    elif not rest[0].endswith(".sh"):
        return None
    path = place(rest[0]) if rest and rest[0].endswith(".sh") else None
    return reader.text_of(path) if path is not None else None


def _assign(command: Command, variables: dict[str, str], *, is_certain: bool) -> None:
    for name, raw, adds in command.assignments():
        try:
            value = (variables[name] if adds else "") + " ".join(expand(raw, variables))
        except (UnknownValueError, KeyError):
            value = None
        if is_certain and value is not None:
            variables[name] = value
        else:
            variables.pop(name, None)


def inside(folder: str) -> PlacePath:
    """Return how paths are found from a folder of the project."""

    def place(path: str) -> str | None:
        return None if posixpath.isabs(path) else posixpath.normpath(posixpath.join(folder, path))

    return place


def joined(words: Sequence[str]) -> str:
    """Return a command in one short line, for a message."""
    text = " ".join(words)
    return text if len(text) <= 80 else f"{text[:79]}…"


def read(source: Source) -> Imported:
    """Return one cell with what a shell script installs."""
    remarks = Remarks()
    indexes = Indexes(remarks)
    done = tuple(
        walk(
            source.text,
            line=1,
            folder=".",
            variables={"HOME": "/root"},
            reader=Commands(source, remarks, indexes),
            remarks=remarks,
            places=inside,
        )
    )
    installs = [each.install for each in done if each.install is not None]
    steps = tuple(install.lines for install in installs if install.lines)
    python = next((install.python for install in installs if install.python), None)
    name = posixpath.splitext(posixpath.basename(source.path))[0]
    cells = (Cell(name=name, steps=steps, python=python),) if steps else ()
    return Imported(cells=cells, indexes=indexes.all(), remarks=remarks.all())
