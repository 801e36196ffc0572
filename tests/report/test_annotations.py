"""Annotations: workflow commands that GitHub reads back as they were meant."""

import re
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.model import JudgedRun, Phase, Reason, Status
from knowngood.report.github.annotations import command, render
from report.factory import cell, combo, diagnosed, mission, only, passing, run, whole
from report.hostile import CORPUS, anything, dangerous, poisoned


def parsed(text: str) -> list[tuple[str, str, str]]:
    """Read workflow commands as the runner of GitHub does: (kind, title, message) of each line."""
    commands = []
    for line in text.splitlines():
        head, _, data = line.removeprefix("::").partition("::")
        kind, _, properties = head.partition(" ")
        values = dict(pair.split("=", 1) for pair in properties.split(","))
        title = values.pop("title")
        assert not values
        for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            title = title.replace(escape, character)
            data = data.replace(escape, character) if escape not in ("%3A", "%2C") else data
        commands.append((kind, title, data))
    return commands


def troubled(number: int) -> JudgedRun:
    """Return a run with ``number`` cells each that are unexpected, could not be tested, and were not run."""
    cells = []
    for index in range(number):
        cells.append(diagnosed(combo=replace(diagnosed().combo, id=f"bad-{index}"), as_expected=False))
        cells.append(
            cell(combo(f"down-{index}"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None)
        )
        cells.append(cell(combo(f"never-{index}"), Status.NOT_RUN, Phase.RESOLVE, Reason.NOT_REACHED, as_expected=None))
    return JudgedRun(run=run(tuple(cells)), cells=tuple(cells))


def test_an_unexpected_cell_is_annotated_with_its_cause_its_fix_and_how_to_rerun_it() -> None:
    (error,) = parsed(render(only(diagnosed(as_expected=False), passing(combo("good")))))

    kind, title, message = error
    assert (kind, title) == ("error", "legacy-loose: FAIL (declared: other evidence)")
    cause, fix, rerun = message.split("\n")
    assert cause.startswith("torch 2.1.2 -> 2.15.0 by step 3, violates torch==2.1.2; sentence-transformers 2.2.2 uses")
    assert fix == "fix: huggingface-hub<0.26, torch==2.1.2 in step 3"
    assert rerun == "rerun: knowngood run matrices/embedding.toml --only legacy-loose --keep"


def test_unexpected_cells_are_errors_outages_are_warnings_and_cells_not_run_are_one_notice() -> None:
    assert [(kind, title) for kind, title, _ in parsed(render(mission()))] == [
        ("error", "modern-loose: UNEXPECTED PASS"),
        ("warning", "modern: infra"),
        ("notice", "1 cell not run"),
    ]


def test_a_run_that_is_as_expected_has_no_annotations() -> None:
    judged = whole(mission())
    cells = tuple(cell for cell in judged.cells if cell.as_expected)

    assert render(replace(judged, cells=cells)) == ""


def test_no_more_annotations_are_written_than_github_shows_and_the_others_are_counted() -> None:
    commands = parsed(render(troubled(13)))

    kinds = [kind for kind, _, _ in commands]
    assert {kind: kinds.count(kind) for kind in kinds} == {"error": 10, "warning": 10, "notice": 2}
    assert commands[-2][1] == "13 cells not run"
    assert commands[-1][1] == "3 errors and 3 warnings more"


def test_a_run_within_the_limits_has_no_count_of_further_annotations() -> None:
    assert "more" not in render(troubled(10))


@pytest.mark.parametrize("text", CORPUS)
def test_a_command_is_read_back_as_it_was_written(text: str) -> None:
    written = command("error", f"100%0A,a:b {text}", [f"50%25:: {text}", "second"])

    assert "\n" not in written and written.count("::") >= 2
    (read,) = parsed(written)
    assert read[1].startswith("100%0A,a:b")
    assert read[2].startswith("50%25::") and read[2].endswith("\nsecond")


@given(st.lists(anything(), min_size=1, max_size=12))
def test_hostile_text_cannot_start_another_command(texts: list[str]) -> None:
    text = render(poisoned(cycle(texts).__next__))

    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines
    assert all(re.match(r"::(error|warning|notice) title=[^:,]*::", line) for line in lines)
    assert not dangerous(text) - {"\n"}
    assert text.isprintable() or set(text) - {"\n"}
    assert len(parsed(text)) == len(lines)
    assert max(map(len, lines)) < 16_000
