"""Guess from where it failed, when no message says why: the code, its caller, and what that code builds on."""

import re
from collections.abc import Iterator

from packaging.version import Version

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit, dates
from knowngood.judge.diagnosis.moves import back
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import python
from knowngood.model import Confidence, Diagnosis, Question, Status

_TOOK_AWAY = re.compile(r"\b(removed|moved|renamed|replaced|no longer|has been|deprecated)\b")
"""Words by which a message says that something existed before."""
_BEGINNING = 2000  # characters of a message in which to look for them


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask for the dates of all packages that may have a part, unless the installer names the package itself."""
    if case.verdict.status is not Status.UNSOLVABLE and case.failed_build is None:
        yield from dates(case)


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Choose between the two nearest packages, those first that the combo asks for."""
    if case.verdict.status is Status.TIMEOUT:
        return _hung(case, answers)
    named = _named_in_line(case)
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
        # A test of the user that fails in its own code may be wrong itself: to guess would blame a bystander.
        return None if case.is_suite else _requested(case, answers)
    nearest = case.path[0]
    base = _built_on(case, answers, nearest)
    if base not in case.requested and python.is_concerned(case):
        return python.nearest(case, answers, _place(case))
    if base is not None:
        why = f"it failed in {case.label(nearest)}, which uses the newer {case.label(base)}"
        return _between(case, answers, base, nearest, why)
    took_away = _TOOK_AWAY.search(case.text[:_BEGINNING]) is not None
    move = back(case, answers, nearest, None) if took_away else None
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"{case.label(nearest)} rejects what the probe does",
        fix=(move.fix,) if move is not None else (),
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


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
    return choose_culprit(
        case,
        answers,
        provider=provider,
        consumer=consumer,
        why=why,
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _built_on(case: Case, answers: Answers, nearest: str) -> str | None:
    """Return the newer package that ``nearest`` builds on: one that the combo asks for, or the only one there is."""
    needed = [name for name in case.needs(nearest) if _is_newer(answers, name, nearest)]
    requested = [name for name in case.requested if name != nearest and _is_newer(answers, name, nearest)]
    # A declared requirement comes first, and among those one that is pinned to one version.
    requested.sort(key=lambda name: (name not in needed, name not in case.pinned))
    if requested:
        return requested[0]
    # An error that the package raises itself, on purpose, is about how it is used.
    return needed[0] if len(needed) == 1 and not _raises_on_purpose(case) else None


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
        return Diagnosis(
            culprit=name,
            conflicts_with=None,
            why=f"cause unknown; best guess: {case.label(name)}, {only}",
            fix=(move.fix,) if move is not None and answers.history(name) is not None else (),
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
    """Name the package that it hung in, and the next patch of it: a hang is a mistake that is soon corrected."""
    if not case.path:
        return None
    nearest = case.path[0]
    version, history = case.installed.get(nearest), answers.history(nearest)
    fix = (f"{nearest}>{version}",) if version else ()
    if version is not None and history is not None:
        line = Version(packages.next_line(version))
        specifier = history.since(None, version, before=line) or history.since(None, version)
        fix = (f"{nearest}{specifier}",) if specifier else ()
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"it hung in {case.label(nearest)}",
        fix=fix,
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _is_newer(answers: Answers, name: str, other: str) -> bool:
    day, day_of_other = answers.uploaded(name), answers.uploaded(other)
    return day is not None and day_of_other is not None and day > day_of_other


def _raises_on_purpose(case: Case) -> bool:
    return bool(case.frames) and case.frames[0].text.lstrip().startswith(("raise ", "assert "))


def _place(case: Case) -> tuple[str, ...]:
    """Return the innermost frame in an installed package, as evidence."""
    for frame in case.frames:
        if case.owner(frame.file):
            inside = frame.file.rpartition("site-packages/")[2]
            return (f"{inside}:{frame.line} in {frame.function}",)
    return ()
