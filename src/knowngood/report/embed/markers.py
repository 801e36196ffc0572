"""Find the markers in a page and replace the text between them with parts of a report, every text escaped.

In Markdown they are comments on lines of their own, ``<!-- knowngood:begin NAME [table|dependencies|all] -->`` and
``<!-- knowngood:end -->``; in reStructuredText ``.. knowngood:begin NAME`` and ``.. knowngood:end``, not indented.
There, tables are ``list-table`` directives with a line for each cell: a longer value changes no other line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import punctuation

from knowngood.errors import UsageError
from knowngood.report import markup
from knowngood.report.embed.parts import Caption, Heading, Items, Part, Show, Table
from knowngood.report.text import plain

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
# Only whole lines are markers. Any text after the prefix counts as one, so that a misspelt marker is an error; with two
# colons it is the directive of the Sphinx extension.
_MARKERS = {
    "markdown": re.compile(r"([ \t]*)<!--\s*knowngood:(?!:)(.*?)\s*-->\s*"),
    "rst": re.compile(r"()\.\.[ \t]+knowngood:(?!:)(.*?)\s*"),
}


class Language(StrEnum):
    """The language of a page."""

    MARKDOWN = "markdown"
    RST = "rst"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a pair of markers asks for."""

    matrix: str
    show: Show


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A pair of markers."""

    request: Request
    begin: int
    """The line of the first marker, counted from 1."""
    end: int
    indent: str
    """The text before the marker when it is in a list item."""


class MarkerError(UsageError):
    """Markers that cannot be used."""

    def __init__(self, what: str, *, line: int, next_step: str) -> None:
        super().__init__(what, next_step=next_step)
        self.line = line
        """Counted from 1; 0: the whole page is meant."""


def slots(text: str, language: Language) -> tuple[Slot, ...]:
    """Return the pairs of markers of a page in order, without those that are only quoted as code.

    Raises ``MarkerError`` for a marker without its counterpart, a nested pair and an invalid marker.
    """
    pairs = []
    opened: Slot | None = None
    for number, indent, content in _markers(text, language):
        verb, *arguments = content.split() or [""]
        if verb == "begin" and opened:
            what = f"knowngood:begin inside the block that begins in line {opened.begin}"
            raise MarkerError(what, line=number, next_step=f"end {opened.request.matrix} before it: knowngood:end")
        if verb == "begin":
            opened = Slot(request=_request(arguments, number), begin=number, end=0, indent=indent)
        elif verb == "end" and not arguments and opened:
            pairs.append(Slot(request=opened.request, begin=opened.begin, end=number, indent=opened.indent))
            opened = None
        elif verb == "end" and not arguments:
            what = "knowngood:end without knowngood:begin"
            raise MarkerError(what, line=number, next_step="put knowngood:begin NAME above it")
        else:
            next_step = "write knowngood:begin NAME or knowngood:end"
            raise MarkerError(f"invalid marker {f'knowngood:{content}'[:80]!r}", line=number, next_step=next_step)
    if opened:
        what = "knowngood:begin without knowngood:end"
        raise MarkerError(what, line=opened.begin, next_step="put knowngood:end below it")
    return tuple(pairs)


def replace(text: str, blocks: Mapping[Request, str], language: Language, *, only: str | None = None) -> str:
    """Return a page in which each pair of markers encloses the block that it asks for, and the rest is unchanged.

    With ``only``, pairs of other matrices keep their text. Raises ``MarkerError`` as ``slots`` does, for a matrix that
    ``blocks`` does not have, and for a page without a pair.
    """
    pairs = [slot for slot in slots(text, language) if only in (None, slot.request.matrix)]
    if not pairs:
        what = "no markers" if only is None else f"no markers for {only}"
        begin, end = _example(language, only or "NAME")
        raise MarkerError(what, line=0, next_step=f"put {begin!r} and {end!r} on lines of their own")
    lines = _lines(text)
    for slot in reversed(pairs):
        if slot.request not in blocks:
            known = ", ".join(sorted({request.matrix for request in blocks})) or "none"
            what = f"unknown matrix {slot.request.matrix!r:.60}"
            raise MarkerError(what, line=slot.begin, next_step=f"name one of: {known}")
        marker = lines[slot.begin - 1]
        ending = marker[len(marker.rstrip("\r\n")) :]
        block = [f"{slot.indent}{line}" if line else "" for line in blocks[slot.request].split("\n")]
        lines[slot.begin : slot.end - 1] = [f"{line}{ending}" for line in ("", *block, "")]
    return "".join(lines)


def _example(language: Language, matrix: str) -> tuple[str, str]:
    before, after = ("<!-- ", " -->") if language is Language.MARKDOWN else (".. ", "")
    return f"{before}knowngood:begin {matrix}{after}", f"{before}knowngood:end{after}"


def _request(arguments: list[str], line: int) -> Request:
    match arguments:
        case [matrix]:
            return Request(matrix=matrix, show=Show.ALL)
        case [matrix, show] if show in set(Show):
            return Request(matrix=matrix, show=Show(show))
        case [_, show]:
            next_step = f"write one of {', '.join(Show)}, or nothing"
            raise MarkerError(f"cannot show {show[:40]!r}", line=line, next_step=next_step)
        case _:
            what = "knowngood:begin takes a matrix and optionally what to show"
            raise MarkerError(what, line=line, next_step="write knowngood:begin NAME or knowngood:begin NAME table")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)[:-1]  # the last match is empty


def _markers(text: str, language: Language) -> Iterator[tuple[int, str, str]]:
    """Yield line number, indentation and content of each marker."""
    lines = _lines(text)
    for number in _comments(text) if language is Language.MARKDOWN else range(1, len(lines) + 1):
        if marker := _MARKERS[language].fullmatch(lines[number - 1].rstrip("\r\n")):
            yield number, marker[1], marker[2]


def _comments(text: str) -> Iterator[int]:
    """Yield the numbers of the lines that a Markdown renderer treats as HTML; code is never among them."""
    if "knowngood:" not in text:
        return
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block" and token.map:
            yield from range(token.map[0] + 1, token.map[1] + 1)


# A colon can make a role, a field, a link from a bare address and, at the end, a literal block.
_RST_SPECIAL = re.compile(r"[\\*`|<>@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=\S)")
_RST_OPENS_BLOCK = re.compile(rf"[{re.escape(punctuation)}\u2022\u2023\u2043]|\w+[.)](?=\s|$)")


def markdown(parts: Sequence[Part], *, evidence: str | None = None) -> str:
    """Return ``parts`` as GitHub-flavored Markdown: blocks with blank lines between them, no newline at the end.

    ``evidence`` is the URL-encoded link from the page to ``matrix.md``; None: there is no such page.
    """
    return "\n\n".join("\n".join(_markdown_block(part, evidence)) for part in parts)


def rst(parts: Sequence[Part], *, evidence: str | None = None) -> str:
    """Return ``parts`` as reStructuredText: blocks with blank lines between them, no newline at the end.

    ``evidence`` is the URL-encoded link from the page to ``matrix.md``; None: there is no such page.
    """
    return "\n\n".join("\n".join(_rst_block(part, evidence)) for part in parts)


def _markdown_block(part: Part, evidence: str | None) -> list[str]:
    match part:
        case Caption():
            return [f"{markup.paragraph(part.text)}{f' [Report]({evidence})' if evidence else ''}"]
        case Heading():
            return [f"**{markup.inline(part.text)}**"]
        case Items():
            return [f"- {markup.paragraph(text)}" for text in part.texts]
        case Table():
            return _markdown_table(part, evidence)


def _markdown_table(part: Table, evidence: str | None) -> list[str]:
    header, rule, *rows = markup.table(part.headers, part.rows)
    if evidence and part.anchors:
        names = [markup.inline(row[0]) for row in part.rows]
        rows = [
            f"| [{name}]({evidence}#{anchor}){row.removeprefix(f'| {name}')}" if name else row
            for name, anchor, row in zip(names, part.anchors, rows, strict=True)
        ]
    return [header, rule, *rows]


def _rst_block(part: Part, evidence: str | None) -> list[str]:
    match part:
        case Caption():
            text = _rst_inline(part.text)
            return [f"{text} {_rst_link('Report', evidence)}" if evidence else text]
        case Heading():
            return [f".. rubric:: {_rst_inline(part.text)}"]
        case Items():
            return [f"* {_rst_inline(text)}".rstrip() for text in part.texts]
        case Table():
            return _rst_table(part, evidence)


def _rst_table(part: Table, evidence: str | None) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    lines += _rst_row(list(map(_rst_inline, part.headers)))
    anchors = part.anchors if evidence else ()
    for position, row in enumerate(part.rows):
        cells = list(map(_rst_inline, row))
        if anchors:
            cells[0] = _rst_link(row[0], f"{evidence}#{anchors[position]}")
        lines += _rst_row(cells)
    return lines


def _rst_row(cells: Sequence[str]) -> list[str]:
    return [f"   {'* -' if position == 0 else '  -'} {cell}".rstrip() for position, cell in enumerate(cells)]


def _rst_inline(text: str) -> str:
    """Return ``text`` on one line for a paragraph, an item or a cell, escaped so that it shows as it is."""
    text = plain(text)
    escaped = _RST_SPECIAL.sub(r"\\\g<0>", text)
    if escaped and not escaped.strip("\\"):
        return f"\\ {escaped}"  # a line of only backslashes would underline a title
    return f"\\{escaped}" if _RST_OPENS_BLOCK.match(text) and not escaped.startswith("\\") else escaped


def _rst_link(text: str, url: str) -> str:
    """Return ``text`` as a link to the URL-encoded ``url``; an empty string for an empty text."""
    # A target that ends in an underscore would be the name of another link.
    return f"`{_rst_inline(text)} <{re.sub('_$', '%5F', url)}>`__" if plain(text) else ""
