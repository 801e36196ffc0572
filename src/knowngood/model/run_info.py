"""Define what was run, when, where and with what, and how much of a grid that covers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from knowngood.model.declared import Combo, Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexChoice:
    """The index that was used for some packages, decided once in a run."""

    name: str
    asked: str
    used: str
    """The URL, or ``default`` for each installer's own default index."""
    packages: tuple[str, ...]
    """Empty: all packages."""
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """What was run, when, and on which machine."""

    id: str
    started: str
    """UTC, ISO 8601."""
    matrix: str
    title: str
    digest: str
    reference: str | None
    platform: str
    cpu: str
    cores: int
    python: str
    versions: Mapping[str, str]
    """knowngood, uv, pip, virtualenv -> version."""
    command: str
    """The command that runs the same again, without a selection."""
    isolation: str = ""
    """How probes were kept apart: ``sandbox`` or ``none``; empty in a log from before it was recorded."""
    stale_after: int = 30
    """Days after which the results are out of date."""
    shard: str = ""
    """Such as ``2/8``, when only that part of the selection ran here."""
    selections: tuple[Selection, ...] = ()
    """The versions that the selectors of the matrix stood for."""

    @property
    def day(self) -> date:
        """The day of the run, by which its known issues expire."""
        try:
            return datetime.fromisoformat(self.started).date()
        except ValueError:  # a log that was written by hand
            return date.min


Values: TypeAlias = tuple[tuple[str, str], ...]
"""(axis, value) pairs of a grid, in the order of its axes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Values of different axes of a grid that some combo has together: two, or as many as ``--cover`` says."""

    grid: int
    """The position of the grid in the matrix file."""
    values: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsolvablePair:
    """A pair that no set of versions can have: a resolver proved it."""

    pair: Pair
    why: str
    """What the resolver said of one of its combos, in one line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """The part of its grids that a run was asked to test, chosen when it began."""

    strength: int
    """How many values are combined: 2 for pairs."""
    left_out: tuple[Combo, ...] = ()
    """The combos of the selection that no shard of the run was to test."""
    unsolvable: tuple[UnsolvablePair, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much of its grids a run tested."""

    strength: int
    pairs: int
    """How many pairs the combos of its grids have."""
    covered: int
    """How many of them a combo has that was decided."""
    unsolvable: tuple[UnsolvablePair, ...] = ()
    not_run: int = 0
    """How many combos were left out."""

    @property
    def open(self) -> int:
        """How many pairs are neither covered nor proven to be unsolvable: what has them was not decided."""
        return self.pairs - self.covered - len(self.unsolvable)
