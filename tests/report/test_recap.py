"""The recap of a run on the terminal, its sum, and its cautions."""

from dataclasses import replace

import pytest

from knowngood.judge.causes import groups
from knowngood.model import Cell, Confidence, Diagnosis, Expectation, JudgedRun, Numbers, Phase, Reason, Status, Verdict
from knowngood.report import recap
from knowngood.report.summary import cautions, summary
from knowngood.report.text import columns
from report.factory import cell, combo, diagnosed, mission, only, passing, run, whole

RECAP = """\
incomplete run: interrupted by SIGINT
index pytorch-cpu was not used: torch, torchvision, torchaudio came from the default index
(https://download.pytorch.org/whl/cpu did not answer in 10 s)

Passed, but:
  legacy  A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0

As expected:
  legacy-numpy2       fail at numpy and torch share memory: RuntimeError: Numpy is not available _A…
  legacy-wrong-order  fail: torch 2.1.2 -> 2.9.0 by step 2, violates torch==2.1.2
  numpy2-torch21      unsolvable: Because torch==2.1.2 depends on numpy<2 and you require numpy>=2,…

Could not be tested (not counted as a failure):
  infra  modern (install)
    why            error: connection refused (3 tries)
    also observed  took 3 attempts
    log            runs/7f3a/logs/modern/install-2.log
    rerun          knowngood run matrices/embedding.toml --only modern --keep
  not-run  modern-py313

Not as expected:
  UNEXPECTED PASS  modern-loose
    why            every check passed
    declared       fail: torch 2.1 is compiled for NumPy 1.x, with evidence that matches 'Numpy is
                   not available'
    log            runs/7f3a/logs/modern-loose/embedding.log
    rerun          knowngood run matrices/embedding.toml --only modern-loose --keep
"""


def test_the_recap_ends_with_what_is_not_as_expected_and_shows_the_rest_briefly() -> None:
    assert recap.render(mission(), run_folder="runs/7f3a") == RECAP


def test_a_run_in_which_all_is_well_has_no_recap() -> None:
    assert recap.render(whole(only(passing(combo("new")))), run_folder="runs/7f3a") == ""


def failing(count: int, status: Status = Status.FAIL, message: str = "ImportError: no url_quote") -> list[Cell]:
    """Return cells of combos that fail in the same way, and not as expected."""
    name = f"{status}-{message[-9:].lower().replace(' ', '-')}"
    return [
        replace(
            cell(combo(f"{name}-{number}"), status, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False),
            message=message,
        )
        for number in range(count)
    ]


def grouped(cells: list[Cell]) -> JudgedRun:
    return replace(whole(JudgedRun(run=run(tuple(cells)), cells=tuple(cells))), groups=groups(cells))


def test_failures_with_one_cause_are_shown_once_and_each_cause_has_its_own() -> None:
    cells = [*failing(300), *failing(200, message="ImportError: no soft_unicode"), *failing(1, Status.CRASH, "SIGSEGV")]
    lines = recap.render(grouped(cells), run_folder="runs/7f3a").splitlines()
    heads = [line for line in lines if line[:2] == "  " and line[2] != " "]
    assert [head.split()[0] for head in heads] == ["CRASH", "FAIL", "FAIL"], "most severe first, then most cells"
    assert "and 299 more combos" in heads[1]
    assert "and 199 more combos" in heads[2]
    assert len(lines) < 40, "500 failures do not scroll their causes away"


def test_of_very_many_causes_the_most_severe_are_shown_and_the_others_are_counted() -> None:
    letters = [f"{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]
    cells = [
        *(failing(1, message=f"ImportError: no {name}name")[0] for name in letters),
        *failing(1, Status.CRASH, "SIGSEGV"),
    ]
    lines = recap.render(grouped(cells), run_folder="r").splitlines()
    heads = [line.split()[0] for line in lines if line[:2] == "  " and line[2] != " "]
    assert heads[0] == "CRASH"
    assert heads.count("FAIL") == recap.MOST_CAUSES - 1
    left = len(letters) + 1 - recap.MOST_CAUSES
    assert lines[-1] == f"  {left} more causes, {left} cells: --verbose prints them"


def test_each_failure_can_be_shown_by_itself() -> None:
    shown = recap.render(grouped(failing(3)), run_folder="runs/7f3a", each=True)
    assert shown.count("rerun") == 3
    assert "more combos" not in shown


def test_all_fixes_of_one_cause_are_named() -> None:
    cells = [
        replace(
            one, diagnosis=Diagnosis(culprit="jinja2", conflicts_with="flask", why="flask needs jinja2>=3", fix=(fix,))
        )
        for one, fix in zip(failing(3), ("jinja2>=3.0", "jinja2>=3.1.2", "jinja2>=3.0"), strict=True)
    ]
    assert "jinja2>=3.0; or jinja2>=3.1.2" in recap.render(grouped(cells), run_folder="runs/7f3a")


def test_many_failures_as_expected_are_shown_by_cause() -> None:
    cells = [replace(one, as_expected=True) for one in failing(recap.MOST_EXPECTED + 1)]
    shown = recap.render(grouped(cells), run_folder="runs/7f3a").splitlines()
    assert len(shown) == 2
    assert f"and {recap.MOST_EXPECTED} more" in shown[1]


def test_a_remark_that_many_cells_have_is_shown_once() -> None:
    cells = [replace(passing(combo(f"c{number}")), warnings=("it is deprecated",)) for number in range(50)]
    shown = recap.render(grouped(cells), run_folder="runs/7f3a")
    assert shown == "Passed, but:\n  c0 and 49 more  it is deprecated\n"


def test_a_rerun_has_the_options_that_find_the_run_again() -> None:
    shown = recap.render(grouped(failing(1)), run_folder="r", options=" --state-dir elsewhere")
    assert shown.rstrip().endswith("--keep --state-dir elsewhere")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_only_paths_and_commands_are_wider_than_the_terminal(width: int) -> None:
    for line in recap.render(mission(), run_folder="runs/7f3a", width=width).splitlines():
        assert columns(line) <= width or line.split()[0] in {"log", "rerun"}


def test_an_unexpected_failure_has_its_check_its_drift_its_log_and_how_to_rerun_it() -> None:
    wrong = mission().cells[2]
    failed = replace(
        wrong,
        as_expected=False,
        combo=combo("legacy"),
        verdict=replace(wrong.verdict, phase=Phase.PROBE, reason=Reason.CHECK_FAILED),
        check="encode",
        message="ValueError: vectors are not normalized",
    )
    shown = recap.render(JudgedRun(run=run((failed,)), cells=(failed,)), run_folder="runs/7f3a")
    assert (
        shown.split("\n\n")[-1]
        == """\
Not as expected:
  FAIL  legacy (probe: encode)
    why            ValueError: vectors are not normalized
    drift          torch 2.1.2 -> 2.9.0 by step 2, violates torch==2.1.2
                   1 more package changed (no pin violated)
    log            runs/7f3a/logs/legacy-wrong-order/embedding.log
    rerun          knowngood run matrices/embedding.toml --only legacy --keep
"""
    )


def test_a_failure_with_other_evidence_than_declared_is_unexpected() -> None:
    other = replace(mission().cells[1], as_expected=False, message="ImportError: no module named numpy")
    shown = recap.render(JudgedRun(run=run((other,)), cells=(other,)), run_folder="runs/7f3a", width=140)
    assert "FAIL (declared: other evidence)  legacy-numpy2" in shown
    assert (
        "declared       fail: torch 2.1 is compiled for NumPy 1.x, with evidence that matches 'Numpy is not available'"
        in shown
    )


def test_a_failure_with_another_culprit_than_declared_is_unexpected() -> None:
    expects = Expectation(status=Status.FAIL, culprit="numpy")
    other = diagnosed(as_expected=False)
    other = replace(other, combo=replace(other.combo, expect=expects))
    shown = recap.render(only(other), run_folder="runs/7f3a")
    assert "FAIL (declared: culprit numpy)  legacy-loose" in shown
    assert "    declared       fail, with numpy as the culprit\n" in shown


def test_a_run_as_expected_is_summed_up_in_one_line() -> None:
    cells = tuple(cell for cell in mission().cells if cell.as_expected)
    shown = summary(JudgedRun(run=run(cells), cells=cells), elapsed=7.25)
    assert shown == "4 combos, 4 cells in 7.2s: 1 pass, 2 fail as expected, 1 unsolvable as expected; 0 not as expected"


def test_a_complete_run_has_no_cautions() -> None:
    assert cautions(whole(mission())) == ()


def test_a_log_without_an_end_is_an_incomplete_run() -> None:
    judged = whole(mission())
    torn = replace(judged, run=replace(judged.run, finished=False, bad_lines=1, unknown_events=1))
    assert cautions(torn) == (
        "incomplete run: its event log has no end",
        "2 lines of the event log could not be read by this version",
    )


def test_a_failed_reference_is_a_caution() -> None:
    cells = (cell(combo("legacy"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False),)
    judged = whole(JudgedRun(run=run(cells), cells=cells))
    assert cautions(judged) == ("the reference combo legacy did not pass: no numbers were compared with it",)


def test_combos_that_were_not_run_are_listed_in_a_few_lines() -> None:
    never = mission().cells[-1]
    cells = tuple(replace(never, combo=combo(f"combo-{number}")) for number in range(200))
    shown = recap.render(JudgedRun(run=run(cells), cells=cells), run_folder="runs/7f3a")
    assert "not-run  combo-0, combo-1, combo-2" in shown
    assert len(shown.splitlines()) < 16


def test_a_diagnosis_is_shown_with_its_confidence_and_its_fix() -> None:
    shown = recap.render(only(diagnosed(as_expected=False)), run_folder="runs/7f3a")
    assert (
        """\
    cause          sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2
                   does not have (likely)
    fix            huggingface-hub<0.26, torch==2.1.2 in step 3
    declared       fail: torch moves, with evidence that matches "name 'cached_\\w+'"
"""
        in shown
    )
    assert "    also observed  1/2 attempts passed\n" in shown
    assert "                   predicted: torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed\n" in shown


def briefly(diagnosis: Diagnosis, width: int = 120) -> str:
    failed = replace(mission().cells[1], diagnosis=diagnosis, message="ValueError: numpy.dtype size changed")
    return recap.render(only(failed), run_folder="runs/7f3a", width=width).splitlines()[-1]


@pytest.mark.parametrize(
    ("confidence", "culprit", "fix", "shown"),
    [
        ("certain", "numpy", ("numpy<2",), "torch was built for NumPy 1.x -> fix numpy<2"),
        ("likely", "numpy", (), "torch was built for NumPy 1.x"),
        ("possible", "numpy", ("numpy<2",), "ValueError: numpy.dtype size changed -> possible fix numpy<2"),
        ("unknown", None, (), "ValueError: numpy.dtype size changed (cause unknown)"),
    ],
)
def test_a_line_about_a_failure_ends_with_its_fix_and_marks_a_guess(
    confidence: str, culprit: str | None, fix: tuple[str, ...], shown: str
) -> None:
    diagnosis = Diagnosis(
        culprit=culprit,
        conflicts_with=None,
        why="torch was built for NumPy 1.x.",
        fix=fix,
        confidence=Confidence(confidence),
    )
    assert briefly(diagnosis) == f"  legacy-numpy2  fail at numpy and torch share memory: {shown}"


def test_the_fix_stays_where_there_is_no_room_for_the_cause() -> None:
    diagnosis = Diagnosis(
        culprit="numpy", conflicts_with=None, why="x" * 200, fix=("numpy<2",), confidence=Confidence.LIKELY
    )
    assert briefly(diagnosis, width=60).endswith("\u2026 -> fix numpy<2")


def test_a_known_failure_is_explained_by_its_entry() -> None:
    known = replace(mission().cells[2], known="known until 2999-01-01: see #1")
    assert "  legacy-wrong-order  fail, known until 2999-01-01: see #1\n" in recap.render(only(known), run_folder="r")


def test_moved_numbers_are_explained_once() -> None:
    says = "the vectors moved (smallest cosine 0.5): re-index before you upgrade"
    numbers = Numbers(
        cosine=0.5, difference=1.0, norm=0.0, dtype=None, order_changed=False, finite=True, moved=True, says=says
    )
    moved = Verdict(status=Status.MOVED, phase=Phase.COMPARE, reason=Reason.NUMBERS_MOVED)
    moved_cell = passing(combo("new"), verdict=moved, as_expected=False, message=says, numbers=numbers)
    shown = recap.render(only(moved_cell), run_folder="runs/7f3a")
    assert shown.count(says) == 1
    failed = replace(moved_cell, message="another")
    assert f"    numbers        {says}\n" in recap.render(only(failed), run_folder="runs/7f3a")


def test_a_reference_that_never_ran_did_not_fail() -> None:
    legacy = cell(combo("legacy"), Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED, as_expected=None)

    caution = "the reference combo legacy was not decided: no numbers were compared with it"
    assert caution in cautions(only(legacy))
