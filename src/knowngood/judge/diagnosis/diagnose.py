"""Go through the rules in order: what they ask, and what they diagnose."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import ways_back
from knowngood.judge.diagnosis.questions import Answers, Rule
from knowngood.judge.diagnosis.rules import (
    fallback,
    numpy_abi,
    python,
    requirements,
    resolver,
    sdist,
    symbols,
    versions,
)
from knowngood.judge.diagnosis.signatures import SPECIFIC, KnownBreakages
from knowngood.model import UNDECIDED, Confidence, Diagnosis, Question, Solvable, Status

_RULES: tuple[Rule, ...] = (
    resolver,
    sdist,
    versions,
    python,
    numpy_abi,
    requirements.Declared(),
    symbols,
    requirements.Moved(),
)
"""The nearest to a proof first."""

_UNKNOWN = Diagnosis(
    culprit=None, conflicts_with=None, why="no recorded fact points to a cause", confidence=Confidence.UNKNOWN
)


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Return the diagnosis of a cell that did not pass; None for one that passed, or that could not be decided."""
    if not _has_failed(case):
        return None
    diagnosis = _first(case, answers, (_specific(case), *_RULES, _broad(case), fallback))
    if diagnosis.fix and _is_impossible(case, answers, diagnosis.fix):
        evidence = f"{', '.join(diagnosis.fix)} conflicts with the combo's other requirements"
        return replace(diagnosis, fix=(), evidence=(*diagnosis.evidence, evidence))
    return diagnosis


def open_questions(case: Case, answers: Answers) -> tuple[Question, ...]:
    """Return what is still to be looked up for ``case``, each question once; ask again with the answers.

    The stages build on each other: what the rules ask, where the culprit could go back to, and whether its fix can be
    resolved. A known breakage says everything itself, so that only its fix is looked up.
    """
    if not _has_failed(case):
        return ()
    stages: list[Callable[[Case, Answers], Iterable[Question]]] = [_about_fix]
    if _specific(case).diagnose(case, answers) is None:
        stages = [_about_rules, _about_culprit, _about_fix]
    for stage in stages:
        if new := tuple(question for question in dict.fromkeys(stage(case, answers)) if question not in answers):
            return new
    return ()


def _has_failed(case: Case) -> bool:
    return case.verdict.status not in (*UNDECIDED, Status.PASS, Status.MOVED)


def _specific(case: Case) -> KnownBreakages:
    signatures = case.rules.signatures
    return KnownBreakages(signatures=tuple(known for known in signatures if known.priority >= SPECIFIC))


def _broad(case: Case) -> KnownBreakages:
    signatures = case.rules.signatures
    return KnownBreakages(signatures=tuple(known for known in signatures if known.priority < SPECIFIC))


def _first(case: Case, answers: Answers, rules: Iterable[Rule]) -> Diagnosis:
    """Return what the first rule that knows the failure says, with the package that moved the culprit."""
    diagnoses = (rule.diagnose(case, answers) for rule in rules)
    return requirements.with_mover(case, next(filter(None, diagnoses), _UNKNOWN))


def _about_rules(case: Case, answers: Answers) -> Iterator[Question]:
    for rule in (*_RULES, fallback):
        yield from rule.questions(case, answers)


def _about_culprit(case: Case, answers: Answers) -> Iterable[Question]:
    diagnosis = _first(case, answers, (*_RULES, fallback))
    return ways_back(case, answers, diagnosis, symbols.missing(case))


def _about_fix(case: Case, answers: Answers) -> Iterator[Question]:
    diagnosis = _first(case, answers, (_specific(case), *_RULES, _broad(case), fallback))
    if not diagnosis.fix or "python" in packages.names(diagnosis.fix):
        return
    others, wanted = _resolutions(case, diagnosis.fix)
    yield Solvable(requirements=wanted)
    if answers.solvable(wanted) is False:
        yield Solvable(requirements=others)


def _is_impossible(case: Case, answers: Answers, fix: tuple[str, ...]) -> bool:
    """Return whether a resolver proved that no set of versions has both the fix and the rest of the combo."""
    others, wanted = _resolutions(case, fix)
    # Without the fix there must be one: steps one after the other may bring about what no resolver would.
    return answers.solvable(wanted) is False and answers.solvable(others) is True


def _resolutions(case: Case, fix: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the requirements of the combo about other packages than the fix, without and with the fix."""
    changed = set(packages.names(fix))
    texts = [text for step in case.facts.combo.steps for text in step.requirements]
    others = tuple(text for text in texts if not changed.intersection(packages.names([text])))
    return others, (*others, *fix)
