"""A source distribution that does not build: usually there is no wheel of it for this Python."""

import re

from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis, Status

_ABOUT_SETUPTOOLS = re.compile(
    r"from 'setuptools|module 'setuptools|use_2to3 is invalid|No module named 'pkg_resources'|cython_sources"
)


def rule(case: Case) -> Diagnosis | None:
    """Name the package that did not build, and the next version that need not be built."""
    if case.verdict.status is not Status.BUILD_FAIL or case.action is None:
        return None
    failed = case.installer.failed_build(case.action)
    if failed is None:
        return None
    name, version = failed
    newer = case.facts.leads.with_wheel.get(name)
    python = f"{case.python[0]}.{case.python[1]}"
    why = case.installer.message(case.action, case.verdict.status)
    other = "setuptools" if _ABOUT_SETUPTOOLS.search(case.output) else "python"
    what = f"{name} {version}" if version else name
    evidence = [why]
    if newer:
        evidence.append(f"{name} {newer} is the next version that has a wheel for Python {python}")
    return Diagnosis(
        culprit=name,
        conflicts_with=other,
        why=f"{what} has no wheel for Python {python} that could be used, and its source does not build here",
        fix=(f"{name}>={newer}",) if newer else (),
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN if newer else Confidence.LIKELY,
    )
