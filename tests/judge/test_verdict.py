"""Verdicts from facts, in every phase of the life of a cell."""

from dataclasses import replace

import pytest

from knowngood.judge.probes import judge_probe
from knowngood.judge.verdict import judge, judge_combo
from knowngood.model import (
    UNDECIDED,
    Cell,
    Check,
    ComboFacts,
    Ending,
    Exit,
    Expectation,
    Outcome,
    Phase,
    ProbeFacts,
    Raised,
    Reason,
    Run,
    Status,
    StepFacts,
    Trouble,
)
from support.facts import BAD, GOOD, RULES, action, attempt, check, combo, facts, info, step

OPEN, FAILED, SKIPPED = Outcome.OPEN, Outcome.FAILED, Outcome.SKIPPED
CANCELLED = Exit(ending=Ending.CANCELLED)
SEGFAULT = Exit(ending=Ending.SIGNALLED, signal="SIGSEGV")
NO_SOLUTION = "error: No solution found when resolving dependencies\n  cause: Because a and b exclude each other.\n"


def only(subject: ComboFacts) -> Cell:
    (cell,) = judge_combo(subject, RULES)
    return cell


def verdict_of(cell: Cell) -> tuple[Status, Phase, Reason]:
    return cell.verdict.status, cell.verdict.phase, cell.verdict.reason


RESOLVING = StepFacts(number=1, requirements=("a",), resolve=action(BAD, NO_SOLUTION, log="step1.resolve.log"))
RESOLVED = StepFacts(number=1, requirements=("a",), resolve=action())
INSTALLING = replace(RESOLVED, number=2, install=action(BAD, "Hash mismatch for `a`\n", log="step2.install.log"))
FRESH = ComboFacts(combo=combo())
STARTED = replace(FRESH, started=True)


@pytest.mark.parametrize(
    ("subject", "verdict", "message", "log"),
    [
        pytest.param(
            FRESH, (Status.NOT_RUN, Phase.PROBE, Reason.NOT_REACHED), "never started", None, id="never started"
        ),
        pytest.param(
            STARTED,
            (Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED),
            "stopped before it was probed",
            None,
            id="stopped",
        ),
        pytest.param(
            replace(STARTED, harness_error="KeyError: 'x'"),
            (Status.ERROR, Phase.PROBE, Reason.HARNESS_BUG),
            "KeyError: 'x'",
            None,
            id="our own bug",
        ),
        pytest.param(
            replace(
                STARTED,
                trouble=Trouble(phase=Phase.CREATE, reason=Reason.PYTHON_MISSING, message="no Python 2.0", log="x.log"),
            ),
            (Status.INFRA, Phase.CREATE, Reason.PYTHON_MISSING),
            "no Python 2.0",
            "x.log",
            id="trouble outside of the steps",
        ),
        pytest.param(
            replace(STARTED, steps=(RESOLVING,)),
            (Status.UNSOLVABLE, Phase.RESOLVE, Reason.CONFLICT),
            "step 1: Because a and b exclude each other.",
            "step1.resolve.log",
            id="no solution",
        ),
        pytest.param(
            replace(STARTED, steps=(replace(RESOLVING, resolve=action(CANCELLED, log="r.log")),)),
            (Status.NOT_RUN, Phase.RESOLVE, Reason.INTERRUPTED),
            "step 1: cancelled",
            "r.log",
            id="stopped while it was resolved",
        ),
        pytest.param(
            replace(STARTED, steps=(RESOLVED,), create=action(BAD, "error: No interpreter found\n", log="create.log")),
            (Status.INFRA, Phase.CREATE, Reason.UNRECOGNISED),
            "No interpreter found",
            "create.log",
            id="no environment",
        ),
        pytest.param(
            replace(STARTED, steps=(RESOLVED, INSTALLING), create=action()),
            (Status.INFRA, Phase.INSTALL, Reason.HASH_MISMATCH),
            "step 2: Hash mismatch for `a`",
            "step2.install.log",
            id="not installed",
        ),
        pytest.param(
            facts(attempt(check("a"))), (Status.PASS, Phase.PROBE, Reason.ALL_PASSED), "", "works.log", id="a pass"
        ),
        pytest.param(
            facts(attempt(check("a"), check("b", FAILED, "ValueError: no\nmore"), check("c", FAILED, "also"))),
            (Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED),
            "ValueError: no",
            "works.log",
            id="a failed check",
        ),
        pytest.param(
            facts(attempt(check("a"), check("b", OPEN), end=SEGFAULT, bye=False)),
            (Status.CRASH, Phase.PROBE, Reason.SIGNALLED),
            "died of SIGSEGV, in check 'b'",
            "works.log",
            id="a crash",
        ),
        pytest.param(
            facts(attempt(check("a", OPEN), end=CANCELLED, bye=False)),
            (Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED),
            "stopped while it was probed",
            "works.log",
            id="stopped while it was probed",
        ),
    ],
)
def test_each_way_a_combo_can_end_has_its_verdict_message_and_log(
    subject: ComboFacts, verdict: tuple[Status, Phase, Reason], message: str, log: str | None
) -> None:
    cell = only(subject)

    assert (verdict_of(cell), cell.message, cell.log) == (verdict, message, log)
    assert cell.as_expected is (None if cell.verdict.status in UNDECIDED else cell.verdict.status is Status.PASS)


@pytest.mark.parametrize(
    ("given", "status", "reason", "about"),
    [
        (attempt(check("a")), Status.PASS, Reason.ALL_PASSED, None),
        (attempt(check("a"), check("b", SKIPPED)), Status.PASS, Reason.ALL_PASSED, None),
        (attempt(), Status.FAIL, Reason.NO_CHECKS, None),
        (attempt(check("a", SKIPPED)), Status.FAIL, Reason.NO_CHECKS, None),
        (attempt(check("a", FAILED)), Status.FAIL, Reason.CHECK_FAILED, "a"),
        (attempt(check("a"), end=BAD), Status.FAIL, Reason.EXIT_CODE, None),
        (attempt(check("a", OPEN), bye=False), Status.CRASH, Reason.LEFT_EARLY, "a"),
        (attempt(check("a"), bye=False), Status.CRASH, Reason.LEFT_EARLY, None),
        (attempt(check("a"), bye=False, end=BAD), Status.CRASH, Reason.LEFT_EARLY, None),
        (attempt(hello=False, bye=False, end=BAD), Status.CRASH, Reason.NO_START, None),
        (attempt(check("a"), hello=False), Status.CRASH, Reason.NO_START, None),
        (attempt(check("a"), end=SEGFAULT), Status.CRASH, Reason.SIGNALLED, None),
        (attempt(check("a"), end=replace(SEGFAULT, signal="SIGABRT")), Status.CRASH, Reason.SIGNALLED, None),
        (attempt(check("a"), end=replace(SEGFAULT, signal="SIGKILL")), Status.INFRA, Reason.KILLED_BY_OTHERS, None),
        (attempt(check("a"), end=replace(SEGFAULT, signal="SIGTERM")), Status.INFRA, Reason.KILLED_BY_OTHERS, None),
        (attempt(check("a", OPEN), end=Exit(ending=Ending.TIMED_OUT)), Status.TIMEOUT, Reason.TIMED_OUT, "a"),
        (attempt(end=Exit(ending=Ending.OUT_OF_MEMORY)), Status.OOM, Reason.OUT_OF_MEMORY, None),
        (attempt(end=Exit(ending=Ending.NOT_STARTED)), Status.INFRA, Reason.NO_START, None),
        (attempt(check("a"), end=CANCELLED), Status.NOT_RUN, Reason.INTERRUPTED, None),
    ],
)
def test_a_pass_takes_a_clean_exit_a_whole_record_and_a_passed_check(
    given: ProbeFacts, status: Status, reason: Reason, about: str | None
) -> None:
    verdict, named, _ = judge_probe(given)

    assert (verdict.status, verdict.phase, verdict.reason, named) == (status, Phase.PROBE, reason, about)


def test_a_crash_is_located_when_the_log_has_a_stack_dump() -> None:
    dump = 'Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File "a.py", line 7 in f\n'

    cell = only(facts(attempt(check("a", OPEN), end=SEGFAULT, bye=False, output=dump)))

    assert cell.message == "died of SIGSEGV, in check 'a', at a.py:7 in f"


PINNED = combo("one", ("numpy<2",), ("torch",))
DRIFTED = (step(1, ("numpy<2",), {"numpy": "1.26"}), step(2, ("torch",), {"numpy": "2.0", "torch": "2"}))


@pytest.mark.parametrize(
    ("given", "verdict", "message"),
    [
        pytest.param(
            attempt(check("a")),
            (Status.FAIL, Phase.DRIFT, Reason.PIN_VIOLATED),
            "numpy<2 was asked for, 2.0 is installed",
            id="though every check passed",
        ),
        pytest.param(
            attempt(check("a", FAILED, "RuntimeError: Numpy is not available")),
            (Status.FAIL, Phase.DRIFT, Reason.PIN_VIOLATED),
            "numpy<2 was asked for, 2.0 is installed; a: RuntimeError: Numpy is not available",
            id="and what it led to",
        ),
        pytest.param(
            attempt(check("pins", FAILED, "AssertionError: numpy<2 was asked for, 2.0 is installed")),
            (Status.FAIL, Phase.DRIFT, Reason.PIN_VIOLATED),
            "numpy<2 was asked for, 2.0 is installed",
            id="reported once",
        ),
        pytest.param(
            attempt(check("a", OPEN), end=SEGFAULT, bye=False),
            (Status.CRASH, Phase.PROBE, Reason.SIGNALLED),
            "died of SIGSEGV, in check 'a'",
            id="a crash says more",
        ),
        pytest.param(
            attempt(check("a"), end=CANCELLED),
            (Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED),
            "stopped while it was probed",
            id="nothing is known when it was stopped",
        ),
    ],
)
def test_a_violated_pin_is_a_failure(given: ProbeFacts, verdict: tuple[Status, Phase, Reason], message: str) -> None:
    cell = only(facts(given, of=PINNED, steps=DRIFTED))

    assert (verdict_of(cell), cell.message) == (verdict, message)
    assert [one.package for one in cell.drift] == ["numpy"]


FAIL_AS = Expectation(status=Status.FAIL)
PASSING, FAILING = attempt(check("a")), attempt(check("a", FAILED, "ValueError: no"))
CRASHING = attempt(check("a", OPEN), end=SEGFAULT, bye=False)


@pytest.mark.parametrize(
    ("expect", "given", "as_expected"),
    [
        (Expectation(), PASSING, True),
        (Expectation(), FAILING, False),
        (Expectation(), CRASHING, False),
        (FAIL_AS, FAILING, True),
        (FAIL_AS, PASSING, False),
        (FAIL_AS, CRASHING, False),
        (Expectation(status=Status.CRASH), CRASHING, True),
        (Expectation(status=Status.CRASH), PASSING, False),
        (FAIL_AS, attempt(end=Exit(ending=Ending.NOT_STARTED)), None),
        (Expectation(), attempt(end=CANCELLED), None),
        (Expectation(status=Status.INFRA), attempt(end=Exit(ending=Ending.NOT_STARTED)), None),
    ],
)
def test_an_unexpected_pass_is_as_wrong_as_an_unexpected_failure(
    expect: Expectation, given: ProbeFacts, as_expected: bool | None
) -> None:
    assert only(facts(given, of=combo(expect=expect))).as_expected is as_expected


SPEAKING = attempt(
    Check(
        name="a",
        outcome=FAILED,
        message="RuntimeError: outer",
        raised=(Raised(type="ImportError", message="the root cause"), Raised(type="RuntimeError", message="outer")),
    ),
    output="A module that was compiled using NumPy 1.x\n",
)


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("outer", True),
        ("the root cause", True),
        (r"compiled using NumPy 1\.x", True),
        ("(?i)ROOT", True),
        ("nowhere", False),
        ("^resolver said$", False),
        ("(?m)^resolver said$", True),
    ],
)
def test_a_match_is_searched_in_messages_checks_and_all_output(match: str, found: bool) -> None:
    subject = combo(expect=replace(FAIL_AS, match=match))
    steps = (replace(step(1, ("numpy",), {"numpy": "2"}), resolve=action(output="resolver said\n")),)

    assert only(facts(SPEAKING, of=subject, steps=steps)).as_expected is found


def test_the_last_attempt_counts_and_the_number_of_attempts_is_reported() -> None:
    cell = only(facts(CRASHING, PASSING))

    assert (verdict_of(cell)[0], cell.attempts, cell.seconds.probe) == (Status.PASS, 2, 2.0)


def test_each_probe_has_its_own_cell_and_one_that_never_started_is_not_run() -> None:
    subject = facts(attempt(check("a"), probe="first"), of=combo(probes=("first", "second")))

    assert [(cell.probe, cell.verdict.status) for cell in judge_combo(subject, RULES)] == [
        ("first", Status.PASS),
        ("second", Status.NOT_RUN),
    ]


def test_a_cell_has_versions_times_sizes_and_warnings() -> None:
    given = attempt(
        Check(name="a", outcome=Outcome.PASSED, metrics={"n": 1}, warnings=("FutureWarning: old",)),
        Check(name="b", outcome=Outcome.PASSED, metrics={"n": 2}, warnings=("FutureWarning: old",)),
        end=replace(GOOD, peak_memory=300 * 2**20),
        output="UserWarning: Failed to initialize NumPy: _ARRAY_API not found (Triggered internally)\n"
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2 as it may crash.\n",
    )

    cell = only(replace(facts(given), environment_bytes=50 * 2**20))

    assert cell.installed == {"numpy": "1.26.4"}
    assert cell.python == "3.11.7"
    assert cell.metrics == {"n": 1, "b.n": 2, "peak_memory_mib": 300, "environment_mib": 50}
    assert {warning.strip() for warning in cell.warnings} == {
        "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0.2",
        "Failed to initialize NumPy: _ARRAY_API not found",
        "FutureWarning: old",
    }
    assert (cell.seconds.resolve, cell.seconds.create, cell.seconds.install, cell.seconds.probe) == (1.0, 1.0, 1.0, 1.0)


def test_a_run_is_judged_in_the_order_of_the_matrix() -> None:
    combos = tuple(replace(FRESH, combo=combo(name)) for name in ("z", "a", "m"))

    cells = judge(Run(info=info(), combos=combos), RULES).cells

    assert [cell.combo.id for cell in cells] == ["z", "a", "m"]
    assert {cell.verdict.reason for cell in cells} == {Reason.NOT_REACHED}
