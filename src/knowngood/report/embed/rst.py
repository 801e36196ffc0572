"""What was tested with what as reStructuredText, to stand between the markers of a page; and escaping for it.

Tables are ``list-table`` directives: a cell is a line of its own, so that a longer value changes no other line.
"""

import re
from collections.abc import Sequence
from string import punctuation

from knowngood.report.embed.rows import Caption, Heading, Items, Part, Table
from knowngood.report.text import plain

# A colon is what makes a role, a field, a link of a bare address, and at the end a literal block.
_SPECIAL = re.compile(r"[\\*`|<>@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=\S)")
_OPENS_BLOCK = re.compile(rf"[{re.escape(punctuation)}\u2022\u2023\u2043]|\w+[.)](?=\s|$)")


def inline(text: str) -> str:
    """Return ``text`` on one line as a paragraph, an item or a cell that shows it as it is and does nothing."""
    text = plain(text)
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    if escaped and not escaped.strip("\\"):
        return f"\\ {escaped}"  # a line of nothing but backslashes would be that of a title
    return f"\\{escaped}" if _OPENS_BLOCK.match(text) and not escaped.startswith("\\") else escaped


def link(text: str, url: str) -> str:
    """Return ``text`` as a link to ``url``, which is encoded as a URL is; nothing for no text."""
    # What ends in an underscore would be the name of another link.
    return f"`{inline(text)} <{re.sub('_$', '%5F', url)}>`__" if plain(text) else ""


def render(parts: Sequence[Part], *, evidence: str | None = None) -> str:
    """Return ``parts`` as blocks with blank lines between them, without one at the end.

    ``evidence`` is the link from the page to ``matrix.md``, encoded as a URL is; None: there is no such page.
    """
    return "\n\n".join("\n".join(_block(part, evidence)) for part in parts)


def _block(part: Part, evidence: str | None) -> list[str]:
    match part:
        case Caption():
            return [f"{inline(part.text)} {link('Report', evidence)}" if evidence else inline(part.text)]
        case Heading():
            return [f".. rubric:: {inline(part.text)}"]
        case Items():
            return [f"* {inline(text)}".rstrip() for text in part.texts]
        case Table():
            return _table(part, evidence)


def _table(part: Table, evidence: str | None) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    lines += _row(list(map(inline, part.headers)))
    anchors = part.anchors if evidence else ()
    for position, row in enumerate(part.rows):
        cells = list(map(inline, row))
        if anchors:
            cells[0] = link(row[0], f"{evidence}#{anchors[position]}")
        lines += _row(cells)
    return lines


def _row(cells: Sequence[str]) -> list[str]:
    return [f"   {'* -' if position == 0 else '  -'} {cell}".rstrip() for position, cell in enumerate(cells)]
