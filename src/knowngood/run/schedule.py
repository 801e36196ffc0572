"""Which combo is built next: two that share torch shall not compile it side by side."""

from collections.abc import Iterable, Sequence

Distributions = frozenset[tuple[str, str]]
"""(canonical name, version) pairs of a lock."""


def pick(waiting: Sequence[Distributions], compiling: Iterable[Distributions], compiled: Distributions) -> int:
    """Return the position of the combo to begin next: the one that shares least with those that are compiling now.

    ``compiled`` needs no compiling any more. Among equals the first one is taken, so the order of the matrix holds.
    """
    busy = frozenset[tuple[str, str]]().union(*compiling) - compiled
    return min(range(len(waiting)), key=lambda position: len(waiting[position] & busy))
