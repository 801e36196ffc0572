"""The summary of a CI job: its order, its size, and hostile text in it."""

import re
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowngood.model import Change, ChangeKind, JudgedRun
from knowngood.report.budget import Part, page
from knowngood.report.github.summary import render
from knowngood.report.text import encoded_size
from report.factory import diagnosed, mission, only, run
from report.hostile import CORPUS, anything, dangerous, poisoned

LIMIT = 1_000_000
GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})
CHANGES = (
    Change(
        combo="modern-loose",
        probe="embedding",
        kind=ChangeKind.REGRESSED,
        before="pass",
        after="fail",
        why="in probe: it broke",
        packages=(("numpy", "1.26.4", "2.3.5"),),
    ),
)


def headings(text: str) -> list[str]:
    tokens = GITHUB.parse(text)
    return [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]


def html_of(text: str) -> set[str]:
    """Return the raw HTML that GitHub reads in ``text``."""
    tokens = GITHUB.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return {token.content.strip() for token in (*tokens, *inline) if token.type in ("html_block", "html_inline")}


def many(cells: int, *, message: str = "it broke") -> JudgedRun:
    """Return a run of many cells, every tenth of which is unexpected."""
    failed = tuple(
        diagnosed(
            combo=replace(diagnosed().combo, id=f"combo-{number}"),
            message=message,
            as_expected=number % 10 != 0,
        )
        for number in range(cells)
    )
    return JudgedRun(run=replace(run(failed), interrupted=None, indexes=()), cells=failed)


def test_the_sum_comes_first_then_the_table_then_the_cells_with_the_unexpected_ones_first() -> None:
    text = render(mission(), CHANGES, baseline_name="reports/embedding/matrix.json")

    assert headings(text)[:2] == ["Sentence embeddings on the CPU", "Compared with a baseline"]
    assert headings(text)[2:4] == ["modern-loose: UNEXPECTED PASS", "modern: infra"]
    assert "**7 combos, 7 cells: 1 pass" in text.split("\n\n")[1]
    assert "`reports/embedding/matrix.json`: **1 regressed**" in text
    assert text.index("| combo |") < text.index("## modern-loose")
    assert text.count("<details>") == text.count("</details>") == 3
    assert "<summary>legacy-numpy2, as expected</summary>" in text
    assert text == render(mission(), CHANGES, baseline_name="reports/embedding/matrix.json")


def test_without_a_baseline_there_is_no_comparison() -> None:
    assert "Compared" not in render(mission())


@pytest.mark.parametrize(
    "judged",
    [many(3000), many(40, message="x" * 100_000), poisoned(lambda: "💥`|<" * 10_000)],
    ids=["many cells", "long messages", "long everything"],
)
def test_a_run_that_is_too_large_still_fits(judged: JudgedRun) -> None:
    text = render(judged)

    assert len(text.encode()) == encoded_size(text) < LIMIT
    assert text.startswith("# ") and "| combo |" in text


def test_unexpected_cells_are_kept_before_expected_ones() -> None:
    text = render(many(2000))

    assert "parts left out" in text.splitlines()[-1]
    explained = [heading for heading in headings(text) if heading.startswith("combo-")]
    assert len(explained) > 200
    assert sum("FAIL" in heading for heading in explained) == 200, "every unexpected cell is explained"
    rows = re.findall(r"^\| (combo-\d+) \|", text, re.MULTILINE)
    assert {f"combo-{number}" for number in range(0, 2000, 10)} <= set(rows)
    assert rows == sorted(rows, key=lambda name: int(name.split("-")[1])), "in the order of the matrix"


def test_a_table_that_is_too_large_counts_the_cells_that_are_missing() -> None:
    text = render(many(6000))
    rows = re.findall(r"^\| (combo-\d+) \|", text, re.MULTILINE)

    assert f"{6000 - len(rows)} more cells, not in this table." in text


def test_an_explanation_that_is_too_long_is_replaced_by_one_line() -> None:
    cell = diagnosed(as_expected=False)
    assert cell.diagnosis is not None

    text = render(only(replace(cell, diagnosis=replace(cell.diagnosis, why="x" * 2_000_000))))

    assert encoded_size(text) < 10_000
    assert text.splitlines()[-1].startswith("legacy-loose")


@given(st.lists(anything(), min_size=1, max_size=12))
def test_hostile_text_shows_as_it_is_and_does_nothing(texts: list[str]) -> None:
    judged = poisoned(cycle(texts).__next__)

    text = render(judged)

    assert not dangerous(text) - {"\n", "\t", "\u2060"}
    assert all(re.fullmatch(r"</?details>|<details>\s<summary>.*</summary>", html, re.DOTALL) for html in html_of(text))
    assert not re.search(r"(?<![\w`])@\w", re.sub(r"`+[^`]*`+", "", text.split("```")[0]))


@pytest.mark.parametrize("text", CORPUS)
def test_a_run_full_of_one_hostile_text_leaves_the_page_intact(text: str) -> None:
    shown = render(poisoned(lambda: text), CHANGES)

    assert headings(shown)[1] == "Compared with a baseline"
    assert all("<script" not in html and "<img" not in html for html in html_of(shown))


def test_a_page_shows_the_first_text_of_a_part_that_fits_and_names_the_parts_it_leaves_out() -> None:
    parts = [
        Part(name="long", texts=("l" * 900, "short form")),
        Part(name="lost | <b>", texts=("x" * 900,)),
        Part(name="small", texts=("fits",)),
    ]

    text = page(["# head", ""], parts, most=2500)

    assert text.split("\n\n") == [
        "# head",
        "short form",
        "fits",
        "**1 part left out**, because GitHub limits the size of a page: lost &#124; &#60;b&#62;.\n",
    ]
