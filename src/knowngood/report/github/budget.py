"""Fit Markdown into a page that GitHub cuts off, or refuses, beyond a size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowngood.report.markup import inline
from knowngood.report.text import count, encoded_size, first_fitting, shorten

_NOTE = 2000
"""Bytes that are kept free for the sentence about the parts that were left out."""
_NAMED = 10
_NAME = 60
_GAP = 2
"""Bytes of the blank line between two blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a page, shown whole or not at all."""

    name: str
    """Its name in the sentence about the parts that were left out; raw text."""
    texts: tuple[str, ...]
    """Markdown, the best first: the page shows the first of them that fits."""


def page(head: Iterable[str], parts: Iterable[Part], *, most: int) -> str:
    """Return blocks of Markdown as a page of at most ``most`` bytes, ending in a newline.

    ``head`` is always shown, and small. ``parts`` come in the order of their importance: each is shown if it fits into
    the room that those before it left. The last block names the parts that were left out.
    """
    blocks = [block for block in head if block]
    room = most - _NOTE - sum(encoded_size(block) + _GAP for block in blocks)
    left_out = []
    for part in parts:
        fitting = first_fitting(part.texts, room - _GAP)
        if fitting is None:
            left_out.append(part.name)
            continue
        blocks.append(fitting)
        room -= encoded_size(fitting) + _GAP
    return "\n\n".join([*blocks, *_omission(left_out)]) + "\n"


def _omission(left_out: Sequence[str]) -> list[str]:
    if not left_out:
        return []
    names = ", ".join(inline(shorten(name, _NAME)) for name in left_out[:_NAMED])
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return [f"**{count(len(left_out), 'part')} left out**, because GitHub limits the size of a page: {names}{more}."]
