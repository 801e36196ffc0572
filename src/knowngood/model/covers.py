"""Define what a run records when it tests only a part of a grid, and how much of the grid that covers."""

from dataclasses import dataclass
from typing import TypeAlias

from knowngood.model.declared import Combo

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
