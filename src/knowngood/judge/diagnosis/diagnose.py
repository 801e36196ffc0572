"""Go through the rules in order: what they ask, and what they diagnose."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from knowngood import packages
from knowngood.judge.diagnosis import offers
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import alternatives, guesses, ways
from knowngood.judge.diagnosis.moves import Symbol, lists
from knowngood.judge.diagnosis.questions import Answers, Rule
from knowngood.judge.diagnosis.rules import (
    advice,
    fallback,
    numpy_abi,
    owners,
    plugins,
    python,
    requirements,
    resolver,
    sdist,
    symbols,
    versions,
)
from knowngood.judge.diagnosis.signatures import SPECIFIC, KnownBreakages
from knowngood.model import (
    UNDECIDED,
    Confidence,
    Diagnosis,
    FixState,
    ProjectStatus,
    Question,
    Releases,
    Status,
    VerifiedFix,
)

_RULES: tuple[Rule, ...] = (
    resolver,
    sdist,
    advice,
    versions,
    owners,
    plugins,
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
    if case.own_module is not None:
        why = f"no package is to blame: {case.own_module} is a module of the project, which pytest does not import from"
        return replace(_UNKNOWN, why=why)
    diagnosis = _diagnosed(case, answers)
    possible = dict(alternatives(case, answers, diagnosis, _missing(case)))
    further = tuple(guesses(case, answers, diagnosis))
    fix, offered, objections = offers.choose(case, answers, possible, further)
    diagnosis = _as_tried(case, answers, diagnosis, fix)
    evidence = (
        *diagnosis.evidence,
        *_from_index(case, answers, diagnosis),
        *objections,
        *filter(None, [possible.get(offered)]),
        *([f"with {', '.join(fix)} the probe passed in a trial"] if offers.passed(case, answers, fix) else []),
    )
    return replace(diagnosis, fix=fix, evidence=tuple(dict.fromkeys(evidence)))


def _as_tried(case: Case, answers: Answers, diagnosis: Diagnosis, fix: tuple[str, ...]) -> Diagnosis:
    """Return a diagnosis as sure as the trials of its fixes make it; its culprit is what moved in one that passed."""
    culprit, other = diagnosis.culprit, diagnosis.conflicts_with
    names = packages.names(fix)
    if offers.passed(case, answers, fix):
        # What a Python removed stays its doing, though a newer release of the package does without it.
        could_move = culprit != "python" and culprit in packages.names(diagnosis.fix)
        if could_move and culprit not in names and other in names and other in case.installed:
            # To move the culprit did not work.
            diagnosis = replace(diagnosis, culprit=other, conflicts_with=culprit)
        elif other is None and culprit in names and _is_too_old(case, answers, culprit, fix):
            diagnosis = replace(diagnosis, conflicts_with="python")
        if diagnosis.confidence is Confidence.POSSIBLE:
            return replace(diagnosis, confidence=Confidence.LIKELY)
    elif offers.is_refuted(case, answers, diagnosis.fix):
        return replace(diagnosis, confidence=Confidence.POSSIBLE)
    return diagnosis


def _is_too_old(case: Case, answers: Answers, package: str | None, fix: tuple[str, ...]) -> bool:
    """Return whether a package is older than the Python of the environment, and a newer release of it passed."""
    wanted = next((each for each in packages.requirements(fix) if packages.name_of(each) == package), None)
    forward = wanted is not None and any(clause.operator in (">=", ">") for clause in wanted.specifier)
    return forward and package is not None and python.predates(case, answers, package)


def _from_index(case: Case, answers: Answers, diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what the index itself says of the parties: what it yanked, and projects that are not active."""
    for party in _parties(diagnosis):
        if party in case.yanked:
            reason = case.yanked[party]
            yield f"{case.label(party)} was yanked from its index{f': {reason}' if reason else ''}"
        if (status := answers.status(party)) is not None:
            state, _, reason = status.partition(": ")
            yield f"the index says that the project {party} is {state}{f': {reason}' if reason else ''}"


def _parties(diagnosis: Diagnosis) -> tuple[str, ...]:
    return tuple(name for name in (diagnosis.culprit, diagnosis.conflicts_with) if name not in (None, "python"))


def with_fix(diagnosis: Diagnosis | None, verified: VerifiedFix | None) -> Diagnosis | None:
    """Return a diagnosis with the fix that a search verified; without one its own fix, if any, is only offered."""
    if diagnosis is None:
        return None
    if verified is not None:
        return replace(diagnosis, fix=verified.constraints, fix_state=FixState.VERIFIED, verified=verified)
    return replace(diagnosis, fix_state=FixState.OFFERED if diagnosis.fix else None)


def open_questions(case: Case, answers: Answers) -> tuple[Question, ...]:
    """Return what is still to be looked up for ``case``, each question once; ask again with the answers.

    The stages build on each other: what the rules ask, where the culprit could move, whether its fix can be resolved,
    and whether the projects of the parties are still active. A known breakage with a fix says everything itself, so
    that the first two are left out.
    """
    if not _has_failed(case) or case.own_module is not None:
        return ()
    stages: list[Callable[[Case, Answers], Iterable[Question]]] = [_about_fix, _about_projects]
    known = _specific(case).diagnose(case, answers)
    if known is None or not known.fix:
        stages = [_about_rules, _about_culprit, _about_fix, _about_projects]
    for stage in stages:
        if new := tuple(question for question in dict.fromkeys(stage(case, answers)) if question not in answers):
            return new
    return ()


def _diagnosed(case: Case, answers: Answers) -> Diagnosis:
    diagnosis = _first(case, answers, (_specific(case), *_RULES, _broad(case), fallback))
    if diagnosis.signature is None or diagnosis.fix:
        return diagnosis
    # A known breakage without a fix of its own: it depends on the versions, so a rule may know it.
    general = _first(case, answers, (*_RULES, fallback))
    known = general.culprit == diagnosis.culprit and general.fix
    evidence = (*diagnosis.evidence, *general.evidence)
    return replace(diagnosis, fix=general.fix, evidence=evidence) if known else diagnosis


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


def _missing(case: Case) -> Symbol | None:
    return plugins.missing(case) or symbols.missing(case) or fallback.refused(case)


def _about_rules(case: Case, answers: Answers) -> Iterator[Question]:
    for rule in (*_RULES, fallback):
        yield from rule.questions(case, answers)


def _about_culprit(case: Case, answers: Answers) -> Iterable[Question]:
    diagnosis = _first(case, answers, (*_RULES, fallback))
    return ways(case, answers, diagnosis, _missing(case))


def _about_fix(case: Case, answers: Answers) -> Iterator[Question]:
    diagnosis, symbol = _diagnosed(case, answers), _missing(case)
    if diagnosis.signature and "python" in packages.names(diagnosis.fix):
        yield from ways(case, answers, diagnosis, symbol)
    possible = dict(alternatives(case, answers, diagnosis, symbol))
    yield from offers.questions(case, answers, possible, guesses(case, answers, diagnosis))
    if diagnosis.fix and not offers.choose(case, answers, possible)[0]:
        # The other party may move instead.
        yield from lists(case, diagnosis.conflicts_with)
        if case.failed_build is not None and case.failed_source is None:
            yield Releases(package=case.failed_build[0])


def _about_projects(case: Case, answers: Answers) -> Iterator[Question]:
    parties = _parties(_diagnosed(case, answers))
    return (ProjectStatus(package=name) for name in parties if name not in (*case.own, case.facts.combo.installer))
