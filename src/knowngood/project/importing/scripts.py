"""Follow a shell script from command to command: what it installs, where, and what it runs besides."""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from knowngood.project.importing.commands import Commands, Install, PlacePath
from knowngood.project.importing.parts import Remarks
from knowngood.project.importing.shell import Command, UnknownValueError, commands, expand

_INSTALLS = re.compile(
    r"\b(pip[\d.]* +(\S+ +)*install|uv +(sync|add)|(poetry|pdm|pipenv) +(install|sync)|setup\.py +(install|develop)"
    r"|(conda|mamba) +install)\b"
)


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
) -> Iterator[Done]:
    """Yield the commands of a script that are run in any case; ``variables`` are changed as the script does.

    ``places`` returns how paths are found from a folder. What may or may not be run is named in ``remarks``, if it
    installs something.
    """
    outside = folder
    was_inside = False
    for command in commands(text, line):
        if was_inside and not command.in_subshell:
            folder = outside
        if command.in_subshell and not was_inside:
            outside = folder
        was_inside = command.in_subshell
        _assign(command, variables)
        try:
            words = command.words(variables)
        except UnknownValueError as error:
            if _INSTALLS.search(" ".join(command.raw)):
                remarks.add(command.line, f"{' '.join(command.raw)[:80]!r} is not read: {error}")
            continue
        if not words:
            continue
        if command.condition:
            if _INSTALLS.search(" ".join(words)):
                remarks.add(command.line, f"{' '.join(words)[:80]!r} is not read: {command.condition}")
            continue
        if words[0] in ("cd", "pushd") and len(words) > 1:
            folder = posixpath.normpath(posixpath.join(folder, words[1]))
            continue
        reader.set_variables(variables)
        yield Done(
            words=words, line=command.line, folder=folder, install=reader.read(words, command.line, places(folder))
        )


def _assign(command: Command, variables: dict[str, str]) -> None:
    for name, raw in command.assignments():
        try:
            variables[name] = " ".join(expand(raw, variables))
        except UnknownValueError:
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
