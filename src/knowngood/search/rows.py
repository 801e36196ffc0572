"""Find out which places of a row or of a plane work, by asking about only a few of them. Pure.

A row is ordered, as the releases of a package are. What holds at a place is its kind; places between two that are of
one kind are taken to be of that kind, and spot checks look for those that are not.

Both sides of a plane are ordered, as the releases of two packages are. Its first and its last row are explored. The
rows between two that agree are taken to be the same, and where two differ, the row in the middle is asked where they
do. So a border that runs through the plane takes about as many questions as the plane has rows and columns.
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


Place = tuple[int, int]
"""A row and a column, counted from 0."""
AskPlaces = Callable[[Sequence[Place]], Mapping[Place, Hashable | None]]
"""Answers for places, as ``rows.AskKinds``."""
_PLACES_A_CHECK = 10  # rows and columns for each spot check


class Plane:
    """What is known of a plane, and what follows from it."""

    def __init__(self, rows: int, columns: int, ask: AskPlaces, *, width: int = 1) -> None:
        self._rows = rows
        self._columns = columns
        self._ask = ask
        self._width = width
        self.measured: dict[Place, Hashable | None] = {}
        self._lines: dict[int, list[Hashable | None]] = {}
        """Row -> what holds in it; only of rows that were looked at."""

    def walk(self, current: Place = (0, 0)) -> None:
        """Look at the plane, with spot checks; ``current`` is where the user is now."""
        last = self._columns - 1
        self._look(0, {0, current[1], last})
        # What differs in the first row may differ at the same place in the last.
        first = self._lines[0]
        edges_of_first = {column for column in range(1, last + 1) if first[column] != first[column - 1]}
        self._look(self._rows - 1, {0, last, *edges_of_first, *(column - 1 for column in edges_of_first)})
        self._between(0, self._rows - 1)
        for _ in range(-(-(self._rows + self._columns) // _PLACES_A_CHECK)):
            place = self._farthest()
            if place is None or not self._check(place):
                return

    def kind(self, place: Place) -> Hashable | None:
        """Return what holds at a place, measured or implied; None when nobody knows."""
        if place in self.measured:
            return self.measured[place]
        row, column = place
        if row in self._lines:
            return self._lines[row][column]
        before = self._lines[max((line for line in self._lines if line < row), default=0)]
        after = self._lines[min((line for line in self._lines if line > row), default=self._rows - 1)]
        return before[column] if before[column] == after[column] else None

    def _look(self, row: int, places: set[int]) -> None:
        own = {column: kind for (line, column), kind in self.measured.items() if line == row}
        kinds = edges(places, lambda columns: self._asked(row, columns), known=own, width=self._width)
        self._lines[row] = filled(self._columns, kinds)

    def _asked(self, row: int, columns: Sequence[int]) -> Mapping[int, Hashable | None]:
        answers = self._ask([(row, column) for column in columns])
        self.measured |= answers
        return {column: kind for (_, column), kind in answers.items()}

    def _between(self, low: int, high: int) -> None:
        """Look at the rows between two, as far as these differ."""
        before, after = self._lines[low], self._lines[high]
        differing = [column for column in range(self._columns) if before[column] != after[column]]
        if high - low < 2 or not differing:
            return
        middle = (low + high) // 2
        first, last = differing[0], differing[-1]
        own = {column: kind for (line, column), kind in self.measured.items() if line == middle}
        known = {column: before[column] for column in (first - 1, last + 1) if 0 <= column < self._columns} | own
        places = {first} if first == 0 else set[int]()
        places |= {last} if last == self._columns - 1 else set()
        if known.get(first - 1) == known.get(last + 1):
            places.add((first + last) // 2)
        kinds = edges(places, lambda columns: self._asked(middle, columns), known=known, width=self._width)
        line = filled(self._columns, kinds)
        outside = [column for column in range(self._columns) if not first <= column <= last]
        for column in outside:
            line[column] = own.get(column, before[column])
        self._lines[middle] = line
        self._between(low, middle)
        self._between(middle, high)

    def _farthest(self) -> Place | None:
        """Return the implied place that is farthest from all that were measured."""
        implied = [
            (row, column)
            for row in range(self._rows)
            for column in range(self._columns)
            if (row, column) not in self.measured and self.kind((row, column)) is not None
        ]

        def distance(place: Place) -> int:
            return min((abs(place[0] - row) + abs(place[1] - column) for row, column in self.measured), default=0)

        return max(implied, key=distance, default=None)

    def _check(self, place: Place) -> bool:
        """Ask about an implied place, and look at what is around it if it is not as implied; return whether it was."""
        expected = self.kind(place)
        if not self._asked(place[0], [place[1]]):
            return False
        if self.measured[place] in (expected, None):
            return True
        row = place[0]
        self._look(row, {0, self._columns - 1})
        before = max((line for line in self._lines if line < row), default=row)
        after = min((line for line in self._lines if line > row), default=row)
        self._between(before, row)
        self._between(row, after)
        return True
