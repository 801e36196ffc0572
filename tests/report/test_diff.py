"""The comparison with a baseline: for the terminal, as Markdown and as JSON."""

import json
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowngood.model import Change, ChangeKind
from knowngood.report.diff import headline, render, render_json, render_markdown
from knowngood.report.text import columns
from report.hostile import CORPUS, anything, dangerous


def change(kind: ChangeKind, combo: str, before: str | None, after: str | None, **more: object) -> Change:
    facts: dict[str, object] = {"probe": "embedding", "why": "", "packages": ()} | more
    return Change(combo=combo, kind=kind, before=before, after=after, **facts)  # type: ignore[arg-type]


LOOSE = change(
    ChangeKind.REGRESSED,
    "modern-loose",
    "pass",
    "fail",
    why="in probe, check 'transformers has torch enabled': AssertionError: transformers 5.23.0 does not use the"
    " torch that is installed",
    packages=(("tokenizers", "0.22.1", "0.23.0"), ("transformers", "4.57.1", "5.23.0"), ("xxhash", None, "3.5")),
)
CHANGES = (
    change(ChangeKind.STILL_PASS, "legacy", "pass", "pass"),
    change(ChangeKind.NEW, "modern-py313", None, "pass", why="it is not in the baseline"),
    change(
        ChangeKind.FIXED, "legacy-loose", "fail", "pass", why="it was fail in drift", packages=(("torch", "2", "3"),)
    ),
    change(ChangeKind.STILL_FAIL, "legacy-numpy2", "fail", "fail", why="in probe"),
    change(ChangeKind.INCONCLUSIVE, "modern", "pass", "infra", why="in resolve: refused"),
    change(ChangeKind.INCONCLUSIVE, "modern", "pass", "infra", probe="imports"),
    LOOSE,
    change(ChangeKind.CHANGED_FAIL, "legacy-wrong-order", "fail", "crash", why="it was fail; it is crash"),
    change(ChangeKind.MOVED, "modern-cpu", "pass", "moved", why="in compare: re-index"),
    change(ChangeKind.GONE, "ancient", "pass", None, why="it is in the baseline only"),
    change(ChangeKind.INCONCLUSIVE, "numpy3", "infra", "fail", why="it was infra"),
    change(ChangeKind.STILL_PASS, "legacy-pip", "pass", "pass", packages=(("six", "1", "2"),)),
)
NAME = "reports/embedding/matrix.json"

TEXT = """\
Against reports/embedding/matrix.json: 1 regressed, 1 changed fail, 1 moved, 1 fixed, 3
inconclusive, 1 new, 1 gone, 3 unchanged

Regressed:
  modern-loose: pass -> fail
    why       in probe, check 'transformers has torch enabled': AssertionError: transformers 5.23.0
              does not use the torch that is installed
    packages  tokenizers 0.22.1 -> 0.23.0
              transformers 4.57.1 -> 5.23.0
              xxhash absent -> 3.5

Fails for another cause:
  legacy-wrong-order: fail -> crash
    why       it was fail; it is crash

Passes with other numbers:
  modern-cpu: pass -> moved
    why       in compare: re-index

Fixed:
  legacy-loose: fail -> pass
    why       it was fail in drift
    packages  torch 2 -> 3

Inconclusive (not counted as a failure):
  modern embedding: pass -> infra (in resolve: refused)
  modern imports: pass -> infra
  numpy3: infra -> fail (it was infra)

New:
  modern-py313: pass

Gone:
  ancient: pass

Unchanged: 2 still pass, 1 still fail
"""


def test_regressions_come_first_with_their_reason_and_the_packages_that_differ() -> None:
    assert render(CHANGES, baseline_name=NAME) == TEXT


def test_cells_that_an_early_end_left_out_are_one_list() -> None:
    cut = [change(ChangeKind.INCONCLUSIVE, f"c{number}", "pass", "not-run", why="stopped") for number in range(200)]
    lines = render((*cut, change(ChangeKind.INCONCLUSIVE, "down", "pass", "infra")), baseline_name=NAME).splitlines()
    assert lines[3] == "  down: pass -> infra"
    assert lines[4].startswith("  not run: c0, c1, c2")
    assert len(lines) < 10
    alone = render(tuple(cut[:1]), baseline_name=NAME)
    assert "  c0: pass -> not-run (stopped)" in alone


def test_every_kind_of_change_is_in_every_format() -> None:
    shown, page, data = (
        render(CHANGES, baseline_name=NAME),
        render_markdown(CHANGES, baseline_name=NAME),
        json.loads(render_json(CHANGES, baseline_name=NAME)),
    )
    assert {change.kind for change in CHANGES} == set(ChangeKind)
    for change in CHANGES:
        if change.kind not in (ChangeKind.STILL_PASS, ChangeKind.STILL_FAIL):
            assert change.combo in shown and change.combo in page
    assert [(item["combo"], item["kind"]) for item in data["changes"]] == [
        (change.combo, change.kind) for change in CHANGES
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            CHANGES,
            "1 regressed, 1 changed fail, 1 moved, 1 fixed, 3 inconclusive, 1 new, 1 gone, 3 unchanged",
        ),
        ((LOOSE, LOOSE), "2 regressed"),
        (CHANGES[:1], "1 unchanged"),
        ((), "0 unchanged"),
    ],
)
def test_the_headline_counts_every_cell_once_and_regressions_first(changes: tuple[Change, ...], expected: str) -> None:
    assert headline(changes) == expected


def test_a_long_list_of_packages_is_cut_on_the_terminal_only() -> None:
    packages = tuple((f"package-{number:02}", "1", "2") for number in range(35))
    changes = (change(ChangeKind.REGRESSED, "a", "pass", "fail", packages=packages),)

    assert "package-19 1 -> 2\n              and 15 more packages\n" in render(changes, baseline_name=NAME)
    assert "| package-34 | 1 | 2 |" in render_markdown(changes, baseline_name=NAME)
    assert len(json.loads(render_json(changes, baseline_name=NAME))["changes"][0]["packages"]) == 35


def test_the_page_has_a_table_of_changes_and_one_of_packages_for_each_regression() -> None:
    page = render_markdown(CHANGES, baseline_name=NAME)

    assert (
        "| change | cell | before | now |\n| --- | --- | --- | --- |\n| regressed | modern-loose | pass | fail |"
        in page
    )
    assert "| transformers | 4.57.1 | 5.23.0 |" in page
    assert page.endswith("Unchanged: 2 still pass, 1 still fail\n")


def test_a_comparison_in_which_nothing_changed_is_short() -> None:
    same = CHANGES[:1]

    assert render(same, baseline_name="run 7") == "Against run 7: 1 unchanged\n\nUnchanged: 1 still pass\n"
    assert "|" not in render_markdown(same, baseline_name="run 7")


def test_the_json_counts_every_kind_and_has_null_for_an_absent_package() -> None:
    data = json.loads(render_json(CHANGES, baseline_name=NAME))

    assert list(data["counts"]) == [str(kind) for kind in ChangeKind]
    assert sum(data["counts"].values()) == len(CHANGES)
    assert data["baseline"] == NAME and data["schema"] == 2
    assert data["changes"][6]["packages"][2] == {"package": "xxhash", "before": None, "after": "3.5"}
    assert data["changes"][1]["before"] is None


def poisoned(texts: list[str]) -> tuple[Change, ...]:
    say = cycle(texts).__next__
    return tuple(
        change(
            kind, say(), say(), say(), probe=say(), why=say(), packages=((say(), say(), say()), (say(), None, say()))
        )
        for kind in (*ChangeKind, ChangeKind.REGRESSED)
    )


HOSTILE = st.lists(anything(), min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(HOSTILE, st.integers(min_value=40, max_value=200))
def test_with_any_hostile_text_the_lines_are_inert_and_keep_within_the_width(texts: list[str], width: int) -> None:
    shown = render(poisoned(texts), baseline_name=texts[0], width=width)

    assert not dangerous(shown.replace("\n", ""))
    assert max(map(columns, shown.split("\n"))) <= width


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_hostile_text_adds_no_structure_to_the_page(texts: list[str]) -> None:
    page = render_markdown(poisoned(texts), baseline_name=texts[0])

    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inlines = {child.type for token in tokens for child in token.children or ()}
    assert inlines <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2"]
    assert not {token.type for token in tokens} & {"html_block", "fence", "hr", "bullet_list_open", "ordered_list_open"}
    assert not dangerous(page.replace("\u2060", "").replace("\n", ""))


@pytest.mark.parametrize("raw", CORPUS)
def test_the_json_is_ascii_and_gives_the_text_back(raw: str) -> None:
    shown = render_json(poisoned([raw]), baseline_name=raw)

    assert shown.isascii()
    assert json.loads(shown)["changes"][0]["why"] == raw.replace("\ud800", "\ufffd").replace("\udfff", "\ufffd")
