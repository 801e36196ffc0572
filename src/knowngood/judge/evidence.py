"""Say what to judge by, and read what the recorded facts of one combo show before a verdict on any of its probes."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.judge.conflicts import Violation, ledger, violations
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.judge.findings import Finding, find
from knowngood.judge.probes import Attempt, deciding, judged
from knowngood.model import ComboFacts, Drift, InstallerName
from knowngood.model.installer_output import InstallerOutput


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
