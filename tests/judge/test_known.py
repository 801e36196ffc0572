from dataclasses import replace
from datetime import date

import pytest

from knowngood.judge.expectations import excuse
from knowngood.model import UNDECIDED, Expectation, Known, Status

TODAY = date(2026, 11, 24)
KNOWN = Known(
    combo="modern",
    status=Status.FAIL,
    reason="torch 2.9 is not built for NumPy 2.4 yet",
    url="https://example.org/issues/1",
    expires=date(2026, 12, 31),
)
REASON = "torch 2.9 is not built for NumPy 2.4 yet (https://example.org/issues/1)"
PLAIN = Expectation()


def excused(
    status: Status, *knowns: Known, expectation: Expectation = PLAIN, today: date = TODAY
) -> tuple[Expectation, str | None]:
    return excuse(expectation, knowns or (KNOWN,), "modern", "embedding", status, today)


def test_a_known_failure_is_expected_until_its_date_and_the_note_says_why() -> None:
    assert excused(Status.FAIL) == (
        Expectation(status=Status.FAIL, reason=REASON),
        f"known until 2026-12-31: {REASON}",
    )


@pytest.mark.parametrize(
    ("today", "status"), [(date(2026, 12, 31), Status.FAIL), (date(2027, 1, 1), Status.PASS)], ids=["last day", "after"]
)
def test_an_entry_counts_on_its_last_day_and_not_on_the_next(today: date, status: Status) -> None:
    expect, _ = excused(Status.FAIL, today=today)

    assert expect.status is status


def test_an_expired_entry_excuses_nothing_and_says_when_it_expired() -> None:
    assert excused(Status.FAIL, today=date(2027, 1, 1)) == (PLAIN, f"known issue expired on 2026-12-31: {REASON}")


def test_a_pass_despite_a_known_issue_is_unexpected_and_seems_fixed() -> None:
    expect, note = excused(Status.PASS)

    assert expect.status is Status.FAIL
    assert note == f"known issue seems fixed; remove its entry: {REASON}"


def test_a_pass_after_the_entry_expired_is_expected_and_the_entry_can_go() -> None:
    expect, note = excused(Status.PASS, today=date(2027, 1, 1))

    assert expect is PLAIN
    assert note == f"known issue seems fixed; remove its expired entry: {REASON}"


@pytest.mark.parametrize("status", [Status.CRASH, Status.MOVED, Status.UNSOLVABLE])
def test_a_failure_with_another_status_is_not_excused(status: Status) -> None:
    assert excused(status) == (PLAIN, f"not excused, the known issue is fail: {REASON}")


@pytest.mark.parametrize("status", sorted(UNDECIDED))
def test_an_undecided_cell_gets_no_note(status: Status) -> None:
    assert excused(status) == (PLAIN, None)


@pytest.mark.parametrize(
    ("combo", "probe", "covered"),
    [
        ("modern", None, True),
        ("mod*", None, True),
        ("modern", "embedding", True),
        ("modern", "imports", False),
        ("mod", None, False),
        ("*-loose", None, False),
        ("Modern", None, False),
    ],
)
def test_an_entry_covers_the_cells_that_its_combo_and_probe_match(combo: str, probe: str | None, covered: bool) -> None:
    known = replace(KNOWN, combo=combo, probe=probe)

    assert known.covers("modern", "embedding") is covered
    assert excused(Status.FAIL, known)[0].status is (Status.FAIL if covered else Status.PASS)


def test_without_entries_the_combos_own_expectation_counts() -> None:
    own = Expectation(status=Status.CRASH, match="SIGSEGV")

    assert excuse(own, (), "modern", "embedding", Status.FAIL, TODAY) == (own, None)


def test_the_entry_whose_status_fits_counts() -> None:
    crash = replace(KNOWN, status=Status.CRASH, reason="it crashes", url=None)
    old = replace(KNOWN, expires=date(2026, 1, 1), reason="old")

    assert excused(Status.CRASH, old, KNOWN, crash)[1] == "known until 2026-12-31: it crashes"
    assert excused(Status.FAIL, old, crash, KNOWN)[0].status is Status.FAIL


def test_an_entry_replaces_the_combos_own_expectation() -> None:
    own = Expectation(status=Status.UNSOLVABLE, reason="own")

    assert excused(Status.FAIL, expectation=own)[0].status is Status.FAIL
    assert excused(Status.UNSOLVABLE, expectation=own)[0] is own
