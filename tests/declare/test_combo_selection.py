"""Select combos by pattern and by shard."""

import pytest

from knowngood.declare.combo_selection import Shard, choose, select
from knowngood.errors import ExitCode, NothingSelectedError, UsageError
from knowngood.model import Combo
from support.declared import declared

IDS = ("legacy", "legacy-numpy2", "modern", "modern-loose", "np1.24")
COMBOS = tuple(Combo(id=name, title=name, python="3.11", steps=declared(("x",)), probes=("p",)) for name in IDS)


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
def test_patterns_are_ids_or_globs_and_keep_the_order_of_the_matrix(
    only: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert tuple(combo.id for combo in select(COMBOS, only)) == chosen


@pytest.mark.parametrize(
    ("only", "unmatched", "suggested"),
    [
        (("lagacy",), "'lagacy'", "near matches: legacy"),
        (("modern", "loose"), "'loose'", "near matches: modern-loose"),
        (("xyz*",), "'xyz*'", "combos: legacy, legacy-numpy2"),
        (("",), "''", "combos: legacy"),
        (("LEGACY",), "'LEGACY'", "near matches: legacy"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error_that_suggests_ids(
    only: tuple[str, ...], unmatched: str, suggested: str
) -> None:
    with pytest.raises(NothingSelectedError) as caught:
        select(COMBOS, only)
    assert caught.value.exit_code is ExitCode.NOTHING_SELECTED
    assert f"no combo matches {unmatched}" in caught.value.what
    assert "'modern'" not in caught.value.what
    assert suggested in caught.value.cause


def test_a_shard_is_parsed() -> None:
    assert Shard.parse("2/8") == Shard(number=2, count=8)


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1", "1/0", "a/b", "-1/4", "1/4/2", "", "1/4\n", "1/99999999999", "²/4"]
)
def test_an_invalid_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="invalid shard"):
        Shard.parse(text)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_have_every_combo_exactly_once_and_equal_sizes(count: int) -> None:
    parts = [choose(COMBOS, shard=Shard(number=number, count=count)) for number in range(1, count + 1)]
    assert sorted(combo.id for part in parts for combo in part) == sorted(IDS)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_shard_is_a_part_of_the_selected_combos() -> None:
    assert [combo.id for combo in choose(COMBOS, only=("*legacy*", "modern"), shard=Shard.parse("2/2"))] == [
        "legacy-numpy2"
    ]


def test_an_empty_shard_is_an_error() -> None:
    with pytest.raises(NothingSelectedError, match="shard 3/3 is empty") as caught:
        choose(COMBOS, only=("legacy", "modern"), shard=Shard.parse("3/3"))
    assert caught.value.next_step == "use at most 2 shards"


def test_a_matrix_without_combos_is_an_error() -> None:
    with pytest.raises(NothingSelectedError):
        choose(())
