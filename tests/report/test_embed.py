"""Read what pages say was tested back through a Markdown renderer and through docutils."""

from dataclasses import replace
from difflib import ndiff
from itertools import cycle
from typing import Any

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowngood.model import Drift, IndexChoice, JudgedRun, Reused, RunInfo, Status
from knowngood.report import markdown as matrix_md
from knowngood.report import matrix_json, matrix_reader
from knowngood.report.embed.markers import markdown, rst
from knowngood.report.embed.parts import Caption, Heading, Items, Part, Show, Table, parts
from knowngood.report.text import plain
from report.factory import STEPS, combo, diagnosed, mission, only, passing, whole
from report.hostile import CORPUS, anything, poisoned

GFM = MarkdownIt("commonmark").enable("table")
JOINER = "\u2060"
EVIDENCE = "../reports/embedding/matrix.md"
RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))


def published(judged: JudgedRun) -> JudgedRun:
    """Return the run that a page reads from its published report."""
    return matrix_reader.loads(matrix_json.render(judged))


def dated(judged: JudgedRun, started: str) -> JudgedRun:
    info: RunInfo = replace(judged.run.info, started=started)
    return replace(judged, run=replace(judged.run, info=info))


def the(kind: type[Part], page: tuple[Part, ...]) -> Any:
    return next(part for part in page if isinstance(part, kind))


def test_the_table_shows_versions_verdicts_and_causes_and_links_to_the_evidence() -> None:
    page = markdown(parts(published(whole(mission())), Show.TABLE), evidence=EVIDENCE)

    assert (
        page
        == """\
Tested on 2026-11-24 with Python 3.11.7 on Linux-6.1.0-x86_64 (AMD EPYC 7B13), by knowngood 0.1.0 and uv 0.13.9. \
[Report](../reports/embedding/matrix.md)

| combo | python | numpy | torch | sentence-transformers | transformers | verdict | why |
| --- | --- | --- | --- | --- | --- | --- | --- |
| [legacy](../reports/embedding/matrix.md#legacy) | 3.11.7 | 1.24.3 | 2.1.2 | 2.2.2 | 4.36.2 \
| \u2713 pass | 1 warning |
| [legacy-numpy2](../reports/embedding/matrix.md#legacy-numpy2) | 3.11.7 | 2.3.5 | 2.1.2 | 2.2.2 | 4.36.2 \
| \u2717 fail (expected) | numpy and torch share memory |
| [legacy-wrong-order](../reports/embedding/matrix.md#legacy-wrong-order) | 3.11.7 | 1.24.3 | 2.9.0 ! | 2.2.2 | 4.36.2 \
| \u2717 fail (expected) | pin-violated |
| [numpy2-torch21](../reports/embedding/matrix.md#numpy2-torch21) | 3.11.7 | - | - | - | - \
| \u2205 unsolvable (expected) | conflict |
| [modern-loose](../reports/embedding/matrix.md#modern-loose) | 3.11.7 | 2.3.5 | 2.9.0+cpu | 5.1.2 | 4.57.1 \
| \u2713 UNEXPECTED PASS |   |

- ! after a version: it violates the combo's own pin"""
    )


def test_the_dependency_table_of_a_passing_combo_says_why_each_package_is_there() -> None:
    asked = combo("good", steps=(("numpy==1.24.3", "Torch>=2"), ("numpy<2",)), title="Two steps")
    installed = {"torch": "2.1.2", "numpy": "1.24.3", "sympy": "1.12", "triton": "3.9.0", "pip": "26.3"}
    index = IndexChoice(
        name="cpu", asked="https://cpu.example", used="https://cpu.example", packages=("torch",), why=""
    )
    moved = Drift(package="sympy", step=2, before="1.11", after="1.12", violates=None)
    run = only(passing(asked, installed=installed, drift=(moved,)), diagnosed())
    page = parts(
        published(replace(run, run=replace(run.run, indexes=(index,)))), Show.DEPENDENCIES, packages=("Sympy",)
    )

    assert [part for part in page if isinstance(part, Heading)] == [
        Heading(text="Dependency matrix (tested and working): good, Two steps")
    ]
    assert the(Table, page).rows == (
        ("python", "3.11.7", "environment created by uv"),
        ("numpy", "1.24.3", "pinned in step 1, requested as numpy<2 in step 2"),
        ("torch", "2.1.2", "requested as Torch>=2 in step 1, from index cpu"),
        ("sympy", "1.12", "dependency, moved from 1.11 in step 2"),
        ("1 other", "", "listed in the report"),
    )


def test_a_failure_is_listed_with_its_cause_and_fix() -> None:
    page = parts(published(only(diagnosed(), passing(combo("good")))), Show.ALL)

    assert page[-1] == Items(
        texts=(
            "legacy-loose, fail (expected): torch 2.1.2 -> 2.15.0 by step 3, violates torch==2.1.2; "
            "sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2 does not have. "
            "Fix: huggingface-hub<0.26, torch==2.1.2 in step 3",
        )
    )


def test_an_undecided_cell_is_not_listed_as_a_failure() -> None:
    page = parts(published(mission()), Show.ALL)
    failures, legend = page[-1], next(part for part in page if isinstance(part, Items))

    assert isinstance(failures, Items) and not any(text.startswith("modern,") for text in failures.texts)
    assert "? infra: could not be tested, not counted as a failure" in legend.texts
    assert any("incomplete run" in text for text in legend.texts)
    assert ", in a run that was cut short." in the(Caption, page).text


def test_a_combo_with_one_failing_probe_has_no_table_of_dependencies() -> None:
    both = combo("both", probes=("a", "b"))
    failed = replace(diagnosed(), combo=both, probe="b")
    page = parts(published(only(passing(both, probe="a"), failed)), Show.DEPENDENCIES)

    assert not [part for part in page if isinstance(part, Table)]


def test_the_table_has_at_most_six_packages_and_those_whose_versions_differ_come_first() -> None:
    steps = (("a==1", "b==1", "c==1", "d==1", "e==1", "f==1", "g==1"),)
    versions = dict.fromkeys("abcdefg", "1")
    run = published(
        only(
            passing(combo("x", steps=steps), installed=versions),
            passing(combo("y", steps=steps), installed=versions | {"d": "2"}),
        )
    )

    assert the(Table, parts(run, Show.TABLE)).headers == ("combo", "python", *"dabcef", "verdict", "why")
    chosen = the(Table, parts(run, Show.TABLE, packages=("E", "a")))
    assert chosen.headers == ("combo", "python", "e", "a", "verdict", "why")


@pytest.mark.parametrize("write", [markdown, rst])
@pytest.mark.parametrize("show", Show)
def test_a_later_run_with_the_same_results_changes_only_the_line_with_the_date(write: Any, show: Show) -> None:
    before, after = (
        write(parts(published(dated(whole(mission()), when)), show)).split("\n")
        for when in ("2026-11-24T07:10:00+00:00", "2026-12-25T08:00:00+00:00")
    )

    changed = [line for line in ndiff(before, after) if line.startswith(("+ ", "- "))]
    assert [line[:23] for line in changed] == ["- Tested on 2026-11-24 ", "+ Tested on 2026-12-25 "]


def test_the_caption_covers_the_dates_of_reused_verdicts() -> None:
    reused = Reused(run="r", combo="c", recorded="2026-11-01T00:00:00+00:00", key="0f")
    page = parts(published(only(passing(combo("a"), reused=reused))), Show.TABLE)

    assert the(Caption, page).text.startswith("Tested on 2026-11-01 to 2026-11-24 with Python 3.11.7 on ")


def test_the_anchors_are_those_of_the_headings_in_the_published_report() -> None:
    cells = [passing(combo(name, steps=STEPS)) for name in ("a.b", "ab", "sentence-embeddings-on-the-cpu", "a_b-2.0")]
    run = only(*cells)
    headings = [line[3:] for line in matrix_md.render(run).split("\n") if line.startswith("## ")]

    assert headings == ["a.b", "ab", "sentence-embeddings-on-the-cpu", "a_b-2.0"]
    assert the(Table, parts(published(run), Show.TABLE)).anchors == (
        "ab",
        "ab-1",
        "sentence-embeddings-on-the-cpu-1",
        "a_b-20",
    )


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_markdown_shows_every_text_literally(judged: JudgedRun) -> None:
    check_markdown(parts(published(judged), Show.ALL))


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_restructuredtext_shows_every_text_of_a_run_literally(judged: JudgedRun) -> None:
    check_rst(parts(published(judged), Show.ALL))


@pytest.mark.parametrize("raw", CORPUS)
def test_a_run_full_of_one_hostile_text_is_shown_literally(raw: str) -> None:
    page = parts(published(poisoned(lambda: raw)), Show.ALL)
    check_markdown(page)
    check_rst(page)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_restructuredtext_shows_a_text_of_only_backslashes_literally(count: int) -> None:
    check_rst((Caption(text="x"), Items(texts=("\\" * count,)), Table(headers=("a",), rows=(("\\" * count,),))))


@settings(max_examples=300, deadline=None)
@given(st.one_of(anything(), st.text("a1_`*|:<>\\ .-()[]@/#=+'\"\u2022", max_size=12)))
def test_restructuredtext_shows_any_text_literally(raw: str) -> None:
    check_rst((Caption(text=f"x {raw}"), Items(texts=(raw, f"x {raw}")), Heading(text=f"x {raw}")))


def check_markdown(page: tuple[Part, ...]) -> None:
    """Fail when a text is not shown literally or became structure."""
    text = markdown(page, evidence=EVIDENCE)
    assert "<!--" not in text
    tokens = GFM.parse(text)
    inlines = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inlines} <= {
        *("text", "text_special", "strong_open", "strong_close", "link_open", "link_close", "softbreak")
    }
    assert all(str(child.attrs["href"]).startswith(EVIDENCE) for child in inlines if child.type == "link_open")
    shown = [text.replace(JOINER, "") for text in texts(tokens)]
    assert [text for text in shown if text] == expected(page, link="Report")


def texts(tokens: list[Token]) -> list[str]:
    return [
        "".join(child.content for child in token.children or ()).strip() for token in tokens if token.type == "inline"
    ]


def check_rst(page: tuple[Part, ...]) -> None:
    """Fail when a text is not shown literally, became structure, or makes docutils warn."""
    settings_ = {"report_level": 1, "halt_level": 1, "_disable_config": True}
    tree = publish_doctree(f"\n{rst(page, evidence=EVIDENCE)}\n", settings_overrides=settings_)
    allowed = (
        *(nodes.document, nodes.paragraph, nodes.Text, nodes.bullet_list, nodes.list_item, nodes.rubric, nodes.table),
        *(nodes.tgroup, nodes.colspec, nodes.thead, nodes.tbody, nodes.row, nodes.entry, nodes.reference, nodes.target),
    )
    assert not [node for node in tree.findall() if not isinstance(node, allowed)]
    assert all(reference["refuri"].startswith(EVIDENCE) for reference in tree.findall(nodes.reference))
    shown = [node.astext() for node in tree.findall(lambda node: isinstance(node, nodes.paragraph | nodes.rubric))]
    assert [text for text in shown if text] == expected(page, link="Report")
    tables = [[len(row) for row in table.findall(nodes.row)] for table in tree.findall(nodes.table)]
    assert tables == [[len(part.headers)] * (len(part.rows) + 1) for part in page if isinstance(part, Table)]


def expected(page: tuple[Part, ...], *, link: str) -> list[str]:
    """Return the texts of a page in order, without empty ones."""
    texts_in_order: list[str] = []
    for part in page:
        match part:
            case Caption():
                texts_in_order.append(f"{plain(part.text)} {link}".strip())
            case Heading():
                texts_in_order.append(plain(part.text))
            case Items():
                texts_in_order += map(plain, part.texts)
            case Table():
                texts_in_order += [plain(text) for row in (part.headers, *part.rows) for text in row]
    return [text for text in texts_in_order if text]


def test_a_published_report_has_the_verdicts_of_the_run() -> None:
    cells = published(mission()).cells

    assert [(cell.combo.id, cell.verdict, cell.as_expected) for cell in cells] == [
        (cell.combo.id, cell.verdict, cell.as_expected) for cell in mission().cells
    ]
    assert {cell.verdict.status for cell in cells} >= {Status.PASS, Status.INFRA}
