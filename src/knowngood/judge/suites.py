"""Judge the tests of a suite: count them, and group the failing ones by their cause.

A suite of hundreds of tests usually fails for a few causes. One test of the largest group stands for the failure: its
exception is what the diagnosis works from.
"""

import re
from collections.abc import Sequence

from knowngood.judge.causes import normalized
from knowngood.model import Check, Failures, Outcome, Suite, Transcript
from knowngood.tracebacks import shorten_paths

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


def message(counted: Suite, groups: Sequence[Failures]) -> str:
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
