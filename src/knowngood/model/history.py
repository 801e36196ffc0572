"""Define the history of a published matrix: its states, each as long as no verdict and no lock changed."""

from dataclasses import dataclass

from knowngood.model.declared import Phase, Status
from knowngood.model.reasons import Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class CellState:
    """The verdict of a cell, and the lock that it is about."""

    combo: str
    probe: str
    status: Status
    phase: Phase
    reason: Reason
    as_expected: bool | None
    lock: str
    """What identifies the locks of all steps of its combo, as SHA-256; empty: it has none."""
    message: str
    """The beginning of the message of a cell that did not pass, when its verdict was first published."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What has to differ for the cell to have changed; other words for the same verdict are not a change."""
        return self.status, self.phase, self.reason, self.as_expected, self.lock


@dataclass(frozen=True, kw_only=True, slots=True)
class MovedRelease:
    """A package whose version differs from that of the state before, and the combos in which it does."""

    package: str
    """Canonical name, or ``python``."""
    before: str | None
    """None: it was not installed."""
    after: str | None
    """None: it is no longer installed."""
    combos: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What consecutive publications found, all of them the same."""

    id: str
    """The day on which it began, and a part of a digest; links to the state use it, so it never changes."""
    first: str
    """Day of the first run that found it, ISO 8601."""
    last: str
    """Day of the last run that found it, ISO 8601."""
    cells: tuple[CellState, ...]
    """All cells that were run."""
    releases: tuple[MovedRelease, ...] = ()
    """What moved since the state before; empty for the first, and where the report before it is missing."""
    more_releases: int = 0
    """How many further ones are not listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The states of a matrix, the oldest first."""

    matrix: str
    """Id of the matrix."""
    states: tuple[State, ...]
    dropped: int = 0
    """How many older states were dropped to keep the history small."""
