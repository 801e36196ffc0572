"""Define the change of a cell since a baseline."""

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What a cell is, compared with the same cell of a baseline."""

    STILL_PASS = "still-pass"
    MOVED = "moved"
    """It still passes, but with other numbers."""
    REGRESSED = "regressed"
    FIXED = "fixed"
    STILL_FAIL = "still-fail"
    CHANGED_FAIL = "changed-fail"
    """It failed before and fails now, for another cause."""
    INCONCLUSIVE = "inconclusive"
    """It is undecided now, or was in the baseline: never held against the versions."""
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One cell, compared with the same cell of a baseline."""

    combo: str
    probe: str
    kind: ChangeKind
    before: str | None
    """Status in the baseline; None: it has no such cell."""
    after: str | None
    """Status now; None: there is no such cell any more."""
    why: str
    """Where the cell failed and with which message, or what it was before; empty when there is nothing to say."""
    packages: tuple[tuple[str, str | None, str | None], ...] = ()
    """(canonical name or ``python``, version before, version now) of each difference; None: not installed."""
