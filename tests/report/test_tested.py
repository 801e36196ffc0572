"""What was tested: cells name the project that their steps installed, and a comparison sees another build of it."""

import json
from dataclasses import replace

from knowngood.judge.changes import compare, snapshots
from knowngood.model import Cell, ChangeKind, Combo, Phase, Reason, Status, Verdict
from knowngood.model import Tested as Installed
from knowngood.report import diff, explain_markdown, explain_text, markdown, matrix_json, matrix_reader, recap, words
from knowngood.report.ci import junit
from knowngood.report.html import page
from knowngood.report.publication import published
from knowngood.report.table import key_packages
from report.factory import combo, only, passing

SHOP = Installed(
    name="numpy", version="1.24.3", origin=".", tree="a1" * 32, commit="0f3a5b7c9d1e" + "0" * 28, dirty=True
)
SENTENCE = "numpy 1.24.3 from ., commit 0f3a5b7c9d1e and changes"


def cell(**changes: object) -> Cell:
    return replace(passing(combo("old")), tested=(replace(SHOP, **changes),))  # type: ignore[arg-type]


def failing(**changes: object) -> Cell:
    verdict = Verdict(status=Status.FAIL, phase=Phase.PROBE, reason=Reason.CHECK_FAILED)
    return replace(cell(**changes), verdict=verdict, as_expected=False, message="KeyError: 'x'")


def test_every_report_names_the_project_its_commit_and_whether_it_was_changed() -> None:
    run = only(cell())

    for text in (
        explain_text.render(run.cells[0], run.run, run_folder="r"),
        explain_markdown.render(run.cells[0], run.run, run_folder="r"),
        markdown.render(run),
        page.render(run),
    ):
        assert SENTENCE in text
    (written,) = json.loads(matrix_json.render(run))["cells"]
    assert (written["tested"][0]["name"], written["tested"][0]["dirty"]) == ("numpy", True)
    assert matrix_reader.loads(matrix_json.render(run)).cells[0].tested == (SHOP,)


def test_a_yanked_version_is_shown_with_the_reason_of_its_index_wherever_there_is_room() -> None:
    withdrawn = passing(
        combo("one"),
        installed={"lib": "1.0", "old": "2.0"},
        yanked=("lib", "old"),
        yank_reasons={"lib": f"breaks\x1b[2J user {'x' * 300}"},
    )
    run = only(withdrawn)

    said = words.yanked(withdrawn)

    assert said[1] == "old 2.0 was yanked from its index"
    assert said[0].startswith("lib 1.0 was yanked from its index: breaks user xx")
    assert len(said[0]) < 250
    for text in (recap.render(run, run_folder="r", width=300), markdown.render(run), junit.render(run)):
        assert "yanked from its index: breaks" in text
    assert matrix_reader.loads(matrix_json.render(run)).cells[0].yank_reasons == withdrawn.yank_reasons


def test_a_comparison_sees_that_the_source_of_the_same_version_changed() -> None:
    (change,) = compare(snapshots(only(cell())), snapshots(only(failing(tree="c3" * 32))))

    assert change.kind is ChangeKind.REGRESSED
    assert change.why.endswith(
        "the same versions are installed, but the source of numpy changed (tree a1a1a1a1a1a1 -> c3c3c3c3c3c3)"
    )
    assert "numpy 1.24.3 (tree a1a1a1a1a1a1) -> 1.24.3 (tree c3c3c3c3c3c3)" in diff.render(
        [change], baseline_name="the baseline", width=120
    )
    (same,) = compare(snapshots(only(cell())), snapshots(only(failing())))
    assert same.rebuilt == () and same.why.endswith("the same distributions are installed")


def test_a_comparison_sees_a_wheel_of_an_index_that_was_rebuilt_under_the_same_version() -> None:
    before = replace(passing(combo("old")), contents={"numpy": "aaaaaaaaaaaa py3-none-any"})
    after = replace(failing(), tested=(), contents={"numpy": "bbbbbbbbbbbb py3-none-any"})
    other_machine = replace(after, contents={"numpy": "bbbbbbbbbbbb cp311-cp311-win_amd64"})

    (change,) = compare(snapshots(only(before)), snapshots(only(after)))

    assert change.why.endswith("the same versions are installed, but numpy 1.24.3 was rebuilt")
    (elsewhere,) = compare(snapshots(only(before)), snapshots(only(other_machine)))
    assert elsewhere.rebuilt == ()


def test_a_publication_keeps_what_shows_that_the_project_was_built_again() -> None:
    contents = {"numpy": "aaaaaaaaaaaa py3-none-any", "six": "bbbbbbbbbbbb py3-none-any"}
    run = only(replace(cell(), contents=contents))
    run = replace(run, run=replace(run.run, indexes=()))

    (kept,) = published(run).cells

    assert kept.contents == {"numpy": "aaaaaaaaaaaa py3-none-any"}


def test_the_project_has_the_first_column_of_versions_if_they_differ_or_nothing_else_is_named() -> None:
    shop = replace(SHOP, name="shop", version="2.0")
    numpy, alone = combo("numpy", steps=(("numpy",),)), combo("alone", steps=((),))

    def tests(version: str, of: Combo) -> Cell:
        return passing(of, installed={"shop": version, "numpy": "2.0"}, tested=(replace(shop, version=version),))

    assert key_packages(only(tests("2.0", numpy), tests("3.0", numpy))) == ("shop", "numpy")
    assert key_packages(only(tests("2.0", numpy), tests("2.0", numpy))) == ("numpy",)
    assert key_packages(only(tests("2.0", alone), tests("2.0", alone))) == ("shop",)
