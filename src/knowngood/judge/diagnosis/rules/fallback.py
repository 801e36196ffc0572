"""When no message tells: the code it happened in, who called it, and what that code builds on."""

import re

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import settle, uploaded
from knowngood.judge.diagnosis.rules import python
from knowngood.model import Confidence, Diagnosis, Status


def rule(case: Case) -> Diagnosis | None:
    """Settle between the two nearest packages, of which those that the combo asks for come first."""
    if case.verdict.status is Status.TIMEOUT:
        return _hung(case)
    through = [one for one in case.path if one in case.asked]
    if len(through) == 1:
        # Of a plugin, what it plugs into shows in the frames, and it does not.
        plugins = [one for one in case.asked if through[0] in case.needs(one) and one not in case.path]
        if plugins:
            why = f"it failed in {case.shown(through[0])}, which {case.shown(plugins[0])} builds on"
            return _between(case, through[0], plugins[0], why)
    if len(through) < 2:
        through = list(case.path)
    if len(through) >= 2:
        inner, outer = through[:2]
        why = f"it failed in {case.shown(inner)}, called by {case.shown(outer)}"
        return _between(case, inner, outer, why)
    if not case.path:
        return _asked(case)
    nearest = case.path[0]
    below = _built_on(case, nearest)
    if below not in case.asked and python.is_concerned(case):
        return python.nearest(case, _place(case))
    if below is not None:
        why = f"it failed in {case.shown(nearest)}, which works with {case.shown(below)} and is older than it"
        return _between(case, below, nearest, why)
    version = case.installed.get(nearest)
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"{case.shown(nearest)} does not take what the probe does",
        fix=(f"{nearest}<{version.major}",) if version and version.major > 1 and _took_away(case) else (),
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _between(case: Case, provider: str, consumer: str, why: str) -> Diagnosis:
    return settle(
        case,
        provider=provider,
        consumer=consumer,
        why=why,
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _built_on(case: Case, nearest: str) -> str | None:
    """Return the newer package that ``nearest`` builds on: one that the combo asks for, or the only one there is."""
    needed = [one for one in case.needs(nearest) if _newer(case, one, nearest)]
    asked = [one for one in case.asked if one != nearest and _newer(case, one, nearest)]
    # What it declares to need comes first, and of that what is pinned to one version.
    asked.sort(key=lambda one: (one not in needed, one not in case.pinned))
    if asked:
        return asked[0]
    # An error that the package raises itself, on purpose, is about how it is used.
    return needed[0] if len(needed) == 1 and not _complains(case) else None


def _asked(case: Case) -> Diagnosis | None:
    """With no code to look at: the newest and the oldest of what the combo asks for, or the only one."""
    if len(case.asked) == 1 and case.asked[0] in case.installed:
        return Diagnosis(
            culprit=case.asked[0],
            conflicts_with=None,
            why=f"nothing tells where it failed, in code that uses {case.shown(case.asked[0])}",
            evidence=(f"{case.asked[0]} is all that the combo asks for",),
            confidence=Confidence.POSSIBLE,
        )
    dated = sorted((day, one) for one in case.asked if (day := uploaded(case, one)) is not None)
    if len(dated) < 2:
        return None
    (_, oldest), (_, newest) = dated[0], dated[-1]
    why = f"nothing tells where it failed; of what the combo asks for, {case.shown(newest)} is the newest"
    return _between(case, newest, oldest, why)


def _hung(case: Case) -> Diagnosis | None:
    if not case.path:
        return None
    nearest = case.path[0]
    version = case.installed.get(nearest)
    return Diagnosis(
        culprit=nearest,
        conflicts_with=None,
        why=f"it hung in {case.shown(nearest)}",
        fix=(f"{nearest}>{version}",) if version else (),
        evidence=_place(case),
        confidence=Confidence.POSSIBLE,
    )


def _newer(case: Case, one: str, other: str) -> bool:
    of_one, of_other = uploaded(case, one), uploaded(case, other)
    return of_one is not None and of_other is not None and of_one > of_other


def _complains(case: Case) -> bool:
    return bool(case.frames) and case.frames[0].text.lstrip().startswith(("raise ", "assert "))


def _took_away(case: Case) -> bool:
    """Whether the message says that something was there before."""
    return (
        re.search(r"\b(removed|moved|renamed|replaced|no longer|has been|deprecated)\b", case.said[:2000]) is not None
    )


def _place(case: Case) -> tuple[str, ...]:
    for frame in case.frames:
        if case.owner(frame.file):
            inside = frame.file.rpartition("site-packages/")[2]
            return (f"{inside}:{frame.line} in {frame.function}",)
    return ()
