"""Choose between two packages that do not work together: which of them must move, and to which versions.

The newer release is the culprit: the older one was made for what existed at its time. Two things overrule that: a
requirement that the older one declares, and a later step that moved the package.
"""

import re
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis import moves
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.moves import Move, Symbol
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import python
from knowngood.model import Confidence, CurrentAt, Diagnosis, Question, Status, Uploaded

_RANGE = re.compile(r"(?<![\w.-])([\w.-]+>=[^,<]{1,100}),<[^,]+")
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
    symbol: Symbol | None = None,
    stated: bool = False,
) -> Diagnosis:
    """Return the diagnosis of ``consumer`` using ``provider`` in a way that ``provider`` does not support.

    ``consumer`` is None for the probe itself. ``wanted`` is the requirement that the consumer states for the provider,
    if it is known; ``symbol`` is the name that the consumer looks for. ``stated``: the message itself says that the
    provider must move.
    """
    yanked = _yanked_for_the_other(case, provider, consumer)
    if consumer is not None and (consumer in case.own) != (provider in case.own):
        # What the user is working on is not replaced by another release of it.
        blames_provider = consumer in case.own
    else:
        blames_provider = stated or consumer is None or not _is_culprit(case, answers, consumer, provider)
        blames_provider = blames_provider if yanked is None else yanked == provider
    if consumer is None or blames_provider:
        culprit, other = provider, consumer
        move = _move(case, answers, provider, consumer, wanted, symbol)
    else:
        culprit, other = consumer, provider
        move = moves.back(case, answers, consumer, provider, symbol, uses=True)
    if yanked == culprit and symbol is None and wanted is None:
        move = moves.away(case, answers, culprit)
    evidence = (*evidence, move.evidence) if move is not None and move.evidence else evidence
    return Diagnosis(
        culprit=culprit,
        conflicts_with=other,
        why=why,
        fix=(move.fix,) if move is not None else (),
        evidence=(*evidence, *_dates(case, answers, provider, consumer), *_moves(case, culprit)),
        confidence=confidence,
    )


def parties(case: Case) -> tuple[str, ...]:
    """Return the installed distributions that may have a part in a failure.

    They are those that it passed through, what those need, what the combo asks for, and what a later step moved.
    """
    near = [name for user in case.path[:_NEAR] for name in (user, *case.needs(user))]
    moved = [move.package for move in case.drift if move.after is not None]
    return tuple(dict.fromkeys(name for name in (*near, *case.requested, *moved) if name in case.facts.installed))


def dates(case: Case) -> Iterator[Question]:
    """Ask when each package that may have a part in a failure was uploaded."""
    return (Uploaded(package=name, version=case.facts.installed[name]) for name in parties(case))


def ways(case: Case, answers: Answers, diagnosis: Diagnosis, symbol: Symbol | None) -> Iterator[Question]:
    """Ask where the culprit, or the other party, could move: their releases, then what the files of those show."""
    if case.verdict.status is Status.UNSOLVABLE:
        return
    culprit, other = diagnosis.culprit, diagnosis.conflicts_with
    nearest = next(iter(case.path), None) if python.is_concerned(case) else None
    parties = dict.fromkeys(name for name in (culprit, other, nearest) if name in case.facts.installed and name)
    listed = tuple(moves.lists(case, *parties))
    yield from listed
    if any(question not in answers for question in listed):
        return
    # An index that gives no list of releases may still say what was there at a time.
    if nearest is not None and other in (None, "python", nearest):
        suspect, then = nearest, python.supported_since(case)
    else:
        suspect, then = culprit or "", answers.uploaded(other)
    if suspect in parties and answers.history(suspect) is None and then is not None:
        yield CurrentAt(package=suspect, time=then.isoformat())
    word = python.removed_word(case, answers)
    if nearest is not None and word is not None:
        yield moves.without(case, nearest, word, newer=True)
    elif symbol is not None and symbol.is_use:
        if culprit in parties and case.path[:1] == (culprit,):
            yield moves.without(case, culprit, symbol, newer=False)
    elif symbol is not None and culprit in parties:
        defined = answers.definitions(re.split(r"[.(]", symbol.name)[0])
        # What nobody defines now, the culprit may have defined once.
        owners = (case.provider(symbol.module),) if symbol.module else defined or (culprit,)
        consumer = other if other in parties else culprit if case.path[:1] == (culprit,) else None
        if culprit in owners:
            yield from moves.about_provider(case, answers, culprit, consumer, symbol)
        elif other in owners:
            yield moves.without(case, culprit, symbol, newer=False)


def alternatives(
    case: Case, answers: Answers, diagnosis: Diagnosis, symbol: Symbol | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield fixes with their evidence, the best first: that of the diagnosis, then others that may take its place.

    To move Python comes last. What the user is working on is not replaced by another release of it.
    """
    for fix, evidence in _alternatives(case, answers, diagnosis, symbol):
        if case.own.isdisjoint(packages.names(fix)):
            yield fix, evidence


def _alternatives(
    case: Case, answers: Answers, diagnosis: Diagnosis, symbol: Symbol | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    culprit, other = diagnosis.culprit, diagnosis.conflicts_with
    moves_python = "python" in packages.names(diagnosis.fix)
    if diagnosis.fix and not moves_python:
        yield diagnosis.fix, ""
        if len(diagnosis.fix) == 1 and (match := _RANGE.fullmatch(diagnosis.fix[0])):
            # The newest of the next major version may do what that of this one cannot.
            yield (match[1],), ""
    if case.verdict.status is Status.UNSOLVABLE and diagnosis.fix and culprit is not None:
        yield from _newer_than_asked(case, other)
    elif "python" in (culprit, other):
        yield from python.ways(case, answers, *(name for name in (culprit, other) if name not in (None, "python")))
    elif culprit is not None and other is not None and {culprit, other} <= case.installed.keys() and diagnosis.fix:
        yield from _as_fix(moves.forward(case, answers, other, culprit, answers.uploaded(culprit), symbol))
    if moves_python:
        yield diagnosis.fix, ""


def guesses(case: Case, answers: Answers, diagnosis: Diagnosis) -> Iterator[tuple[str, ...]]:
    """Yield moves of the two parties that no fact speaks for: one counts only if its trial passes."""
    culprit, other = diagnosis.culprit, diagnosis.conflicts_with
    forward = [_majors(case, answers, name, newer=True) for name in (other, culprit)]
    back = _majors(case, answers, culprit, newer=False)
    # The user of what is gone may have learned to do without it; then the culprit goes farther back.
    yield from (*forward[0][:2], *back, *forward[0][2:], *forward[1])


def _majors(case: Case, answers: Answers, package: str | None, *, newer: bool) -> list[tuple[str, ...]]:
    history, installed = answers.history(package), case.installed.get(package or "")
    if installed is None and case.failed_build is not None and case.failed_build[0] == package:
        installed = packages.version(case.failed_build[1] or "")
    if history is None or installed is None or package in case.own:
        return []
    specifiers = history.majors_after(installed) if newer else history.majors_before(installed)
    return [(f"{package}{specifier}",) for specifier in specifiers]


def _newer_than_asked(case: Case, package: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield a newer release of what the combo pins: it may need what the combo asks for otherwise."""
    for step in case.facts.combo.steps:
        for pin in packages.requirements(step.requirements):
            clauses = list(pin.specifier)
            if packages.name_of(pin) == package and len(clauses) == 1 and clauses[0].operator == "==":
                yield (f"{package}>{clauses[0].version}",), f"a newer {package} may allow the version that is asked for"


def _as_fix(move: Move | None) -> Iterator[tuple[tuple[str, ...], str]]:
    if move is not None:
        yield (move.fix,), move.evidence


def _is_culprit(case: Case, answers: Answers, consumer: str, provider: str) -> bool:
    """Return whether the consumer must move rather than the provider."""
    if any(move.package == provider for move in case.drift):
        return False
    of_consumer, of_provider = answers.uploaded(consumer), answers.uploaded(provider)
    if of_consumer is None or of_provider is None:
        return False
    declared = next((need for need in case.requirements(consumer) if packages.name_of(need) == provider), None)
    version = case.installed.get(provider)
    if declared is not None and version is not None and not packages.satisfies(version, declared):
        return False
    return of_consumer > of_provider


def _yanked_for_the_other(case: Case, provider: str, consumer: str | None) -> str | None:
    """Return which of two packages was yanked for a reason that names the other one; None unless just one was."""
    if consumer is None:
        return None
    pairs = ((provider, consumer), (consumer, provider))
    named = [
        package
        for package, other in pairs
        if other in [canonicalize_name(word) for word in re.findall(r"[\w.-]*\w", case.yanked.get(package, ""))]
    ]
    return named[0] if len(named) == 1 else None


def _move(
    case: Case, answers: Answers, provider: str, consumer: str | None, wanted: Requirement | None, symbol: Symbol | None
) -> Move | None:
    """Return where a provider must move that no longer, or not yet, has what the consumer uses."""
    if wanted is not None and str(wanted.specifier):
        return Move(fix=f"{provider}{wanted.specifier}")
    if symbol is not None and symbol.is_use:
        uses = symbol if case.path[:1] == (provider,) else None
        return moves.back(case, answers, provider, consumer, uses, uses=True)
    if symbol is not None and answers.last_with(symbol.module, symbol.name) is None:
        if (move := moves.up_to(case, answers, provider, symbol)) is not None:
            return move
        if consumer is not None and answers.nearest_without(consumer, newer=True) is not None:
            return moves.forward(case, answers, consumer, provider, None, symbol)
        if symbol.owner:
            return moves.back(case, answers, provider, consumer, symbol.as_owner, uses=True)
    move = moves.back(case, answers, provider, consumer, symbol)
    if consumer is None or consumer in case.own or move is None or not python.is_newer(case, move.current):
        return move
    # Nobody ran what was current then with this Python, so an old user needs a newer release of itself.
    return moves.forward(case, answers, consumer, provider, python.released(case)) or move


def _dates(case: Case, answers: Answers, provider: str, consumer: str | None) -> list[str]:
    days = [(name, answers.uploaded(name)) for name in (provider, consumer) if name]
    return [f"{case.label(name)} was uploaded on {day:%Y-%m-%d}" for name, day in days if day is not None]


def _moves(case: Case, culprit: str) -> list[str]:
    return [
        f"step {move.step} moved {move.package} from {move.before} to {move.after}"
        for move in case.drift
        if move.package == culprit
    ]
