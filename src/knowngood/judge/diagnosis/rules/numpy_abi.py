"""Compiled code that was built for another NumPy: told by the error, or by the files themselves."""

import re

from knowngood.judge import abi
from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis, Status

_TOLD = re.compile(
    r"numpy\.(?:dtype|ndarray|ufunc) size changed, may indicate binary incompatibility"
    r"|numpy\.core\.multiarray failed to import|_ARRAY_API not found|Numpy is not available"
    r"|compiled (?:using|against) (?:NumPy 1\.x|ABI version|API version)|numpy\.core\.umath failed to import"
    r"|module compiled against (?:ABI|API) version"
)

_WEAK = re.compile(r"(?P<who>[\w.-]+) \S+ was built with a pybind11 older than 2\.12")


def shown(case: Case) -> bool | None:
    """Return whether the run showed that compiled code and NumPy do not fit; None: it failed for another reason."""
    if case.verdict.status in (Status.PASS, Status.MOVED):
        return False
    if _TOLD.search(case.said):
        return True
    return True if case.verdict.status is Status.CRASH and case.facts.environment and rule(case) else None


def rule(case: Case) -> Diagnosis | None:
    """Name NumPy and the extension that cannot work with it.

    Without such an error it takes a crash, or a wrong result with no exception from a library, to suspect the files.
    """
    numpy = case.installed.get("numpy")
    if numpy is None or case.facts.environment is None:
        return None
    told = _TOLD.search(case.said)
    misfits = abi.predict(case.facts.environment)
    silent = case.verdict.status is Status.CRASH or not case.path
    owners = list(dict.fromkeys(extension.distribution for extension in misfits))
    # Only a crash or a wrong result makes one of those suspicious: most of them work.
    weak = [found["who"] for one in case.facts.environment.remarks if (found := _WEAK.match(one))] if silent else []
    owners += [one for one in weak if one not in owners]
    # Of several, the one that the failure passed through comes first.
    owners.sort(key=lambda owner: owner not in case.path)
    if not told and not (owners and (silent or owners[0] in case.path[:2])):
        return None
    compiled = next((one for one in owners), None) or next((one for one in case.path if one != "numpy"), None)
    evidence = [told[0]] if told else []
    evidence += [one for one in case.facts.environment.remarks if compiled and one.startswith(f"{compiled} ")]
    evidence += [f"{one.file} was built for NumPy 1.x only" for one in misfits if one.distribution == compiled][:2]
    subject = case.shown(compiled) if compiled else "compiled code"
    if numpy.major >= 2:
        why = f"{subject} was built for NumPy 1.x, NumPy {numpy} is installed"
        fix = "numpy<2"
    else:
        why = f"{subject} was built for a newer NumPy than {numpy}"
        fix = f"numpy>{numpy}"
    return Diagnosis(
        culprit="numpy",
        conflicts_with=compiled,
        why=why,
        fix=(fix,),
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN if told else Confidence.LIKELY,
    )
