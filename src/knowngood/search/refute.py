"""Refute candidates without running them: no such set exists, it is one that failed, or files say that it must fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowngood.judge.standing import standing
from knowngood.model import ComboFacts
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says


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
