"""Several attempts at one probe."""

import pytest

from knowngood.judge.probes import deciding, flaky, judge_probe, judged
from knowngood.model import Action, Check, Ending, Exit, Outcome, ProbeFacts, Raised, Reason, Status, Transcript


def attempt(ended: Exit, outcome: Outcome = Outcome.PASSED, *, bye: bool = True) -> ProbeFacts:
    transcript = Transcript(hello=True, bye=bye, checks=(Check(name="works", outcome=outcome),))
    return ProbeFacts(probe="p", action=Action(exit=ended, seconds=1.0, log="p.log"), transcript=transcript)


EXITED = Exit(ending=Ending.EXITED, code=0)
PASSED = attempt(EXITED)
FAILED = attempt(EXITED, Outcome.FAILED)
CRASHED = attempt(Exit(ending=Ending.SIGNALLED, signal="SIGSEGV"), Outcome.OPEN, bye=False)
HUNG = attempt(Exit(ending=Ending.TIMED_OUT), Outcome.OPEN, bye=False)
KILLED = attempt(Exit(ending=Ending.SIGNALLED, signal="SIGKILL"), Outcome.OPEN, bye=False)
CANCELLED = attempt(Exit(ending=Ending.CANCELLED), Outcome.OPEN, bye=False)


@pytest.mark.parametrize(
    ("attempts", "passed"),
    [
        ((), None),
        ((PASSED,), None),
        ((FAILED,), None),
        ((PASSED, PASSED), None),
        ((CRASHED, CRASHED), None),
        ((CRASHED, HUNG), None),
        ((CRASHED, PASSED), "1/2"),
        ((PASSED, FAILED), "1/2"),
        ((HUNG, PASSED, PASSED), "2/3"),
        ((FAILED, FAILED, PASSED), "1/3"),
        ((PASSED, CANCELLED), None),
        ((KILLED, PASSED), None),
        ((KILLED, CRASHED, PASSED), "1/2"),
    ],
)
def test_attempts_that_disagree_are_flaky_and_undecided_ones_do_not_count(
    attempts: tuple[ProbeFacts, ...], passed: str | None
) -> None:
    assert flaky(judged(attempts)) == passed


@pytest.mark.parametrize("last", [PASSED, FAILED, CRASHED, HUNG, KILLED, CANCELLED])
@pytest.mark.parametrize("first", [PASSED, FAILED, CRASHED, KILLED])
def test_the_last_attempt_counts_whether_better_or_worse(first: ProbeFacts, last: ProbeFacts) -> None:
    before, after = judged((first, last))
    assert deciding((before, after)) is after
    assert deciding((before,)) is before


OURS = "/lib/python3.8/site-packages/knowngood/probe/in_env/pytest_launcher.py"


@pytest.mark.parametrize(
    ("output", "status", "reason"),
    [
        (
            f'  File "{OURS}", line 3\n    x: int | None\nSyntaxError: invalid syntax\n',
            Status.ERROR,
            Reason.HARNESS_BUG,
        ),
        (f'Traceback\n  File "{OURS}", line 3, in <module>\nTypeError: no\n', Status.ERROR, Reason.HARNESS_BUG),
        (
            f'Traceback\n  File "{OURS}", line 3, in <module>\n  File "/e/site-packages/p.py", line 1, in f\nOSError\n',
            Status.CRASH,
            Reason.NO_START,
        ),
        ("Fatal Python error: init_import_site\n", Status.CRASH, Reason.NO_START),
    ],
    ids=["syntax", "exception", "of a package that it imports", "of Python"],
)
def test_a_failure_of_our_own_launcher_does_not_count_as_a_crash(output: str, status: Status, reason: Reason) -> None:
    facts = ProbeFacts(
        probe="p",
        action=Action(exit=Exit(ending=Ending.EXITED, code=1), seconds=1.0, log="p.log", output=output),
        transcript=Transcript(),
    )
    verdict, _, message = judge_probe(facts)
    assert (verdict.status, verdict.reason) == (status, reason), message


@pytest.mark.parametrize(
    ("kind", "message", "status"),
    [
        ("builtins.OSError", "[Errno 28] No space left on device: 'x'", Status.INFRA),
        ("builtins.OSError", "[Errno 122] Disk quota exceeded", Status.INFRA),
        ("sqlite3.OperationalError", "database or disk is full", Status.INFRA),
        ("builtins.RuntimeError", "torch.save: write failed: No space left on device", Status.INFRA),
        ("builtins.OSError", "[Errno 2] No such file or directory: 'x'", Status.FAIL),
        ("builtins.AssertionError", "No space left on device", Status.FAIL),
    ],
)
def test_a_full_disk_is_held_against_no_version(kind: str, message: str, status: Status) -> None:
    writes = Check(name="writes", outcome=Outcome.FAILED, raised=(Raised(type=kind, message=message),))
    transcript = Transcript(hello=True, bye=True, checks=(Check(name="starts", outcome=Outcome.PASSED), writes))

    verdict, name, _ = judge_probe(ProbeFacts(probe="p", action=PASSED.action, transcript=transcript))

    assert (verdict.status, name) == (status, "writes")
    assert (verdict.reason is Reason.NO_SPACE) == (status is Status.INFRA)
