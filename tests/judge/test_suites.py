"""Suites: the tests of a project as the checks of a probe, counted, and grouped by what they fail with."""

from dataclasses import replace

import pytest

from knowngood.judge.probes import failed_checks, failures, judge_probe, suite
from knowngood.judge.verdict import judge_combo
from knowngood.model import (
    Check,
    ComboFacts,
    Confidence,
    Distribution,
    Ending,
    EnvironmentFacts,
    Exit,
    Frame,
    Outcome,
    ProbeFacts,
    Raised,
    Reason,
    SourceFacts,
    Status,
)
from support.facts import GOOD, RULES, answered, attempt, check, combo, facts, step

NUMPY = "AttributeError: module 'numpy' has no attribute 'float'"


def ran(*tests: Check, end: Exit = GOOD, collected: int | None = None, output: str = "") -> ProbeFacts:
    made = attempt(*tests, end=end, bye=end.ending is Ending.EXITED, output=output)
    return replace(made, transcript=replace(made.transcript, collected=collected or len(tests)))


def failed(name: str, message: str) -> Check:
    kind, _, text = message.partition(": ")
    return replace(
        check(name, Outcome.FAILED, message), raised=(Raised(type=f"builtins.{kind}", message=text, frames=()),)
    )


def test_a_suite_is_counted_by_outcome_and_a_script_is_not_a_suite() -> None:
    tests = (check("a"), check("b"), check("c", Outcome.SKIPPED), failed("d", NUMPY), check("e", Outcome.OPEN))

    counted = suite(ran(*tests, collected=9).transcript)

    assert counted is not None
    assert (counted.collected, counted.passed, counted.failed, counted.skipped) == (9, 2, 1, 1)
    assert counted.open == ("e",)
    assert suite(attempt(check("a")).transcript) is None


def test_failures_with_one_exception_and_one_shape_of_message_are_one_group() -> None:
    tests = (
        failed("t1", "AssertionError: assert 1 == 2"),
        failed("t2", NUMPY),
        failed("t3", NUMPY),
        failed("t4", "AssertionError: assert 30 == 4.5"),
        failed("t5", "TypeError: module 'numpy' has no attribute 'float'"),
        failed("t6", NUMPY),
        check("t7"),
    )

    assert [(group.cause, group.checks) for group in failures(tests)] == [
        (NUMPY, ("t2", "t3", "t6")),
        ("AssertionError: assert 1 == 2", ("t1", "t4")),
        ("TypeError: module 'numpy' has no attribute 'float'", ("t5",)),
    ]
    assert [test.name for test in failed_checks(ran(*tests).transcript)] == ["t2", "t3", "t6", "t1", "t4", "t5"]
    assert [test.name for test in failed_checks(attempt(*tests).transcript)] == ["t1", "t2", "t3", "t4", "t5", "t6"]


def test_the_message_of_a_suite_counts_and_names_its_failing_tests_and_their_cause() -> None:
    tests = [failed(f"tests/test_a.py::test_{number}", NUMPY) for number in range(5)]
    passed = [check(f"tests/test_b.py::test_{number}") for number in range(407)]

    verdict, name, message = judge_probe(ran(*passed, *tests))

    assert (verdict.status, verdict.reason, name) == (Status.FAIL, Reason.CHECK_FAILED, "tests/test_a.py::test_0")
    assert message == (
        "5 of 412 tests fail: tests/test_a.py::test_0, tests/test_a.py::test_1, tests/test_a.py::test_2, and 2 more; "
        f"{NUMPY}"
    )
    one = judge_probe(ran(*passed, tests[0], failed("other", "KeyError: 'x'")))[2]
    assert one == f"2 of 409 tests fail: tests/test_a.py::test_0, other; 1 of them with {NUMPY}"
    assert judge_probe(ran(tests[0], check("x")))[2].startswith("1 of 2 tests fails: tests/test_a.py::test_0; ")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (Exit(ending=Ending.SIGNALLED, signal="SIGSEGV"), "died of SIGSEGV, in test 'tests/test_c.py::test_fast'"),
        (Exit(ending=Ending.TIMED_OUT), "did not finish within its time limit, in test 'tests/test_c.py::test_fast'"),
    ],
)
def test_a_crash_or_a_hang_names_the_open_test(end: Exit, message: str) -> None:
    tests = (check("tests/test_c.py::test_slow"), check("tests/test_c.py::test_fast", Outcome.OPEN))

    _, name, said = judge_probe(ran(*tests, end=end, collected=9))

    assert (name, said) == ("tests/test_c.py::test_fast", message)


def test_a_violated_pin_is_reported_with_the_message_of_the_suite_and_not_with_every_test() -> None:
    tests = [failed(f"t{number}", NUMPY) for number in range(300)]
    steps = (step(1, ("numpy<2",), {"numpy": "1.26"}), step(2, ("torch",), {"numpy": "2.0", "torch": "2"}))

    (cell,) = judge_combo(facts(ran(*tests), of=combo("one", ("numpy<2",), ("torch",)), steps=steps), RULES)

    assert cell.verdict.reason is Reason.PIN_VIOLATED
    assert (
        cell.message
        == f"numpy<2 was asked for, 2.0 is installed; 300 of 300 tests fail: t0, t1, t2, and 297 more; {NUMPY}"
    )


def test_the_diagnosis_works_from_the_exception_that_most_tests_fail_with() -> None:
    inside = "/env/lib/python3.11/site-packages/numpy/__init__.py"
    deep = Raised(
        type="builtins.AttributeError",
        message="module 'numpy' has no attribute 'float'",
        frames=(Frame(file=inside, line=324, function="__getattr__"),),
    )
    tests = [failed("flaky", "AssertionError: assert 1 == 2")]
    tests += [replace(check(f"t{number}", Outcome.FAILED, NUMPY), raised=(deep,)) for number in range(3)]

    (cell,) = judge_combo(facts(ran(*tests)), RULES)

    assert cell.check == "t0"
    assert cell.diagnosis is not None and cell.diagnosis.culprit == "numpy"
    assert cell.suite is not None and cell.suite.failed == 4
    assert [len(group.checks) for group in cell.failures] == [3, 1]


def test_a_script_with_many_failed_checks_is_judged_as_before() -> None:
    (cell,) = judge_combo(facts(attempt(failed("a", "KeyError: 'x'"), failed("b", NUMPY), end=GOOD)), RULES)

    assert (cell.check, cell.message, cell.suite, cell.failures) == ("a", "KeyError: 'x'", None, ())


def test_a_syntax_error_is_reported_with_file_and_line() -> None:
    raised = Raised(type="builtins.SyntaxError", message="invalid syntax (helpers.py, line 12)", frames=())
    broken = replace(check("script", Outcome.FAILED, "SyntaxError: invalid syntax"), raised=(raised,))

    assert judge_probe(attempt(broken))[2] == "SyntaxError: invalid syntax (helpers.py, line 12)"


def test_no_package_is_blamed_for_a_test_that_fails_in_its_own_code() -> None:
    steps = (step(1, ("pytest",), installed={"pytest": "9.2.0"}),)
    script, tests = (
        facts(ended, of=combo("one", ("pytest",)), steps=steps)
        for ended in (attempt(failed("a", "AssertionError: 1")), ran(failed("a", "AssertionError: 1")))
    )

    guessed, honest = (judge_combo(recorded, RULES)[0].diagnosis for recorded in (script, tests))

    assert guessed is not None and guessed.culprit == "pytest"
    assert honest is not None and (honest.culprit, honest.fix) == (None, ())


SITE = "/env/lib/python3.11/site-packages"
TEST = Frame(file="/run/work/tests/test_a.py", line=4, function="test_a", text="mine.work()")
MINE = Frame(file=f"{SITE}/mine/core.py", line=12, function="work", text="raise ValueError('no')")
IN_PLACE = Frame(file="/run/place/src/mine/core.py", line=12, function="work", text="raise ValueError('no')")
CLICK = Frame(file=f"{SITE}/click/core.py", line=99, function="main", text="return callback()")
JSON = Frame(file="/usr/lib/python3.11/json/decoder.py", line=355, function="raw_decode", text="raise JSONDecodeError")
VERSIONS = {"mine": "1.0", "click": "8.1.7", "pytest": "9.2.0"}
DAYS = {"click": "2023-08-17", "pytest": "2026-03-01"}


def project(*frames: Frame, suite: bool = True, kind: str = "builtins.ValueError", **probe: object) -> ComboFacts:
    """Return the facts of a project that is installed beside click and pytest, and fails in the last of ``frames``."""
    error = Raised(type=kind, message="no", frames=frames)
    test = replace(check("tests/test_a.py::test_a", Outcome.FAILED, "ValueError: no"), raised=(error,))
    ended = ran(test) if suite else attempt(test)
    installing = replace(
        step(1, ("click", "pytest"), VERSIONS), sources=(SourceFacts(name="mine", version="1.0", origin="."),)
    )
    distributions = tuple(
        Distribution(name=name, version=version, modules=(name,), requires=("click",) if name == "mine" else ())
        for name, version in VERSIONS.items()
    )
    made = facts(ended, of=combo("one", ("click", "pytest")), steps=(installing,))
    return replace(
        made, environment=EnvironmentFacts(distributions=distributions), answers=answered(VERSIONS, uploaded=DAYS)
    )


@pytest.mark.parametrize(
    ("frames", "suite", "place"),
    [
        ((TEST, MINE), True, "mine/core.py:12 in work"),
        ((TEST, IN_PLACE), True, "mine/core.py:12 in work"),
        ((TEST, MINE, JSON), True, "mine/core.py:12 in work"),
        ((TEST, CLICK, MINE), True, "mine/core.py:12 in work"),
        ((TEST,), True, "tests/test_a.py:4 in test_a"),
        ((TEST, JSON), True, "tests/test_a.py:4 in test_a"),
        ((TEST, CLICK, TEST), True, "tests/test_a.py:4 in test_a"),
        ((TEST, MINE), False, "mine/core.py:12 in work"),
    ],
)
def test_no_package_is_blamed_for_what_the_code_of_the_project_raises(
    frames: tuple[Frame, ...], suite: bool, place: str
) -> None:
    (cell,) = judge_combo(project(*frames, suite=suite), RULES)

    assert cell.diagnosis is not None
    assert (cell.diagnosis.culprit, cell.diagnosis.fix) == (None, ())
    assert cell.diagnosis.confidence is Confidence.UNKNOWN
    assert f"it failed in the code of the project, {place}, and no recorded fact" in cell.diagnosis.why


@pytest.mark.parametrize("own", [True, False])
def test_what_the_user_works_on_is_not_replaced_by_an_older_release_of_it(*, own: bool) -> None:
    lost = Raised(type="builtins.ImportError", message="cannot import name 'lost' from 'mine'")
    probe = replace(check("works", Outcome.FAILED, "ImportError: no"), raised=(lost,))
    (installing,) = project().steps
    answers = answered(VERSIONS, uploaded=DAYS, last_with={"mine:lost": "0.9"}, solvable={("mine<0.10",): True})
    steps = (installing if own else replace(installing, sources=()),)

    (cell,) = judge_combo(replace(project(suite=False), probes=(attempt(probe),), steps=steps, answers=answers), RULES)

    assert cell.diagnosis is not None
    assert cell.diagnosis.culprit == "mine"
    assert cell.diagnosis.fix == (() if own else ("mine<0.10",))


def test_what_another_test_printed_does_not_explain_a_test_that_asserts() -> None:
    asserts = project(TEST, kind="builtins.AssertionError")
    (probe,) = asserts.probes
    output = f"Traceback (most recent call last):\n  File \"{CLICK.file}\", line 9, in main\n    x\nKeyError: 'other'\n"
    printed = replace(probe, action=replace(probe.action, output=output))

    (cell,) = judge_combo(replace(asserts, probes=(printed,)), RULES)

    assert cell.diagnosis is not None and cell.diagnosis.culprit is None
    assert "tests/test_a.py:4 in test_a" in cell.diagnosis.why


def test_a_package_that_fails_below_a_test_is_named_with_the_line_of_the_test_and_not_blamed_on_pytest() -> None:
    (cell,) = judge_combo(project(TEST, CLICK), RULES)

    assert cell.diagnosis is not None
    assert cell.diagnosis.culprit == "click"
    assert cell.diagnosis.why == "it failed in click 8.1.7, called by tests/test_a.py:4 in test_a"
    assert "pytest" not in str(cell.diagnosis.fix)


def test_a_project_that_uses_a_package_wrongly_is_not_replaced_by_another_release_of_it() -> None:
    (cell,) = judge_combo(project(TEST, MINE, CLICK), RULES)

    assert cell.diagnosis is not None
    assert (cell.diagnosis.culprit, cell.diagnosis.conflicts_with) == ("click", "mine")


def test_a_fixture_that_nothing_provides_is_not_blamed_on_pytest() -> None:
    inside = Frame(file=f"{SITE}/_pytest/fixtures.py", line=800, function="getfixturevalue", text="raise")
    (cell,) = judge_combo(project(inside, kind="_pytest.fixtures.FixtureLookupError"), RULES)

    assert cell.diagnosis is not None
    assert (cell.diagnosis.culprit, cell.diagnosis.fix) == (None, ())
    assert cell.diagnosis.why.startswith("no installed package provides the fixture")
