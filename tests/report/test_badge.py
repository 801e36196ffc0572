"""The badge, as JSON for shields.io and as a picture."""

import json
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.model import Cell, JudgedRun, Phase, Reason, Status
from knowngood.report import badge
from knowngood.report.badge import Color
from report.factory import cell, combo, mission, only, passing, run, whole
from report.hostile import CORPUS, anything, dangerous, poisoned

GOLDEN = Path(__file__).parent / "golden" / "badge.svg"
SVG = "{http://www.w3.org/2000/svg}"
DAY = date(2026, 11, 24)
RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))

PASSES = passing(combo("a"))
FAILS = cell(combo("b"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED)
UNEXPECTED = replace(FAILS, combo=combo("c"), as_expected=False)
OUTAGE = cell(combo("d"), Status.INFRA, Phase.INSTALL, Reason.INDEX_UNREACHABLE, as_expected=None)
BUG = cell(combo("e"), Status.ERROR, Phase.PROBE, Reason.HARNESS_BUG, as_expected=None)
NEVER = cell(combo("f"), Status.NOT_RUN, Phase.PROBE, Reason.NOT_REACHED, as_expected=None)
TWO = combo("g", probes=("x", "y"))


def parsed(judged: JudgedRun, today: date | None = DAY) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(badge.render(judged, today=today))
    return document


@pytest.mark.parametrize(
    ("cells", "message", "color"),
    [
        ((), "no combos", Color.NONE),
        ((PASSES,), "1 combo passes", Color.GOOD),
        ((PASSES, passing(combo("z"))), "all 2 combos pass", Color.GOOD),
        ((PASSES, FAILS), "1 of 2 combos pass, as expected", Color.GOOD),
        ((PASSES, FAILS, UNEXPECTED), "1 of 3 combos not as expected", Color.BAD),
        ((PASSES, OUTAGE), "1 of 1 decided combos pass, as expected; 1 undecided", Color.PARTLY),
        ((UNEXPECTED, PASSES, NEVER), "1 of 2 decided combos not as expected; 1 undecided", Color.BAD),
        ((OUTAGE, BUG, NEVER), "undecided", Color.NONE),
        ((passing(TWO, probe="x"), replace(FAILS, combo=TWO, probe="y")), "0 of 1 combo pass, as expected", Color.GOOD),
        ((passing(TWO, probe="x"), replace(OUTAGE, combo=TWO, probe="y")), "undecided", Color.NONE),
    ],
)
def test_a_badge_says_how_many_combos_work_and_whether_that_is_as_expected(
    cells: tuple[Cell, ...], message: str, color: Color
) -> None:
    shown = parsed(only(*cells))
    assert shown == {"schemaVersion": 1, "label": "embedding", "message": message, "color": color}


@given(st.lists(st.sampled_from([PASSES, FAILS, OUTAGE, BUG, NEVER]), unique_by=lambda cell: cell.combo.id))
def test_an_undecided_cell_never_turns_a_badge_red(cells: list[Cell]) -> None:
    assert parsed(only(*cells))["color"] != "red"


def test_combos_of_shards_that_were_not_merged_are_undecided() -> None:
    judged = only(PASSES, FAILS)
    partial = replace(judged, run=replace(judged.run, elsewhere=(combo("x"), combo("y"))))
    assert parsed(partial)["message"] == "1 of 2 decided combos pass, as expected; 2 undecided"


@pytest.mark.parametrize("judged", [only(PASSES), only(UNEXPECTED)])
def test_the_badge_of_a_run_older_than_thirty_days_has_no_color_and_says_its_age(judged: JudgedRun) -> None:
    fresh = parsed(judged, DAY)
    assert parsed(judged, DAY + timedelta(days=30)) == fresh
    assert parsed(judged, DAY - timedelta(days=1)) == fresh
    stale = parsed(judged, DAY + timedelta(days=31))
    assert stale["color"] == "lightgrey"
    assert stale["message"] == f"{fresh['message']}; tested 31 days ago"


def test_without_a_day_the_badge_is_that_of_the_day_of_the_run() -> None:
    assert parsed(whole(mission()), None) == parsed(whole(mission()), DAY)


def test_a_run_with_an_unknown_date_has_no_color() -> None:
    judged = only(PASSES)
    info = replace(judged.run.info, started="yesterday")
    shown = parsed(replace(judged, run=replace(judged.run, info=info)))
    assert (shown["message"], shown["color"]) == ("1 combo passes; date unknown", "lightgrey")


def test_the_picture_is_the_golden_one() -> None:
    assert badge.render_svg(mission(), today=DAY) == GOLDEN.read_text(encoding="utf-8")


def test_the_picture_says_the_same_to_eyes_and_to_screen_readers() -> None:
    root = ElementTree.fromstring(badge.render_svg(mission(), today=DAY))
    text = f"{parsed(mission())['label']}: {parsed(mission())['message']}"
    assert (root.tag, root.get("role"), root.get("aria-label")) == (f"{SVG}svg", "img", text)
    assert root.findtext(f"{SVG}title") == text
    assert ": ".join(element.text or "" for element in root.iter(f"{SVG}text")) == text


def test_every_text_is_fitted_into_its_own_part_of_the_picture() -> None:
    root = ElementTree.fromstring(badge.render_svg(mission(), today=DAY))
    end = 0.0
    for text in root.iter(f"{SVG}text"):
        start, length = float(text.get("x", "")), float(text.get("textLength", ""))
        assert start >= end
        assert 4 < length / len(text.text or "") < 9
        end = start + length
    assert end < float(root.get("width", ""))


@pytest.mark.parametrize("paint", [*badge.PAINT.values(), badge.LABEL_PAINT])
def test_white_text_can_be_read_on_every_color(paint: str) -> None:
    # The contrast that WCAG 2 requires at level AA.
    assert 1.05 / (luminance(paint) + 0.05) >= 4.5


def luminance(paint: str) -> float:
    """Return the relative luminance of ``#rrggbb``, as WCAG 2 defines it."""
    parts = [int(paint[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_color_has_a_paint() -> None:
    assert set(badge.PAINT) == set(Color)


def test_a_long_name_is_cut() -> None:
    judged = JudgedRun(run=run((PASSES,)), cells=(PASSES,))
    info = replace(judged.run.info, matrix="m" * 10**6)
    assert len(parsed(replace(judged, run=replace(judged.run, info=info)))["label"]) == badge.LONGEST_LABEL


@pytest.mark.parametrize("raw", [*CORPUS, "not in XML: \ufffe \uffff"])
def test_a_run_full_of_one_hostile_text_is_inert(raw: str) -> None:
    judged = poisoned(lambda: raw)
    info = replace(judged.run.info, matrix=raw)
    assert_inert(replace(judged, run=replace(judged.run, info=info)))


@settings(max_examples=40, deadline=None)
@given(RUNS, anything())
def test_with_any_hostile_text_both_badges_are_parsed_and_say_the_same(judged: JudgedRun, matrix: str) -> None:
    info = replace(judged.run.info, matrix=matrix)
    assert_inert(replace(judged, run=replace(judged.run, info=info)))


def assert_inert(judged: JudgedRun) -> None:
    picture, text = badge.render_svg(judged, today=DAY), badge.render(judged, today=DAY)
    assert (picture, text) == (badge.render_svg(judged, today=DAY), badge.render(judged, today=DAY))
    assert text.isascii()
    root = ElementTree.fromstring(picture.encode())
    assert [element.tag.removeprefix(SVG) for element in root.iter()] == [
        "svg",
        "title",
        "rect",
        "path",
        "g",
        "text",
        "text",
    ]
    document = parsed(judged)
    assert root.get("aria-label") == f"{document['label']}: {document['message']}"
    assert document["label"]
    assert not dangerous(f"{picture}{document['label']}{document['message']}".replace("\n", ""))
