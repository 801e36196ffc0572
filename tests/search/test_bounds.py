"""Rows are searched with few questions, whatever lies in them."""

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from knowngood.search.fix import nearest_yes


class Row:
    """A row whose answers are known, and that counts the questions."""

    def __init__(self, answers: Sequence[object]) -> None:
        self.answers = answers
        self.rounds: list[Sequence[int]] = []

    def ask(self, places: Sequence[int]) -> list[bool | None]:
        self.rounds.append(places)
        return [answer if isinstance(answer, bool) else None for answer in (self.answers[place] for place in places)]


@given(st.integers(2, 200), st.integers(1, 8), st.data())
def test_the_change_of_a_row_that_changes_once_is_found_in_few_rounds(
    length: int, width: int, data: st.DataObject
) -> None:
    end = data.draw(st.integers(1, length - 1))
    row = Row([place < end for place in range(length)])

    assert nearest_yes(length, row.ask, width=width) == (end - 1, end)
    assert len(row.rounds) <= math.ceil(math.log(length, 2)) + 2


@given(st.lists(st.sampled_from([True, False, None]), min_size=0, max_size=40), st.integers(1, 4))
def test_two_neighbors_that_differ_are_found_in_any_row(middle: list[bool | None], width: int) -> None:
    answers = [True, *middle, False]
    yes, no = nearest_yes(len(answers), Row(answers).ask, width=width)

    assert (answers[yes], answers[no]) == (True, False)
    assert yes < no
    assert all(answer is None for answer in answers[yes + 1 : no])


def test_both_ends_are_asked_in_the_first_round() -> None:
    row = Row([True, False, False, False, False, False, False])

    assert nearest_yes(7, row.ask, width=2) == (0, 1)
    assert row.rounds == [[1, 5]]


def test_of_two_that_work_the_nearer_counts() -> None:
    assert nearest_yes(6, Row([True, True, False, True, True, False]).ask, width=2) == (4, 5)
    assert nearest_yes(6, Row([True, False, True, True, False, False]).ask, width=2) == (0, 1)
