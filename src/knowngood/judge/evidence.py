"""Read what the recorded facts of one combo show, before a verdict on any of its probes."""

from dataclasses import dataclass

from knowngood.judge.conflicts import Violation, ledger, violations
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.findings import Finding, find
from knowngood.judge.probes import Attempt, deciding, judged
from knowngood.judge.rules import Rules
from knowngood.model import ComboFacts, Drift


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
