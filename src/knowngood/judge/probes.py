"""Judge the attempts at a probe: exit and transcript, which attempt counts, its tests, and alarms that it survived.

A suite of hundreds of tests usually fails for a few causes. One test of the largest group stands for the failure: its
exception is what the diagnosis works from.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowngood.judge.causes import normalized
from knowngood.judge.numbers import arrays_of
from knowngood.model import (
    UNDECIDED,
    Array,
    Check,
    Ending,
    Exit,
    Failures,
    Outcome,
    Phase,
    ProbeFacts,
    Problem,
    ProblemKind,
    Reason,
    Status,
    Suite,
    Transcript,
    Verdict,
)
from knowngood.tracebacks import dumped_stacks, shorten_paths

_UNPARSED = re.compile(r" \([^()]+, line \d+\)$")
"""The end of the message of a ``SyntaxError``."""
_NAMED = 3
"""Failing tests that a message names."""
_LONGEST_CAUSE = 500
"""Characters of the cause of a group."""


def suite(transcript: Transcript) -> Suite | None:
    """Return how many tests a probe has, by outcome; None for one whose checks are not tests."""
    if transcript.collected is None:
        return None
    outcomes = [check.outcome for check in transcript.checks]
    return Suite(
        # What began counts as well, should the number of collected tests be that of one worker of several.
        collected=max(transcript.collected, len(outcomes) + transcript.left_out),
        passed=outcomes.count(Outcome.PASSED) + transcript.left_out,
        failed=outcomes.count(Outcome.FAILED),
        skipped=outcomes.count(Outcome.SKIPPED),
        open=tuple(check.name for check in transcript.checks if check.outcome is Outcome.OPEN),
    )


def failures(checks: Sequence[Check]) -> tuple[Failures, ...]:
    """Return the failing tests, grouped by exception and shape of its message: the largest group first."""
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        if check.outcome is Outcome.FAILED:
            kind = check.raised[0].type if check.raised else ""
            groups.setdefault((kind, normalized(first_line(check))), []).append(check)
    return tuple(
        Failures(
            cause=shorten_paths(first_line(members[0]))[:_LONGEST_CAUSE],
            checks=tuple(check.name for check in members),
        )
        for members in sorted(groups.values(), key=len, reverse=True)
    )


def failed_checks(transcript: Transcript) -> tuple[Check, ...]:
    """Return the checks that failed, in order; of a suite, the tests of its largest group of failures first."""
    failed = tuple(check for check in transcript.checks if check.outcome is Outcome.FAILED)
    if transcript.collected is None:
        return failed
    names = [name for group in failures(failed) for name in group.checks]
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(failed, key=lambda check: place[check.name]))


def suite_message(counted: Suite, groups: Sequence[Failures]) -> str:
    """Return ``3 of 412 tests fail: tests/test_a.py::test_x, ...; AttributeError: ...`` for a suite that fails."""
    names = [name for group in groups for name in group.checks]
    rest = len(names) - _NAMED
    listed = ", ".join([*names[:_NAMED], *([f"and {rest} more"] if rest > 0 else [])])
    verb = "fails" if counted.failed == 1 else "fail"
    share = "" if len(groups) == 1 else f"{len(groups[0].checks)} of them with "
    return f"{counted.failed} of {counted.collected} tests {verb}: {listed}; {share}{groups[0].cause}"


def first_line(check: Check) -> str:
    """Return the first informative line of the message of a failed check, of a syntax error with file and line."""
    lines = [line.strip() for line in check.message.splitlines() if line.strip()]
    # "ImportError:" alone is not informative: some libraries begin their message with an empty line.
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1]}"
    if not lines:
        return "failed without a message"
    place = _UNPARSED.search(check.raised[-1].message) if check.raised else None
    return lines[0] if place is None or lines[0].endswith(place[0]) else f"{lines[0]}{place[0]}"


_FROM_OUTSIDE = frozenset({"SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM"})
"""Signals that come from outside; a program does not die of them by itself."""

_COMMAND = "command"
"""The check that stands for a whole command, as in ``probe.surround``."""

_FULL_DISK = re.compile(r"No space left on device|Disk quota exceeded|database or disk is full")
_FILE_OF_FRAME = re.compile(r'^[ \t]{1,40}File "([^"\n]{1,4096})", line \d', re.MULTILINE)
_LAUNCHER = re.compile(r"knowngood/probe/in_env/\w+\.py$")

_PROBLEMS = {
    ProblemKind.SETUP: (Status.INFRA, Reason.SETUP_FAILED),
    ProblemKind.MISSING: (Status.ERROR, Reason.COMMAND_MISSING),
    ProblemKind.SHADOWED: (Status.ERROR, Reason.SHADOWED),
    ProblemKind.USAGE: (Status.ERROR, Reason.USAGE_ERROR),
    ProblemKind.NO_TESTS: (Status.ERROR, Reason.NO_TESTS),
    ProblemKind.WORKER: (Status.CRASH, Reason.SIGNALLED),
    ProblemKind.PLUGIN: (Status.FAIL, Reason.PLUGIN_ERROR),
    ProblemKind.INTERNAL: (Status.FAIL, Reason.INTERNAL_ERROR),
    ProblemKind.COLLECTION: (Status.FAIL, Reason.COLLECTION_ERROR),
}
"""What a problem is: of the machine, of the probe or the project, or of the versions."""


def judge_probe(facts: ProbeFacts) -> tuple[Verdict, str | None, str]:
    """Return the verdict of one attempt, the check it is about, and why.

    A pass takes all of these: exit code 0, records from ``hello`` to ``bye`` that this cell's nonce seals, and no
    failed check.
    """
    ended, transcript = facts.action.exit, facts.transcript
    status, reason, message = _ended(ended, transcript)
    check = transcript.open_check
    if reason is Reason.NO_START and status is Status.CRASH and _is_of_launcher(facts.action.output):
        status, reason = Status.ERROR, Reason.HARNESS_BUG
        message = "the launcher of knowngood failed before the probe began"
    if transcript.problem is not None and _is_explained(ended, transcript):
        in_order = tuple(check for check in transcript.checks if check.outcome is Outcome.FAILED)
        return _judge_problem(transcript.problem, in_order)
    if status is Status.PASS or (reason is Reason.EXIT_CODE and _is_command(transcript)):
        failed = failed_checks(transcript)
        if failed:
            status, reason = Status.FAIL, Reason.CHECK_FAILED
            check, message = failed[0].name, first_line(failed[0])
            if counted := suite(transcript):
                message = suite_message(counted, failures(failed))
        elif not transcript.left_out and not any(passed.outcome is Outcome.PASSED for passed in transcript.checks):
            status, reason, message = _nothing_ran(transcript)
    elif status in (Status.CRASH, Status.TIMEOUT, Status.OOM):
        message += _place(check, facts.action.output, noun="test" if suite(transcript) else "check")
    if status is Status.FAIL and (full := next(filter(_lacked_space, transcript.checks), None)):
        status, reason, check, message = Status.INFRA, Reason.NO_SPACE, full.name, first_line(full)
    return Verdict(status=status, phase=Phase.PROBE, reason=reason), check, message


def _lacked_space(check: Check) -> bool:
    """Return whether a check failed on a full disk, which says nothing about the versions."""
    said = [each.message for each in check.raised if each.type != "builtins.AssertionError"]
    if check.name == _COMMAND and not check.raised:
        said.append(first_line(check))  # the last line of its output
    return any(map(_FULL_DISK.search, said))


def _is_explained(ended: Exit, transcript: Transcript) -> bool:
    """Return whether the problem of a transcript is why the probe ended as it did."""
    return ended.ending is Ending.NOT_STARTED or not transcript.hello or (ended.ok and transcript.bye)


def _judge_problem(problem: Problem, failed: tuple[Check, ...]) -> tuple[Verdict, str | None, str]:
    status, reason = _PROBLEMS[problem.kind]
    lines = [line.strip() for line in problem.message.splitlines() if line.strip()]
    message, check = lines[0] if lines else problem.kind.value, None
    if problem.kind is ProblemKind.USAGE:
        message = "; ".join(lines[:3])
    elif problem.kind is ProblemKind.WORKER and failed:
        check = failed[-1].name
    elif problem.kind is ProblemKind.COLLECTION and failed:
        check, message = failed[0].name, f"{failed[0].name} cannot be collected: {first_line(failed[0])}"
    return Verdict(status=status, phase=Phase.PROBE, reason=reason), check, message


def _nothing_ran(transcript: Transcript) -> tuple[Status, Reason, str]:
    skipped = [check for check in transcript.checks if check.outcome is Outcome.SKIPPED]
    if _is_command(transcript):
        return Status.NOT_RUN, Reason.SKIPPED, f"the command skipped itself: it {first_line(skipped[0])}"
    if transcript.collected is None:
        return Status.FAIL, Reason.NO_CHECKS, "no check ran"
    if not skipped:
        return Status.ERROR, Reason.NO_TESTS, f"none of {transcript.collected} collected tests ran"
    count = "the only test was" if len(skipped) == 1 else f"all {len(skipped)} tests were"
    return Status.NOT_RUN, Reason.SKIPPED, f"{count} skipped: {first_line(skipped[0])}"


def _is_command(transcript: Transcript) -> bool:
    """Return whether the transcript is that of a command that exited with a code other than 0."""
    (check, *others) = transcript.checks or (None,)
    return (
        check is not None
        and not others
        and transcript.collected is None
        and check.name == _COMMAND
        and check.outcome in (Outcome.FAILED, Outcome.SKIPPED)
    )


def _ended(ended: Exit, transcript: Transcript) -> tuple[Status, Reason, str]:
    match ended.ending:
        case Ending.CANCELLED:
            return Status.NOT_RUN, Reason.INTERRUPTED, "stopped while it was probed"
        case Ending.TIMED_OUT:
            return Status.TIMEOUT, Reason.TIMED_OUT, "did not finish within its time limit"
        case Ending.OUT_OF_MEMORY:
            return Status.OOM, Reason.OUT_OF_MEMORY, ended.note
        case Ending.NOT_STARTED:
            return Status.INFRA, Reason.NO_START, ended.note
        case Ending.SIGNALLED if ended.signal in _FROM_OUTSIDE:
            return Status.INFRA, Reason.KILLED_BY_OTHERS, f"killed from outside with {ended.signal}"
        case Ending.SIGNALLED:
            return Status.CRASH, Reason.SIGNALLED, f"died of {ended.signal}"
        case Ending.EXITED if not transcript.hello:
            return Status.CRASH, Reason.NO_START, f"Python exited with code {ended.code} before the probe began"
        case Ending.EXITED if not transcript.bye:
            return Status.CRASH, Reason.LEFT_EARLY, f"exited with code {ended.code} before the probe was finished"
        case Ending.EXITED if ended.code and any(check.outcome is Outcome.OPEN for check in transcript.checks):
            return Status.FAIL, Reason.EXIT_CODE, f"exited with code {ended.code}"
        case Ending.EXITED if ended.code and transcript.collected is not None:
            return Status.FAIL, Reason.EXIT_CODE, f"all tests finished, then pytest exited with code {ended.code}"
        case Ending.EXITED if ended.code:
            return Status.FAIL, Reason.EXIT_CODE, f"all checks finished, then it exited with code {ended.code}"
        case Ending.EXITED:
            return Status.PASS, Reason.ALL_PASSED, ""


def _is_of_launcher(output: str) -> bool:
    """Return whether the last line of a traceback is in a file that knowngood itself runs in the environment.

    A syntax error counts as well: it has a line of its own and no frame.
    """
    files = _FILE_OF_FRAME.findall(output)
    return bool(files) and bool(_LAUNCHER.search(files[-1]))


def _place(check: str | None, output: str, *, noun: str) -> str:
    """Return where a process was when it died, as far as it is known."""
    place = f", in {noun} {check!r}" if check is not None else f", after its last {noun}"
    stacks = [stack for stack in dumped_stacks(output) if stack]
    if stacks:
        frame = stacks[-1][0]
        place += f", at {frame.file}:{frame.line} in {frame.function}"
    return place


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt at a probe, with what it shows by itself."""

    facts: ProbeFacts
    verdict: Verdict
    check: str | None
    message: str
    suite: Suite | None
    failures: tuple[Failures, ...]
    """The failing tests of a suite, by cause."""
    arrays: Mapping[str, Array]
    """What it recorded for comparisons."""
    alarms: tuple[str, ...]


def judged(attempts: Iterable[ProbeFacts]) -> tuple[Attempt, ...]:
    """Return the attempts at a probe with what each of them shows, in order."""
    return tuple(map(_judged, attempts))


def _judged(facts: ProbeFacts) -> Attempt:
    verdict, check, message = judge_probe(facts)
    counted = suite(facts.transcript)
    return Attempt(
        facts=facts,
        verdict=verdict,
        check=check,
        message=message,
        suite=counted,
        failures=failures(facts.transcript.checks) if counted else (),
        arrays=arrays_of(facts.transcript.checks),
        alarms=alarms(facts),
    )


def deciding(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt at a probe whose verdict counts: the last of ``attempts``; None without any.

    A probe is repeated only where one attempt is not reliable: a crash or a hang may have been the machine's, so it
    counts when it happens twice, and ``flaky`` reports one that does not. The best attempt is not chosen, since with
    enough attempts anything would pass. An attempt that was cut short decides nothing, even after one that failed: its
    cell is undecided and runs again.
    """
    return attempts[-1] if attempts else None


def flaky(attempts: Iterable[Attempt]) -> str | None:
    """Return how many attempts at a probe passed, of how many, such as ``1/2``; None when all of them agree.

    An attempt that says nothing about the versions, because it was cut short or killed from outside, does not count.
    """
    decided = [attempt.verdict.status for attempt in attempts if attempt.verdict.status not in UNDECIDED]
    passed = decided.count(Status.PASS)
    return f"{passed}/{len(decided)}" if 0 < passed < len(decided) else None


_REST = r"[^\r\n]*"
_ALARM = re.compile(
    "|".join(
        (
            r"A module that was compiled using NumPy 1\.x cannot be run in\s+NumPy \w+(?:\.\w+)*",
            r"Failed to initialize NumPy: (?!No module named 'numpy'|numpy\.core\.multiarray failed)[^\r\n(]+",
            r"module (?:was )?compiled against (?:ABI|API|NumPy C-API) version 0x\w+(?: \(NumPy [^)]*\))?"
            r" but (?:this version of numpy is|the running NumPy has C-API version) 0x\w+",
            r"ValueError: numpy\.\w+ size changed, may indicate binary incompatibility" + _REST,
            r"Numba needs NumPy [\d.]+ or (?:less|greater)" + _REST,
            r"Disabling PyTorch because PyTorch \S+ \S+ is required but found \S+",
            r"(?<![^\s'\"])[^\s'\"]+: undefined symbol: _ZNK?(?:3c10|5torch|2at)\w*",
            r"operator torchvision::\w+ does not exist",
        )
    )
)


def alarms(facts: ProbeFacts) -> tuple[str, ...]:
    """Return the alarms in the output of one attempt at a probe, each once and on one line, in order of appearance.

    Python's own warnings, which a transcript records by check, are not alarms: they may be mere deprecations.
    """
    lines = (" ".join(alarm[0].split()) for alarm in _ALARM.finditer(facts.action.output))
    return tuple(dict.fromkeys(map(shorten_paths, lines)))
