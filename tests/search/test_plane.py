"""Planes of which only few places are asked about."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from knowngood.search.rows import Place, Plane


@dataclass
class Truth:
    """A plane that counts what it is asked."""

    rows: Sequence[str]
    most: int = 1000
    asked: list[Place] = field(default_factory=list)

    def ask(self, places: Sequence[Place]) -> Mapping[Place, Hashable | None]:
        allowed = list(places)[: self.most - len(self.asked)]
        self.asked += allowed
        return {(row, column): self.rows[row][column] for row, column in allowed}

    def walked(self) -> list[str]:
        size = len(self.rows), len(self.rows[0])
        plane = Plane(*size, self.ask)
        plane.walk()
        kinds = [[plane.kind((row, column)) for column in range(size[1])] for row in range(size[0])]
        return ["".join("?" if kind is None else str(kind) for kind in row) for row in kinds]


DIAGONAL = ["w" * (row + 1) + "f" * (11 - row) for row in range(12)]
STEPS = ["w" * (3 * (row // 3) + 2) + "f" * (10 - 3 * (row // 3)) for row in range(12)]
HALF = ["w" * 12] * 5 + ["f" * 12] * 7
ACROSS = ["w" * 7 + "f" * 5] * 12
BAND = ["".join("awb"[(column >= row - 2) + (column > row + 3)] for column in range(12)) for row in range(12)]


@pytest.mark.parametrize(
    ("rows", "most"), [(DIAGONAL, 40), (STEPS, 30), (HALF, 20), (ACROSS, 14), (["w" * 12] * 12, 8), (BAND, 64)]
)
def test_a_border_through_the_plane_is_found_with_few_questions(rows: list[str], most: int) -> None:
    truth = Truth(rows)

    assert truth.walked() == rows
    assert len(truth.asked) <= most
    assert len({*truth.asked}) == len(truth.asked), "nothing is asked twice"


def test_a_spot_check_finds_what_is_not_as_implied() -> None:
    rows = ["w" * 12] * 4 + ["wwwffffffwww"] * 5 + ["w" * 12] * 3
    truth = Truth(rows)

    assert truth.walked() == rows


def test_what_was_not_asked_is_unknown() -> None:
    assert "?" in "".join(Truth(DIAGONAL, most=6).walked())
