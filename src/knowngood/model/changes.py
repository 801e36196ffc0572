"""What is said of a cell that was judged before: how it compares with a baseline, and failures that are known."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase

from knowngood.model.declared import Status


class ChangeKind(StrEnum):
    """What a cell is, compared with the same cell of a baseline."""

    SAME_PASS = "same-pass"
    MOVED = "moved"
    """It still passes, but with other numbers."""
    REGRESSED = "regressed"
    FIXED = "fixed"
    SAME_FAIL = "same-fail"
    CHANGED_FAIL = "changed-fail"
    """It failed before and fails now, for another cause."""
    SPURIOUS = "spurious"
    """It was decided before and could not be told now: never held against the versions."""
    UNKNOWN = "unknown"
    """The baseline could not tell: there is nothing to compare with."""
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
    """Where and what was said, or what it was; empty when there is nothing to say."""
    moved: tuple[tuple[str, str | None, str | None], ...] = ()
    """(canonical name or ``python``, version before, version now) of what is installed otherwise; None: not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A failure that is known and excused until a date: ``[[known]]`` of a matrix file."""

    combo: str
    """Id of a combo, or a glob of ids."""
    status: Status
    reason: str
    expires: date
    """The last day on which it is excused."""
    probe: str | None = None
    """None: all probes of the combo."""
    url: str | None = None
    """Where it is tracked."""

    def covers(self, combo: str, probe: str | None = None) -> bool:
        """Tell whether it is about a combo, and about a probe of it where one is given."""
        named = self.combo == combo or fnmatchcase(combo, self.combo)
        return named and (probe is None or self.probe is None or self.probe == probe)
