"""What fits into a page that GitHub cuts off, or refuses, beyond a size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowngood.report.markup import inline
from knowngood.report.text import count, shorten

_NOTE = 2000
"""Bytes that are kept for the sentence about what was left out."""
_NAMED = 10
_NAME = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a page, shown whole or not at all."""

    name: str
    """What it is called when it had to be left out; raw text."""
    texts: tuple[str, ...]
    """Markdown, the best first: the first of them that fits is shown."""


def size(text: str) -> int:
    """Return the bytes of ``text`` in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def page(head: Iterable[str], parts: Iterable[Part], *, most: int) -> str:
    """Return blocks of Markdown as a page of at most ``most`` bytes, ending in a newline.

    ``head`` is always shown, and small. ``parts`` come in the order of their importance: each is shown if it fits into
    what those before it left. The last block says what was left out.
    """
    blocks = [block for block in head if block]
    room = most - _NOTE - sum(size(block) + 2 for block in blocks)
    left_out = []
    for part in parts:
        fitting = next((text for text in part.texts if size(text) + 2 <= room), None)
        if fitting is None:
            left_out.append(part.name)
            continue
        blocks.append(fitting)
        room -= size(fitting) + 2
    return "\n\n".join([*blocks, *_said(left_out)]) + "\n"


def _said(left_out: Sequence[str]) -> list[str]:
    if not left_out:
        return []
    names = ", ".join(inline(shorten(name, _NAME)) for name in left_out[:_NAMED])
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return [f"**{count(len(left_out), 'part')} left out**, as GitHub shows no page as large: {names}{more}."]
