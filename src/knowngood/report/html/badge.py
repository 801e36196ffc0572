"""Give each verdict a glyph, a tone and words, so that no two verdicts differ by colour alone."""

from dataclasses import dataclass

from knowngood.model import UNDECIDED, Cell, Status
from knowngood.report import words


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """How a verdict looks."""

    glyph: str
    tone: str
    """``good``, ``warn``, ``bad`` or ``unsure``: classes of the style sheet."""
    text: str
    """The verdict in full, such as ``fail (expected)``."""
    short: str
    """The status alone, in capitals if it is unexpected: ``FAIL``."""
    unexpected: bool = False


def badge(cell: Cell) -> Badge:
    """Return the badge of a cell."""
    status, unexpected = cell.verdict.status, cell.as_expected is False
    return Badge(
        glyph=words.GLYPHS[status],
        tone=tone(status),
        text=words.verdict(cell),
        short=status.upper() if unexpected else str(status),
        unexpected=unexpected,
    )


def status_badge(status: Status) -> Badge:
    """Return the badge of a status, whether expected or not."""
    return Badge(glyph=words.GLYPHS[status], tone=tone(status), text=str(status), short=str(status))


def tone(status: Status) -> str:
    """Return the tone of a status."""
    if status in UNDECIDED:
        return "unsure"
    return {Status.PASS: "good", Status.MOVED: "warn"}.get(status, "bad")
