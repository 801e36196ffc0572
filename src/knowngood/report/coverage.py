"""Say how much of its grids a run covered: in words, and in ``matrix.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowngood.model import Coverage, JudgedRun, Pair, UnsolvablePair
from knowngood.report.text import compact, count

MOST_UNSOLVABLE = 20
"""Pairs that cannot be installed together, of those that are listed."""
_COMBINED = {2: "pairs", 3: "triples"}


def covered(coverage: Coverage) -> str:
    """Return ``covered 120 of 124 pairs, 4 unsolvable``."""
    noun = _COMBINED.get(coverage.strength, f"sets of {coverage.strength} values")
    parts = [f"covered {coverage.covered} of {coverage.pairs} {noun}"]
    parts += [f"{len(coverage.unsolvable)} unsolvable"] if coverage.unsolvable else []
    parts += [f"{coverage.open} open"] if coverage.open else []
    return ", ".join(parts)


def sentences(judged: JudgedRun) -> list[str]:
    """Return what a run tested of its grids, and how many combos it left out, in one line; none without ``--cover``."""
    return lines(judged.coverage, 0)[:1]


def lines(coverage: Coverage | None, width: int) -> list[str]:
    """Return what the combos of a plan cover of its grids, and which pairs cannot be installed together."""
    if coverage is None:
        return []
    not_run = f"; {left_out(coverage)}" if coverage.not_run else ""
    return [covered(coverage) + not_run, *(f"  {line}" for line in unsolvable(coverage, width - 2))]


def left_out(coverage: Coverage) -> str:
    """Return ``84 combos not run (--cover 2)``."""
    return f"{count(coverage.not_run, 'combo')} not run (--cover {coverage.strength})"


def values(known: UnsolvablePair) -> str:
    """Return the values of a pair in words: ``numpy=1.21 with python=3.13``."""
    return " with ".join(f"{axis}={value}" for axis, value in known.pair.values)


def unsolvable(coverage: Coverage | None, width: int) -> list[str]:
    """Return a line for each pair of values that cannot be installed together, with what the resolver said."""
    known: Sequence[UnsolvablePair] = coverage.unsolvable if coverage else ()
    lines = compact([(values(proven), proven.why, "") for proven in known[:MOST_UNSOLVABLE]], width)
    more = len(known) - MOST_UNSOLVABLE
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def as_object(coverage: Coverage | None) -> Mapping[str, object] | None:
    """Return what ``matrix.json`` has of it."""
    if coverage is None:
        return None
    return {
        "strength": coverage.strength,
        "pairs": coverage.pairs,
        "covered": coverage.covered,
        "open": coverage.open,
        "not_run": coverage.not_run,
        "unsolvable": [
            {"grid": proven.pair.grid, "values": dict(proven.pair.values), "why": proven.why}
            for proven in coverage.unsolvable
        ],
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsolvableObject:
    """One of ``unsolvable`` in the object."""

    grid: int
    values: dict[str, str]
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CoverObject:
    """The object ``cover`` of a ``matrix.json``, as it is read."""

    strength: int
    pairs: int
    covered: int
    not_run: int = 0
    unsolvable: tuple[UnsolvableObject, ...] = ()

    @property
    def coverage(self) -> Coverage:
        """What it says."""
        pairs = (
            UnsolvablePair(pair=Pair(grid=known.grid, values=tuple(known.values.items())), why=known.why)
            for known in self.unsolvable
        )
        return Coverage(
            strength=self.strength,
            pairs=self.pairs,
            covered=self.covered,
            unsolvable=tuple(pairs),
            not_run=self.not_run,
        )
