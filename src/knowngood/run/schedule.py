"""Choose which combo comes next: what takes longest first, and never two side by side that compile the same."""

from collections.abc import Iterable, Mapping
from itertools import islice
from math import inf

from knowngood.model import Combo

Distributions = frozenset[tuple[str, str]]
"""(canonical name, version) pairs of a lock."""

_CONSIDERED = 64
"""Combos. When thousands wait, the best of the first ones is good enough, and quick to find."""


def queue(combos: Iterable[Combo], first: str | None, past: Mapping[str, float]) -> list[Combo]:
    """Return ``combos`` in the order to start them: the one called ``first``, then those that took longest.

    A long one that starts last would keep all others waiting. ``past`` holds seconds by id; a combo that is not in it
    may be long, so it comes early. Combos that took as long keep their order.
    """
    return sorted(combos, key=lambda combo: (combo.id != first, -past.get(combo.id, inf)))


def pick(waiting: Iterable[Distributions], compiling: Iterable[Distributions], compiled: Distributions) -> int:
    """Return the position of the combo to continue with: the one that shares least with those that compile now.

    What is in ``compiled`` is not compiled again. Among combos that share as little, pick the one with most to compile
    itself, because others wait for its bytecode; among those, the first.
    """
    busy = frozenset[tuple[str, str]]().union(*compiling) - compiled
    candidates = list(islice(waiting, _CONSIDERED))
    return min(
        range(len(candidates)),
        key=lambda position: (len(candidates[position] & busy), -len(candidates[position] - compiled)),
    )
