"""Signatures: known breakages, as data. A specific one beats the general rules, a broad one comes after them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis

SPECIFIC = 20
"""From this priority on a signature is asked before the general rules."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One known breakage: what to match, and what to say. All conditions that are given must hold."""

    id: str
    family: str
    priority: int
    culprit: str
    """Canonical name; ``{frame}``: the nearest distribution of the frames, ``{provider}``: that of the module named."""
    conflicts_with: str
    cause: str
    fix: tuple[str, ...]
    reference: str
    match: Mapping[str, str]
    """Regular expressions for ``type``, ``message`` and ``output``; texts for ``phase``, ``status`` and ``frames``."""
    installed: tuple[str, ...] = ()
    """Specifiers that what is installed must meet."""

    @cached_property
    def patterns(self) -> dict[str, re.Pattern[str]]:
        """The conditions that are regular expressions, compiled."""
        return {key: re.compile(self.match[key]) for key in ("type", "message", "output") if key in self.match}

    def fits(self, case: Case) -> str | None:
        """Return the evidence that ``case`` is this breakage; None when it is not."""
        if self.match.get("phase", case.verdict.phase) != case.verdict.phase:
            return None
        if self.match.get("status", case.verdict.status) != case.verdict.status:
            return None
        if "frames" in self.match and self.match["frames"] not in case.path[:4]:
            return None
        if not all(_holds(case, Requirement(one)) for one in self.installed):
            return None
        return self._evidence(case)

    def _evidence(self, case: Case) -> str | None:
        if "output" in self.patterns:
            found = self.patterns["output"].search(case.output)
            if found is None:
                return None
            told = found[0]
        else:
            told = ""
        if not self.patterns.keys() & {"type", "message"}:
            return told or self.cause
        for raised in case.raised:
            kind = "type" not in self.patterns or self.patterns["type"].search(raised.type)
            if kind and ("message" not in self.patterns or self.patterns["message"].search(raised.message)):
                return raised.message
        return None


def rule(case: Case, signatures: tuple[Signature, ...]) -> Diagnosis | None:
    """Return what the signature with the highest priority among those that fit says."""
    for signature in sorted(signatures, key=lambda one: -one.priority):
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
    """Return the distribution that ``name`` stands for; nobody conflicts with itself."""
    if name == "{frame}":
        return next((one for one in case.path if one != other_than), None)
    if name == "{provider}":
        module = re.search(r"from '([\w.]+)'|module '([\w.]+)'|No module named '([\w.]+)'|^([\w.]+) size", evidence)
        return case.provider(next(filter(None, module.groups()))) if module else None
    return name if name and name != other_than else None
