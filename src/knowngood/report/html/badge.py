"""How a verdict looks: a glyph, a tone and words, so that colour is never all that tells two apart."""

from dataclasses import dataclass

from knowngood.model import UNDECIDED, Cell, Status
from knowngood.report import words


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """What stands for a verdict."""

    glyph: str
    tone: str
    """``good``, ``warn``, ``bad`` or ``unsure``: classes of the style sheet."""
    text: str
    short: str
    """``fail``, or in capitals what nobody expected: ``FAIL``."""
    surprise: bool = False
    """Whether nobody expected it."""


def sign(cell: Cell) -> Sign:
    """Return the sign of a cell, with its verdict in full: ``fail (expected)``."""
    status, surprise = cell.verdict.status, cell.as_expected is False
    return Sign(
        glyph=words.GLYPHS[status],
        tone=tone(status),
        text=words.verdict(cell),
        short=status.upper() if surprise else str(status),
        surprise=surprise,
    )


def plainly(status: Status) -> Sign:
    """Return the sign of a status, expected or not."""
    return Sign(glyph=words.GLYPHS[status], tone=tone(status), text=str(status), short=str(status))


def tone(status: Status) -> str:
    """Return the tone in which a status is told."""
    if status in UNDECIDED:
        return "unsure"
    return {Status.PASS: "good", Status.MOVED: "warn"}.get(status, "bad")
