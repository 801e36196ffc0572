"""Follow a shell script from command to command: what it installs, where, and what it runs besides."""

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_MOST_COMMANDS = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A command that a script runs: what it installs, or None and its words."""

    words: tuple[str, ...]
    line: int
    folder: str
    """The current folder."""
    install: Install | None
    sets: tuple[str, ...] = ()
    """The variables that it exports, or that are set for it alone."""


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
    yield from _Walk(reader, remarks, places).walk(
        commands(text, line), line=line, folder=folder, variables=variables, depth=0
    )


class _Walk:
    """Follows commands, and knows the functions that were defined so far."""

    def __init__(self, reader: Commands, remarks: Remarks, places: Callable[[str], PlacePath]) -> None:
        self._reader = reader
        self._remarks = remarks
        self._places = places
        self._functions: dict[str, list[Command]] = {}
        self._left = _MOST_COMMANDS

    def walk(
        self, script: Iterable[Command], *, line: int, folder: str, variables: dict[str, str], depth: int
    ) -> Iterator[Done]:
        """Yield what commands do, and what the functions and scripts that they call do."""
        outside, subshell = folder, 0
        for command in script:
            self._left -= 1
            if self._left < 0:  # functions that call functions
                return
            if command.function:
                self._functions.setdefault(command.function, []).append(replace(command, function=""))
                continue
            if depth:  # what a script of its own does is done by the line that runs it
                command = replace(command, line=line)
            if command.subshell != subshell:
                folder, outside = (outside, outside) if subshell else (folder, folder)
                subshell = command.subshell
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
                if self._installs(words):
                    self._remarks.add(command.line, f"{joined(words)!r} is not read: {problem}")
                continue
            if not words:
                continue
            if words[0] in ("cd", "pushd") and len(words) > 1:
                folder = posixpath.normpath(posixpath.join(folder, words[1]))
                continue
            if words[0] in self._functions:
                if depth < _DEEPEST:
                    yield from self._call(words, line=command.line, folder=folder, variables=variables, depth=depth)
                else:
                    self._remarks.add(
                        command.line, f"{joined(words)!r} is not read: functions call each other too often"
                    )
                continue
            if depth < _DEEPEST and (sourced := _script(words, self._places(folder), self._reader)) is not None:
                is_sourced = words[0] in ("source", ".")
                yield from self.walk(
                    commands(sourced, command.line),
                    line=command.line,
                    folder=folder,
                    variables=variables if is_sourced else dict(variables),
                    depth=depth + 1,
                )
                continue
            self._reader.set_variables(variables)
            yield Done(
                words=words,
                line=command.line,
                folder=folder,
                install=self._reader.read(words, command.line, self._places(folder)),
                sets=tuple(name for name, _, _ in command.assignments()),
            )

    def _call(
        self, words: Sequence[str], *, line: int, folder: str, variables: dict[str, str], depth: int
    ) -> Iterator[Done]:
        """Yield what a function does with its arguments; what it sets stays set."""
        given = {str(number): word for number, word in enumerate(words[1:10], start=1)}
        given["@"] = given["*"] = shlex.join(words[1:])
        before = {name: variables.get(name) for name in (*map(str, range(10)), "@", "*")}
        for name in before:
            variables.pop(name, None)
        variables |= given
        yield from self.walk(
            tuple(self._functions[words[0]]), line=line, folder=folder, variables=variables, depth=depth + 1
        )
        for name in before:
            variables.pop(name, None)
        variables.update({name: value for name, value in before.items() if value is not None})

    def _installs(self, words: Sequence[str]) -> bool:
        """Return whether a command installs something, as far as its words say."""
        body = self._functions.get(words[0] if words else "", ())
        return any(INSTALLS.search(" ".join(each)) for each in (words, *(command.raw for command in body)))


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
