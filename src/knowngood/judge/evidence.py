"""Read what the recorded facts of one combo show: what to judge by, and for each probe, what went wrong first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowngood.judge.conflicts import Violation, ledger, violations
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.judge.numbers import non_finite
from knowngood.judge.probes import Attempt, deciding, failed_checks, first_line, judged
from knowngood.model import Action, ComboFacts, Drift, InstallerName, Phase, Reason, Status, Verdict, WarningPolicy
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What to judge by. Two runs can be compared only when both are judged by the same rules."""

    signatures: tuple[Signature, ...]
    """The known breakages."""
    installers: Mapping[InstallerName, InstallerOutput]
    """Who reads the output of each installer."""

    def reader(self, facts: ComboFacts) -> InstallerOutput:
        """Return what reads the output of the commands of a combo.

        uv builds what a combo installs from this machine, whatever the installer is, and resolves what pip cannot.
        """
        failed_to_build = any(source.failed for step in facts.steps for source in step.sources)
        if failed_to_build:
            return self.installers[InstallerName.UV]
        resolves = not any(step.install is not None and not step.install.exit.ok for step in facts.steps)
        return self.installers[facts.combo.resolver if resolves else facts.combo.installer]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the facts of a combo show, whatever the probe."""

    facts: ComboFacts
    violations: tuple[Violation, ...]
    """The pins of the combo that the final environment violates."""
    drift: tuple[Drift, ...]
    """What a later step moved."""
    rules: Rules

    @classmethod
    def of(cls, facts: ComboFacts, rules: Rules) -> "Evidence":
        """Return what ``facts`` show, as ``rules`` read them."""
        violated = violations(facts)
        return cls(facts=facts, violations=violated, drift=ledger(facts, violated), rules=rules)

    def about(self, probe: str) -> "ProbeEvidence":
        """Return what the facts show about one probe of the combo."""
        attempts = judged(attempt for attempt in self.facts.probes if attempt.probe == probe)
        attempt = deciding(attempts)
        finding = find(self.facts, attempt, self.violations, self.rules.reader(self.facts))
        return ProbeEvidence(combo=self, probe=probe, attempts=attempts, attempt=attempt, finding=finding)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeEvidence:
    """What the facts of a combo show about one of its probes."""

    combo: Evidence
    probe: str
    attempts: tuple[Attempt, ...]
    attempt: Attempt | None
    """The attempt that counts; None when the combo never got to its probe."""
    finding: Finding
    """What became of the probe, before its numbers are compared."""

    def case(self, finding: Finding) -> Case:
        """Return the case that a diagnosis of ``finding`` works on."""
        return Case(
            facts=self.combo.facts,
            verdict=finding.verdict,
            probe=self.attempt.facts if self.attempt is not None else None,
            action=finding.command,
            violations=self.combo.violations,
            drift=self.combo.drift,
            rules=self.combo.rules,
        )
