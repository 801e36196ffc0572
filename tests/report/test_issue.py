"""The issue about a matrix: title, body, the marks of the workflow, and hostile text."""

import re
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowngood.model import Change, ChangeKind
from knowngood.report.github.issue import mark, render, title
from report.factory import diagnosed, mission, only
from report.hostile import CORPUS, anything, dangerous, poisoned

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})
LIMIT = 60_000


def change(kind: ChangeKind = ChangeKind.REGRESSED, combo: str = "legacy-loose", **more: object) -> Change:
    base = Change(combo=combo, probe="embedding", kind=kind, before="pass", after="fail", why="in probe: it broke")
    return replace(base, **more)  # type: ignore[arg-type]


PACKAGES = (("huggingface-hub", "0.25.2", "0.36.2"), ("triton", None, "3.9.0"))
REGRESSED = only(diagnosed(as_expected=False))


def prose(text: str) -> str:
    """Return the text outside code and comments, where a mention would notify somebody."""
    tokens = GITHUB.parse(text)
    return "\n".join(child.content for token in tokens for child in token.children or () if child.type == "text")


def test_the_body_has_the_change_the_packages_that_differ_the_cause_the_fix_and_how_to_rerun() -> None:
    body = render(
        REGRESSED, (change(packages=PACKAGES),), baseline_name="reports/e/matrix.json", url="https://ci.example/run/7"
    )

    assert "| legacy-loose embedding | regressed | pass | fail |" in body
    assert "| huggingface-hub | 0.25.2 | 0.36.2 |" in body
    assert "| triton | absent | 3.9.0 |" in body
    assert "**Diagnosis** (likely): sentence-transformers 2.2.2 uses cached_download" in body
    assert "Fix: `huggingface-hub<0.26` `torch==2.1.2` in step 3 as well." in body
    assert "knowngood run matrices/embedding.toml --only legacy-loose --keep" in body
    assert "Against `reports/e/matrix.json`: **1 regressed.**" in body
    assert "[the whole report](<https://ci.example/run/7>)" in body


def test_the_first_line_is_an_invisible_mark_by_which_the_workflow_finds_the_issue() -> None:
    body = render(mission(), (change(),))

    assert body.splitlines()[0] == mark(mission()) == "<!-- knowngood:issue:embedding -->"
    other = replace(mission().run.info, matrix="a --> b\n@x")
    assert mark(replace(mission(), run=replace(mission().run, info=other))) == "<!-- knowngood:issue:a----b-x -->"


def test_the_second_line_changes_only_with_the_kinds_of_change() -> None:
    def second(*changes: Change) -> str:
        return render(REGRESSED, changes).splitlines()[1]

    assert re.fullmatch(r"<!-- knowngood:changes:[0-9a-f]{16} -->", second(change()))
    assert second(change()) == second(change(why="it broke in other words", packages=PACKAGES))
    assert second(change()) != second(change(ChangeKind.CHANGED_FAIL))
    assert second(change()) != second(change(), change(combo="other"))


def test_regressions_come_first_and_unchanged_cells_are_only_counted() -> None:
    body = render(
        mission(),
        (
            change(ChangeKind.FIXED, "legacy", before="fail", after="pass"),
            change(ChangeKind.STILL_PASS, "same", after="pass"),
            change(ChangeKind.REGRESSED, "modern-loose"),
        ),
    )

    assert re.findall(r"^### (.+)$", body, re.MULTILINE) == [
        "modern-loose embedding: pass → fail",
        "legacy embedding: fail → pass",
    ]
    assert "1 regressed, 1 fixed, 1 unchanged" in body


def test_an_unexpected_cell_is_in_the_issue_though_it_did_not_change() -> None:
    assert "### modern-loose embedding: UNEXPECTED PASS" in render(mission())


def test_the_title_is_one_line_with_the_sum() -> None:
    assert title(mission(), (change(), change(ChangeKind.STILL_PASS, "b"))) == (
        "Sentence embeddings on the CPU: 1 regressed, 1 unchanged"
    )
    assert title(mission()).endswith("1 NOT as expected; 1 infra, 1 not-run (undecided)")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://x> <b", "https://x y", ""])
def test_only_a_web_address_becomes_a_link(address: str) -> None:
    assert "](<" not in render(mission(), url=address)


def test_a_body_that_is_too_large_leaves_out_whole_parts_and_names_them() -> None:
    changes = tuple(change(combo=f"combo-{number}", packages=PACKAGES * 10) for number in range(400))

    body = render(REGRESSED, changes)

    assert len(body.encode()) <= LIMIT
    assert "parts left out" in body.splitlines()[-1]
    assert body.count("### combo-") + int(re.findall(r"\*\*(\d+) parts", body)[0]) >= 400


def test_a_diagnosis_that_is_too_long_does_not_push_its_cell_out() -> None:
    cell = diagnosed(as_expected=False)
    assert cell.diagnosis is not None
    cell = replace(cell, diagnosis=replace(cell.diagnosis, why="x" * 1_000_000))

    body = render(only(cell), (change(),))

    assert len(body.encode()) <= LIMIT
    assert "### legacy-loose embedding: pass → fail" in body


@given(st.lists(anything(), min_size=1, max_size=12))
def test_hostile_text_neither_mentions_nor_links_nor_hides(texts: list[str]) -> None:
    say = cycle(texts).__next__
    judged = poisoned(say)
    flipped = tuple(
        Change(
            combo=cell.combo.id,
            probe=cell.probe,
            kind=ChangeKind.REGRESSED,
            before="pass",
            after="fail",
            why=say(),
            packages=((say(), say(), None),),
        )
        for cell in judged.cells[:2]
    )

    body, head = render(judged, flipped, baseline_name=say()), title(judged, flipped)

    assert len(body.encode()) <= LIMIT
    assert not dangerous(body) - {"\n", "\t", "\u2060"}
    assert not dangerous(head) - {"\u2060"}
    assert not re.search(r"[@#]\w", prose(body) + head)
    assert body.count("<!--") == 2
    tokens = [child for token in GITHUB.parse(body) for child in (token, *(token.children or ()))]
    assert not [token for token in tokens if token.type in ("link_open", "image", "html_inline")]
    assert [token.content.strip() for token in tokens if token.type == "html_block"] == body.split("\n")[:2]


@pytest.mark.parametrize("text", CORPUS)
def test_a_run_full_of_one_hostile_text_leaves_the_body_intact(text: str) -> None:
    body = render(poisoned(lambda: text), (change(why=text, combo=text),))

    assert "## What changed" in body.splitlines()
    assert body.splitlines()[0] == "<!-- knowngood:issue:embedding -->"
