"""How a mistake in a matrix file is said: what is wrong with a value, shown safely, and what to write instead."""

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

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
