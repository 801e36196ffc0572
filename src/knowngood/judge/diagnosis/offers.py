"""Check a fix before it is offered: it must exclude what is installed, exist, and fit the rest of the combo.

Whether it makes the combo pass, only a run can show.
"""

from collections.abc import Iterable, Iterator

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.moves import lists
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Question, Solvable

Fix = tuple[str, ...]

_RESOLVING = ("--pre", "--no-binary", "--only-binary")
"""Options of a step that change what can be resolved."""


def choose(case: Case, answers: Answers, fixes: Iterable[Fix]) -> tuple[Fix, tuple[str, ...]]:
    """Return the first of ``fixes`` against which nothing is known, and what is known against those before it."""
    objections: list[str] = []
    for fix in fixes:
        objection = _objection(case, answers, fix)
        if objection is None:
            return fix, tuple(objections)
        objections.append(objection)
    return (), tuple(objections)


def questions(case: Case, answers: Answers, fixes: Iterable[Fix]) -> Iterator[Question]:
    """Ask what decides about the first of ``fixes`` that is still possible."""
    for fix in fixes:
        if _changes_python(fix):
            return
        for question in lists(case, *packages.names(fix)):
            yield question
            if question not in answers:
                return
        if _known_dead(case, answers, fix) is not None:
            continue
        wanted, others = _with(case, fix), _without(case, fix)
        yield wanted
        if answers.solvable(wanted) is False:
            yield others
        if wanted not in answers or _objection(case, answers, fix) is None:
            return


def _objection(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return what speaks against a fix; None when nothing is known that does."""
    if _changes_python(fix):
        return None
    dead = _known_dead(case, answers, fix)
    if dead is not None:
        return dead
    # Without the fix there must be a solution: steps one after the other may bring about what no resolver would.
    impossible = answers.solvable(_with(case, fix)) is False and answers.solvable(_without(case, fix)) is True
    return f"{', '.join(fix)} conflicts with the combo's other requirements" if impossible else None


def _known_dead(case: Case, answers: Answers, fix: Fix) -> str | None:
    requirements = [parsed for text in fix if (parsed := packages.requirement(text)) and not parsed.marker]
    for requirement in requirements:
        history = answers.history(packages.name_of(requirement))
        if history is not None and not history.has(requirement.specifier):
            return f"no release of {requirement.name} for {case.label('python')} meets {requirement}"
    unchanged = [
        requirement
        for requirement in requirements
        if not requirement.extras and packages.satisfies(case.installed.get(packages.name_of(requirement)), requirement)
    ]
    if requirements and len(unchanged) == len(requirements) and len(requirements) == len(fix):
        return f"{', '.join(fix)} admits what is installed"
    return None


def _changes_python(fix: Fix) -> bool:
    return "python" in packages.names(fix)


def _with(case: Case, fix: Fix) -> Solvable:
    return Solvable(requirements=(*_others(case, fix), *fix), options=_options(case))


def _without(case: Case, fix: Fix) -> Solvable:
    return Solvable(requirements=_others(case, fix), options=_options(case))


def _others(case: Case, fix: Fix) -> tuple[str, ...]:
    """Return what the combo requires of other packages than those of the fix."""
    changed = set(packages.names(fix))
    texts = [text for step in case.facts.combo.steps for text in (*step.requirements, *step.constraints)]
    return tuple(dict.fromkeys(text for text in texts if not changed.intersection(packages.names([text]))))


def _options(case: Case) -> tuple[str, ...]:
    options = [option for step in case.facts.combo.steps for option in step.options]
    return tuple(dict.fromkeys(option for option in options if option.startswith(_RESOLVING)))
