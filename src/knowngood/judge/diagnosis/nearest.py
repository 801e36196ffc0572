"""When no message tells: the code it happened in, and the newer package that this code builds on."""

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.parties import settle, uploaded
from knowngood.model import Confidence, Diagnosis, Status


def rule(case: Case) -> Diagnosis | None:
    """Name the innermost distribution, or what it builds on when that is newer than it."""
    if not case.path:
        return None
    nearest = case.path[0]
    if case.verdict.status is Status.TIMEOUT:
        version = case.installed.get(nearest)
        return Diagnosis(
            culprit=nearest,
            conflicts_with=None,
            why=f"it hung in {case.shown(nearest)}",
            remedy=(f"{nearest}>{version}",) if version else (),
            evidence=_place(case),
            confidence=Confidence.POSSIBLE,
        )
    # Code that the failure went through and that is newer than what it was called by, or calls.
    others = [one for one in case.path[1:3] if one in case.installed]
    others += [
        name for needed in case.requirements(nearest) if (name := canonicalize_name(needed.name)) in case.installed
    ]
    since = uploaded(case, nearest)
    newer = [one for one in dict.fromkeys(others) if since and (day := uploaded(case, one)) and day > since]
    through = [one for one in newer if one in case.path]
    if through:
        return settle(
            case,
            provider=through[0],
            consumer=nearest,
            why=f"it failed in {case.shown(nearest)}, which is older than the {case.shown(through[0])} it works with",
            evidence=_place(case),
            confidence=Confidence.POSSIBLE,
        )
    asked = {canonicalize_name(Requirement(text).name) for step in case.facts.combo.steps for text in step}
    newer.sort(key=lambda one: one not in asked)
    if newer and not _complains(case) and (newer[0] in asked or len(newer) == 1):
        return settle(
            case,
            provider=newer[0],
            consumer=nearest,
            why=f"it failed in {case.shown(nearest)}, which builds on {case.shown(newer[0])} and is older than it",
            evidence=_place(case),
            confidence=Confidence.POSSIBLE,
        )
    if all(one == nearest for one in case.path):
        # Nothing between it and the probe: what the probe does is no longer, or not yet, how it is used.
        version = case.installed.get(nearest)
        return Diagnosis(
            culprit=nearest,
            conflicts_with=None,
            why=f"{case.shown(nearest)} does not take what the probe does",
            remedy=(f"{nearest}<{version.major}",) if version and version.major else (),
            evidence=_place(case),
            confidence=Confidence.POSSIBLE,
        )
    return Diagnosis(
        culprit=nearest,
        conflicts_with=newer[0] if newer else case.path[1],
        why=f"it failed in {case.shown(nearest)}",
        evidence=(*_place(case), *(f"{case.shown(one)} is newer than it" for one in newer[:3])),
        confidence=Confidence.POSSIBLE,
    )


def _complains(case: Case) -> bool:
    """Whether the package raised the error itself, on purpose."""
    return bool(case.frames) and case.frames[0].text.lstrip().startswith(("raise ", "assert "))


def _place(case: Case) -> tuple[str, ...]:
    for frame in case.frames:
        if case.owner(frame.file):
            inside = frame.file.rpartition("site-packages/")[2]
            return (f"{inside}:{frame.line} in {frame.function}",)
    return ()
