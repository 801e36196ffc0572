"""Find out which places of a row work, by asking about only a few of them. Pure.

A row is ordered, as the releases of a package are. What holds at a place is its kind; places between two that are of
one kind are taken to be of that kind, and spot checks look for those that are not.
"""

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

AskKinds = Callable[[Sequence[int]], Mapping[int, Hashable | None]]
"""Answers for places: a kind, or None where it cannot be decided. It leaves out places when it may ask no more."""

Kinds = dict[int, Hashable | None]


def edges(places: Iterable[int], ask: AskKinds, *, known: Kinds | None = None, width: int = 1) -> Kinds:
    """Return the kinds of ``places``, and of what lies between two that differ, until these two are neighbors.

    ``known`` are kinds that are not asked for again. ``width`` places are asked at a time: they divide what is open
    evenly. A place that cannot be decided counts as its neighbors do.
    """
    kinds = dict(known or {})
    wanted = sorted({*places} - kinds.keys()) or _between(kinds, width)
    while wanted:
        answers = ask(wanted)
        kinds |= answers
        if len(answers) < len(wanted):
            break
        wanted = _between(kinds, width)
    return dict(sorted(kinds.items()))


def explore(
    length: int, ask: AskKinds, *, first: Iterable[int], spots: Sequence[int] = (), checks: int = 0, width: int = 1
) -> Kinds:
    """Return the kinds of as few places as show where a row changes, islands included as far as spot checks find them.

    ``first`` is asked first, and the edges between them are found. Then up to ``checks`` places are checked: those of
    ``spots``, and the middles of the longest stretches that are taken to be of one kind. What differs is followed up.
    """
    kinds = edges(first, ask, width=width)
    left, preferred = checks, [place for place in spots if 0 <= place < length]
    while left > 0:
        chosen = [place for place in preferred if place not in kinds][: min(width, left)]
        preferred = [place for place in preferred if place not in chosen]
        chosen = chosen or _middles(kinds, min(width, left))
        if not chosen:
            break
        before = len(kinds)
        kinds = edges(chosen, ask, known=kinds, width=width)
        left -= len(chosen)
        if len(kinds) == before:
            break
    return kinds


def filled(length: int, kinds: Kinds) -> list[Hashable | None]:
    """Return what holds at every place: measured, between two of one kind that kind, and None where nobody knows."""
    row: list[Hashable | None] = [kinds.get(place) for place in range(length)]
    for low, high in itertools.pairwise(_decided(kinds)):
        if kinds[low] == kinds[high]:
            row[low + 1 : high] = [kinds[low] if place not in kinds else row[place] for place in range(low + 1, high)]
    return row


def _decided(kinds: Kinds) -> list[int]:
    return sorted(place for place, kind in kinds.items() if kind is not None)


def _gaps(kinds: Kinds, *, differing: bool) -> list[list[int]]:
    """Return the places that nobody asked about between decided neighbors that differ, or that do not."""
    return [
        [place for place in range(low + 1, high) if place not in kinds]
        for low, high in itertools.pairwise(_decided(kinds))
        if (kinds[low] != kinds[high]) is differing
    ]


def _between(kinds: Kinds, width: int) -> list[int]:
    """Return up to ``width`` places between neighbors that differ, at least one for each two."""
    gaps = [gap for gap in _gaps(kinds, differing=True) if gap]
    return sorted({place for gap in gaps for place in _spread(gap, max(1, width // len(gaps)))})


def _middles(kinds: Kinds, count: int) -> list[int]:
    """Return the middles of the longest stretches that are taken to be of one kind."""
    gaps = [gap for gap in _gaps(kinds, differing=False) if gap]
    return [gap[len(gap) // 2] for gap in sorted(gaps, key=len, reverse=True)[:count]]


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return ``count`` of ``places`` that divide them evenly; all where there are not as many."""
    count = min(count, len(places))
    return sorted({places[len(places) * (number + 1) // (count + 1)] for number in range(count)})
