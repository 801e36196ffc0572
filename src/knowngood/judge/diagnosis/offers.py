"""Check a fix before it is offered: it must exclude what is installed, exist, and fit the rest of the combo.

Whether it makes the combo pass, only a run can show.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.moves import lists
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Question, Solvable

Fix = tuple[str, ...]

_NUMPY_2 = datetime(2024, 3, 31, tzinfo=UTC)
"""When the first candidate of NumPy 2.0 came out: nothing older was compiled for it (https://pypi.org/project/numpy)."""

_RESOLVING = ("--pre", "--no-binary", "--only-binary")
"""Options of a step that change what can be resolved."""


def choose(case: Case, answers: Answers, fixes: Iterable[Fix]) -> tuple[Fix, Fix, tuple[str, ...]]:
    """Return the first of ``fixes`` against which nothing is known, whole and as it was, and the objections to others.

    It is completed where it would let another package float into a break.
    """
    objections: list[str] = []
    for fix in fixes:
        for complete in _variants(case, answers, fix):
            objection = _objection(case, answers, complete)
            if objection is None:
                return complete, fix, tuple(objections)
            objections.append(objection)
    return (), (), tuple(objections)


def questions(case: Case, answers: Answers, fixes: Iterable[Fix]) -> Iterator[Question]:
    """Ask what decides about the first of ``fixes`` that is still possible."""
    for fix in fixes:
        if _changes_python(fix):
            return
        for question in lists(case, *packages.names(fix)):
            yield question
            if question not in answers:
                return
        for complete in _variants(case, answers, fix):
            if _known_dead(case, answers, complete) is not None:
                continue
            wanted, others = _with(case, complete), _without(case, complete)
            yield wanted
            if answers.solvable(wanted) is False:
                yield others
            if wanted not in answers or _objection(case, answers, complete) is None:
                return


def _variants(case: Case, answers: Answers, fix: Fix) -> Iterator[Fix]:
    """Yield a fix and, if with it a package would meet a NumPy that it was not built for, one that keeps that back."""
    yield fix
    if _misfit(case, answers, fix) is not None:
        yield (*fix, "numpy<2")


def _misfit(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return what, in the set of versions that a fix leads to, was built before NumPy 2 and would meet it."""
    solution = answers.solution(_with(case, fix))
    numpy, _ = solution.get("numpy", (None, None))
    if numpy is None or numpy.major < 2 or case.facts.environment is None:
        return None
    compiled = {extension.distribution for extension in case.facts.environment.extensions}
    for name in compiled:
        version, day = solution.get(name, (None, None))
        if version is not None and version != case.installed.get(name) and day is not None and day < _NUMPY_2:
            return f"{name} {version} was built before NumPy 2, and {', '.join(fix)} brings it together with {numpy}"
    return None


def _objection(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return what speaks against a fix; None when nothing is known that does."""
    if _changes_python(fix):
        return None
    dead = _known_dead(case, answers, fix)
    if dead is not None:
        return dead
    # Without the fix there must be a solution: steps one after the other may bring about what no resolver would.
    if answers.solvable(_with(case, fix)) is False and answers.solvable(_without(case, fix)) is True:
        return f"{', '.join(fix)} conflicts with the combo's other requirements"
    return _misfit(case, answers, fix)


def _known_dead(case: Case, answers: Answers, fix: Fix) -> str | None:
    requirements = [parsed for text in fix if (parsed := packages.requirement(text)) and not parsed.marker]
    for requirement in requirements:
        history = answers.history(packages.name_of(requirement))
        if history is not None and not history.has(requirement.specifier):
            return f"no release of {requirement.name} for {case.label('python')} meets {requirement}"
        if history is not None and history.needs_build(requirement.specifier):
            return (
                f"every {requirement} has wheels for other Pythons only, and must be built for {case.label('python')}"
            )
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
