"""Make texts that a pattern nearly matches, with everything repeated that it may repeat."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

_parser: Any = import_module("re._parser")
c: Any = import_module("re._constants")

_FILLS = (" ", "a", "0", "\t", ".")
"""What stands for any character: what the most repetitions have in common."""
_ENDS = ("", "!", "\n!", "\0", " ", "\n")
"""What follows, so that the pattern does not match in the end."""
_INNER = 3
"""How often a repetition inside another one is repeated."""


def near_misses(pattern: "re.Pattern[str]", times: int) -> Iterator[str]:
    """Yield texts with each outer repetition of ``pattern`` ``times`` times."""
    tree = _parser.parse(pattern.pattern, pattern.flags)
    for fill in _FILLS:
        for branch in range(3):
            text = _Sample(fill, branch).text(tree, times)
            for end in _ENDS:
                yield text + end
                yield text[:-1] + end
                yield text[: len(text) * 3 // 4] + end


class _Sample:
    """One way to go through a pattern, as Python parses it."""

    def __init__(self, fill: str, branch: int) -> None:
        self._fill, self._branch = fill, branch
        self._groups: dict[int, str] = {}

    def text(self, tree: Any, times: int) -> str:
        return "".join(self._part(operation, value, times) for operation, value in tree)

    def _part(self, operation: Any, value: Any, times: int) -> str:
        match operation:
            case c.LITERAL:
                return chr(value)
            case c.NOT_LITERAL:
                return self._fill if ord(self._fill) != value else "b"
            case c.ANY:
                return self._fill
            case c.IN:
                return self._character(value)
            case c.BRANCH:
                return self.text(value[1][self._branch % len(value[1])], times)
            case c.ATOMIC_GROUP:
                return self.text(value, times)
            case c.SUBPATTERN:
                self._groups[value[0]] = inside = self.text(value[3], times)
                return inside
            case c.GROUPREF:
                return self._groups.get(int(value), "")
            case c.MAX_REPEAT | c.MIN_REPEAT | c.POSSESSIVE_REPEAT:
                least, most, inside = value
                return self.text(inside, _INNER) * int(max(least, min(times, most)))
            case _:  # an anchor, or what is looked for ahead or behind
                return ""

    def _character(self, items: Any) -> str:
        allowed = re.compile(_class(items))
        return next((each for each in (self._fill, *map(chr, range(9, 127))) if allowed.fullmatch(each)), "a")


def _class(items: Any) -> str:
    categories = {c.CATEGORY_DIGIT: r"\d", c.CATEGORY_NOT_DIGIT: r"\D", c.CATEGORY_SPACE: r"\s"}
    categories |= {c.CATEGORY_NOT_SPACE: r"\S", c.CATEGORY_WORD: r"\w", c.CATEGORY_NOT_WORD: r"\W"}
    text = ""
    for operation, value in items:
        match operation:
            case c.NEGATE:
                text += "^"
            case c.LITERAL:
                text += re.escape(chr(value))
            case c.RANGE:
                text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
            case _:
                text += categories[value]
    return f"[{text}]"
