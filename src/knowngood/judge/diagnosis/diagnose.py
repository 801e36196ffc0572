"""The rules in their order, and what they need to be told beyond what a run records."""

from collections.abc import Iterator
from dataclasses import replace

from knowngood.judge.diagnosis import signatures
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.rules import (
    declared,
    drifted,
    fallback,
    numpy_abi,
    python,
    resolver,
    sdist,
    symbols,
    versions,
)
from knowngood.judge.diagnosis.signatures import SPECIFIC
from knowngood.model import UNDECIDED, Confidence, Diagnosis, Status

_RULES = (
    resolver.rule,
    sdist.rule,
    versions.rule,
    python.rule,
    numpy_abi.rule,
    declared.rule,
    symbols.rule,
    drifted.rule,
)
"""Nearest to a proof first."""

_UNKNOWN = Diagnosis(
    culprit=None, conflicts_with=None, why="nothing that was recorded tells", confidence=Confidence.UNKNOWN
)


def diagnose(case: Case) -> Diagnosis | None:
    """Return the diagnosis of a cell that did not pass; None for one that did, or of which nothing can be said."""
    if case.verdict.status in (*UNDECIDED, Status.PASS, Status.MOVED):
        return None
    found = _first(case)
    moved = drifted.rule(case)
    if moved is not None and moved.culprit == found.culprit and found.conflicts_with is None:
        # A pin that was moved: whoever moved it is the other party, even where another rule knew the culprit.
        found = replace(found, conflicts_with=moved.conflicts_with, evidence=(*found.evidence, *moved.evidence))
    infeasible = case.facts.leads.infeasible
    if found.fix and found.fix == infeasible:
        told = f"{', '.join(infeasible)} cannot be had beside what else the combo asks for"
        return replace(found, fix=(), evidence=(*found.evidence, told))
    return found


def _first(case: Case) -> Diagnosis:
    known = case.rules.signatures
    specific = tuple(one for one in known if one.priority >= SPECIFIC)
    broad = tuple(one for one in known if one.priority < SPECIFIC)
    found = signatures.rule(case, specific)
    for rule in _RULES:
        found = found or rule(case)
    return found or signatures.rule(case, broad) or fallback.rule(case) or _UNKNOWN


def concerned(case: Case) -> Iterator[str]:
    """Yield the distributions that may be a party: the path, what it directly needs, and what the combo asks for."""
    for who in case.path[:4]:
        yield who
        yield from case.needs(who)
    yield from case.asked
