"""The markers between which a page holds what was tested: where they are, and what stands between them, replaced.

In Markdown they are comments on lines of their own, ``<!-- knowngood:begin NAME [table|dependencies|all] -->`` and
``<!-- knowngood:end -->``; in reStructuredText ``.. knowngood:begin NAME`` and ``.. knowngood:end``, not indented.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowngood.errors import UsageError
from knowngood.report.embed.rows import Show

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
# Only whole lines are markers. Whatever follows the prefix is ours, so that a misspelt marker is an error; but with
# two colons it is the directive of the Sphinx extension.
_MARKERS = {
    "markdown": re.compile(r"([ \t]*)<!--\s*knowngood:(?!:)(.*?)\s*-->\s*"),
    "rst": re.compile(r"()\.\.[ \t]+knowngood:(?!:)(.*?)\s*"),
}


class Kind(StrEnum):
    """The language of a page."""

    MARKDOWN = "markdown"
    RST = "rst"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a pair of markers asks for."""

    matrix: str
    show: Show


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A pair of markers."""

    wanted: Wanted
    begin: int
    """The line of the first marker, counted from 1."""
    end: int
    indent: str
    """What stands before it, when it is in an item of a list."""


class MarkerError(UsageError):
    """Markers that cannot be used."""

    def __init__(self, what: str, *, line: int, next_step: str) -> None:
        super().__init__(what, next_step=next_step)
        self.line = line
        """Counted from 1; 0: the whole page is meant."""


def slots(text: str, kind: Kind) -> tuple[Slot, ...]:
    """Return the pairs of markers of a page in their order; what is code there is none.

    Raises ``MarkerError``: one without its other half, inside another, or that cannot be read.
    """
    found = []
    opened: Slot | None = None
    for number, indent, said in _markers(text, kind):
        verb, *asked = said.split() or [""]
        if verb == "begin" and opened:
            what = f"a begin inside that of line {opened.begin}"
            raise MarkerError(what, line=number, next_step=f"end {opened.wanted.matrix} before it: knowngood:end")
        if verb == "begin":
            opened = Slot(wanted=_wanted(asked, number), begin=number, end=0, indent=indent)
        elif verb == "end" and not asked and opened:
            found.append(Slot(wanted=opened.wanted, begin=opened.begin, end=number, indent=opened.indent))
            opened = None
        elif verb == "end" and not asked:
            raise MarkerError("an end without a begin", line=number, next_step="put knowngood:begin NAME above it")
        else:
            next_step = "write knowngood:begin NAME, or knowngood:end"
            raise MarkerError(f"{f'knowngood:{said}'[:80]!r} is no marker", line=number, next_step=next_step)
    if opened:
        raise MarkerError("a begin without an end", line=opened.begin, next_step="put knowngood:end below it")
    return tuple(found)


def replace(text: str, blocks: Mapping[Wanted, str], kind: Kind, *, only: str | None = None) -> str:
    """Return a page with the block that each pair of markers asks for between them, and all else as it was.

    With ``only``, the pairs of other matrices are left alone, too. Raises ``MarkerError``: as in ``slots``, or a pair
    asks for a matrix that ``blocks`` has not, or there is no pair.
    """
    pairs = [slot for slot in slots(text, kind) if only in (None, slot.wanted.matrix)]
    if not pairs:
        what = "it has no markers" if only is None else f"it has no markers of {only}"
        begin, end = _example(kind, only or "NAME")
        raise MarkerError(what, line=0, next_step=f"put {begin!r} and {end!r} on lines of their own")
    lines = _lines(text)
    for slot in reversed(pairs):
        if slot.wanted not in blocks:
            known = ", ".join(sorted({wanted.matrix for wanted in blocks})) or "none"
            what = f"nothing is known of a matrix {slot.wanted.matrix!r:.60}"
            raise MarkerError(what, line=slot.begin, next_step=f"name one of: {known}")
        marker = lines[slot.begin - 1]
        ending = marker[len(marker.rstrip("\r\n")) :]
        block = [f"{slot.indent}{line}" if line else "" for line in blocks[slot.wanted].split("\n")]
        lines[slot.begin : slot.end - 1] = [f"{line}{ending}" for line in ("", *block, "")]
    return "".join(lines)


def _example(kind: Kind, matrix: str) -> tuple[str, str]:
    told = f"knowngood:begin {matrix}", "knowngood:end"
    before, behind = ("<!-- ", " -->") if kind is Kind.MARKDOWN else (".. ", "")
    return f"{before}{told[0]}{behind}", f"{before}{told[1]}{behind}"


def _wanted(asked: list[str], line: int) -> Wanted:
    match asked:
        case [matrix]:
            return Wanted(matrix=matrix, show=Show.ALL)
        case [matrix, show] if show in set(Show):
            return Wanted(matrix=matrix, show=Show(show))
        case [_, show]:
            what = f"{show[:40]!r} is nothing that can be shown"
            raise MarkerError(what, line=line, next_step=f"write one of: {', '.join(Show)}, or nothing")
        case _:
            what = "a begin names one matrix, and perhaps how much of it"
            raise MarkerError(what, line=line, next_step="write knowngood:begin NAME, or knowngood:begin NAME table")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)[:-1]  # the last match is empty


def _markers(text: str, kind: Kind) -> Iterator[tuple[int, str, str]]:
    """Yield line, indentation and what is said of each marker."""
    lines = _lines(text)
    for number in _comments(text) if kind is Kind.MARKDOWN else range(1, len(lines) + 1):
        if found := _MARKERS[kind].fullmatch(lines[number - 1].rstrip("\r\n")):
            yield number, found[1], found[2]


def _comments(text: str) -> Iterator[int]:
    """Yield the numbers of the lines that a renderer of Markdown takes for HTML; code is never among them."""
    if "knowngood:" not in text:
        return
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block" and token.map:
            yield from range(token.map[0] + 1, token.map[1] + 1)
