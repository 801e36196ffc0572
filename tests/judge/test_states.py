"""The history of a matrix: when a state ends, what moved it, and what changes nothing."""

from dataclasses import replace

import pytest

from knowngood import model
from knowngood.judge.history import MOST_RELEASES, extended
from knowngood.model import Cell, History, JudgedRun, Reason, Status
from report.factory import combo, mission, only, passing, whole

LOCKS = ("1" * 64, "2" * 64)


def judged(**changes: object) -> JudgedRun:
    """Return a run of two combos that pass; ``changes`` are those of the second cell."""
    return only(passing(combo("a"), lock=LOCKS[0]), passing(combo("b"), **({"lock": LOCKS[0]} | changes)))


def after(*runs: tuple[str, JudgedRun]) -> History:
    """Return the history after runs were published on days."""
    history, before, before_day = None, None, ""
    for day, run in runs:
        history = extended(history, run, day=day, before=before, before_day=before_day)
        before, before_day = run, day
    assert history is not None
    return history


def failing(cell: Cell, **changes: object) -> Cell:
    verdict = replace(cell.verdict, status=Status.FAIL, reason=Reason.CHECK_FAILED)
    return replace(cell, verdict=verdict, as_expected=False, message="it broke\nhere", **changes)  # type: ignore[arg-type]


def test_an_unchanged_publication_only_extends_the_last_state() -> None:
    once = after(("2026-11-01", judged()))
    again = after(("2026-11-01", judged()), ("2026-11-09", judged()))

    assert [(state.first, state.last) for state in again.states] == [("2026-11-01", "2026-11-09")]
    assert replace(again.states[0], last="2026-11-01") == once.states[0]


def test_another_message_or_measurement_of_the_same_verdict_is_not_a_new_state() -> None:
    run = judged()
    red = replace(run, cells=(run.cells[0], failing(run.cells[1])))
    reworded = replace(run, cells=(run.cells[0], replace(red.cells[1], message="in other words", attempts=2)))

    assert len(after(("2026-11-01", red), ("2026-11-02", reworded)).states) == 1


def unexpected(cell: Cell) -> Cell:
    return replace(cell, as_expected=False)


@pytest.mark.parametrize(
    "change",
    [failing, unexpected, lambda cell: replace(cell, lock=LOCKS[1]), lambda cell: replace(cell, probe="other")],
    ids=["its verdict", "what was expected of it", "its lock", "its probe"],
)
def test_a_state_ends_when_anything_of_a_cell_changes(change: object) -> None:
    run = judged()
    changed = replace(run, cells=(run.cells[0], change(run.cells[1])))  # type: ignore[operator]

    states = after(("2026-11-01", run), ("2026-11-02", changed), ("2026-11-03", changed)).states

    assert [(state.first, state.last) for state in states] == [
        ("2026-11-01", "2026-11-01"),
        ("2026-11-02", "2026-11-03"),
    ]


def test_a_state_names_the_releases_that_moved_it_and_their_combos() -> None:
    versions = {"numpy": "2.0", "torch": "2.1"}
    old = only(*(passing(combo(name), lock=LOCKS[0], installed=versions) for name in "ab"))
    new = only(
        passing(combo("a"), lock=LOCKS[1], installed={"numpy": "2.1", "torch": "2.2", "idna": "3"}),
        passing(combo("b"), lock=LOCKS[1], installed={"numpy": "2.1", "torch": "2.1"}),
    )

    first, second = after(("2026-11-01", old), ("2026-11-02", new)).states

    assert first.releases == ()
    assert [(each.package, each.before, each.after, each.combos) for each in second.releases] == [
        ("numpy", "2.0", "2.1", ("a", "b")),
        ("idna", None, "3", ("a",)),
        ("torch", "2.1", "2.2", ("a",)),
    ]


def test_a_project_whose_source_changed_has_moved_although_its_version_has_not() -> None:
    def built(tree: str, lock: str) -> JudgedRun:
        project = model.Tested(name="mine", version="1.0", origin=".", tree=tree)
        return only(passing(combo("a"), lock=lock, installed={"mine": "1.0"}, tested=(project,)))

    states = after(("2026-11-01", built("a" * 64, LOCKS[0])), ("2026-11-02", built("b" * 64, LOCKS[1]))).states

    [moved] = states[1].releases
    assert (moved.before, moved.after) == ("1.0 (tree aaaaaaaaaaaa)", "1.0 (tree bbbbbbbbbbbb)")


def test_a_state_lists_a_limited_number_of_releases_and_counts_the_others() -> None:
    names = [f"p{number:02}" for number in range(MOST_RELEASES + 3)]
    old, new = (
        only(passing(combo("a"), lock=lock, installed=dict.fromkeys(names, version)))
        for lock, version in zip(LOCKS, "12", strict=True)
    )

    state = after(("2026-11-01", old), ("2026-11-02", new)).states[1]

    assert (len(state.releases), state.more_releases) == (MOST_RELEASES, 3)


def test_releases_are_not_compared_with_a_report_of_another_state() -> None:
    history = after(("2026-11-01", judged()))

    other = judged(lock=LOCKS[1], installed={"numpy": "1"})
    now = judged(lock="3" * 64, installed={"numpy": "3"})
    state = extended(history, now, day="2026-11-03", before=other, before_day="2026-11-02").states[-1]

    assert state.releases == ()


def test_a_state_that_comes_back_is_another_entry_with_another_id() -> None:
    a, b = judged(), judged(lock=LOCKS[1])

    states = after(("2026-11-01", a), ("2026-11-01", b), ("2026-11-01", a)).states

    assert len({state.id for state in states}) == 3
    assert states[0].cells == states[2].cells


def test_a_run_that_is_older_than_the_last_state_changes_nothing() -> None:
    history = after(("2026-11-05", judged()))

    assert extended(history, judged(lock=LOCKS[1]), day="2026-11-04", before=None, before_day="") == history


def test_a_history_begins_with_the_report_that_is_published_already() -> None:
    history = extended(None, judged(lock=LOCKS[1]), day="2026-11-05", before=judged(), before_day="2026-10-01")

    assert [state.first for state in history.states] == ["2026-10-01", "2026-11-05"]


def test_a_history_does_not_begin_with_a_report_of_an_older_version_that_names_no_locks() -> None:
    old = judged(lock="")

    assert len(extended(None, judged(), day="2026-11-05", before=old, before_day="2026-10-01").states) == 1


def test_only_the_beginning_of_the_message_of_a_failure_is_kept() -> None:
    state = after(("2026-11-01", whole(mission()))).states[0]

    messages = {cell.combo: cell.message for cell in state.cells}
    assert messages["legacy"] == ""
    assert messages["legacy-numpy2"] == "RuntimeError: Numpy is not available"
