"""Plain text, widths, counts, sizes and durations."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowngood.report.text import columns, count, plain, seconds, shorten, size, strict_json, wrap
from report.hostile import CORPUS, anything, dangerous


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0\x1b\\z", "z"),
        ("\x9b31mx", "31mx"),
        ("\x1b]0;never closed", "0;never closed"),
        ("10%\r20%\r\n30%", "10% 20% 30%"),
        ("pass\b\b\b\bfail", "passfail"),
        ("\u202eevil\u2066", "evil"),
        ("a\x00 \x00 b\tc\u2028d", "a b c d"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("[/nope] [red]", "[/nope] [red]"),
        ("日本語 ❤️ é", "日本語 ❤️ é"),
    ],
)
def test_plain_text_has_nothing_that_a_terminal_would_obey(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_plain_lines_keep_their_breaks_and_tabs() -> None:
    assert plain("a\r\n\tb\rc\x85d\x1b[2J\n", lines=True) == "a\n\tb\nc\nd"


@given(anything())
def test_plain_text_is_inert(raw: str) -> None:
    assert not dangerous(plain(raw))
    assert not dangerous(plain(raw, lines=True).replace("\n", "").replace("\t", ""))
    assert plain(plain(raw)) == plain(raw)
    assert "\n" not in plain(raw)


@given(anything(), st.integers(min_value=0, max_value=60))
@example("::error file=x::boo\n##[group]x000000000000 \U000116ac\u2e80\u2f00", 27)
def test_shortened_text_fits(raw: str, width: int) -> None:
    assert columns(shorten(raw, width)) <= width
    assert all(columns(line) <= max(2, width) for line in wrap(raw, width, most=3))
    assert len(wrap(raw, width, most=3)) <= 3


@pytest.mark.parametrize(
    ("width", "shown"), [(9, "日本語 ok"), (8, "日本語…"), (6, "日本…"), (4, "日…"), (1, "…"), (0, "")]
)
def test_text_is_shortened_by_its_width_on_a_terminal(width: int, shown: str) -> None:
    assert shorten("日本語 ok", width) == shown


def test_long_text_is_wrapped_and_its_rest_is_cut() -> None:
    assert wrap("one two three four five", 9, most=2) == ["one two", "three fo…"]
    assert wrap("", 9, most=2) == []


@pytest.mark.parametrize("raw", CORPUS)
def test_hostile_text_is_wrapped_into_inert_lines(raw: str) -> None:
    assert all(not dangerous(line) for line in wrap(raw, 30, most=4))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1, "0.0s"),
        (0.84, "0.8s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.7, "1h00m"),
        (7640, "2h07m"),
    ],
)
def test_a_duration_is_rounded_to_two_units(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1300, "1.3 kB"),
        (967_000_000, "967 MB"),
        (999_600_000, "1.0 GB"),
        (5 * 10**13, "50.0 TB"),
    ],
)
def test_a_size_has_two_or_three_digits(value: int, shown: str) -> None:
    assert size(value) == shown


def test_counts_agree_with_their_noun() -> None:
    assert [count(number, "cell") for number in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_json_is_laid_out_as_by_the_standard_library_whether_its_items_are_there_or_come_one_by_one(
    document: object,
) -> None:
    shown = strict_json(document)

    assert shown == json.dumps(document, indent=2) + "\n"
    if isinstance(document, dict):
        assert strict_json({k: iter(v) if isinstance(v, list) else v for k, v in document.items()}) == shown
