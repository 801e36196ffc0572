"""What works against its metadata: how every report shows a pass whose environment has conflicts."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from knowngood.judge.changes import compare, exit_code, snapshots
from knowngood.model import Cell, ChangeKind, Conflict, JudgedRun
from knowngood.report import (
    atom,
    badge,
    diff,
    explain_markdown,
    explain_text,
    markdown,
    matrix_json,
    matrix_reader,
    recap,
    table,
    words,
)
from knowngood.report.ci import ctrf, junit
from knowngood.report.embed.parts import Heading, Items, Show, Table, parts
from knowngood.report.github import summary
from knowngood.report.html import page
from knowngood.report.html.links import Anchors
from knowngood.report.html.overview import against_metadata, good
from knowngood.report.publication import published
from knowngood.report.summary import summary as sum_of
from report.factory import combo, only, passing

CONFLICT = Conflict(
    distribution="flask", version="3.0.3", requirement="Werkzeug>=3.0.0", package="werkzeug", installed="2.2.3"
)
MISSING = replace(CONFLICT, requirement="blinker>=1.6.2", package="blinker", installed=None)
SENTENCE = "flask 3.0.3 declares Werkzeug>=3.0.0, and werkzeug 2.2.3 is installed"


def against(name: str = "old", *conflicts: Conflict) -> Cell:
    return passing(combo(name), conflicts=conflicts or (CONFLICT,))


def judged() -> JudgedRun:
    return only(passing(combo("clean")), against())


TEXTS: dict[str, Callable[[JudgedRun], str]] = {
    "recap": lambda run: recap.render(run, run_folder="runs/1", width=120),
    "explain": lambda run: explain_text.render(run.cells[-1], run.run, run_folder="runs/1"),
    "explain as Markdown": lambda run: explain_markdown.render(run.cells[-1], run.run, run_folder="runs/1"),
    "matrix.md": markdown.render,
    "index.html": page.render,
    "junit.xml": junit.render,
    "ctrf.json": ctrf.render,
    "summary.md": summary.render,
}


@pytest.mark.parametrize("report", TEXTS)
def test_every_report_says_which_declared_requirement_is_not_met(report: str) -> None:
    text = TEXTS[report](judged()).replace("&gt;", ">").replace("&#62;", ">")

    assert SENTENCE in text
    clean = TEXTS[report](only(passing(combo("clean"))))
    assert "Werkzeug" not in clean and words.AGAINST_METADATA not in clean


def test_the_table_marks_such_a_pass_and_explains_the_mark() -> None:
    lines = table.render(judged(), width=100).splitlines()

    rows = [line.split() for line in lines if line.startswith(("clean", "old"))]
    assert [row[6:8] for row in rows] == [["pass", "0.432"], ["pass", "*"]]
    assert lines[-1].startswith("* works against its metadata: ")
    assert "*" not in table.render(only(passing(combo("clean"))))


def test_the_sum_counts_what_works_against_its_metadata() -> None:
    assert sum_of(judged()) == ("2 combos, 2 cells: 2 pass; 0 not as expected; 1 works against its metadata")


def test_the_recap_lists_each_combo_once_with_its_first_conflict() -> None:
    two = combo("two-probes", probes=("a", "b"))
    cells = [replace(against("two-probes", CONFLICT, MISSING), combo=two, probe=probe) for probe in ("a", "b")]

    lines = recap.render(only(*cells), run_folder="runs/1", width=120).splitlines()

    start = lines.index("Works against its metadata (not known good):")
    assert lines[start + 1 : start + 3] == [f"  two-probes  {SENTENCE} and 1 more"]


def test_the_page_lists_it_apart_from_what_is_known_good() -> None:
    run = judged()
    anchors = Anchors(run.cells)

    assert [card.link.text for card in good(run, anchors)] == ["clean"]
    assert [(card.link.text, card.conflicts) for card in against_metadata(run, anchors)] == [("old", (SENTENCE,))]
    text = page.render(run)
    assert '<h2 id="good-title">Known good <span class="count">1</span></h2>' in text
    assert '<h3 id="against">Works against its metadata <span class="count">1</span></h3>' in text
    assert "2 of 2 combos pass, 1 of them against its metadata" in text


def test_documentation_calls_only_what_has_no_conflict_tested_and_working() -> None:
    made = parts(judged(), Show.ALL)

    headings = [part.text for part in made if isinstance(part, Heading)]
    assert headings == ["Dependency matrix (tested and working): clean", "What works against its metadata"]
    assert Items(texts=(f"old: {SENTENCE}.",)) in made
    (matrix,) = [part for part in made if isinstance(part, Table) and part.headers[0] == "combo"]
    assert [row[-2] for row in matrix.rows] == ["\u2713 pass", "\u2713 pass *"]


def test_the_badge_counts_only_what_has_no_conflict() -> None:
    assert badge.badge(judged()).message == "1 of 2 combos pass, as expected; 1 against metadata"
    assert badge.badge(only(passing(combo("clean")))).message == "1 combo passes"


def test_the_json_has_the_conflicts_and_gives_them_back_also_when_it_is_published() -> None:
    document = json.loads(matrix_json.render(published(judged())))

    assert document["cells"][1]["conflicts"] == [
        {
            "distribution": "flask",
            "version": "3.0.3",
            "requirement": "Werkzeug>=3.0.0",
            "package": "werkzeug",
            "installed": "2.2.3",
        }
    ]
    assert document["cells"][0]["conflicts"] == []
    read = matrix_reader.parse(document)
    assert [cell.conflicts for cell in read.cells] == [(), (CONFLICT,)]


def test_a_conflict_that_appears_or_goes_is_a_change_but_not_of_the_verdict() -> None:
    before = only(passing(combo("clean")), against())
    after = only(replace(passing(combo("clean")), conflicts=(MISSING,)), passing(combo("old")))

    changes = compare(snapshots(before), snapshots(after))

    assert [change.kind for change in changes] == [ChangeKind.STILL_PASS, ChangeKind.STILL_PASS]
    assert [change.new_conflicts for change in changes] == [(MISSING,), ()]
    assert [change.gone_conflicts for change in changes] == [(), (CONFLICT,)]
    assert exit_code(changes) == 0
    assert diff.headline(changes) == "2 unchanged, 1 new conflict, 1 conflict gone"
    text = diff.render(changes, baseline_name="the baseline")
    assert "New conflicts:\n  clean: flask 3.0.3 declares blinker>=1.6.2, and it is not installed\n" in text
    assert f"Conflicts that are gone:\n  old: {SENTENCE}\n" in text
    markdown_text = diff.render_markdown(changes, baseline_name="the baseline")
    assert "**New conflicts**:\n\n- clean: flask 3.0.3 declares blinker" in markdown_text
    cells = json.loads(diff.render_json(changes, baseline_name="the baseline"))["changes"]
    assert cells[0]["new_conflicts"] == [words.conflict(MISSING)] and cells[1]["gone_conflicts"] == [SENTENCE]
    assert "New conflicts" in page.render(after, changes=changes)
    assert atom.render(after, changes).count("<entry>") == 0


def test_a_conflict_stays_the_same_while_versions_move() -> None:
    moved = replace(CONFLICT, version="3.0.4", requirement="Werkzeug>=3.1", installed="2.3.0")

    (change,) = compare(snapshots(only(against())), snapshots(only(against("old", moved))))

    assert (change.new_conflicts, change.gone_conflicts) == ((), ())
    assert diff.headline([change]) == "1 unchanged"
