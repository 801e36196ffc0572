"""Escape raw text for GitHub-flavored Markdown, so that it shows as it is and does nothing."""

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


def unreferenced(text: str) -> str:
    """Return ``text`` in which ``@name`` and ``#123`` neither notify nor link on GitHub.

    A GitHub user with the name of a package must not be notified.
    """
    return _REFERENCE.sub(_JOINER, text)


def inline(text: str) -> str:
    """Return ``text`` on one line for running text, a heading or a table cell."""
    escaped = unreferenced(plain(text)).translate(_ENTITIES | _BACKSLASHED)
    return _INSIDE_WORD.sub("_", escaped)


def paragraph(text: str) -> str:
    """Return ``text`` as a paragraph of its own; what would begin a list or a heading there is escaped as well."""
    return _OPENS_BLOCK.sub(r"\1\\\2", inline(text))


def code(text: str) -> str:
    """Return ``text`` on one line as a code span; not for tables, where a pipe would end the cell."""
    text = _without_comments(plain(text))
    if not text:
        return ""
    ticks = "`" * (_longest_run("`", text) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> list[str]:
    """Return ``text`` as the lines of a code block that nothing in it can end."""
    text = _without_comments(plain(text, lines=True))
    ticks = "`" * max(3, _longest_run("`", text) + 1)
    return [f"{ticks}text", *text.split("\n"), ticks]


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table of raw texts, unpadded, so that one longer value does not change every line."""
    lines = [f"| {' | '.join(inline(text) or ' ' for text in row)} |" for row in (headers, *rows)]
    return [lines[0], f"|{'|'.join(' --- ' for _ in headers)}|", *lines[1:]]


def joined(blocks: Iterable[Sequence[str]]) -> str:
    """Return blocks of lines with a blank line between two of them; a block without lines is left out."""
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _longest_run(character: str, text: str) -> int:
    return max(map(len, re.findall(f"{re.escape(character)}+", text)), default=0)


def _without_comments(text: str) -> str:
    # A page may be kept between comment markers in a larger file: no text may look like one.
    return text.replace("<!--", "<! --")


def diagnosis(cell: Cell, evidence: Sequence[str]) -> list[list[str]]:
    """Return the blocks with cause, fix and evidence; none for a cell that was not diagnosed."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return []
    sure = f" ({diagnosis.confidence})" if words.explained(diagnosis) else ""
    parts = [*(_constraint(cell, constraint) for constraint in diagnosis.fix), *words.steps_of_fix(diagnosis)]
    state = f" ({diagnosis.fix_state})" if diagnosis.fix_state else ""
    fix = f" {words.fix_label(cell).capitalize()}: {' '.join(parts)}{state}." if parts else ""
    reference = f" See {inline(diagnosis.reference)}" if diagnosis.reference else ""
    sentence = f"**Diagnosis**{sure}: {inline(words.diagnosed(cell))}.{fix}{reference}"
    return [[sentence], [f"- {paragraph(fact)}" for fact in evidence if plain(fact)]]


def _constraint(cell: Cell, constraint: str) -> str:
    step = words.step_to_ask(constraint, cell)
    return code(words.constraint(constraint)) + (f" in step {step} as well" if step else "")
