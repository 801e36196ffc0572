"""Find the distributions whose files alone make a probe fail, so that nothing else has to be tried."""

import re

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import numpy_abi, symbols
from knowngood.judge.evidence import Evidence, Rules
from knowngood.model import ComboFacts

_MISSING = re.compile(
    r"cannot import name '\w+' from '(?P<module>[\w.]+)'|module '(?P<of>[\w.]+)' has no attribute '\w+'"
    r"|No module named '(?P<absent>[\w.]+)'"
)
_CALLED = re.compile(r"\w+\(\) got an unexpected keyword argument '\w+'")


def standing(facts: ComboFacts, probe: str, rules: Rules) -> frozenset[str]:
    """Return distributions that make ``probe`` fail for as long as their versions stay and none is added.

    They are the one that lacks a name, with everything that it requires, since it may pass on their names, and the one
    that uses it; or NumPy and what was compiled for another. Empty when the facts do not say: another message, a
    partially initialized module, a name whose place is unknown.
    """
    evidence = Evidence.of(facts, rules).about(probe)
    case = evidence.case(evidence.finding)
    if numpy_abi.is_proven(case):
        diagnosis = numpy_abi.diagnose(case, Answers(facts.answers))
        pair = {diagnosis.culprit, diagnosis.conflicts_with} if diagnosis is not None else set[str | None]()
        return frozenset(name for name in pair if name) if len(pair) > 1 and None not in pair else frozenset()
    if not case.raised:
        return frozenset()
    message = case.raised[-1].message
    if _CALLED.search(message) and case.path:
        return _callers(case, Answers(facts.answers))
    if (match := _MISSING.search(message)) is None:
        return frozenset()
    user = case.path[0] if case.path else None
    if match["absent"]:
        provider = case.provider(match["absent"])
        if provider is None:
            return frozenset([user] if user else ())
    else:
        provider = case.provider(match["module"] or match["of"])
    if provider is None:
        return frozenset()
    used_by = next((owner for owner in case.path if owner != provider), None)
    return _with_requirements(case, provider) | frozenset([used_by] if used_by else ())


def _callers(case: Case, answers: Answers) -> frozenset[str]:
    """Return what calls a function of another distribution as that does not take it: all who may have passed it on."""
    diagnosis = symbols.diagnose(case, answers)
    parties = {diagnosis.culprit, diagnosis.conflicts_with} if diagnosis is not None else set[str | None]()
    if None in parties or len(parties - {None}) < len(("caller", "called")):
        return frozenset()
    called = {name for name in parties if name is not None and name != case.path[0]}
    return frozenset(case.path).union(*(_with_requirements(case, name) for name in called))


def _with_requirements(case: Case, name: str) -> frozenset[str]:
    """Return a distribution with everything that it requires, directly or not."""
    known, open_ = {name}, [name]
    while open_:
        new = [need for need in case.needs(open_.pop()) if need not in known]
        known.update(new)
        open_ += new
    return frozenset(known)
