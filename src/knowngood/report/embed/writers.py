"""Write the parts of a page as Markdown or reStructuredText, with every text escaped.

In reStructuredText, tables are ``list-table`` directives with a line for each cell: a longer value changes no other
line.
"""

import re
from collections.abc import Sequence
from string import punctuation

from knowngood.report import markup
from knowngood.report.embed.parts import Caption, Heading, Items, Part, Table
from knowngood.report.text import plain

# A colon can make a role, a field, a link from a bare address and, at the end, a literal block.
_RST_SPECIAL = re.compile(r"[\\*`|<>@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=\S)")
_RST_OPENS_BLOCK = re.compile(rf"[{re.escape(punctuation)}\u2022\u2023\u2043]|\w+[.)](?=\s|$)")


def markdown(parts: Sequence[Part], *, evidence: str | None = None) -> str:
    """Return ``parts`` as GitHub-flavoured Markdown: blocks with blank lines between them, no newline at the end.

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
