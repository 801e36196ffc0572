"""Results that are older than their matrix promises: which are, and how each report says so."""

import json
import re
from dataclasses import replace
from datetime import date

import pytest

from knowngood.model import JudgedRun, Reused
from knowngood.report.embed.parts import Items, Show, parts
from knowngood.report.formats import FORMATS, FormatName, ReportContext
from knowngood.report.summary import is_stale, oldest
from report.factory import combo, mission, only, passing

RUN = only(passing(combo("a")), passing(combo("b")))
"""A run of 2026-11-24."""
FRESH, STALE = date(2026, 12, 24), date(2026, 12, 25)
SENTENCE = "of these results, the oldest is from 2026-11-24, and the matrix promises results of the last 30 days"


def promising(days: int, judged: JudgedRun = RUN) -> JudgedRun:
    return replace(judged, run=replace(judged.run, info=replace(judged.run.info, stale_after=days)))


def rendered(name: FormatName, today: date | None, judged: JudgedRun = RUN) -> str:
    return FORMATS[name].render(ReportContext(judged=judged, today=today))


def test_results_are_out_of_date_on_the_first_day_after_the_promised_ones() -> None:
    assert not is_stale(RUN, FRESH)
    assert is_stale(RUN, STALE)
    assert is_stale(promising(29), FRESH)
    assert not is_stale(promising(31), STALE)
    assert not is_stale(RUN, None)


def test_a_reused_verdict_is_as_old_as_the_run_that_recorded_it() -> None:
    reused = Reused(run="r", combo="a", recorded="2026-10-01T10:00:00+00:00", key="k")
    run = only(passing(combo("a"), reused=reused), passing(combo("b")))

    assert oldest(run) == date(2026, 10, 1)
    assert is_stale(run, date(2026, 11, 24))


def test_a_run_with_an_unknown_date_is_not_out_of_date() -> None:
    unknown = replace(RUN, run=replace(RUN.run, info=replace(RUN.run.info, started="once")))

    assert oldest(unknown) is None
    assert not is_stale(unknown, STALE)
    assert 'id="stale"' not in rendered(FormatName.HTML, STALE, unknown)


@pytest.mark.parametrize("name", [FormatName.MARKDOWN, FormatName.GITHUB])
def test_text_for_people_says_that_results_are_out_of_date(name: FormatName) -> None:
    assert f"- out of date: {SENTENCE}" in rendered(name, STALE)
    assert "out of date" not in rendered(name, FRESH)
    assert "out of date" not in rendered(name, None)


def test_the_page_has_a_banner_that_is_shown_without_javascript_when_it_is_out_of_date_already() -> None:
    banner = re.compile(r'<p id="stale" class="cautions"( hidden)? data-oldest="2026-11-24" data-days="30">(.*?)</p>')
    fresh, stale = (banner.findall(rendered(FormatName.HTML, day)) for day in (FRESH, STALE))

    assert [hidden for hidden, _ in fresh] == [" hidden"]
    assert stale == [("", f"<strong>Out of date.</strong> O{SENTENCE[1:]}.")]


def test_the_badge_counts_by_the_promise_of_the_matrix() -> None:
    message = json.loads(rendered(FormatName.BADGE, date(2026, 12, 2), promising(7)))["message"]

    assert message == "all 2 combos pass; tested 8 days ago"
    assert "tested 8 days ago" in rendered(FormatName.BADGE_SVG, date(2026, 12, 2), promising(7))
    assert "ago" not in rendered(FormatName.BADGE, date(2026, 12, 2))


def test_a_table_in_documentation_says_it_first() -> None:
    shown = [part for part in parts(mission(), Show.TABLE, today=STALE) if isinstance(part, Items)]

    assert shown[0].texts[0] == f"out of date: {SENTENCE}"
    assert not [part for part in parts(RUN, Show.TABLE, today=FRESH) if isinstance(part, Items)]


def test_a_promise_of_a_day_is_put_well() -> None:
    assert "results of the last day" in rendered(FormatName.MARKDOWN, STALE, promising(1))


def test_a_report_that_is_read_back_keeps_its_promise() -> None:
    from knowngood.report.matrix_reader import loads

    assert loads(rendered(FormatName.JSON, None, promising(9))).run.info.stale_after == 9
