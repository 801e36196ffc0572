"""Vectors of a combo held against those of the reference."""

import base64
import json
import math
import random
import struct
import time
from array import array as packed
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.judge.numbers import arrays_of, compare, non_finite
from knowngood.model import Array, Check, Numbers, Outcome

RECORDED = json.loads((Path(__file__).parent / "embeddings.json").read_text(encoding="utf-8"))
Rows = list[list[float]]


def recorded(values: list[float], shape: tuple[int, ...], dtype: str = "float32", encoding: str = "f4") -> Array:
    """Return an array as ``probe_api`` records it."""
    data = b"".join(struct.pack("<f" if encoding == "f4" else "<d", value) for value in values)
    return Array(dtype=dtype, shape=shape, encoding=encoding, data=base64.b64encode(data).decode())


def table(rows: Rows, dtype: str = "float32", encoding: str = "f4") -> Array:
    return recorded([value for row in rows for value in row], (len(rows), len(rows[0])), dtype, encoding)


def compared(before: Array, after: Array, tolerance: float = 1e-4) -> Numbers:
    numbers = compare({"embeddings": before}, {"embeddings": after}, tolerance=tolerance)
    assert numbers is not None
    return numbers


def real(combo: str) -> Array:
    """Return the vectors that a run of our own matrix recorded: 8 sentences, 384 float32 each, of length 1."""
    raw = RECORDED[combo]
    return Array(dtype=raw["dtype"], shape=tuple(raw["shape"]), encoding=raw["encoding"], data=raw["data"])


def values(array: Array) -> Rows:
    flat = packed("f", base64.b64decode(array.data)).tolist()
    return [flat[start : start + array.shape[1]] for start in range(0, len(flat), array.shape[1])]


REAL = real("legacy")
REAL_ROWS = values(REAL)


def each(rows: Rows, change: Callable[[float], float]) -> Rows:
    return [[change(value) for value in row] for row in rows]


def half(value: float) -> float:
    rounded: float = struct.unpack("<e", struct.pack("<e", value))[0]
    return rounded


def bfloat(value: float) -> float:
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    rounded: float = struct.unpack("<f", struct.pack("<I", (bits + 0x8000) & 0xFFFF0000))[0]
    return rounded


def noisy(rows: Rows, size: float, seed: int = 1) -> Rows:
    chance = random.Random(seed)
    return each(rows, lambda value: value + chance.gauss(0, size))


def turned(rows: Rows) -> Rows:
    """Return the rows with their components moved on by one: all turn alike, and keep their cosines to each other."""
    return [[row[-1], *row[:-1]] for row in rows]


@pytest.mark.parametrize("combo", ["legacy", "modern"])
def test_combos_of_our_own_matrix_have_the_same_numbers_whatever_their_torch(combo: str) -> None:
    numbers = compared(REAL, real(combo))
    assert not numbers.moved and not numbers.order_changed
    assert numbers.cosine == pytest.approx(1.0, abs=1e-9)
    assert numbers.difference < 2e-7
    assert numbers.says.startswith("the same numbers (cosine 1.000000, largest difference ")
    assert numbers.says.endswith("): no re-indexing needed")


@pytest.mark.parametrize(
    ("rows", "moved", "order_changed", "answer"),
    [
        (noisy(REAL_ROWS, 1e-7), False, False, "the same numbers ("),
        (each(REAL_ROWS, half), False, False, "the same numbers ("),
        (each(REAL_ROWS, bfloat), True, False, "but neighbors keep their order: stored vectors still work"),
        (noisy(REAL_ROWS, 3e-4), True, False, "but neighbors keep their order: stored vectors still work"),
        (noisy(REAL_ROWS, 0.1), True, True, "order of neighbors changed): re-index before you upgrade"),
        (REAL_ROWS[::-1], True, True, "order of neighbors changed): re-index before you upgrade"),
        (turned(REAL_ROWS), True, True, "order of neighbors changed): re-index before you upgrade"),
        (each(REAL_ROWS, lambda value: -value), True, True, "re-index before you upgrade"),
        (each(REAL_ROWS, lambda value: 2 * value), True, False, "length only"),
        (each(REAL_ROWS, lambda value: 1.0003 * value), True, False, "length only"),
        ([[0.0] * 384, *REAL_ROWS[1:]], True, True, "re-index before you upgrade"),
    ],
    ids=[
        "noise",
        "float16",
        "bfloat16",
        "slight",
        "far",
        "permuted",
        "turned",
        "mirrored",
        "longer",
        "a bit longer",
        "zeros",
    ],
)
def test_real_vectors_that_change_move_as_documented(rows: Rows, moved: bool, order_changed: bool, answer: str) -> None:
    numbers = compared(REAL, table(rows))
    assert (numbers.moved, numbers.order_changed) == (moved, order_changed), numbers.says
    assert answer in numbers.says
    assert numbers.finite


def test_the_figures_are_those_of_the_worst_vector() -> None:
    numbers = compared(table([[1.0, 0.0], [0.0, 2.0]]), table([[0.6, 0.8], [0.0, 3.0]]))
    assert numbers.cosine == pytest.approx(0.6, abs=1e-7)
    assert numbers.difference == pytest.approx(1.0)
    assert numbers.norm == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (1000.0, 1000.05, False),
        (1000.0, 1000.5, True),
        (0.001, 0.00100005, False),
        (0.001, 0.0010005, True),
        (0.0, 0.0, False),
        (0.0, 1e-9, True),
    ],
)
def test_the_tolerance_is_relative_to_the_length_of_the_vector(before: float, after: float, moved: bool) -> None:
    shape = (1,)
    numbers = compared(recorded([before], shape, "float64", "f8"), recorded([after], shape, "float64", "f8"))
    assert numbers.moved is moved


def test_a_wider_tolerance_accepts_larger_differences() -> None:
    after = table(each(REAL_ROWS, bfloat))
    assert compared(REAL, after).moved
    assert not compared(REAL, after, tolerance=1e-2).moved


def test_another_dtype_counts_as_moved_although_the_numbers_are_the_same() -> None:
    numbers = compared(REAL, table(each(REAL_ROWS, half), dtype="float16"))
    assert numbers.moved
    assert numbers.dtype == ("float32", "float16")
    assert "float16 instead of float32" in numbers.says
    assert numbers.says.endswith("no re-indexing needed, but check that your index accepts float16")
    assert compared(REAL, REAL).dtype is None


def test_the_same_numbers_in_two_encodings_are_equal() -> None:
    numbers = compared(REAL, table(REAL_ROWS, encoding="f8"))
    assert not numbers.moved and numbers.difference == 0


def test_whole_numbers_are_compared_exactly() -> None:
    ids = [[101.0, 30521.0, 2003.0], [101.0, 7.0, 102.0], [101.0, 7592.0, 102.0]]
    changed = [[101.0, 30522.0, 2003.0], *ids[1:]]
    assert not compared(table(ids, "int64", "f8"), table(ids, "int64", "f8")).moved
    assert compared(table(ids, "int64", "f8"), table(changed, "int64", "f8")).moved
    assert not compared(table(ids), table(changed)).moved


def at(*degrees: float) -> Array:
    """Return vectors of length 1 in a plane."""
    return table([[math.cos(math.radians(one)), math.sin(math.radians(one))] for one in degrees], encoding="f8")


@pytest.mark.parametrize(
    ("before", "after", "tolerance", "changed"),
    [
        (at(0, 30, -31), at(0, 31, -30), 1e-4, True),
        (at(0, 30, -31), at(0, 31, -30), 1e-2, False),
        (at(0, 30, -30.001), at(0, 30.001, -30), 1e-4, False),
        (at(0, 30, -31), at(0, 30.5, -30.5), 1e-4, False),
        (at(0, 20, 90), at(0, 38, 90), 1e-4, False),
    ],
    ids=["apart", "tied by tolerance", "tied", "tied in ours", "still apart"],
)
def test_neighbors_that_are_tied_cannot_change_their_order(
    before: Array, after: Array, tolerance: float, changed: bool
) -> None:
    assert compared(before, after, tolerance).order_changed is changed


def test_vectors_that_moved_far_need_re_indexing_although_they_keep_their_order() -> None:
    numbers = compared(at(0, 20, 90), at(0, 38, 90))
    assert numbers.says.startswith("the vectors moved (smallest cosine 0.951057, largest difference 0.27)")
    assert numbers.says.endswith(": re-index before you upgrade")


def test_two_vectors_have_no_order_that_would_show_that_they_still_work() -> None:
    numbers = compared(table(REAL_ROWS[:2]), table(noisy(REAL_ROWS[:2], 3e-4)))
    assert numbers.moved and not numbers.order_changed
    assert numbers.says.endswith(": re-index before you upgrade")


def test_many_small_differences_that_turn_a_direction_are_a_move() -> None:
    # Each is off by less than the tolerance, and the length stays the same.
    after = [math.cos(0.02) + (math.sin(0.02) if place % 2 else -math.sin(0.02)) for place in range(65536)]
    numbers = compared(recorded([1.0] * 65536, (65536,)), recorded(after, (65536,)))
    assert numbers.moved and numbers.cosine == pytest.approx(math.cos(0.02), abs=1e-6)
    assert numbers.difference < 1e-4 * 256 and numbers.norm < 1e-4


def test_a_column_of_numbers_is_one_vector() -> None:
    before, after = [1.0, 0.0, 2.0], [1.0, 1e-6, 2.0]
    assert not compared(recorded(before, (3, 1)), recorded(after, (3, 1))).moved


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ({}, "'embeddings' of the reference combo is missing"),
        ({"other": REAL}, "'embeddings' of the reference combo is missing"),
        ({"embeddings": table([row[:100] for row in REAL_ROWS])}, "has the shape 8x100, in the reference combo 8x384"),
        ({"embeddings": replace(REAL, shape=(3072,))}, "has the shape 3072, in the reference combo 8x384"),
        ({"embeddings": replace(REAL, data="not base64")}, "cannot be read"),
        ({"embeddings": replace(REAL, data=REAL.data[:400])}, "cannot be read"),
        ({"embeddings": replace(REAL, data=f"{REAL.data[:400]}!?{REAL.data[400:]}")}, "cannot be read"),
        ({"embeddings": replace(REAL, encoding="f2")}, "cannot be read"),
        ({"embeddings": replace(REAL, shape=(-8, -384))}, "cannot be read"),
    ],
)
def test_vectors_that_cannot_be_compared_count_as_moved_and_the_sentence_says_why(
    after: Mapping[str, Array], message: str
) -> None:
    numbers = compare({"embeddings": REAL}, after)
    assert numbers is not None
    assert numbers.moved and message in numbers.says
    assert (numbers.cosine, numbers.difference) == (0.0, math.inf)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_reported(value: float) -> None:
    broken = table([*REAL_ROWS[:-1], [*REAL_ROWS[-1][:-1], value]])
    numbers = compared(REAL, broken)
    assert numbers.moved and not numbers.finite
    assert (
        numbers.says == f"'embeddings' holds 1 of 3072 values that are not finite, the first is {value}: do not upgrade"
    )
    assert non_finite({"good": REAL, "embeddings": broken}) == numbers.says.removesuffix(": do not upgrade")
    assert non_finite({"good": REAL}) is None


@pytest.mark.parametrize(
    "reference",
    [
        {},
        {"embeddings": recorded([], (0, 384))},
        {"embeddings": recorded([math.nan], (1,))},
        {"embeddings": replace(REAL, data="?")},
    ],
)
def test_nothing_is_compared_when_the_reference_holds_no_usable_numbers(reference: Mapping[str, Array]) -> None:
    assert compare(reference, {"embeddings": REAL}) is None


def test_the_sentence_names_the_worst_of_several_arrays() -> None:
    numbers = compare({"a": REAL, "b": REAL, "c": REAL}, {"a": REAL, "b": table(noisy(REAL_ROWS, 0.1)), "c": REAL})
    assert numbers is not None
    assert numbers.moved and numbers.order_changed and numbers.cosine < 0.99
    assert numbers.says.startswith("the vectors of 'b' moved")


def test_an_array_that_only_ours_has_is_ignored() -> None:
    numbers = compare({"a": REAL}, {"a": REAL, "b": recorded([math.nan], (1,))})
    assert numbers is not None
    assert not numbers.moved and numbers.finite


def test_arrays_of_all_checks_are_collected_even_if_two_share_a_name() -> None:
    one, two = recorded([1.0], (1,)), recorded([2.0], (1,))
    checks = (
        Check(name="first", outcome=Outcome.PASSED, arrays={"x": one, "y": one}),
        Check(name="second", outcome=Outcome.PASSED, arrays={"x": two}),
    )
    assert arrays_of(checks) == {"x": one, "y": one, "second.x": two}


@pytest.mark.parametrize("shape", [(65536,), (65536, 1), (32768, 2), (1024, 64), (170, 384), (64, 1024)])
def test_the_largest_array_that_a_probe_may_record_is_compared_in_seconds(shape: tuple[int, ...]) -> None:
    chance = random.Random(1)
    before = [chance.gauss(0, 1) for _ in range(math.prod(shape))]
    arrays = recorded(before, shape), recorded([value + chance.gauss(0, 0.01) for value in before], shape)
    started = time.process_time()
    assert compared(*arrays).moved
    # It takes 0.02 to 0.11 s on a quiet machine; a comparison of all pairs would take minutes.
    assert time.process_time() - started < 10


def test_many_equal_vectors_are_compared_in_seconds() -> None:
    before, after = table([[1.0] * 16] * 4096), table([[1.0] * 15 + [1.01]] * 4096)
    started = time.process_time()
    numbers = compared(before, after)
    assert time.process_time() - started < 10
    assert numbers.moved and not numbers.order_changed


@pytest.mark.parametrize("rows", [[[1e308, 1.5e308]], [[5e-324, 1e-323, 0.0]], [[1e308, 1e-308]]])
def test_no_finite_number_is_too_large_or_too_small_to_be_compared(rows: Rows) -> None:
    array = table(rows, "float64", "f8")
    assert compared(array, array).cosine == pytest.approx(1.0)
    assert not compared(array, array).moved


FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
SMALL = st.floats(min_value=-1, max_value=1, width=32)


@st.composite
def tables(draw: st.DrawFn, numbers: st.SearchStrategy[float] = FLOATS) -> Rows:
    count, size = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    return draw(st.lists(st.lists(numbers, min_size=size, max_size=size), min_size=count, max_size=count))


@given(rows=tables(), tolerance=st.sampled_from([1e-6, 1e-4, 1e-2]))
def test_vectors_compared_with_themselves_never_move(rows: Rows, tolerance: float) -> None:
    numbers = compared(table(rows), table(rows), tolerance)
    assert not numbers.moved and not numbers.order_changed and numbers.finite
    assert (numbers.difference, numbers.norm) == (0, 0)
    assert numbers.cosine == pytest.approx(1.0, abs=1e-9)


@given(rows=tables(SMALL), data=st.data())
def test_noise_of_a_ten_millionth_never_moves(rows: Rows, data: st.DataObject) -> None:
    noise = st.floats(-1e-7, 1e-7)
    rows = [[1.0, *row] for row in rows]
    after = [[value + data.draw(noise) for value in row] for row in rows]
    numbers = compared(table(rows), table(after))
    assert not numbers.moved and not numbers.order_changed


@given(rows=tables(SMALL), data=st.data(), off=st.floats(0.01, 100))
def test_one_component_beyond_the_tolerance_always_moves(rows: Rows, data: st.DataObject, off: float) -> None:
    after = [list(row) for row in rows]
    row = data.draw(st.integers(0, len(rows) - 1))
    after[row][data.draw(st.integers(0, len(rows[0]) - 1))] += off * max(1.0, math.hypot(*rows[row]))
    assert compared(table(rows), table(after)).moved


@settings(max_examples=25)
@given(order=st.permutations(range(8)))
def test_vectors_in_another_order_count_as_moved(order: list[int]) -> None:
    numbers = compared(REAL, table([REAL_ROWS[place] for place in order]))
    assert numbers.order_changed is numbers.moved is (order != sorted(order))


@given(
    data=st.text(max_size=60),
    shape=st.lists(st.integers(-2, 4), max_size=3),
    encoding=st.sampled_from(["f4", "f8", "?"]),
)
def test_a_forged_array_is_judged_without_a_crash(data: str, shape: list[int], encoding: str) -> None:
    forged = Array(dtype="float32", shape=tuple(shape), encoding=encoding, data=data)
    assert compared(REAL, forged).moved
    compare({"embeddings": forged}, {"embeddings": REAL})
    non_finite({"embeddings": forged})
