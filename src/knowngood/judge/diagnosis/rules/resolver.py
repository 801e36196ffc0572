"""Diagnose a set of requirements without a solution: which pin must give way, and which requirement forbids it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question, Releases, Status
from knowngood.model.installer_output import Dependency, OtherPython
from knowngood.packages import name_of, requirement, requirements, version

_Pins = dict[str, list[Requirement]]


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask for the releases of a package of which the combo asks for one that cannot be used."""
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return
    unreadable = _unreadable_release(case)
    conflict = case.installer.conflict(case.action.output)
    if unreadable is not None:
        yield Releases(package=name_of(unreadable))
    elif conflict.other_python is not None:
        yield Releases(package=canonicalize_name(conflict.other_python.package))
    elif conflict.missing is not None and not conflict.dependencies:
        yield Releases(package=_missing_name(conflict.missing))


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Diagnose a failed resolution from what the installer says about the conflict."""
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return None
    sentence = case.installer.message(case.action, case.verdict.status)
    pins, conflict = _pins(case), case.installer.conflict(case.action.output)
    return (
        _built_here(case, pins, sentence)
        or _python(case, answers, pins, conflict.other_python, sentence)
        or _unreadable(case, answers, sentence)
        or _against_a_pin(pins, conflict.dependencies, sentence)
        or _at_once(pins, case.action.output, sentence)
        or _between_two(pins, conflict.dependencies, sentence)
        or _anything(conflict.dependencies, sentence)
        or _absent(answers, conflict.missing, sentence)
    )


def _unreadable_release(case: Case) -> Requirement | None:
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return None
    conflict = case.installer.conflict(case.action.output)
    release, missing = requirement(conflict.unreadable or ""), requirement(conflict.missing or "")
    # The installer also mentions releases that it could do without.
    return release if release is not None and missing is not None and name_of(release) == name_of(missing) else None


def _unreadable(case: Case, answers: Answers, sentence: str) -> Diagnosis | None:
    """Find a release that exists, but whose metadata the installer refuses to read."""
    release = _unreadable_release(case)
    if release is None:
        return None
    name, pinned = name_of(release), version(str(release.specifier).removeprefix("=="))
    history = answers.history(name)
    newer = history.since(None, pinned) if history is not None and pinned is not None else None
    why = f"{release} has metadata that the {case.facts.combo.installer} of this combo refuses"
    diagnosis = _diagnosis(name, case.facts.combo.installer, why, sentence, Confidence.CERTAIN)
    return replace(diagnosis, fix=(f"{name}{newer}",) if newer else ())


def _built_here(case: Case, pins: _Pins, sentence: str) -> Diagnosis | None:
    """Find a release that the combo asks for of what it takes from this machine: nothing can replace that."""
    for source in (source for step in case.facts.steps for source in step.sources):
        asked = pins.get(source.name, []) if source.version is not None else []
        other = next((pin for pin in asked if not pin.specifier.contains(source.version or "", prereleases=True)), None)
        if other is not None and other.url is None:
            why = f"the combo asks for {other}, and {source.origin} installs {source.name} {source.version}"
            return _diagnosis(source.name, None, why, sentence, Confidence.CERTAIN)
    return None


def _against_a_pin(pins: _Pins, dependencies: tuple[Dependency, ...], sentence: str) -> Diagnosis | None:
    """Find what the combo pins against what another package needs: the pin is the one to move."""
    for dependency in dependencies:
        package, needed = dependency.package, dependency.requirement
        culprit = name_of(needed)
        if culprit in pins and package != culprit:
            pinned = " and ".join(map(str, pins[culprit]))
            version = needed.specifier or " in another version"
            return Diagnosis(
                culprit=culprit,
                conflicts_with=package,
                why=f"{package} needs {culprit}{version}, and the combo asks for {pinned}",
                fix=_constraint(culprit, needed),
                evidence=(sentence,),
                confidence=Confidence.CERTAIN,
            )
    return None


def _at_once(pins: _Pins, output: str, sentence: str) -> Diagnosis | None:
    """Find a package that the combo itself asks for twice, in versions that exclude each other."""
    for culprit, asked in pins.items():
        if len(asked) > 1 and culprit in output:
            why = f"the combo asks for {' and '.join(map(str, asked))} at once"
            return _diagnosis(culprit, None, why, sentence, Confidence.CERTAIN)
    return None


def _between_two(pins: _Pins, dependencies: tuple[Dependency, ...], sentence: str) -> Diagnosis | None:
    """Find two packages that the combo asks for and that need a third one differently."""
    rivals = [dependency for dependency in dependencies if dependency.package in pins]
    for second in rivals[1:]:
        first = rivals[0]
        if second.package != first.package:
            why = f"{first.package} needs {first.requirement}, and {second.package} needs {second.requirement}"
            return _diagnosis(second.package, first.package, why, sentence, Confidence.LIKELY)
    return None


def _anything(dependencies: tuple[Dependency, ...], sentence: str) -> Diagnosis | None:
    """Take the first requirement that the output quotes, when none of them is the combo's own."""
    if not dependencies:
        return None
    package, needed = dependencies[0].package, dependencies[0].requirement
    culprit = name_of(needed)
    why = f"{package} needs {needed}, which the others rule out"
    return replace(_diagnosis(culprit, package, why, sentence, Confidence.LIKELY), fix=_constraint(culprit, needed))


def _python(case: Case, answers: Answers, pins: _Pins, other: OtherPython | None, sentence: str) -> Diagnosis | None:
    if other is None:
        return None
    needs = f"needs Python {other.requires}" if other.requires else "has no wheel for this Python"
    why = f"{other.package} {needs}, and the combo runs on {case.python[0]}.{case.python[1]}"
    diagnosis = _diagnosis(other.package, "python", why, sentence, Confidence.CERTAIN)
    asked = next(filter(None, map(_exact, pins.get(canonicalize_name(other.package), ()))), None)
    # What needs a newer Python has older releases; what has no wheel for a new Python yet has newer ones.
    return replace(diagnosis, fix=_nearest(answers, other.package, asked, newer=">" not in (other.requires or "")))


def _absent(answers: Answers, missing: str | None, sentence: str) -> Diagnosis | None:
    if missing is None:
        return None
    culprit, asked = _missing_name(missing), requirement(missing)
    diagnosis = _diagnosis(culprit, None, f"the index has no {missing}", sentence, Confidence.CERTAIN)
    return replace(diagnosis, fix=_nearest(answers, culprit, _exact(asked) if asked else None, newer=False))


def _missing_name(missing: str) -> str:
    return canonicalize_name(re.split(r"[<>=!~\[{ ]", missing, maxsplit=1)[0])


def _exact(pin: Requirement) -> Version | None:
    """Return the version that a requirement asks for, if it asks for just one."""
    text = str(pin.specifier)
    return version(text.lstrip("=")) if text.startswith("==") else None


def _nearest(answers: Answers, name: str, asked: Version | None, *, newer: bool) -> tuple[str, ...]:
    """Return the constraint of the releases next to ``asked`` that this Python can install, on either side of it."""
    history = answers.history(canonicalize_name(name))
    if history is None or asked is None:
        return ()
    older = max((release.version for release in history.usable if release.version < asked), default=None)
    below = history.below(older, asked) if older is not None else None
    above = history.since(None, asked)
    specifier = (above or below) if newer else (below or above)
    return (f"{canonicalize_name(name)}{specifier}",) if specifier else ()


def _diagnosis(culprit: str, other: str | None, why: str, sentence: str, confidence: Confidence) -> Diagnosis:
    return Diagnosis(culprit=culprit, conflicts_with=other, why=why, evidence=(sentence,), confidence=confidence)


def _constraint(name: str, needed: Requirement) -> tuple[str, ...]:
    return (f"{name}{needed.specifier}",) if str(needed.specifier) else ()


def _pins(case: Case) -> dict[str, list[Requirement]]:
    """Return canonical name -> what the combo itself asks for in the step that failed."""
    failed = [step for step in case.facts.steps if step.resolve is not None and not step.resolve.exit.ok]
    pins: dict[str, list[Requirement]] = {}
    for pin in requirements(case.facts.requirements(failed[0].number)) if failed else ():
        pins.setdefault(name_of(pin), []).append(pin)
    return pins
