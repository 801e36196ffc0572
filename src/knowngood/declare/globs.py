"""Compare two globs of ids: whether a text can exist that both match.

A release line that an index has not named yet is a wildcard in the id of its combo, and an entry of ``[[known]]`` may
be a glob itself.
"""

import re
import string
from fnmatch import fnmatchcase
from functools import cache

_TOKEN = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)


def is_glob(text: str) -> bool:
    """Return whether a text has a wildcard."""
    return any(mark in text for mark in "*?[")


def overlap(first: str, second: str) -> bool:
    """Return whether some text matches both globs."""
    left, right = _tokens(first), _tokens(second)
    # The ends in ``right`` that can be reached once the tokens of ``left`` so far are read.
    ends = _skip_stars({0}, right)
    for token in left:
        if token == "*":
            ends = set(range(min(ends), len(right) + 1)) if ends else ends
            continue
        after = {end for end in ends if end < len(right) and right[end] == "*"}
        after |= {end + 1 for end in ends if end < len(right) and _same(token, right[end])}
        ends = _skip_stars(after, right)
    return len(right) in ends


def _skip_stars(ends: set[int], tokens: tuple[str, ...]) -> set[int]:
    skipped = set(ends)
    for end in ends:
        position = end
        while position < len(tokens) and tokens[position] == "*":
            position += 1
            skipped.add(position)
    return skipped


@cache
def _same(first: str, second: str) -> bool:
    """Return whether a character matches both tokens."""
    letters = next((token for token in (first, second) if token != "?" and len(token) == 1), string.printable)
    return "*" not in (first, second) and any(
        fnmatchcase(letter, first) and fnmatchcase(letter, second) for letter in letters
    )


@cache
def _tokens(glob: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(glob))
