"""Whatever a program under test prints, every report shows it and nothing obeys it."""

import json
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowngood.model import JudgedRun
from knowngood.report import explain_markdown, explain_text, markdown, matrix_json, recap, table
from knowngood.report.markup import code, fence, inline, paragraph
from knowngood.report.text import columns, plain
from report.hostile import CORPUS, anything, dangerous, poisoned

GFM = MarkdownIt("commonmark").enable("table")
JOINER = "\u2060"

RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))


@pytest.mark.parametrize("raw", CORPUS)
def test_a_run_full_of_one_hostile_text_is_inert_in_every_report(raw: str) -> None:
    judged = poisoned(lambda: raw)
    for shown in (
        table.render(judged, width=80),
        recap.render(judged, run_folder=raw),
        markdown.render(judged).replace("\t", "").replace(JOINER, ""),
        matrix_json.render(judged),
    ):
        assert not dangerous(shown.replace("\n", ""))
    assert_structure(markdown.render(judged))


@settings(max_examples=60, deadline=None)
@given(RUNS, st.integers(min_value=40, max_value=200))
def test_the_table_is_inert_and_keeps_within_its_width(judged: JudgedRun, width: int) -> None:
    shown = table.render(judged, width=width)
    assert not dangerous(shown.replace("\n", ""))
    assert max(map(columns, shown.split("\n"))) <= width
    assert not dangerous(table.render(judged).replace("\n", ""))


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_the_recap_is_inert(judged: JudgedRun) -> None:
    assert not dangerous(recap.render(judged, run_folder="runs/1").replace("\n", ""))


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_the_page_is_inert_and_its_tables_keep_their_columns(judged: JudgedRun) -> None:
    page = markdown.render(judged)
    assert not dangerous(page.replace("\n", "").replace("\t", "").replace(JOINER, ""))
    assert "<!--" not in page
    assert_structure(page)


@settings(max_examples=60, deadline=None)
@given(RUNS, st.integers(min_value=40, max_value=160))
def test_an_explanation_is_inert_and_only_paths_and_commands_exceed_its_width(judged: JudgedRun, width: int) -> None:
    for cell in judged.cells:
        shown = explain_text.render(cell, judged.run, run_folder="runs/1", width=width)
        assert not dangerous(shown.replace("\n", ""))
        painted = explain_text.render(cell, judged.run, run_folder="runs/1", width=width, paint=lambda _, text: text)
        assert painted == shown
        for label, line in labels(shown):
            assert columns(line) <= width or label in {"log", "rerun", "fix", "see"}
    overview = explain_text.render_overview(judged, width=width)
    assert not dangerous(overview.replace("\n", ""))
    assert max(map(columns, overview.split("\n"))) <= width


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_an_explanation_in_markdown_is_inert_and_its_tables_keep_their_columns(judged: JudgedRun) -> None:
    for cell in judged.cells:
        page = explain_markdown.render(cell, judged.run, run_folder="runs/1")
        assert not dangerous(page.replace("\n", "").replace("\t", "").replace(JOINER, ""))
        assert_structure(f"# title\n\n{page}")


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_an_explanation_in_json_is_strict_and_ascii(judged: JudgedRun) -> None:
    shown = matrix_json.render_cells(judged.cells, judged.run, run_folder="runs/1")
    assert shown.isascii()
    assert not dangerous(shown.replace("\n", ""))
    for cell in json.loads(shown, parse_constant=pytest.fail)["cells"]:
        json.dumps(cell["explained"], ensure_ascii=False).encode()


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_the_json_is_strict_and_ascii(judged: JudgedRun) -> None:
    shown = matrix_json.render(judged)
    assert shown.isascii()
    assert not dangerous(shown.replace("\n", ""))
    json.loads(shown, parse_constant=pytest.fail)
    json.loads(shown)["cells"][0]["message"].encode()


@given(anything())
def test_markdown_shows_inline_text_as_it_is(raw: str) -> None:
    for text in (f"x {inline(raw)} x", f"| h |\n| --- |\n| x {inline(raw)} x |"):
        assert text_of(text).removeprefix("h").strip() == f"x {plain(raw)} x".replace("x  x", "x  x")


@given(anything())
def test_markdown_shows_a_paragraph_as_it_is(raw: str) -> None:
    tokens = GFM.parse(paragraph(raw))
    assert [token.type for token in tokens] == (["paragraph_open", "inline", "paragraph_close"] if plain(raw) else [])
    assert text_of(paragraph(raw)) == plain(raw)


@given(anything())
def test_a_code_span_and_a_block_show_text_as_it_is_and_cannot_be_left(raw: str) -> None:
    text = plain(raw).replace("<!--", "<! --")
    spans = [child for token in GFM.parse(f"a {code(raw)}") for child in token.children or () if child.type != "text"]
    assert [(span.type, span.content) for span in spans] == ([("code_inline", text)] if text else [])
    (block,) = GFM.parse("\n".join(fence(raw)))
    assert block.type == "fence"
    assert block.content == plain(raw, lines=True).replace("<!--", "<! --") + "\n"


@pytest.mark.parametrize("raw", CORPUS)
def test_no_name_or_number_becomes_a_mention(raw: str) -> None:
    assert "@someone" not in inline(raw)
    assert "#123" not in inline(raw)


def labels(explanation: str) -> list[tuple[str, str]]:
    """Return each line of an explanation below its head, with its label."""
    labeled: list[tuple[str, str]] = []
    for line in explanation.split("\n\n", 1)[1].split("\n"):
        label = line[: explain_text.LABEL].strip()
        labeled.append((label or (labeled[-1][0] if labeled else ""), line))
    return labeled


def assert_structure(page: str) -> None:
    """Fail when a text became structure: a table with other columns, a heading, raw HTML, a link, an image."""
    tokens = GFM.parse(page)
    inlines = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inlines} <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    html = {token.content.strip() for token in tokens if token.type == "html_block"}
    assert all(block.startswith("<details>\n<summary>") or block == "</details>" for block in html)
    assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h1", "h2"}
    assert sum(token.tag == "h1" for token in tokens if token.type == "heading_open") == 1
    for rows in tables(tokens):
        assert len(set(rows)) == 1, rows


def tables(tokens: list[Token]) -> list[list[int]]:
    """Return, for each table, the number of cells of each of its rows."""
    rows_by_table: list[list[int]] = []
    for token in tokens:
        if token.type == "table_open":
            rows_by_table.append([])
        elif token.type == "tr_open":
            rows_by_table[-1].append(0)
        elif token.type in {"th_open", "td_open"}:
            rows_by_table[-1][-1] += 1
    return rows_by_table


def text_of(page: str) -> str:
    """Return the text that a reader of the rendered page sees."""
    parts = []
    for token in GFM.parse(page):
        for child in token.children or ():
            assert child.type in {"text", "text_special"}, child
            parts.append(child.content)
    return "".join(parts).replace(JOINER, "")
