"""Match known breakages, which are data. A specific one goes before the general rules, a broad one after them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from knowngood import packages, patterns
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question

SPECIFIC = 20
"""A signature of at least this priority goes before the general rules."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One known breakage: what to match, and what to say of it. All conditions that are given must hold."""

    id: str
    family: str
    priority: int
    culprit: str
    """Canonical name; ``{frame}``: the innermost distribution, ``{provider}``: the one of the module in the message."""
    conflicts_with: str
    cause: str
    fix: tuple[str, ...]
    reference: str
    match: Mapping[str, str]
    """Regular expressions for ``type``, ``message`` and ``output``; texts for ``phase``, ``status`` and ``frames``."""
    installed: tuple[str, ...] = ()
    """Requirements that the installed distributions must meet."""

    def fits(self, case: Case) -> str | None:
        """Return the evidence that ``case`` is this breakage; None when it is not."""
        if self.match.get("phase", case.verdict.phase) != case.verdict.phase:
            return None
        if self.match.get("status", case.verdict.status) != case.verdict.status:
            return None
        if "frames" in self.match and self.match["frames"] not in case.path[:4]:
            return None
        if not all(_holds(case, Requirement(text)) for text in self.installed):
            return None
        return self._evidence(case)

    def _evidence(self, case: Case) -> str | None:
        text = ""
        if "output" in self.match:
            matched = self._found("output", case.output)
            if matched is None:
                return None
            text = matched
        if not self.match.keys() & {"type", "message"}:
            return text or self.cause
        for raised in case.raised:
            kind = "type" not in self.match or self._found("type", raised.type) is not None
            if kind and ("message" not in self.match or self._found("message", raised.message) is not None):
                return raised.message
        return None

    def _found(self, key: str, text: str) -> str | None:
        """Return what the pattern ``key`` matches in ``text``; None also where that takes too long to find out."""
        try:
            return patterns.find(self.match[key], text)
        except patterns.TooSlowError:
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownBreakages:
    """The rule that matches a failure with signatures."""

    signatures: tuple[Signature, ...]

    def questions(self, case: Case, answers: Answers) -> Iterable[Question]:
        """Ask nothing: a signature says everything itself."""
        return ()

    def diagnose(self, case: Case, answers: Answers) -> Diagnosis | None:
        """Return what the signature with the highest priority says, of those that fit."""
        for signature in sorted(self.signatures, key=lambda signature: -signature.priority):
            evidence = signature.fits(case)
            if evidence is not None:
                culprit = _name(case, signature.culprit, evidence, other_than=None)
                return Diagnosis(
                    culprit=culprit,
                    conflicts_with=_name(case, signature.conflicts_with, evidence, other_than=culprit),
                    why=signature.cause,
                    fix=signature.fix,
                    evidence=(evidence, f"matches the known breakage {signature.id}"),
                    reference=signature.reference or None,
                    confidence=Confidence.CERTAIN if signature.priority >= SPECIFIC else Confidence.LIKELY,
                    signature=signature.id,
                )
        return None


def _holds(case: Case, requirement: Requirement) -> bool:
    return packages.satisfies(case.installed.get(packages.name_of(requirement)), requirement)


def _name(case: Case, name: str, evidence: str, *, other_than: str | None) -> str | None:
    """Return the distribution that ``name`` stands for; a package never conflicts with itself."""
    if name == "{frame}":
        return next((owner for owner in case.path if owner != other_than), None)
    if name == "{provider}":
        module = re.search(r"from '([\w.]+)'|module '([\w.]+)'|No module named '([\w.]+)'|^([\w.]+) size", evidence)
        return case.provider(next(filter(None, module.groups()))) if module else None
    return name if name and name != other_than else None
