import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.model import JudgedRun, Phase, Reason, Status
from knowngood.report.github.annotations import command, render
from report.factory import cell, combo, diagnosed, mission, only, passing, run, whole
from report.hostile import CORPUS, anything, dangerous, poisoned


def parsed(text: str) -> list[tuple[str, str, str]]:
    """Read workflow commands as the runner of GitHub does: (kind, title, message) of each line."""
    found = []
    for line in text.splitlines():
        head, _, data = line.removeprefix("::").partition("::")
        kind, _, properties = head.partition(" ")
        values = dict(one.split("=", 1) for one in properties.split(","))
        title = values.pop("title")
        assert not values
        for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            title = title.replace(escape, character)
            data = data.replace(escape, character) if escape not in ("%3A", "%2C") else data
        found.append((kind, title, data))
    return found


def stopped(number: int) -> JudgedRun:
    """Return a run in which as many cells surprised, could not be told, and were never run."""
    cells = []
    for index in range(number):
        cells.append(diagnosed(combo=replace(diagnosed().combo, id=f"bad-{index}"), as_expected=False))
        cells.append(
            cell(combo(f"down-{index}"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None)
        )
        cells.append(cell(combo(f"never-{index}"), Status.NOT_RUN, Phase.RESOLVE, Reason.NOT_REACHED, as_expected=None))
    return JudgedRun(run=run(tuple(cells)), cells=tuple(cells))


def test_each_cell_that_is_not_as_expected_is_annotated_with_cause_cure_and_rerun() -> None:
    (error,) = parsed(render(only(diagnosed(as_expected=False), passing(combo("good")))))

    kind, title, message = error
    assert (kind, title) == ("error", "legacy-loose: FAIL, expected other evidence")
    told, fix, rerun = message.split("\n")
    assert told.startswith("torch 2.1.2 -> 2.15.0 by step 3, violates torch==2.1.2; sentence-transformers 2.2.2 uses")
    assert fix == "fix: huggingface-hub<0.26, torch==2.1.2 in step 3"
    assert rerun == "rerun: knowngood run matrices/embedding.toml --only legacy-loose --keep"


def test_surprises_are_errors_outages_are_warnings_and_what_was_not_run_is_a_notice() -> None:
    assert [(kind, title) for kind, title, _ in parsed(render(mission()))] == [
        ("error", "modern-loose: PASS, expected fail"),
        ("warning", "modern: infra"),
        ("notice", "1 cell not run"),
    ]


def test_a_run_that_is_as_expected_has_no_annotations() -> None:
    judged = whole(mission())
    cells = tuple(one for one in judged.cells if one.as_expected)

    assert render(replace(judged, cells=cells)) == ""


def test_no_more_are_given_than_github_shows_and_the_rest_is_counted() -> None:
    found = parsed(render(stopped(13)))

    kinds = [kind for kind, _, _ in found]
    assert {kind: kinds.count(kind) for kind in kinds} == {"error": 10, "warning": 10, "notice": 2}
    assert found[-2][1] == "13 cells not run"
    assert found[-1][1] == "3 errors and 3 warnings more"


def test_the_rest_is_not_counted_where_there_is_none() -> None:
    assert "more" not in render(stopped(10))


@pytest.mark.parametrize("text", CORPUS)
def test_what_a_command_says_is_what_is_read_from_it(text: str) -> None:
    written = command("error", f"100%0A,a:b {text}", [f"50%25:: {text}", "second"])

    assert "\n" not in written and written.count("::") >= 2
    (read,) = parsed(written)
    assert read[1].startswith("100%0A,a:b")
    assert read[2].startswith("50%25::") and read[2].endswith("\nsecond")


@given(st.data())
def test_hostile_text_starts_no_other_command(data: st.DataObject) -> None:
    text = render(poisoned(lambda: data.draw(anything())))

    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines
    assert all(re.match(r"::(error|warning|notice) title=[^:,]*::", line) for line in lines)
    assert not dangerous(text) - {"\n"}
    assert text.isprintable() or set(text) - {"\n"}
    assert len(parsed(text)) == len(lines)
    assert max(map(len, lines)) < 16_000
