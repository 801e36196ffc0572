"""Rows of which only few places are asked about."""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from knowngood.search.rows import edges, explore, filled


@dataclass
class Row:
    """A row that counts what it is asked; ``.`` cannot be decided."""

    kinds: Sequence[str]
    most: int = 1000
    asked: list[int] = field(default_factory=list)

    def ask(self, places: Sequence[int]) -> Mapping[int, Hashable | None]:
        allowed = list(places)[: self.most - len(self.asked)]
        self.asked += allowed
        return {place: None if self.kinds[place] == "." else self.kinds[place] for place in allowed}


@given(st.lists(st.sampled_from("ab."), min_size=1, max_size=60), st.integers(1, 4))
def test_between_two_that_differ_everything_is_asked_until_they_are_neighbors(kinds: list[str], width: int) -> None:
    row = Row(kinds)
    found = edges({0, len(kinds) // 2, len(kinds) - 1}, row.ask, width=width)

    decided = [place for place, kind in found.items() if kind is not None]
    for low, high in itertools.pairwise(decided):
        assert found[low] == found[high] or all(place in found for place in range(low, high))
    assert len(row.asked) == len({*row.asked}), "nothing is asked twice"


def test_few_questions_find_one_change_among_many() -> None:
    row = Row("w" * 23 + "f" * 17)
    edges([0, 39], row.ask)

    assert len(row.asked) <= 8


def test_spot_checks_find_an_island_in_a_long_stretch_and_its_shores() -> None:
    kinds = "w" * 20 + "f" * 6 + "w" * 14
    row = Row(kinds)
    found = explore(40, row.ask, first=[0, 39], checks=5)

    assert "".join(map(str, filled(40, found))) == kinds
    assert len(row.asked) <= 19


def test_preferred_places_are_checked_before_the_middles() -> None:
    row = Row("w" * 30 + "f" + "w" * 9)
    found = explore(40, row.ask, first=[0, 39], spots=[30], checks=1)

    assert found[30] == "f"


def test_what_cannot_be_decided_is_never_taken_for_a_kind() -> None:
    row = Row("ww..ff")
    found = explore(6, row.ask, first=[0, 5], checks=2)

    assert filled(6, found) == ["w", "w", None, None, "f", "f"]


def test_a_search_that_may_ask_no_more_keeps_what_it_knows() -> None:
    row = Row("w" * 23 + "f" * 17, most=3)
    found = explore(40, row.ask, first=[0, 39], checks=5)

    assert len(row.asked) == 3
    assert filled(40, found)[0] == "w"
    assert None in filled(40, found)


@given(st.integers(2, 60), st.data())
def test_a_row_with_one_change_is_found_exactly(length: int, data: st.DataObject) -> None:
    change = data.draw(st.integers(1, length - 1))
    row = Row("w" * change + "f" * (length - change))
    found = explore(length, row.ask, first=[0, length - 1], checks=3, width=data.draw(st.integers(1, 3)))

    assert "".join(map(str, filled(length, found))) == row.kinds
