"""Suites in reports: tests are counted and folded, failures are grouped by cause."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from knowngood.judge.changes import Snapshot, compare, snapshots
from knowngood.judge.probes import failures, suite
from knowngood.model import Cell, ChangeKind, Check, JudgedRun, Outcome, Phase, Reason, Status, Suite, Transcript
from knowngood.report import explain_markdown, explain_text, markdown, matrix_json, matrix_reader, recap, words
from knowngood.report.github import summary
from knowngood.report.html import page
from knowngood.report.publication import published
from report.factory import cell, combo, only, passing

CAUSES = ("AttributeError: module 'numpy' has no attribute 'float'", "AssertionError: assert 1 == 2")


def made_of(number: int, failing: dict[str, str]) -> tuple[Check, ...]:
    passed = [
        Check(name=f"tests/test_all.py::test_{index:03}", outcome=Outcome.PASSED, seconds=0.01)
        for index in range(number - len(failing))
    ]
    return (*passed, *(Check(name=name, outcome=Outcome.FAILED, message=text) for name, text in failing.items()))


FAILING = {f"tests/test_bad.py::test_{index}": CAUSES[0] for index in range(30)} | {"tests/test_x.py::t": CAUSES[1]}


def failing(name: str = "new", tests: dict[str, str] = FAILING) -> Cell:
    checks = made_of(412, tests)
    return cell(
        combo(name),
        Status.FAIL,
        Phase.PROBE,
        Reason.CHECK_FAILED,
        as_expected=False,
        check=next(iter(tests)),
        message=f"{len(tests)} of 412 tests fail: {next(iter(tests))}; {CAUSES[0]}",
        checks=checks,
        suite=suite(Transcript(checks=checks, collected=412)),
        failures=failures(checks),
    )


def green(name: str = "old") -> Cell:
    checks = made_of(412, {})
    return passing(combo(name), checks=checks, suite=Suite(collected=412, passed=412, failed=0, skipped=0))


def judged() -> JudgedRun:
    return only(green(), failing())


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (Suite(collected=412, passed=404, failed=3, skipped=5), "3 of 412 tests fail, 404 pass, 5 are skipped"),
        (Suite(collected=2, passed=1, failed=1, skipped=0), "1 of 2 tests fails, 1 passes"),
        (Suite(collected=412, passed=412, failed=0, skipped=0), "all 412 tests pass"),
        (Suite(collected=9, passed=8, failed=0, skipped=1), "8 of 9 tests pass, 1 is skipped"),
        (
            Suite(collected=9, passed=3, failed=0, skipped=0, open=("t",)),
            "3 of 9 tests pass, 1 did not finish, 5 did not run",
        ),
        (Suite(collected=1, passed=1, failed=0, skipped=0), "the only test passes"),
        (Suite(collected=3, passed=0, failed=0, skipped=3), "3 of 3 tests are skipped"),
    ],
)
def test_a_suite_is_put_into_words(counted: Suite, text: str) -> None:
    assert words.suite(counted) == text


TEXTS: dict[str, Callable[[JudgedRun], str]] = {
    "explain": lambda run: "".join(explain_text.render(one, run.run, run_folder="r", width=140) for one in run.cells),
    "explain as Markdown": lambda run: "".join(
        explain_markdown.render(one, run.run, run_folder="r") for one in run.cells
    ),
    "matrix.md": markdown.render,
    "index.html": page.render,
    "summary.md": summary.render,
}


@pytest.mark.parametrize("report", TEXTS)
def test_failing_tests_are_grouped_by_cause_and_passing_ones_are_only_counted(report: str) -> None:
    text = TEXTS[report](judged()).replace("&#39;", "'")

    assert "31 of 412 tests fail, 381 pass" in text
    assert f"30 tests: {CAUSES[0]}" in text and f"1 test: {CAUSES[1]}" in text
    assert "tests/test_x.py::t" in text and "tests/test_bad.py::test_3" in text
    assert "test_all.py" not in text


def test_a_page_of_a_large_suite_in_many_cells_stays_small() -> None:
    small = only(*(passing(combo(f"c{number}")) for number in range(20)))
    large = only(*(failing(f"c{number}") if number % 2 else green(f"c{number}") for number in range(20)))

    assert len(page.render(large)) < len(page.render(small)) + 20 * 3000


def test_the_recap_names_the_failing_tests() -> None:
    text = recap.render(only(failing()), run_folder="runs/1", width=100)

    assert "why            31 of 412 tests fail: tests/test_bad.py::test_0; AttributeError: module 'numpy'" in text


def test_the_json_counts_the_tests_and_lists_only_those_that_do_not_pass() -> None:
    document = json.loads(matrix_json.render(published(judged())))

    passed, failed = document["cells"]
    assert passed["suite"] == {"collected": 412, "passed": 412, "failed": 0, "skipped": 0, "open": []}
    assert passed["checks"] == [] and passed["failures"] == []
    assert len(failed["checks"]) == 31
    assert [(group["cause"], len(group["checks"])) for group in failed["failures"]] == [(CAUSES[0], 30), (CAUSES[1], 1)]
    read = matrix_reader.parse(document)
    assert [one.suite for one in read.cells] == [one.suite for one in judged().cells]
    assert read.cells[1].failures == judged().cells[1].failures
    assert "31 of 412 tests fail, 381 pass" in markdown.render(read)


def only_change(before: Cell, after: Cell) -> tuple[ChangeKind, str]:
    def read(one: Cell) -> tuple[Snapshot, ...]:
        return snapshots(matrix_reader.loads(matrix_json.render(only(one))))

    (change,) = compare(read(before), read(after))
    return change.kind, change.why


def test_other_failing_tests_are_another_failure() -> None:
    more = FAILING | {"tests/test_y.py::new": CAUSES[1]}
    less = {name: text for name, text in FAILING.items() if name != "tests/test_x.py::t"}

    assert only_change(failing(), failing())[0] is ChangeKind.STILL_FAIL
    assert only_change(failing(), failing(tests=more))[0] is ChangeKind.CHANGED_FAIL
    assert only_change(failing(), failing(tests=more))[1].startswith("tests/test_y.py::new now fails; it is fail in ")
    assert only_change(failing(), failing(tests=less))[1].startswith("tests/test_x.py::t no longer fails; ")
    assert only_change(green("new"), failing())[0] is ChangeKind.REGRESSED


def test_of_hundreds_of_warnings_the_first_are_listed() -> None:
    noisy = replace(green(), warnings=tuple(f"DeprecationWarning: {number:03}" for number in range(300)))

    for text in (explain_text.render(noisy, only(noisy).run, run_folder="r"), markdown.render(only(noisy))):
        assert "DeprecationWarning: 009" in text and "DeprecationWarning: 010" not in text
        assert "and 290 more warnings" in text
