"""Which combo comes next: the longest first, and two that share torch shall not compile it side by side."""

from collections.abc import Iterable, Mapping
from itertools import islice
from math import inf

from knowngood.model import Combo

Distributions = frozenset[tuple[str, str]]
"""(canonical name, version) pairs of a lock."""

_LOOKED_AT = 64
"""Combos; of thousands that wait, the choice among the first of them is good enough, and takes no time."""


def queue(combos: Iterable[Combo], first: str | None, past: Mapping[str, float]) -> list[Combo]:
    """Return ``combos`` in the order to begin them: the one called ``first``, then what took longest in the past.

    For one that is long and begun last everything else would wait. ``past`` holds seconds by id; one that is not in it
    may be long. Among equals the order stays.
    """
    return sorted(combos, key=lambda combo: (combo.id != first, -past.get(combo.id, inf)))


def pick(waiting: Iterable[Distributions], compiling: Iterable[Distributions], compiled: Distributions) -> int:
    """Return the position of the combo to go on with: the one that shares least with those that are compiling now.

    ``compiled`` needs no compiling any more. Among those that share as little, the one that has most to compile itself
    is taken: others wait for its bytecode. Among equals it is the first.
    """
    busy = frozenset[tuple[str, str]]().union(*compiling) - compiled
    looked_at = list(islice(waiting, _LOOKED_AT))
    return min(range(len(looked_at)), key=lambda one: (len(looked_at[one] & busy), -len(looked_at[one] - compiled)))
