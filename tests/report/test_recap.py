from dataclasses import replace

import pytest

from knowngood.model import JudgedRun, Phase, Reason, Status
from knowngood.report import recap
from knowngood.report.summary import cautions, summary
from knowngood.report.text import columns
from report.factory import cell, combo, mission, run, whole

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
  legacy-wrong-order  fail: torch 2.1.2 -> 2.9.0 by step 2, contradicts torch==2.1.2
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
    drift   torch 2.1.2 -> 2.9.0 by step 2, contradicts torch==2.1.2
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
