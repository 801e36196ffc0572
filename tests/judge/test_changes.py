import time
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.errors import ExitCode
from knowngood.judge.causes import normalized
from knowngood.judge.changes import Snapshot, compare, exit_code, selected, snapshots
from knowngood.model import UNDECIDED, Change, ChangeKind, Diagnosis, JudgedRun, Status
from knowngood.report import matrix_json, matrix_reader
from report.factory import mission

TABLE = """
            pass moved fail crash timeout oom unsolvable build-fail infra error not-run
pass        =    m     R    R     R       R   R          R          ?     ?     ?
moved       F    =     R    R     R       R   R          R          ?     ?     ?
fail        F    F     f    c     c       c   c          c          ?     ?     ?
crash       F    F     c    f     c       c   c          c          ?     ?     ?
timeout     F    F     c    c     f       c   c          c          ?     ?     ?
oom         F    F     c    c     c       f   c          c          ?     ?     ?
unsolvable  F    F     c    c     c       c   f          c          ?     ?     ?
build-fail  F    F     c    c     c       c   c          f          ?     ?     ?
infra       ?    ?     ?    ?     ?       ?   ?          ?          ?     ?     ?
error       ?    ?     ?    ?     ?       ?   ?          ?          ?     ?     ?
not-run     ?    ?     ?    ?     ?       ?   ?          ?          ?     ?     ?
"""
KINDS = {
    "=": ChangeKind.STILL_PASS,
    "m": ChangeKind.MOVED,
    "R": ChangeKind.REGRESSED,
    "F": ChangeKind.FIXED,
    "f": ChangeKind.STILL_FAIL,
    "c": ChangeKind.CHANGED_FAIL,
    "?": ChangeKind.INCONCLUSIVE,
}


def table() -> dict[tuple[Status, Status], ChangeKind]:
    """Read ``TABLE``: (status in the baseline, status now) -> kind."""
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return {
        (Status(row[0]), Status(after)): KINDS[letter]
        for row in rows
        for after, letter in zip(head, row[1:], strict=True)
    }


def cell(status: Status = Status.PASS, combo: str = "legacy", **more: Any) -> Snapshot:
    base = Snapshot(combo=combo, probe="embedding", status=status, phase="probe", python="3.11.7")
    return replace(base, **{"installed": {"numpy": "1.26.4"}, **more})


def change(before: Snapshot | None, after: Snapshot | None) -> Change:
    (only,) = compare((before,) if before else (), (after,) if after else ())
    return only


def test_the_table_has_a_kind_for_every_two_statuses() -> None:
    assert set(table()) == set(product(Status, Status))


@pytest.mark.parametrize(("before", "after"), sorted(table()))
def test_two_statuses_of_a_cell_give_one_kind_of_change(before: Status, after: Status) -> None:
    result = change(cell(before), cell(after))

    assert result.kind is table()[before, after]
    assert (result.before, result.after) == (before, after)


@pytest.mark.parametrize("status", Status)
def test_a_cell_that_only_one_of_the_two_has_is_new_or_gone(status: Status) -> None:
    new, gone = change(None, cell(status)), change(cell(status), None)

    assert (new.kind, new.before, new.after) == (ChangeKind.NEW, None, status)
    assert (gone.kind, gone.before, gone.after) == (ChangeKind.GONE, status, None)


def test_an_outage_never_counts_as_a_regression_or_as_fixed() -> None:
    for before, after in product(Status, UNDECIDED):
        assert change(cell(before), cell(after)).kind is ChangeKind.INCONCLUSIVE


def test_a_probe_is_compared_with_the_same_probe_of_the_same_combo() -> None:
    other = cell(Status.FAIL, probe="other")

    result = compare((cell(), other), (cell(Status.FAIL), replace(other, status=Status.PASS)))

    assert [(one.probe, one.kind) for one in result] == [
        ("embedding", ChangeKind.REGRESSED),
        ("other", ChangeKind.FIXED),
    ]


def test_changes_are_in_the_order_of_the_run_and_end_with_the_cells_that_are_gone() -> None:
    baseline = (cell(combo="gone-b"), cell(combo="b"), cell(combo="gone-a"), cell(combo="a"))

    result = compare(baseline, (cell(combo="new"), cell(combo="a"), cell(combo="b")))

    assert [one.combo for one in result] == ["new", "a", "b", "gone-b", "gone-a"]


def test_a_regression_lists_the_packages_and_the_python_that_differ() -> None:
    before = cell(installed={"numpy": "1.26.4", "torch": "2.5.1", "six": "1.16"})
    after = cell(
        Status.FAIL,
        check="numpy to torch and back",
        message="RuntimeError: Numpy is not available",
        python="3.11.9",
        installed={"torch": "2.5.1", "numpy": "2.0.2", "attrs": "24.1"},
    )

    result = change(before, after)

    assert result.packages == (
        ("python", "3.11.7", "3.11.9"),
        ("attrs", None, "24.1"),
        ("numpy", "1.26.4", "2.0.2"),
        ("six", "1.16", None),
    )
    assert result.why == "in probe, check 'numpy to torch and back': RuntimeError: Numpy is not available"


def test_a_regression_with_the_same_distributions_says_so() -> None:
    assert change(cell(), cell(Status.TIMEOUT)).why == "in probe; the same distributions are installed"
    assert change(cell(), cell(Status.TIMEOUT, phase="")).why == "the same distributions are installed"
    assert "same distributions" not in change(cell(), cell(Status.TIMEOUT, installed={"numpy": "2.0.2"})).why


@pytest.mark.parametrize(
    "cut_short",
    [
        {"status": Status.BUILD_FAIL, "phase": "install", "installed": {"numpy": "2.0.2"}, "python": "3.11"},
        {"status": Status.NOT_RUN, "phase": "probe", "installed": {"numpy": "2.0.2"}, "python": "3.11"},
    ],
    ids=["failed", "interrupted"],
)
def test_packages_that_an_unfinished_installation_lacks_are_not_called_removed(cut_short: dict[str, Any]) -> None:
    before = cell(installed={"numpy": "1.26.4", "torch": "2.5.1", "six": "1.16"})

    assert change(before, cell(**cut_short)).packages == (("numpy", "1.26.4", "2.0.2"),)


def test_a_combo_that_no_longer_resolves_has_no_packages_to_compare() -> None:
    result = change(cell(), cell(Status.UNSOLVABLE, phase="resolve", installed={}, message="no solution"))

    assert result.packages == ()
    assert result.why == "in resolve: no solution"


def test_a_cell_that_still_passes_lists_the_packages_that_differ_too() -> None:
    result = change(cell(), cell(installed={"numpy": "1.26.5"}))

    assert result.kind is ChangeKind.STILL_PASS
    assert result.packages == (("numpy", "1.26.4", "1.26.5"),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("torch==2.1.2 was asked for, 2.9.0 is installed", "torch==2.1.2 was asked for, 2.15.0+cpu is installed"),
        ("no such op (/a/env/lib/torch/_ops.py:755)", "no such op (torch/_ops.py:812)"),
        ("cannot open 'C:\\Program Files\\model.bin'", "cannot open 'D:\\data\\m 2\\model.bin'"),
        ("at 0x7f3a12 in encode", "at 0x55ee01ff in encode"),
        ("numpy (from versions: 1.24.3, 1.25.0)", "numpy (from versions: 1.24.3, 1.25.0, 1.26.0rc1, 2.0)"),
        ("numpy==1.24.3 and numpy>=2,<3", "numpy==1.26.4 and numpy>=2.1,<4"),
        ("expected sha256 0a1b2c3d4e5f60718293", "expected sha256 ffeeddccbbaa99887766"),
        ("took 1.5e-07s, twice", "took 12s, twice"),
        ('in "conftest.py", line 12', 'in "test_it.py", line 812'),
    ],
)
def test_versions_paths_and_numbers_do_not_make_another_failure(before: str, after: str) -> None:
    result = change(cell(Status.FAIL, message=before), cell(Status.FAIL, message=after))

    assert result.kind is ChangeKind.STILL_FAIL, (normalized(before), normalized(after))


@pytest.mark.parametrize(
    "other",
    [
        {"phase": "drift"},
        {"check": "model loads"},
        {"message": "cannot import name 'hf_hub_url' from 'huggingface_hub'"},
        {"message": "module 'torch.utils._pytree' has no attribute 'register_pytree_node'"},
        {"culprit": "torch"},
    ],
)
def test_a_failure_in_another_place_or_with_another_message_is_a_changed_failure(other: dict[str, Any]) -> None:
    said = "cannot import name 'cached_download' from 'huggingface_hub'"
    first = cell(Status.FAIL, check="encode", message=said, culprit="huggingface-hub")

    result = change(first, replace(first, **other))

    assert result.kind is ChangeKind.CHANGED_FAIL
    assert result.why.startswith(f"it was fail in probe, check 'encode': {said}; it is fail in ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected float32", "expected float64"),
        ("module 'torch.utils' is missing", "module 'torch.nn' is missing"),
        ("needs numpy", "needs torch"),
    ],
)
def test_names_count_even_if_they_contain_numbers_or_dots(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


def test_a_failure_that_the_baseline_did_not_diagnose_is_still_the_same_failure() -> None:
    undiagnosed = cell(Status.FAIL, message="no")

    assert change(undiagnosed, replace(undiagnosed, culprit="torch")).kind is ChangeKind.STILL_FAIL


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_normalising_a_message_twice_changes_nothing_more(message: str) -> None:
    once = normalized(message)

    assert normalized(once) == once


@pytest.mark.parametrize("piece", ["a", "a.", "1,", "'", "/", "<=1,", "'/", "a ", "/a "])
def test_a_message_of_a_million_characters_is_normalized_in_seconds(piece: str) -> None:
    started = time.process_time()

    words = normalized(piece * 1_000_000)

    # It takes some 2 ms; without its bounds, a quadratic pattern would take minutes.
    assert time.process_time() - started < 10
    assert len(words) <= 4000


def test_only_the_beginning_of_an_endless_message_counts() -> None:
    assert normalized("x " * 10_000 + "end") == normalized("x " * 10_000)
    assert normalized("end") == "end"


def test_snapshots_of_a_published_report_equal_those_of_its_run() -> None:
    judged = mission()

    assert snapshots(matrix_reader.loads(matrix_json.render(judged))) == snapshots(judged)


def test_the_culprit_of_a_diagnosis_is_part_of_a_snapshot() -> None:
    failed = replace(mission().cells[1], diagnosis=Diagnosis(culprit="torch", conflicts_with="numpy", why="ABI"))

    assert snapshots(JudgedRun(run=mission().run, cells=(failed,)))[0].culprit == "torch"


def test_combos_that_were_not_part_of_a_run_are_not_gone() -> None:
    baseline = (cell(combo="a"), cell(combo="b"), cell(combo="dropped"))
    run = (cell(combo="a"),)

    result = compare(selected(baseline, run, ("a", "b")), run)

    assert [(one.combo, one.kind) for one in result] == [("a", ChangeKind.STILL_PASS), ("dropped", ChangeKind.GONE)]


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("pass", "pass"), ("fail", "fail"), ("fail", "pass"), ("fail", "crash")], ExitCode.AS_EXPECTED),
        ([("pass", "moved")], ExitCode.AS_EXPECTED),
        ([("pass", "fail"), ("pass", "infra")], ExitCode.DIFFERS),
        ([("pass", "pass"), ("pass", "infra")], ExitCode.UNDECIDED),
        ([("infra", "fail")], ExitCode.UNDECIDED),
        ([("infra", "pass")], ExitCode.AS_EXPECTED),
        ([("infra", "error")], ExitCode.UNDECIDED),
        ([(None, "fail"), ("infra", None), ("pass", None)], ExitCode.AS_EXPECTED),
        ([(None, "not-run")], ExitCode.UNDECIDED),
        ([], ExitCode.AS_EXPECTED),
    ],
)
def test_only_a_regression_fails_and_only_a_cell_that_may_hide_one_is_undecided(
    pairs: list[tuple[str | None, str | None]], code: ExitCode
) -> None:
    changes = [
        change(cell(Status(before)) if before else None, cell(Status(after)) if after else None)
        for before, after in pairs
    ]

    assert exit_code(changes) is code
