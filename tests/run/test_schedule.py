"""Tests of the order in which combos start and continue."""

from hypothesis import given
from hypothesis import strategies as st

from knowngood.run.executors.local import Distributions, pick, queue
from support.workshop import combo

PAIRS = st.frozensets(
    st.tuples(st.sampled_from(["numpy", "torch", "scipy", "tiny"]), st.sampled_from(["1.0", "2.0"])), max_size=6
)
TORCH, OTHER, LEGACY = (
    frozenset({("torch", "2.9"), ("numpy", "2.0")}),
    frozenset({("torch", "2.1"), ("numpy", "2.0")}),
    frozenset({("torch", "2.1"), ("numpy", "1.24")}),
)


def test_two_combos_that_share_torch_are_not_compiled_side_by_side() -> None:
    assert pick([TORCH, OTHER, LEGACY], [TORCH], frozenset()) == 2


def test_packages_that_are_compiled_already_delay_no_combo() -> None:
    assert pick([TORCH, OTHER], [TORCH], TORCH | OTHER) == 0


def test_combos_that_share_nothing_keep_their_order() -> None:
    assert pick([OTHER, TORCH, LEGACY], [], frozenset()) == 0


def test_among_equals_the_combo_with_most_to_compile_comes_first() -> None:
    assert pick([OTHER, TORCH, LEGACY], [], LEGACY | OTHER) == 1


@given(st.lists(PAIRS, min_size=1, max_size=8), st.lists(PAIRS, max_size=4), PAIRS)
def test_the_picked_combo_shares_least_compiles_most_and_is_the_first_of_these(
    waiting: list[Distributions], compiling: list[Distributions], compiled: Distributions
) -> None:
    position = pick(waiting, compiling, compiled)

    busy = {pair for pins in compiling for pair in pins if pair not in compiled}
    costs = [(len(pins & busy), -len(pins - compiled)) for pins in waiting]
    assert costs[position] == min(costs)
    assert position == costs.index(min(costs))


def test_only_the_first_of_thousands_of_combos_are_considered() -> None:
    assert pick([TORCH] * 5000 + [OTHER], [TORCH], frozenset()) == 0


def test_the_reference_starts_first_then_new_combos_then_the_longest() -> None:
    combos = [combo((), name=name) for name in ("short", "long", "new", "reference", "older")]

    order = queue(combos, "reference", {"short": 1.0, "long": 9.0, "reference": 2.0, "older": 9.0})

    assert [subject.id for subject in order] == ["reference", "new", "long", "older", "short"]
    assert queue(combos, None, {}) == combos


@given(st.lists(PAIRS, min_size=1, max_size=8))
def test_every_waiting_combo_is_picked_once(waiting: list[Distributions]) -> None:
    left, seen = list(enumerate(waiting)), list[int]()
    while left:
        number, _ = left.pop(pick([each for _, each in left], [waiting[0]], frozenset()))
        seen.append(number)

    assert sorted(seen) == list(range(len(waiting)))
