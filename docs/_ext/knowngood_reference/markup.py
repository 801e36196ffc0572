"""Build Markdown from arbitrary text: table cells, code spans, and sentences with options or paths."""

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_LITERAL = re.compile(r"(``.+?``|`[^`]+`|'[^' ]+'|\B--[a-z][a-z-]+)")


def code(text: str) -> str:
    """Return ``text`` as a code span that is also safe inside a table."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}"


def prose(text: str) -> str:
    """Return the text of a docstring as Markdown: ``code``, 'values' and --options become code, the rest is escaped."""
    parts = _LITERAL.split(" ".join(text.split()))
    return "".join(
        code(part.strip("`'")) if position % 2 else _MARKUP.sub(r"\\\1", part) for position, part in enumerate(parts)
    )


def sentence(text: str) -> str:
    """Return ``prose(text)`` with a capital letter first and a full stop at the end."""
    markdown = prose(text.strip().rstrip("."))
    return f"{markdown[:1].upper()}{markdown[1:]}." if markdown else ""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the cells are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
