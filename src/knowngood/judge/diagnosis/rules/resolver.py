"""Diagnose a set of requirements without a solution: which pin must give way, and which requirement forbids it."""

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question, Releases, Status
from knowngood.model.installer_output import Dependency, OtherPython
from knowngood.packages import name_of, requirement, requirements, version

_Pins = dict[str, list[Requirement]]


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask for the releases of a package whose metadata was refused; else the output of the installer says it all."""
    unreadable = _unreadable_release(case)
    return (Releases(package=name_of(unreadable)),) if unreadable is not None else ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Diagnose a failed resolution from what the installer says about the conflict."""
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return None
    sentence = case.installer.message(case.action, case.verdict.status)
    pins, conflict = _pins(case), case.installer.conflict(case.action.output)
    return (
        _built_here(case, pins, sentence)
        or _python(case, conflict.other_python, sentence)
        or _unreadable(case, answers, sentence)
        or _against_a_pin(pins, conflict.dependencies, sentence)
        or _at_once(pins, case.action.output, sentence)
        or _between_two(pins, conflict.dependencies, sentence)
        or _anything(conflict.dependencies, sentence)
        or _absent(conflict.missing, sentence)
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


def _python(case: Case, other: OtherPython | None, sentence: str) -> Diagnosis | None:
    if other is None:
        return None
    needs = f"needs Python {other.requires}" if other.requires else "has no wheel for this Python"
    why = f"{other.package} {needs}, and the combo runs on {case.python[0]}.{case.python[1]}"
    return _diagnosis(other.package, "python", why, sentence, Confidence.CERTAIN)


def _absent(missing: str | None, sentence: str) -> Diagnosis | None:
    if missing is None:
        return None
    culprit = canonicalize_name(re.split(r"[<>=!~\[{ ]", missing, maxsplit=1)[0])
    return _diagnosis(culprit, None, f"the index has no {missing}", sentence, Confidence.CERTAIN)


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
