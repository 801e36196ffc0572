"""Choose between two packages that do not work together: which of them must move, and to which versions.

The newer release is the culprit: the older one was made for what existed at its time. Two things overrule that: a
requirement that the older one declares, and a later step that moved the package.
"""

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import python
from knowngood.judge.drift import ledger
from knowngood.model import Confidence, CurrentAt, Diagnosis, LastWith, Question, Uploaded

_NEAR = 4  # distributions from the innermost frame outwards


def choose_culprit(
    case: Case,
    answers: Answers,
    *,
    provider: str,
    consumer: str | None,
    why: str,
    evidence: tuple[str, ...],
    confidence: Confidence,
    wanted: Requirement | None = None,
    symbol: tuple[str, str] | None = None,
) -> Diagnosis:
    """Return the diagnosis of ``consumer`` using ``provider`` in a way that ``provider`` does not support.

    ``consumer`` is None for the probe itself. ``wanted`` is the requirement that the consumer states for the provider,
    if it is known; ``symbol`` is the module and the name in it that the consumer looks for.
    """
    if consumer is None or not _is_culprit(case, answers, consumer, provider):
        culprit, other = provider, consumer
        fix = _move_provider(case, answers, provider, wanted, symbol)
    else:
        culprit, other = consumer, provider
        fix = _move_back(case, answers, consumer)
    last = answers.last_with(*symbol) if symbol else None
    if last is not None and culprit == provider and fix:
        evidence = (*evidence, f"{provider} {last} still has it")
    return Diagnosis(
        culprit=culprit,
        conflicts_with=other,
        why=why,
        fix=fix,
        evidence=(*evidence, *_dates(case, answers, provider, consumer), *_moves(case, culprit)),
        confidence=confidence,
    )


def parties(case: Case) -> tuple[str, ...]:
    """Return the installed distributions that may have a part in a failure.

    They are those that it passed through, what those need, what the combo asks for, and what a later step moved.
    """
    near = [name for user in case.path[:_NEAR] for name in (user, *case.needs(user))]
    moved = [move.package for move in ledger(case.facts) if move.after is not None]
    return tuple(dict.fromkeys(name for name in (*near, *case.requested, *moved) if name in case.facts.installed))


def dates(case: Case) -> Iterator[Question]:
    """Ask when each package that may have a part in a failure was uploaded."""
    return (Uploaded(package=name, version=case.facts.installed[name]) for name in parties(case))


def ways_back(case: Case, answers: Answers, diagnosis: Diagnosis, symbol: tuple[str, str] | None) -> Iterator[Question]:
    """Ask for a version of the culprit that would work: one that fits in time, then one that still has ``symbol``."""
    culprit, other = diagnosis.culprit, diagnosis.conflicts_with
    if culprit is None:
        return
    suspect: str | None = culprit
    then = answers.uploaded(canonicalize_name(other or ""))
    nearest = next(iter(case.path), None)
    if python.is_concerned(case) and other in (None, "python", nearest):
        suspect, then = nearest, python.supported_since(case)
    if suspect is not None and then is not None and suspect in case.facts.installed:
        question = CurrentAt(package=suspect, time=then.isoformat())
        yield question
        if question not in answers:
            return
    if symbol is not None and case.provider(symbol[0]) == culprit:
        module, name = symbol
        yield LastWith(package=culprit, installed=case.facts.installed[culprit], module=module, name=name)


def _is_culprit(case: Case, answers: Answers, consumer: str, provider: str) -> bool:
    """Return whether the consumer must move rather than the provider."""
    if any(move.package == provider for move in ledger(case.facts)):
        return False
    of_consumer, of_provider = answers.uploaded(consumer), answers.uploaded(provider)
    if of_consumer is None or of_provider is None:
        return False
    declared = next((need for need in case.requirements(consumer) if packages.name_of(need) == provider), None)
    version = case.installed.get(provider)
    if declared is not None and version is not None and not packages.satisfies(version, declared):
        return False
    return of_consumer > of_provider


def _move_provider(
    case: Case, answers: Answers, provider: str, wanted: Requirement | None, symbol: tuple[str, str] | None
) -> tuple[str, ...]:
    """Return the constraint for a provider that no longer, or not yet, has what the consumer uses."""
    if wanted is not None and str(wanted.specifier):
        return (f"{provider}{wanted.specifier}",)
    # The last version that has the name; where no name is missing, what was current when the other party came out.
    last = answers.last_with(*symbol) if symbol else answers.current(provider)
    version = case.installed.get(provider)
    if last is not None and version is not None and last < version:
        return (f"{provider}<{packages.next_line(last)}",)
    return (f"{provider}{packages.below(version)}",) if version is not None else ()


def _move_back(case: Case, answers: Answers, newer: str) -> tuple[str, ...]:
    """Return the constraint that takes ``newer`` back to what was current when the other party came out."""
    version = answers.current(newer)
    if version is not None:
        return (f"{newer}<{packages.next_line(version)}",)
    installed = case.installed.get(newer)
    return (f"{newer}{packages.below(installed)}",) if installed is not None else ()


def _dates(case: Case, answers: Answers, provider: str, consumer: str | None) -> list[str]:
    days = [(name, answers.uploaded(name)) for name in (provider, consumer) if name]
    return [f"{case.label(name)} was uploaded on {day:%Y-%m-%d}" for name, day in days if day is not None]


def _moves(case: Case, culprit: str) -> list[str]:
    return [
        f"step {move.step} moved {move.package} from {move.before} to {move.after}"
        for move in ledger(case.facts)
        if move.package == culprit
    ]
