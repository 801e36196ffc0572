from dataclasses import replace

import pytest

from knowngood.model import Confidence, Diagnosis, Expectation, JudgedRun, Numbers, Phase, Reason, Status, Verdict
from knowngood.report import recap
from knowngood.report.summary import cautions, summary
from knowngood.report.text import columns
from report.factory import cell, combo, diagnosed, mission, only, passing, run, whole

RECAP = """\
7 combos, 7 cells in 1m32s: 1 pass, 2 fail as expected, 1 unsolvable as expected; 1 NOT as expected;
1 infra, 1 not-run (undecided)
incomplete run: ended by SIGINT
index pytorch-cpu not used: torch, torchvision, torchaudio came from the default index
(https://download.pytorch.org/whl/cpu did not answer in 10 s)

Not as expected:
  PASS, expected fail  modern-loose
    why     every check passed
    expect  fail: torch 2.1 is compiled for NumPy 1.x, with evidence that matches 'Numpy is not
            available'
    log     runs/7f3a/logs/modern-loose/embedding.log
    rerun   knowngood run matrices/embedding.toml --only modern-loose

Undecided (says nothing about the versions):
  infra  modern (install)
    why     error: connection refused (3 tries)
    seen    took 3 attempts
    log     runs/7f3a/logs/modern/install-2.log
    rerun   knowngood run matrices/embedding.toml --only modern
  not-run  modern-py313

As expected:
  legacy-numpy2       fail at numpy and torch share memory: RuntimeError: Numpy is not available _A…
  legacy-wrong-order  fail: torch 2.1.2 -> 2.9.0 by step 2, violates torch==2.1.2
  numpy2-torch21      unsolvable: Because torch==2.1.2 depends on numpy<2 and you require numpy>=2,…

Passed, but:
  legacy  A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0
"""


def test_the_recap_tells_the_surprising_first_and_the_expected_briefly() -> None:
    assert recap.render(mission(), run_folder="runs/7f3a", elapsed=92.3) == RECAP


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_only_what_is_copied_is_wider_than_the_terminal(width: int) -> None:
    for line in recap.render(mission(), run_folder="runs/7f3a", width=width).splitlines():
        assert columns(line) <= width or line.split()[0] in {"log", "rerun"}


def test_a_regression_names_its_check_its_drift_its_log_and_how_to_run_it_again() -> None:
    wrong = mission().cells[2]
    failed = replace(
        wrong,
        as_expected=False,
        combo=combo("legacy"),
        verdict=replace(wrong.verdict, phase=Phase.PROBE, reason=Reason.CHECK_FAILED),
        check="encode",
        message="ValueError: vectors are not normalised",
    )
    shown = recap.render(JudgedRun(run=run((failed,)), cells=(failed,)), run_folder="runs/7f3a")
    assert (
        shown.split("\n\n")[1]
        == """\
Not as expected:
  FAIL, expected pass  legacy (probe: encode)
    why     ValueError: vectors are not normalised
    drift   torch 2.1.2 -> 2.9.0 by step 2, violates torch==2.1.2
            and 1 package that no pin rules out
    log     runs/7f3a/logs/legacy-wrong-order/embedding.log
    rerun   knowngood run matrices/embedding.toml --only legacy
"""
    )


def test_a_failure_for_another_cause_than_expected_is_a_surprise() -> None:
    other = replace(mission().cells[1], as_expected=False, message="ImportError: no module named numpy")
    shown = recap.render(JudgedRun(run=run((other,)), cells=(other,)), run_folder="runs/7f3a", width=140)
    assert "FAIL, expected other evidence  legacy-numpy2" in shown
    assert (
        "expect  fail: torch 2.1 is compiled for NumPy 1.x, with evidence that matches 'Numpy is not available'"
        in shown
    )


def test_another_culprit_than_expected_is_a_surprise() -> None:
    expects = Expectation(status=Status.FAIL, culprit="numpy")
    other = diagnosed(as_expected=False)
    other = replace(other, combo=replace(other.combo, expect=expects))
    shown = recap.render(only(other), run_folder="runs/7f3a")
    assert "FAIL, expected culprit numpy  legacy-loose" in shown
    assert "    expect  fail, with numpy as the culprit\n" in shown


def test_a_run_as_expected_is_said_in_one_line() -> None:
    cells = tuple(each for each in mission().cells if each.as_expected)
    shown = summary(JudgedRun(run=run(cells), cells=cells), elapsed=7.25)
    assert shown == "4 combos, 4 cells in 7.2s: 1 pass, 2 fail as expected, 1 unsolvable as expected; 0 not as expected"


def test_a_whole_run_has_no_cautions() -> None:
    assert cautions(whole(mission())) == ()


def test_a_log_without_an_end_is_an_incomplete_run() -> None:
    judged = whole(mission())
    torn = replace(judged, run=replace(judged.run, finished=False, bad_lines=1, unknown_events=1))
    assert cautions(torn) == (
        "incomplete run: its log has no end",
        "2 lines of the event log could not be read by this version",
    )


def test_a_failed_reference_is_said() -> None:
    cells = (cell(combo("legacy"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False),)
    judged = whole(JudgedRun(run=run(cells), cells=cells))
    assert cautions(judged) == ("the reference combo legacy did not pass: no numbers were compared with it",)


def test_combos_that_were_never_run_are_listed_not_told_one_by_one() -> None:
    never = mission().cells[-1]
    cells = tuple(replace(never, combo=combo(f"combo-{number}")) for number in range(200))
    shown = recap.render(JudgedRun(run=run(cells), cells=cells), run_folder="runs/7f3a")
    assert "not-run  combo-0, combo-1, combo-2" in shown
    assert len(shown.splitlines()) < 16


def test_a_diagnosis_is_told_with_how_sure_it_is_and_what_cures_it() -> None:
    shown = recap.render(only(diagnosed(as_expected=False)), run_folder="runs/7f3a")
    assert (
        """\
    cause   sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2 does not
            have (likely)
    fix    huggingface-hub<0.26, torch==2.1.2 in step 3
    expect  fail: torch moves, with evidence that matches "name 'cached_\\w+'"
"""
        in shown
    )
    assert "    seen    1/2 attempts passed\n" in shown
    assert "            predicted: torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed\n" in shown


def briefly(found: Diagnosis, width: int = 120) -> str:
    failed = replace(mission().cells[1], diagnosis=found, message="ValueError: numpy.dtype size changed")
    return recap.render(only(failed), run_folder="runs/7f3a", width=width).splitlines()[-1]


@pytest.mark.parametrize(
    ("confidence", "culprit", "fix", "shown"),
    [
        ("certain", "numpy", ("numpy<2",), "torch was built for NumPy 1.x -> numpy<2"),
        ("likely", "numpy", (), "torch was built for NumPy 1.x"),
        ("possible", "numpy", ("numpy<2",), "ValueError: numpy.dtype size changed -> perhaps numpy<2"),
        ("unknown", None, (), "ValueError: numpy.dtype size changed (cause unknown)"),
    ],
)
def test_a_line_about_a_failure_ends_in_its_cure_and_never_dresses_up_a_guess(
    confidence: str, culprit: str | None, fix: tuple[str, ...], shown: str
) -> None:
    found = Diagnosis(
        culprit=culprit,
        conflicts_with=None,
        why="torch was built for NumPy 1.x.",
        fix=fix,
        confidence=Confidence(confidence),
    )
    assert briefly(found) == f"  legacy-numpy2  fail at numpy and torch share memory: {shown}"


def test_where_there_is_no_room_the_cure_is_what_stays() -> None:
    found = Diagnosis(
        culprit="numpy", conflicts_with=None, why="x" * 200, fix=("numpy<2",), confidence=Confidence.LIKELY
    )
    assert briefly(found, width=60).endswith("\u2026 -> numpy<2")


def test_a_known_failure_is_told_in_the_words_of_its_entry() -> None:
    known = replace(mission().cells[2], known="known until 2999-01-01: see #1")
    assert "  legacy-wrong-order  fail, known until 2999-01-01: see #1\n" in recap.render(only(known), run_folder="r")


def test_numbers_that_moved_are_told_once() -> None:
    says = "the vectors moved (smallest cosine 0.5): re-index before you upgrade"
    numbers = Numbers(
        cosine=0.5, difference=1.0, norm=0.0, dtype=None, order_changed=False, finite=True, moved=True, says=says
    )
    moved = Verdict(status=Status.MOVED, phase=Phase.COMPARE, reason=Reason.NUMBERS_MOVED)
    one = passing(combo("new"), verdict=moved, as_expected=False, message=says, numbers=numbers)
    shown = recap.render(only(one), run_folder="runs/7f3a")
    assert shown.count(says) == 1
    failed = replace(one, message="another")
    assert f"    numbers {says}\n" in recap.render(only(failed), run_folder="runs/7f3a")


def test_a_reference_that_never_ran_did_not_fail() -> None:
    legacy = cell(combo("legacy"), Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED, as_expected=None)

    told = "the reference combo legacy was not decided: no numbers were compared with it"
    assert told in cautions(only(legacy))
