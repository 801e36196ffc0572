"""Everything that is wrong with one matrix file, collected so that it is told at once."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from knowngood.declare.locate import LineIndex, Where
from knowngood.errors import MatrixFileError, Problem

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_SHOWN = 60

Choice = TypeVar("Choice", bound=StrEnum)


class WrongValueError(ValueError):
    """One value is wrong. ``what`` and ``hint`` are single lines, safe to print."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def shown(value: object) -> str:
    """Show a value in one short line: strings quoted and cut, numbers as written, anything else by its kind."""
    if isinstance(value, str):
        value = str(value)  # of an enum too
        return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**18):
        return repr(value)[:_SHOWN]
    return kind(value)


def kind(value: object) -> str:
    """Name the TOML type of a value."""
    match value:
        case str():
            return "a string"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "an array"
        case Mapping():
            return "a table"
        case _:
            return "a date or time"


def did_you_mean(word: str, options: Iterable[str], otherwise: str = "") -> str:
    """Suggest the option nearest to a word, or say ``otherwise``."""
    near = difflib.get_close_matches(word[:100].lower(), list(options), n=1, cutoff=0.6)
    return f"did you mean {str(near[0])!r}?" if near else otherwise


def listing(options: Iterable[str]) -> str:
    """List what is known, for a hint: the first ten."""
    return "known: " + ", ".join(itertools.islice((shown(option) for option in options), 10))


def choose(value: object, choices: Iterable[Choice]) -> Choice:
    """Give the choice that a string names.

    Raises ``WrongValueError``: it names none.
    """
    options = list(choices)
    for choice in options:
        if value == choice:
            return choice
    known = listing(str(option) for option in options)
    raise WrongValueError(
        f"{shown(value)} is not possible here", did_you_mean(value, options, known) if isinstance(value, str) else known
    )


def dotted(where: Iterable[str | int]) -> str:
    """Write a path as ``combo[2].steps[0][1]``; keys that need it are quoted."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else shown(part)
            text += f".{key}" if text else key
    return text


_MOST = 200  # of a file with more, the rest are counted


class Problems:
    """Problems of the matrix file ``path``, whose TOML ``text`` tells their lines."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._found: list[Problem] = []
        self._left_out = 0
        self._sections: set[str | int] = set()

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self._text)

    @property
    def has_room(self) -> bool:
        """Whether one more problem would be told, not just counted."""
        return len(self._found) < _MOST

    def line(self, where: Where) -> int:
        """Give the line of a value, counted from 1."""
        return self._index.line(where)

    def add(self, where: Where, what: str, hint: str = "") -> None:
        """Note one problem of the value at ``where``."""
        self._sections.update(where[:1])
        if self.has_room:
            self._found.append(Problem(line=self.line(where), where=dotted(where), what=what, hint=hint))
        else:
            self._left_out += 1

    def within(self, section: str) -> bool:
        """Tell whether a section of the file, such as ``axes``, has problems."""
        return section in self._sections

    def raise_if_any(self) -> None:
        """Raise a ``MatrixFileError`` that holds them all, in the order of the file."""
        if not self._found:
            return
        problems = sorted(self._found, key=lambda problem: problem.line)
        if self._left_out:
            problems.append(Problem(line=0, where="", what=f"and {self._left_out:,} more problems"))
        raise MatrixFileError(self._path, tuple(problems))
