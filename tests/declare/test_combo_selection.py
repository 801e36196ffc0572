"""Which combos are run."""

import pytest

from knowngood.declare.select import Shard, choose, select
from knowngood.errors import ExitCode, NothingSelectedError, UsageError
from knowngood.model import Combo

IDS = ("legacy", "legacy-numpy2", "modern", "modern-loose", "np1.24")
COMBOS = tuple(Combo(id=name, title=name, python="3.11", steps=(("x",),), probes=("p",)) for name in IDS)


@pytest.mark.parametrize(
    ("only", "chosen"),
    [
        ((), IDS),
        (("modern",), ("modern",)),
        (("modern", "legacy"), ("legacy", "modern")),
        (("legacy*",), ("legacy", "legacy-numpy2")),
        (("*loose", "np?.24", "modern-loose"), ("modern-loose", "np1.24")),
        (("[ln]*",), ("legacy", "legacy-numpy2", "np1.24")),
    ],
)
def test_patterns_are_ids_or_globs_and_the_order_is_that_of_the_matrix(
    only: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert tuple(combo.id for combo in select(COMBOS, only)) == chosen


@pytest.mark.parametrize(
    ("only", "named", "offered"),
    [
        (("lagacy",), "'lagacy'", "near matches: legacy"),
        (("modern", "loose"), "'loose'", "near matches: modern-loose"),
        (("xyz*",), "'xyz*'", "combos: legacy, legacy-numpy2"),
        (("",), "''", "combos: legacy"),
        (("LEGACY",), "'LEGACY'", "near matches: legacy"),
    ],
)
def test_a_pattern_that_names_nothing_is_an_error_that_offers_ids(
    only: tuple[str, ...], named: str, offered: str
) -> None:
    with pytest.raises(NothingSelectedError) as caught:
        select(COMBOS, only)
    assert caught.value.exit_code is ExitCode.NOTHING_SELECTED
    assert named in caught.value.what
    assert "'modern'" not in caught.value.what
    assert offered in caught.value.cause


def test_a_shard_is_parsed() -> None:
    assert Shard.parse("2/8") == Shard(number=2, count=8)


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1", "1/0", "a/b", "-1/4", "1/4/2", "", "1/4\n", "1/99999999999", "²/4"]
)
def test_nonsense_is_not_a_shard(text: str) -> None:
    with pytest.raises(UsageError, match="no such shard"):
        Shard.parse(text)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_hold_every_combo_once_and_are_even(count: int) -> None:
    hands = [choose(COMBOS, shard=Shard(number=number, count=count)) for number in range(1, count + 1)]
    assert sorted(combo.id for hand in hands for combo in hand) == sorted(IDS)
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


def test_a_shard_is_taken_of_what_is_selected() -> None:
    assert [combo.id for combo in choose(COMBOS, only=("*legacy*", "modern"), shard=Shard.parse("2/2"))] == [
        "legacy-numpy2"
    ]


def test_an_empty_shard_is_never_a_success() -> None:
    with pytest.raises(NothingSelectedError, match="shard 3/3 is empty") as caught:
        choose(COMBOS, only=("legacy", "modern"), shard=Shard.parse("3/3"))
    assert caught.value.next_step == "use at most 2 shards"


def test_no_combos_at_all_is_never_a_success() -> None:
    with pytest.raises(NothingSelectedError):
        choose(())
