"""Refute candidates without running them: no such set exists, it is one that failed, or files say that it must fail."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import numpy_abi, symbols
from knowngood.judge.evidence import Evidence, Rules
from knowngood.model import ComboFacts
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says

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


class Why(StrEnum):
    """Why a candidate need not run."""

    UNSOLVABLE = "have no solution"
    SAME = "lead to a set that is known"
    FILES = "are refuted from files"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refuted:
    """A candidate that does not work, although it never ran."""

    candidate: Candidate
    why: Why
    like: Answer | None = None
    """The answer with whose failure it must fail as well; None where it is not refuted from files."""


def sift(
    oracle: Oracle, failed: Sequence[Answer], candidates: Sequence[Candidate]
) -> tuple[list[Candidate], list[Refuted]]:
    """Return the candidates that have to run, and those that are refuted; ``failed`` are answers that do not work.

    A candidate that has the same set as one before it is refuted as well: the answer of that one is its own.
    """
    fails = {key for answer in failed if answer.says is Says.FAILS and (key := _key(answer.facts))}
    reasons = [(answer, _standing(oracle, answer)) for answer in failed if answer.says is Says.FAILS]
    seen, kept, refuted = set(fails), list[Candidate](), list[Refuted]()
    for candidate, resolved in zip(candidates, oracle.resolve(candidates), strict=True):
        why, like = None, None
        if resolved.says is Says.UNSOLVABLE:
            why = Why.UNSOLVABLE
        elif (known := _key(resolved.facts)) and known in seen:
            why = Why.SAME
        else:
            like = next((answer for answer, names in reasons if _stands(names, answer, resolved)), None)
            why = Why.FILES if like is not None else None
        seen |= {known} if (known := _key(resolved.facts)) and resolved.says is None else set()
        if why is None:
            kept.append(candidate)
        else:
            refuted.append(Refuted(candidate=candidate, why=why, like=like))
    return kept, refuted


def _key(facts: ComboFacts) -> tuple[str, ...]:
    """Return what equal sets have in common: the Python and the locks; empty where a lock is not known."""
    locks = tuple(step.lock for step in facts.steps)
    return (facts.combo.python, *locks) if locks and all(locks) else ()


def _standing(oracle: Oracle, answer: Answer) -> frozenset[str]:
    return standing(answer.facts, answer.failing.probe, oracle.rules) if answer.failing is not None else frozenset()


def _stands(names: frozenset[str], answer: Answer, resolved: Resolved) -> bool:
    """Return whether what makes ``answer`` fail is the same in a set: the same versions, and nothing that is new."""
    change, installed, versions = resolved.change, answer.facts.installed, resolved.versions
    if not names or change.joined or change.dropped or change.python or change.frame.order or not resolved.lock:
        return False
    return versions.keys() <= installed.keys() and all(installed.get(name) == versions.get(name) for name in names)
