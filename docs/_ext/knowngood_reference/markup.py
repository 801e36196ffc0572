"""Pieces of Markdown, safe for any text: cells of tables, code, and sentences that hold options or paths."""

import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_LITERAL = re.compile(r"(``.+?``|`[^`]+`|'[^' ]+'|\B--[a-z][a-z-]+)")


def code(text: str) -> str:
    """Return ``text`` as code, for inside a table, too."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}"


def prose(text: str) -> str:
    """Return a sentence as a docstring has it: ``code``, 'values' and --options are shown as code, the rest as is."""
    parts = _LITERAL.split(" ".join(text.split()))
    return "".join(
        code(part.strip("`'")) if position % 2 else _MARKUP.sub(r"\\\1", part) for position, part in enumerate(parts)
    )


def sentence(text: str) -> str:
    """Return ``prose(text)`` beginning with a capital and ending in a full stop."""
    told = prose(text.strip().rstrip("."))
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
