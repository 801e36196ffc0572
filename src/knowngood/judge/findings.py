"""Read the facts of a combo for the verdict of one probe: what went wrong first."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowngood.judge.conflicts import Violation
from knowngood.judge.numbers import non_finite
from knowngood.judge.probes import Attempt
from knowngood.judge.suites import failed_checks, first_line
from knowngood.model import (
    Action,
    ComboFacts,
    Phase,
    Reason,
    Status,
    Verdict,
    WarningPolicy,
)
from knowngood.model.installer_output import InstallerOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A verdict, the check it is about, and why."""

    verdict: Verdict
    message: str
    check: str | None = None
    log: str | None = None
    command: Action | None = None
    """The command that could not build the environment, where the verdict is about it."""


def find(
    facts: ComboFacts, attempt: Attempt | None, violations: Sequence[Violation], installer: InstallerOutput
) -> Finding:
    """Return what became of one probe of a combo, before its numbers are compared.

    ``attempt`` is the one that counts, None without any; ``violations`` are those of the final environment;
    ``installer`` reads the output of the combo's installer.
    """
    before = _before_probes(facts, installer)
    if before is not None:
        return before
    return _not_run(facts) if attempt is None else _probed(facts, attempt, violations)


def _commands(facts: ComboFacts) -> list[tuple[Phase, str, Action | None]]:
    """Return the commands that build an environment: phase, a prefix for their message, and how they ended."""
    return [
        *((Phase.RESOLVE, f"step {step.number}: ", step.resolve) for step in facts.steps),
        (Phase.CREATE, "", facts.create),
        *((Phase.INSTALL, f"step {step.number}: ", step.install) for step in facts.steps),
    ]


def _before_probes(facts: ComboFacts, installer: InstallerOutput) -> Finding | None:
    """Return what kept the combo from being probed; None when nothing did."""
    if facts.harness_error is not None:
        return Finding(
            verdict=Verdict(status=Status.ERROR, phase=Phase.PROBE, reason=Reason.HARNESS_BUG),
            message=facts.harness_error,
        )
    if facts.trouble is not None:
        trouble = facts.trouble
        verdict = Verdict(status=Status.INFRA, phase=trouble.phase, reason=trouble.reason)
        return Finding(verdict=verdict, message=trouble.message, log=trouble.log)
    for phase, prefix, action in _commands(facts):
        if action is not None and not action.exit.ok:
            status, reason = installer.classify(action)
            verdict = Verdict(status=status, phase=phase, reason=reason)
            message = prefix + installer.message(action, status)
            return Finding(verdict=verdict, message=message, log=action.log, command=action)
    return None


def _not_run(facts: ComboFacts) -> Finding:
    reason = Reason.INTERRUPTED if facts.started else Reason.NOT_REACHED
    verdict = Verdict(status=Status.NOT_RUN, phase=Phase.PROBE, reason=reason)
    return Finding(verdict=verdict, message="stopped before it was probed" if facts.started else "never started")


def _probed(facts: ComboFacts, attempt: Attempt, violations: Sequence[Violation]) -> Finding:
    verdict, message, transcript = attempt.verdict, attempt.message, attempt.facts.transcript
    hidden = _hidden(facts, attempt) if verdict.status is Status.PASS else None
    if hidden is not None:
        reason, message = hidden
        verdict = Verdict(status=Status.FAIL, phase=Phase.PROBE, reason=reason)
    violated = [str(violation) for violation in violations]
    # A crash or a hang says more than the drift behind it; a failed check is what the drift led to.
    if violated and verdict.status in (Status.PASS, Status.FAIL):
        verdict = Verdict(status=Status.FAIL, phase=Phase.DRIFT, reason=Reason.PIN_VIOLATED)
        # A check that looks at the pins itself says the same: once is enough.
        failed = [
            f"{failure.name}: {first_line(failure)}"
            for failure in failed_checks(transcript)
            if not any(text in failure.message for text in violated)
        ]
        if transcript.collected is not None:
            # A suite can have hundreds of failing tests, and its own message says so.
            failed = [message] if failed else []
        message = "; ".join([*violated, *failed, *([message] if hidden is not None else [])])
    return Finding(verdict=verdict, message=message, check=attempt.check)


def _hidden(facts: ComboFacts, attempt: Attempt) -> tuple[Reason, str] | None:
    """Return what a pass hides: an answer that is not a number, or an alarm that the matrix does not tolerate."""
    if invalid := non_finite(attempt.arrays):
        return Reason.NOT_FINITE, invalid
    if attempt.alarms and facts.combo.warnings is WarningPolicy.FAIL:
        return Reason.ALARM, "; ".join(attempt.alarms)
    return None
