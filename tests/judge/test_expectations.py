"""Expectations and known issues that name a probe or a check."""

from dataclasses import replace
from datetime import date

import pytest

from knowngood.judge.verdict import exit_code, judge, judge_combo
from knowngood.model import (
    Cell,
    Check,
    Combo,
    Ending,
    Exit,
    Expectation,
    Known,
    Outcome,
    Run,
    Status,
)
from knowngood.report import words
from support.facts import GOOD, RULES, attempt, check, combo, facts, info

A, B = "tests/test_x.py::test_a[1-2]", "tests/test_x.py::test_b"
FAILED, PASSED, SKIPPED = Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED
TODAY = date(2026, 1, 1)


def of(*narrower: Expectation, known: tuple[Known, ...] = (), expect: Expectation | None = None) -> Combo:
    return replace(combo(expect=expect), narrower=narrower, known=known)


def fails(check: str | None = None, *, probe: str | None = None, **more: str) -> Expectation:
    return Expectation(status=Status.FAIL, check=check, probe=probe, **more)


def judged(subject: Combo, *checks: Check, end: Exit = GOOD) -> Cell:
    (cell,) = judge_combo(facts(attempt(*checks, end=end), of=subject), RULES, day=TODAY)
    return cell


def test_a_cell_whose_only_failing_checks_are_expected_to_fail_is_as_expected() -> None:
    cell = judged(of(fails(A)), check(A, FAILED, "boom"), check(B))

    assert (cell.verdict.status, cell.as_expected, cell.unmet) == (Status.FAIL, True, ())
    assert words.verdict(cell) == "fail (expected)"
    assert words.expectation(cell.expect) == f"fail of {A}"


def test_another_failing_check_is_unexpected_and_the_cell_is_about_it() -> None:
    cell = judged(of(fails(A)), check(A, FAILED, "boom"), check(B, FAILED, "bang"))

    assert (cell.as_expected, cell.check, cell.message) == (False, B, "bang")
    assert cell.unmet == (f"{B} failed, and was not expected to",)
    assert words.verdict(cell) == "FAIL"


def test_an_expected_check_that_passes_is_an_unexpected_pass() -> None:
    cell = judged(of(fails(A)), check(A), check(B))

    assert (cell.verdict.status, cell.as_expected) == (Status.PASS, False)
    assert cell.unmet == (f"{A} was expected to fail, and did not",)
    assert words.verdict(cell) == "UNEXPECTED PASS"


def test_a_check_that_passes_unexpectedly_beside_an_expected_failure_is_named() -> None:
    cell = judged(of(fails(A), fails(B)), check(A), check(B, FAILED, "bang"))

    assert cell.as_expected is False
    assert cell.message == f"{A} was expected to fail, and did not"
    assert words.verdict(cell) == "FAIL"


def test_one_failure_among_the_checks_that_a_glob_matches_is_enough() -> None:
    subject = of(fails("tests/test_x.py::*"))

    assert judged(subject, check(A), check(B, FAILED), check("other")).as_expected is True
    assert judged(subject, check(A, FAILED), check(B, FAILED)).as_expected is True
    assert judged(subject, check(A), check(B)).unmet == (f"{A}, {B} was expected to fail, and did not",)
    assert judged(subject, check(B, FAILED), check("other", FAILED)).as_expected is False


def test_brackets_in_a_glob_are_those_of_a_parameter() -> None:
    subject = of(fails("tests/test_x.py::test_a[*]"))

    assert judged(subject, check(A, FAILED)).as_expected is True
    assert judged(subject, check("tests/test_x.py::test_a1", FAILED)).as_expected is False


def test_a_check_that_does_not_exist_is_reported_and_a_skipped_one_is_not() -> None:
    assert judged(of(fails("tests/gone.py::*")), check(B)).unmet == (
        "no check matches tests/gone.py::*, which was expected to fail",
    )
    assert judged(of(fails(A)), check(A, SKIPPED), check(B)).as_expected is True


def test_evidence_is_looked_for_in_the_check_itself() -> None:
    subject = of(fails(A, match="boom"))

    assert judged(subject, check(A, FAILED, "boom"), check(B)).as_expected is True
    cell = judged(subject, check(A, FAILED, "bang"), check(B, FAILED, "boom"))
    assert [text.partition(" ")[0] for text in cell.unmet] == [A, B]


def test_an_expectation_of_another_probe_does_not_count() -> None:
    assert judged(of(fails(A, probe="other")), check(A, FAILED)).as_expected is False
    assert judged(of(fails(probe="other")), check(A, FAILED)).as_expected is False
    assert judged(of(fails(probe="other")), check(A)).as_expected is True
    assert judged(of(fails(probe="work*")), check(A, FAILED)).as_expected is True
    assert judged(of(fails(probe="works")), check(A)).as_expected is False


def test_the_expectation_of_a_probe_goes_before_that_of_the_combo() -> None:
    whole = Expectation(status=Status.CRASH)
    assert judged(of(fails(probe="works"), expect=whole), check(A, FAILED)).as_expected is True


def test_a_crash_in_the_check_that_is_expected_to_crash_is_as_expected() -> None:
    died = Exit(ending=Ending.SIGNALLED, signal="SIGSEGV")
    subject = of(Expectation(status=Status.CRASH, check=A))

    assert judged(subject, check(B), check(A, Outcome.OPEN), end=died).as_expected is True
    assert judged(subject, check(A), check(B, Outcome.OPEN), end=died).as_expected is False
    assert judged(subject, check(A), check(B)).unmet == (f"{A} was expected to crash, and did not",)


def test_a_crash_is_not_excused_by_a_check_that_is_expected_to_fail() -> None:
    died = Exit(ending=Ending.SIGNALLED, signal="SIGSEGV")

    assert judged(of(fails(A)), check(A, FAILED), check(B, Outcome.OPEN), end=died).as_expected is False


def test_a_cell_that_could_not_be_tested_stays_undecided() -> None:
    killed = Exit(ending=Ending.SIGNALLED, signal="SIGKILL")

    assert judged(of(fails(A)), check(A, FAILED), end=killed).as_expected is None


def known(**changes: object) -> Known:
    entry = Known(combo="one", check=A, status=Status.FAIL, reason="why", expires=TODAY)
    return replace(entry, **changes)  # type: ignore[arg-type]


def test_a_known_issue_may_excuse_a_single_check_until_its_date() -> None:
    cell = judged(of(known=(known(),)), check(A, FAILED, "boom"), check(B))
    assert (cell.as_expected, cell.known) == (True, "known until 2026-01-01: why")

    other = judged(of(known=(known(),)), check(A, FAILED, "boom"), check(B, FAILED, "bang"))
    assert (other.as_expected, other.message) == (False, "bang")

    late = judged(of(known=(known(expires=date(2025, 12, 31)),)), check(A, FAILED, "boom"), check(B))
    assert (late.as_expected, late.known) == (False, "known issue expired on 2025-12-31: why")


def test_a_known_issue_of_a_check_that_passes_can_go() -> None:
    cell = judged(of(known=(known(),)), check(A), check(B))

    assert (cell.as_expected, cell.known) == (False, "known issue seems fixed; remove its entry: why")


def test_a_known_issue_of_a_check_that_this_combo_does_not_have_says_nothing() -> None:
    cell = judged(of(known=(known(check="gone"),)), check(B))

    assert (cell.as_expected, cell.known, cell.unmet) == (True, None, ())


def test_known_issues_and_expectations_add_up() -> None:
    subject = of(fails(B), known=(known(),))

    assert judged(subject, check(A, FAILED), check(B, FAILED)).as_expected is True


@pytest.mark.parametrize(("outcome", "code"), [(FAILED, 0), (PASSED, 1)])
def test_the_exit_code_follows(outcome: Outcome, code: int) -> None:
    run = Run(info=info(), combos=(facts(attempt(check(A, outcome), check(B)), of=of(fails(A))),), finished=True)

    assert exit_code(judge(run, RULES)) == code
