"""Diagnose what does not build: the project itself, or a source distribution that has no wheel for this Python."""

import re
from collections.abc import Iterator

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, NextWithWheel, Question, Releases, Status
from knowngood.model.questions import Files

_ABOUT_SETUPTOOLS = re.compile(
    r"from 'setuptools|module 'setuptools|use_2to3 is invalid|No module named 'pkg_resources'|cython_sources"
)


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask for the releases of the package that did not build, and for the next one that has a wheel."""
    if case.failed_build is not None and case.failed_source is None:
        name, version = case.failed_build
        yield NextWithWheel(package=name, above=version)
        yield Releases(package=name)


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Name the package that did not build, and the next version that need not be built."""
    if case.failed_source is not None and case.verdict.status is Status.BUILD_FAIL and case.action is not None:
        source, message = case.failed_source, case.installer.message(case.action, case.verdict.status)
        return Diagnosis(
            culprit=source.name,
            conflicts_with=None,
            why=f"{source.name} does not build: {message}",
            evidence=(f"{source.name} is built from {source.origin}", message),
            confidence=Confidence.CERTAIN,
        )
    if case.failed_build is None or case.action is None:
        return None
    name, version = case.failed_build
    newer = answers.next_with_wheel(name)
    python = f"{case.python[0]}.{case.python[1]}"
    message = case.installer.message(case.action, case.verdict.status)
    label = f"{name} {version}" if version else name
    evidence = [message]
    if newer:
        evidence.append(f"{name} {newer} is the next version that has a wheel for Python {python}")
    other = "setuptools" if _ABOUT_SETUPTOOLS.search(case.output) else "python"
    never_built = _never_built(answers, name, version)
    wheel = "no wheel at all" if never_built else f"no usable wheel for Python {python}"
    return Diagnosis(
        culprit=name,
        # Where no Python ever had a wheel, and none does later, this Python is not to blame.
        conflicts_with=None if never_built and not newer and other == "python" else other,
        why=f"{label} has {wheel}, and its source does not build here",
        fix=(f"{name}>={newer}",) if newer else (),
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN if newer else Confidence.LIKELY,
    )


def _never_built(answers: Answers, name: str, version: str | None) -> bool:
    history = answers.history(name)
    releases = history.releases if history is not None and version is not None else ()
    return any(str(release.version) == version and release.files is Files.SOURCE for release in releases)
