"""Check a fix before it is offered: it must exclude what is installed, exist, fit the rest of the combo, and be tried.

A trial is one run of the probe with the set of versions that the fix leads to. It shows what no file tells: that the
fix only leads to another failure. What that failure needs then becomes part of the fix.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.moves import lists
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Question, Solvable, Trial

Fix = tuple[str, ...]

_NUMPY_2 = datetime(2024, 3, 31, tzinfo=UTC)
"""When the first candidate of NumPy 2.0 came out: nothing older was compiled for it (https://pypi.org/project/numpy)."""

_RESOLVING = ("--pre", "--no-binary", "--only-binary")
"""Options of a step that change what can be resolved."""

_MOST_VARIANTS = 4
"""Forms of one fix, each with what the failure of the one before it needs."""
_MOST_TRIALS = 6
"""Trials for one combo."""


def choose(
    case: Case, answers: Answers, fixes: Iterable[Fix], guesses: Iterable[Fix] = ()
) -> tuple[Fix, Fix, tuple[str, ...]]:
    """Return the first of ``fixes`` against which nothing is known, whole and as it was, and the objections to others.

    It is completed where it would let another package float into a break, or where its trial failed for another reason.
    If there is none but another Python, the first of ``guesses`` takes its place whose trial passed.
    """
    objections: list[str] = []
    tried = next((guess for guess in guesses if passed(case, answers, guess)), ())
    for fix in fixes:
        if tried and _changes_python(fix):
            # Another Python is the last resort.
            break
        for complete in _variants(case, answers, fix):
            objection = _objection(case, answers, complete)
            if objection is None:
                return complete, fix, tuple(objections)
            objections.append(objection)
    return tried, tried, tuple(objections)


def questions(case: Case, answers: Answers, fixes: Iterable[Fix], guesses: Iterable[Fix] = ()) -> Iterator[Question]:
    """Ask what decides about the first of ``fixes`` that is still possible; else about ``guesses``, by trials."""
    for fix in fixes:
        if _changes_python(fix):
            break
        for complete in _variants(case, answers, fix):
            yield from _decide(case, answers, complete)
            if not _is_decided(case, answers, complete) or _objection(case, answers, complete) is None:
                return
    for guess in guesses:
        yield from _decide(case, answers, guess)
        if not _is_decided(case, answers, guess) or passed(case, answers, guess):
            return


def _decide(case: Case, answers: Answers, fix: Fix) -> Iterator[Question]:
    """Ask for the releases of what a fix moves, for the set that it leads to, and for a trial of that."""
    listed = tuple(lists(case, *packages.names(fix)))
    yield from listed
    if any(question not in answers for question in listed) or _known_dead(case, answers, fix) is not None:
        return
    wanted = _with(case, fix)
    yield wanted
    if answers.solvable(wanted) is False:
        yield _without(case, fix)
    if _is_to_be_tried(case, answers, fix):
        yield _trial(case, fix)


def _is_decided(case: Case, answers: Answers, fix: Fix) -> bool:
    """Return whether everything was asked that ``_decide`` asks."""
    return all(question in answers for question in _decide(case, answers, fix))


def passed(case: Case, answers: Answers, fix: Fix) -> bool:
    """Return whether the probe passed with ``fix`` in a trial."""
    return answers.trial(_trial(case, fix))[:1] == ("pass",)


def is_refuted(case: Case, answers: Answers, fix: Fix) -> bool:
    """Return whether the probe failed in a trial of ``fix`` with the same message as without it."""
    message = next((raised.message.partition("\n")[0] for raised in case.raised), "")
    failed = answers.trial(_trial(case, fix)) if fix else ()
    return bool(message) and failed[:1] == ("fail",) and message in failed[1]


def _variants(case: Case, answers: Answers, fix: Fix) -> Iterator[Fix]:
    """Yield a fix, then with what it lacks: NumPy kept back for what was built before it, and what trials ask for."""
    waiting, seen = [fix], list[Fix]()
    while waiting and len(seen) < _MOST_VARIANTS:
        variant = waiting.pop(0)
        if variant in seen:
            continue
        seen.append(variant)
        yield variant
        if _misfit(case, answers, variant) is not None:
            waiting.append((*variant, "numpy<2"))
        more = answers.trial(_trial(case, variant))[2:]
        # After the same failure as before nothing is known that was not known before.
        if more and not is_refuted(case, answers, variant) and not _changes_python(more):
            changed = set(packages.names(more))
            waiting.append((*(text for text in variant if changed.isdisjoint(packages.names([text]))), *more))


def _misfit(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return what, in the set of versions that a fix leads to, was built before NumPy 2 and would meet it."""
    solution = answers.solution(_with(case, fix))
    numpy, _ = solution.get("numpy", (None, None))
    if numpy is None or numpy.major < 2 or case.facts.environment is None or passed(case, answers, fix):
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
    if passed(case, answers, fix):
        return None
    if failed := answers.trial(_trial(case, fix)):
        return f"with {', '.join(fix)} the probe still fails, as a trial showed: {failed[1]}"
    return _unbuilt(case, answers, fix) or _misfit(case, answers, fix)


def _known_dead(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return why no run is needed to know that a fix changes nothing, or cannot be installed."""
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


def _unbuilt(case: Case, answers: Answers, fix: Fix) -> str | None:
    """Return which part of a fix has to be built for this Python, and was not seen to build."""
    for requirement in packages.requirements(fix):
        history = answers.history(packages.name_of(requirement))
        if history is not None and not requirement.marker and history.needs_build(requirement.specifier):
            return (
                f"every {requirement} has wheels for other Pythons only, and must be built for {case.label('python')}"
            )
    return None


def _changes_python(fix: Fix) -> bool:
    return "python" in packages.names(fix)


def _is_to_be_tried(case: Case, answers: Answers, fix: Fix) -> bool:
    """Return whether the set of a fix is known, and made of nothing but what the requirements of the combo say."""
    plain = all(not (step.sources or step.constraints or step.overrides) for step in case.facts.combo.steps)
    known = plain and bool(answers.solution(_with(case, fix)))
    return known and (_trial(case, fix) in answers or answers.trials < _MOST_TRIALS)


def _trial(case: Case, fix: Fix) -> Trial:
    wanted = _with(case, fix)
    probe = case.probe.probe if case.probe is not None else ""
    return Trial(requirements=wanted.requirements, options=wanted.options, probe=probe)


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
