"""Escape raw text for GitHub-flavoured Markdown, so that it shows as it is and does nothing."""

import re
from collections.abc import Iterable, Sequence

from knowngood.model import Cell
from knowngood.report import words
from knowngood.report.text import plain

# A table row is split at pipes before anything else, and renderers differ on "\\|": entities are safe in all.
_ENTITIES = {ord(character): f"&#{ord(character)};" for character in "\\`|<>&$"}
_BACKSLASHED = {ord(character): f"\\{character}" for character in "*_[]~"}
_INSIDE_WORD = re.compile(r"(?<=[A-Za-z0-9])\\_(?=[A-Za-z0-9])")
_OPENS_BLOCK = re.compile(r"^(\d*)([-+=#.)]+)(?=\s|$)")
_REFERENCE = re.compile(r"(?<=[@#])(?=\w)")
_JOINER = "\u2060"
"""Between the sign and the word it keeps ``@name`` and ``#123`` from notifying or linking on GitHub."""


def inline(text: str) -> str:
    """Return ``text`` on one line for running text, a heading or a table cell."""
    escaped = _REFERENCE.sub(_JOINER, plain(text)).translate(_ENTITIES | _BACKSLASHED)
    return _INSIDE_WORD.sub("_", escaped)


def paragraph(text: str) -> str:
    """Return ``text`` as a paragraph of its own: what would begin a list or a heading there is escaped too."""
    return _OPENS_BLOCK.sub(r"\1\\\2", inline(text))


def code(text: str) -> str:
    """Return ``text`` on one line as a code span; inside a table use ``inline`` instead, where a pipe would end it."""
    text = _uncommented(plain(text))
    if not text:
        return ""
    ticks = "`" * (_longest_run("`", text) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> list[str]:
    """Return ``text`` as the lines of a code block that nothing in it can end."""
    text = _uncommented(plain(text, lines=True))
    ticks = "`" * max(3, _longest_run("`", text) + 1)
    return [f"{ticks}text", *text.split("\n"), ticks]


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table of raw texts; unpadded, so that one longer value does not change every line."""
    lines = [headers, *rows]
    written = [f"| {' | '.join(inline(text) or ' ' for text in line)} |" for line in lines]
    return [written[0], f"|{'|'.join(' --- ' for _ in headers)}|", *written[1:]]


def _longest_run(character: str, text: str) -> int:
    return max(map(len, re.findall(f"{re.escape(character)}+", text)), default=0)


def _uncommented(text: str) -> str:
    # A page may be kept between comment markers in a larger file: a text must not look like one.
    return text.replace("<!--", "<! --")


def diagnosis(cell: Cell, evidence: Sequence[str]) -> list[list[str]]:
    """Return the blocks that tell cause, fix and evidence; none for a cell of which nothing was to be found out."""
    found = cell.diagnosis
    if found is None:
        return []
    sure = f" ({found.confidence})" if words.explained(found) else ""
    fixes = " ".join(_constraint(cell, constraint) for constraint in found.fix)
    told = f"**Diagnosis**{sure}: {inline(words.diagnosed(cell))}." + (f" Fix: {fixes}." if fixes else "")
    reference = f" See {inline(found.reference)}" if found.reference else ""
    return [[told + reference], [f"- {paragraph(one)}" for one in evidence if plain(one)]]


def _constraint(cell: Cell, constraint: str) -> str:
    step = words.step_to_ask(constraint, cell)
    return code(constraint) + (f" in step {step}, too" if step else "")
