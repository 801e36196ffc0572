"""Word and collect everything that is wrong with one matrix file, so that a user sees all of it at once."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from knowngood.declare.toml import LineIndex, Where
from knowngood.errors import MatrixFileError, Problem

_LONGEST_SHOWN = 60  # characters of a value that a message quotes
_MOST = 200  # problems that are listed; the rest are counted
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)

Choice = TypeVar("Choice", bound=StrEnum)


class WrongValueError(ValueError):
    """One value is wrong. ``what`` and ``hint`` are single lines, safe to print."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = _printable(what)
        self.hint = _printable(hint)


class Problems:
    """The problems of the matrix file ``path``; its TOML ``text`` is needed for their lines."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._problems: list[Problem] = []
        self._left_out = 0
        self._sections: set[str | int] = set()

    @property
    def has_room(self) -> bool:
        """Whether the next problem would be listed, not just counted."""
        return len(self._problems) < _MOST

    def line(self, where: Where) -> int:
        """Return the line of a value, counted from 1."""
        return self._index.line(where)

    def add(self, where: Where, what: str, hint: str = "", *, line_of_text: int | None = None) -> None:
        """Add a problem with the value at ``where``; in a string of several lines it is that of ``line_of_text``."""
        self._sections.update(where[:1])
        if self.has_room:
            line = self.line(where) if line_of_text is None else self._line_inside(where, line_of_text)
            problem = Problem(line=line, where=dotted(where), what=what, hint=hint)
            # Two readers may refuse the same value; the one with a hint says more.
            same = [other for other in self._problems if replace(other, hint=hint) == problem]
            if not hint and same:
                return
            for other in same:
                if not other.hint:
                    self._problems.remove(other)
            self._problems.append(problem)
        else:
            self._left_out += 1

    def _line_inside(self, where: Where, number: int) -> int:
        """Return the line of the file that has line ``number`` of a string that is written in several lines."""
        first = self.line(where)
        lines = self._text.splitlines()
        opening = re.search(r"(\"\"\"|''')(.*)", lines[first - 1]) if first <= len(lines) else None
        # TOML leaves out a line break after the quotation marks.
        return min(first + number - (1 if opening[2] else 0), len(lines)) if opening else first

    def within(self, section: str) -> bool:
        """Return whether a section of the file, such as ``axes``, has problems."""
        return section in self._sections

    def raise_if_any(self) -> None:
        """Raise a ``MatrixFileError`` with all problems, in the order of the file, if there are any."""
        if not self._problems:
            return
        problems = sorted(self._problems, key=lambda problem: problem.line)
        if self._left_out:
            problems.append(Problem(line=0, where="", what=f"and {self._left_out:,} more problems"))
        raise MatrixFileError(self._path, tuple(problems))

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self._text)


def _printable(text: str) -> str:
    """Return a text without what a terminal might obey: values may be quoted as they are."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def dotted(where: Iterable[str | int]) -> str:
    """Write a path as ``combo[2].steps[0][1]``; unusual keys are quoted."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else shown(part)
            text += f".{key}" if text else key
    return text


def shown(value: object) -> str:
    """Return a value in one short line: strings quoted and cut, numbers as written, anything else by its kind."""
    if isinstance(value, str):
        value = str(value)  # an enum would show its class
        return repr(value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**18):
        return repr(value)[:_LONGEST_SHOWN]
    return kind(value)


def kind(value: object) -> str:
    """Return the TOML type of a value, with its article."""
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
    """Return a hint that suggests the option nearest to ``word``, or ``otherwise`` when none is near."""
    near = difflib.get_close_matches(word[:100].lower(), list(options), n=1, cutoff=0.6)
    return f"did you mean {str(near[0])!r}?" if near else otherwise


def listing(options: Iterable[str]) -> str:
    """Return a hint that lists the first ten options."""
    return "use one of: " + ", ".join(itertools.islice((shown(option) for option in options), 10))


def parse_choice(value: object, choices: Iterable[Choice]) -> Choice:
    """Return the choice with the value ``value``. Raises ``WrongValueError`` when there is none."""
    options = list(choices)
    for choice in options:
        if value == choice:
            return choice
    allowed = listing(str(option) for option in options)
    hint = did_you_mean(value, options, allowed) if isinstance(value, str) else allowed
    raise WrongValueError(f"invalid value {shown(value)}", hint)
