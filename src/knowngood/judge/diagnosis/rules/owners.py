"""Diagnose two distributions that install the same files: one of them overwrote the other."""

import re
from collections.abc import Iterable

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import symbols
from knowngood.model import Confidence, Diagnosis, Question
from knowngood.tracebacks import installed_path

_BOTH = re.compile(r"(?<![\w.-])(?P<first>[\w.-]+) and (?P<second>[\w.-]+) both own (?P<file>\S+?),? ")


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing: the files of the environment are recorded."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Name the distribution that overwrote files of a package in which it failed, and what it overwrote."""
    if case.facts.environment is None:
        return None
    tops = {path.partition("/")[0] for frame in case.frames if (path := installed_path(frame.file))}
    symbol = symbols.missing(case)
    if symbol is not None and symbol.module:
        tops.add(symbol.module.partition(".")[0])
    for clash in filter(None, map(_BOTH.match, case.facts.environment.remarks)):
        if clash["file"].partition("/")[0].removesuffix(".py") not in {top.removesuffix(".py") for top in tops}:
            continue
        kept, culprit = _sorted(case, clash["first"], clash["second"])
        return Diagnosis(
            culprit=culprit,
            conflicts_with=kept,
            why=f"{case.label(culprit)} and {case.label(kept)} install the same files, and only one can have them",
            fix=(packages.removal(culprit),),
            evidence=(clash.string,),
            confidence=Confidence.LIKELY,
        )
    return None


def _sorted(case: Case, first: str, second: str) -> tuple[str, str]:
    """Return which of two distributions to keep, and which to remove: the later one, which nobody else needs."""
    steps = {
        name: next((step.number for step in case.facts.steps if name in (step.installed or {})), 0)
        for name in (first, second)
    }
    needed = {name: sum(name in case.needs(user) for user in case.distributions) for name in (first, second)}
    asked = [*case.requested]
    place = {name: asked.index(name) if name in asked else -1 for name in (first, second)}
    kept, removed = sorted((first, second), key=lambda name: (-needed[name], steps[name], place[name]))
    return kept, removed
