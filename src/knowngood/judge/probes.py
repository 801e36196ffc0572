"""What one attempt at a probe means: its exit and its transcript, taken together."""

from collections.abc import Sequence

from knowngood.model import (
    UNDECIDED,
    Check,
    Ending,
    Exit,
    Outcome,
    Phase,
    ProbeFacts,
    Reason,
    Status,
    Transcript,
    Verdict,
)
from knowngood.tracebacks import dumped_stacks

_FROM_OUTSIDE = frozenset({"SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM"})
"""Signals that somebody sends; a program does not die of them by itself."""


def failed_checks(transcript: Transcript) -> tuple[Check, ...]:
    """Return the checks that raised or said no."""
    return tuple(check for check in transcript.checks if check.outcome is Outcome.FAILED)


def judge_probe(facts: ProbeFacts) -> tuple[Verdict, str | None, str]:
    """Return the verdict of one attempt, the check it is about, and why.

    A pass needs all of it: exit code 0, a record file that carries this cell's nonce from ``hello`` to ``bye``, and no
    check that failed.
    """
    ended, transcript = facts.action.exit, facts.transcript
    status, reason, message = _ended(ended, transcript)
    check = transcript.open_check
    if status is Status.PASS:
        failed = failed_checks(transcript)
        if failed:
            status, reason = Status.FAIL, Reason.CHECK_FAILED
            check, message = failed[0].name, first_line(failed[0])
        elif not any(one.outcome is Outcome.PASSED for one in transcript.checks):
            status, reason, message = Status.FAIL, Reason.NO_CHECKS, "no check was run"
    elif status in (Status.CRASH, Status.TIMEOUT, Status.OOM):
        message += _place(check, facts.action.output)
    return Verdict(status=status, phase=Phase.PROBE, reason=reason), check, message


def _ended(ended: Exit, transcript: Transcript) -> tuple[Status, Reason, str]:
    match ended.ending:
        case Ending.CANCELLED:
            return Status.NOT_RUN, Reason.INTERRUPTED, "stopped while it was probed"
        case Ending.TIMED_OUT:
            return Status.TIMEOUT, Reason.TIMED_OUT, "did not end within its time limit"
        case Ending.OUT_OF_MEMORY:
            return Status.OOM, Reason.OUT_OF_MEMORY, ended.note
        case Ending.NOT_STARTED:
            return Status.INFRA, Reason.NO_START, ended.note
        case Ending.SIGNALLED if ended.signal in _FROM_OUTSIDE:
            return Status.INFRA, Reason.KILLED_BY_OTHERS, f"somebody else ended it with {ended.signal}"
        case Ending.SIGNALLED:
            return Status.CRASH, Reason.SIGNALLED, f"died of {ended.signal}"
        case Ending.EXITED if not transcript.hello:
            return Status.CRASH, Reason.NO_START, f"its Python ended with exit code {ended.code} before the probe began"
        case Ending.EXITED if not transcript.bye:
            return Status.CRASH, Reason.LEFT_EARLY, f"left with exit code {ended.code} before its end"
        case Ending.EXITED if ended.code:
            return Status.FAIL, Reason.EXIT_CODE, f"every check was done, then it ended with exit code {ended.code}"
        case Ending.EXITED:
            return Status.PASS, Reason.ALL_PASSED, ""


def _place(check: str | None, output: str) -> str:
    """Return where a process was when it died, as far as it is known."""
    where = f", in check {check!r}" if check is not None else ", after its last check"
    stacks = [stack for stack in dumped_stacks(output) if stack]
    if stacks:
        frame = stacks[-1][0]
        where += f", at {frame.file}:{frame.line} in {frame.function}"
    return where


def first_line(check: Check) -> str:
    """Return the first line of what a failed check said that tells anything."""
    lines = [line.strip() for line in check.message.splitlines() if line.strip()]
    # "ImportError:" alone says nothing: some libraries begin their message with an empty line.
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1]}"
    return lines[0] if lines else "failed without a message"


def deciding(attempts: Sequence[ProbeFacts]) -> ProbeFacts:
    """Return the attempt at a probe whose verdict counts: the last of ``attempts``, which are one or more.

    A probe is tried again only where the attempt before is not to be believed alone: a crash or a hang that may have
    been the machine's counts once it comes twice, and one that does not come again is told by ``flaky``. Nor is the
    best one chosen: with enough attempts anything would pass. An attempt that was cut short decides nothing, even after
    one that failed, and so its cell is undecided and is run again.
    """
    return attempts[-1]


def flaky(attempts: Sequence[ProbeFacts]) -> str | None:
    """Return ``1/2``, how many attempts at a probe passed, of how many, when they disagree; None when they agree.

    An attempt that says nothing of the versions, since it was cut short or killed by others, is not counted.
    """
    statuses = [judge_probe(attempt)[0].status for attempt in attempts]
    decided = [status for status in statuses if status not in UNDECIDED]
    passed = decided.count(Status.PASS)
    return f"{passed}/{len(decided)}" if 0 < passed < len(decided) else None
