"""Guess from where it failed, when no message says why: the code, its caller, and what that code builds on."""

import re
from collections.abc import Iterator

from packaging.version import Version

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit, dates
from knowngood.judge.diagnosis.moves import Symbol, away, back, lists
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import python
from knowngood.judge.diagnosis.rules.symbols import missing
from knowngood.model import Confidence, Diagnosis, Frame, Question, Status
from knowngood.tracebacks import installed_path, standard_path

_TOOK_AWAY = re.compile(r"\b(removed|moved|renamed|replaced|no longer|has been|deprecated)\b")
"""Words by which a message says that something existed before."""
_MOST_LISTS = 6
_BEGINNING = 2000  # characters of a message in which to look for them


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask for the dates of all packages that may have a part, unless the installer names the package itself."""
    if case.verdict.status is not Status.UNSOLVABLE and case.failed_build is None:
        yield from dates(case)
        if len(case.path) == 1 and len(newer := _newer_needs(case, answers, case.path[0])) > 1:
            yield from lists(case, *newer[:_MOST_LISTS])


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Choose between the two nearest packages, those first that the combo asks for."""
    if case.verdict.status is Status.TIMEOUT:
        return _hung(case, answers)
    if case.is_suite and case.raised and case.raised[0].type.endswith(".FixtureLookupError"):
        why = "no installed package provides the fixture: it is misspelled, or the plugin that has it is missing"
        return Diagnosis(culprit=None, conflicts_with=None, why=why, confidence=Confidence.UNKNOWN)
    named = _named_in_line(case)
    own = _own_frame(case)
    if own is not None and (named is None or named[0] in case.own):
        # Whatever the code itself does wrong, a guess would blame a bystander.
        why = f"it failed in the code of the project, {own}, and no recorded fact points to a package"
        return Diagnosis(culprit=None, conflicts_with=None, why=why, evidence=(own,), confidence=Confidence.UNKNOWN)
    yanked = [name for name in case.yanked if name in (case.path or case.loaded) and name not in case.own]
    if len(yanked) == 1:
        return _withdrawn(case, answers, yanked[0])
    if named is not None:
        provider, consumer = named
        why = f"it failed in a line of {case.label(consumer)} that uses {case.label(provider)}"
        return _between(case, answers, provider, consumer, why)
    through = [owner for owner in case.path if owner in case.requested]
    if len(through) == 1:
        # A plugin's host appears in the traceback; the plugin itself does not.
        host = through[0]
        plugins = [name for name in case.requested if host in case.needs(name) and name not in case.path]
        if plugins:
            why = f"it failed in {case.label(host)}, which {case.label(plugins[0])} builds on"
            return _between(case, answers, host, plugins[0], why)
    if len(through) < 2:
        through = list(case.path)
    if len(through) >= 2:
        inner, outer = through[:2]
        why = f"it failed in {case.label(inner)}, called by {case.label(outer)}"
        return _between(case, answers, inner, outer, why)
    if not case.path:
        return None if case.is_suite else _requested(case, answers)
    nearest = case.path[0]
    base = _built_on(case, answers, nearest)
    if base not in case.requested and python.is_concerned(case):
        return python.nearest(case, answers, _place(case))
    if base is not None:
        why = f"it failed in {case.label(nearest)}, which uses the newer {case.label(base)}"
        return _between(case, answers, base, nearest, why)
    took_away = _TOOK_AWAY.search(case.text[:_BEGINNING]) is not None
    move = back(case, answers, nearest, None, refused(case), uses=True) if took_away else None
    fix = (move.fix,) if move is not None else ()
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"it failed in {case.label(nearest)}{_called_by(case)}",
        # A crash is a mistake of the package alone, as a hang is.
        fix=_next(case, answers, nearest) if case.verdict.status is Status.CRASH else fix,
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _withdrawn(case: Case, answers: Answers, package: str) -> Diagnosis:
    """Name the one suspect that its own index advises against."""
    move = away(case, answers, package)
    return Diagnosis(
        culprit=package,
        conflicts_with=next((owner for owner in case.path if owner != package), None),
        why=f"{case.label(package)} has a part in the failure, and its index has yanked it",
        fix=(move.fix,) if move is not None else (),
        evidence=(*_place(case), *([move.evidence] if move is not None and move.evidence else [])),
        confidence=Confidence.POSSIBLE,
    )


def refused(case: Case) -> Symbol | None:
    """Return the function that raises on purpose, and says that something was taken away: older releases lack it."""
    frame = case.frames[0] if case.frames and case.path and case.owner(case.frames[0].file) == case.path[0] else None
    if frame is None or not _raises_on_purpose(case) or not frame.function.isidentifier() or "__" in frame.function:
        return None
    said = _TOOK_AWAY.search(case.raised[0].message[:_BEGINNING]) if case.raised else None
    return Symbol(module="", name="", word=frame.function) if said is not None else None


def _named_in_line(case: Case) -> tuple[str, str] | None:
    """Return the package whose module the failing line names, and the one that the line belongs to."""
    frame = next((frame for frame in case.frames if case.owner(frame.file)), None)
    owner = case.owner(frame.file) if frame is not None else None
    if frame is None or owner is None or (case.frames and frame is not case.frames[0]):
        return None
    for word in re.findall(r"(?<![\w.'\"])([A-Za-z_]\w*)(?=[.(\[])", frame.text):
        provider = case.provider(word)
        if provider is not None and provider != owner and provider in case.loaded:
            return provider, owner
    return None


def _between(case: Case, answers: Answers, provider: str, consumer: str, why: str) -> Diagnosis:
    symbol = missing(case) or refused(case)
    return choose_culprit(
        case,
        answers,
        provider=provider,
        consumer=consumer,
        symbol=symbol if symbol is not None and symbol.is_use else None,
        why=why,
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _built_on(case: Case, answers: Answers, nearest: str) -> str | None:
    """Return the newer package that ``nearest`` builds on: one that the combo asks for, or the only one there is."""
    needed = _newer_needs(case, answers, nearest)
    broke = [name for name in needed if _broke_since(case, answers, name, nearest)]
    requested = [
        name
        for name in case.requested
        if name != nearest and _is_newer(answers, name, nearest) and (name in needed or not _only_runs(case, name))
    ]
    # A declared requirement comes first, among those one that is pinned to one version, then one that broke since.
    requested.sort(key=lambda name: (name not in needed, name not in case.pinned, name not in broke))
    if requested:
        return requested[0]
    # An error that the package raises itself, on purpose, is about how it is used.
    only = needed if len(needed) == 1 else broke
    return only[0] if len(only) == 1 and not _raises_on_purpose(case) else None


def _newer_needs(case: Case, answers: Answers, nearest: str) -> list[str]:
    """Return what ``nearest`` requires, the probe may have loaded, and came out later."""
    return [name for name in case.needs(nearest) if name in case.loaded and _is_newer(answers, name, nearest)]


def _broke_since(case: Case, answers: Answers, name: str, user: str) -> bool:
    """Return whether a package has begun another major version since ``user`` came out: it announced a break."""
    history, then = answers.history(name), answers.uploaded(user)
    known = history.newest_at(then) if history is not None and then is not None else None
    return known is not None and known.major < case.installed[name].major


def _requested(case: Case, answers: Answers) -> Diagnosis | None:
    """Guess with no code to look at: the newest and the oldest package that the combo asks for, or the only one.

    Those that the probe loaded come first.
    """
    asked = [name for name in case.requested if name in case.installed]
    asked = [name for name in asked if name in case.loaded] or asked
    if len(asked) == 1:
        name, others = asked[0], len(case.requested) > 1
        only = "the only one of them that the probe loaded" if others else "the only package that the combo asks for"
        move = back(case, answers, name, None)
        fix: tuple[str, ...] = (move.fix,) if move is not None and answers.history(name) is not None else ()
        if case.verdict.status is Status.CRASH and answers.history(name) is not None:
            fix = _next(case, answers, name) or fix
        return Diagnosis(
            culprit=name,
            conflicts_with=None,
            why=f"cause unknown; best guess: {case.label(name)}, {only}",
            fix=fix,
            evidence=(f"{name} is {only}",),
            confidence=Confidence.POSSIBLE,
        )
    dated = sorted((day, name) for name in asked if (day := answers.uploaded(name)) is not None)
    if len(dated) < 2:
        return None
    (_, oldest), (_, newest) = dated[0], dated[-1]
    why = f"cause unknown; best guess: {case.label(newest)}, the newest package that the combo asks for"
    return _between(case, answers, newest, oldest, why)


def _hung(case: Case, answers: Answers) -> Diagnosis | None:
    """Name the package in which the probe hung, and its next patch: such a mistake is usually corrected soon."""
    own = _own_frame(case)
    if own is not None:
        why = f"it hung in the code of the project, {own}"
        return Diagnosis(culprit=None, conflicts_with=None, why=why, evidence=(own,), confidence=Confidence.UNKNOWN)
    if not case.path:
        return None
    nearest = case.path[0]
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"it hung in {case.label(nearest)}",
        fix=_next(case, answers, nearest),
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _next(case: Case, answers: Answers, package: str) -> tuple[str, ...]:
    """Return the constraint of the next patch of ``package``, else of the next release."""
    version, history = case.installed.get(package), answers.history(package)
    if version is None:
        return ()
    if history is None:
        return (f"{package}>{version}",)
    line = Version(packages.next_line(version))
    specifier = history.since(None, version, before=line) or history.since(None, version)
    return (f"{package}{specifier}",) if specifier else ()


def _is_newer(answers: Answers, name: str, other: str) -> bool:
    day, day_of_other = answers.uploaded(name), answers.uploaded(other)
    return day is not None and day_of_other is not None and day > day_of_other


def _only_runs(case: Case, name: str) -> bool:
    """Return whether a package only runs the tests, or is not loaded at all, and so has no part in the failure."""
    return name not in case.loaded or (case.is_suite and name == "pytest")


def _own_frame(case: Case) -> str | None:
    """Return the place of the failure if it is in the project: in its tests, or in the package installed from it."""
    inside = next((frame for frame in case.frames if standard_path(frame.file) is None), None)
    owner = case.owner(inside.file) if inside is not None else None
    if inside is None or inside.file.startswith("<") or not (owner in case.own or (owner is None and case.is_suite)):
        return None
    return _shown(case, inside)


def _called_by(case: Case) -> str:
    """Return which line of the tests led to the failure, as the end of a sentence."""
    caller = next((frame for frame in case.frames if _is_of_tests(case, frame)), None)
    return f", called by {_shown(case, caller)}" if caller is not None else ""


def _is_of_tests(case: Case, frame: Frame) -> bool:
    outside = case.owner(frame.file) is None and standard_path(frame.file) is None
    return case.is_suite and outside and not frame.file.startswith("<")


def _shown(case: Case, frame: Frame) -> str:
    """Return ``tests/test_x.py:12 in test_y``: a place by the path in the project or among what is installed."""
    inside = installed_path(frame.file)
    if inside is None:
        test = case.test_file
        inside = test if test and frame.file.endswith(f"/{test}") else "/".join(frame.file.rsplit("/", 2)[-2:])
    return f"{inside}:{frame.line} in {frame.function}" if frame.function else f"{inside}:{frame.line}"


def _raises_on_purpose(case: Case) -> bool:
    return bool(case.frames) and case.frames[0].text.lstrip().startswith(("raise ", "assert "))


def _place(case: Case) -> tuple[str, ...]:
    """Return the innermost frame in an installed package, as evidence."""
    for frame in case.frames:
        if case.owner(frame.file):
            inside = frame.file.rpartition("site-packages/")[2]
            return (f"{inside}:{frame.line} in {frame.function}",)
    return ()
