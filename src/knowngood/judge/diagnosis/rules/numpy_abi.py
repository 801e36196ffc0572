"""Diagnose compiled code that was built for another NumPy, from the error or from the files themselves."""

import re
from collections.abc import Collection, Iterable

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, EnvironmentFacts, Extension, Question, Score, Status

_NAMED = 3
"""Distributions that a sentence names."""


def predict(environment: EnvironmentFacts) -> tuple[Extension, ...]:
    """Return the extensions that were built for NumPy 1.x where NumPy 2 is installed."""
    installed = [distribution.version for distribution in environment.distributions if distribution.name == "numpy"]
    numpy = packages.version(installed[0]) if installed else None
    if numpy is None or numpy.major < 2:
        return ()
    return tuple(extension for extension in environment.extensions if extension.numpy == "1")


def sentence(environment: EnvironmentFacts, loaded: Collection[str] = ()) -> str | None:
    """Return the prediction in one sentence; None when nothing is predicted to fail.

    With ``loaded``, the modules that a probe imported, it is only about their distributions: no others were tried.
    """
    tried = environment.loaded(loaded)
    misfits = [extension for extension in predict(environment) if not loaded or extension.distribution in tried]
    if not misfits:
        return None
    versions = {distribution.name: distribution.version for distribution in environment.distributions}
    owners = list(dict.fromkeys(misfit.distribution for misfit in misfits))
    names = [f"{owner} {versions.get(owner, '')}".rstrip() for owner in owners]
    if len(names) == 1:
        more = f" and {len(misfits) - 1} more" if len(misfits) > 1 else ""
        subject = f"{names[0]} was compiled for NumPy 1.x ({misfits[0].file}{more})"
    else:
        rest = len(names) - _NAMED
        *others, last = [*names[:_NAMED], f"{rest} more"] if rest > 0 else names
        subject = f"{', '.join(others)} and {last} were compiled for NumPy 1.x"
    return f"{subject}, NumPy {versions['numpy']} is installed"


def score(predicted: bool, failed: bool | None) -> Score | None:
    """Return the score of a prediction for one cell.

    ``failed`` is whether the run proved that an extension and NumPy do not fit. None: it did not get far enough, or
    failed for a reason that hides it; then there is nothing to score.
    """
    if failed is None:
        return None
    if predicted:
        return Score.HIT if failed else Score.FALSE_ALARM
    return Score.MISS if failed else Score.QUIET


_ERROR = re.compile(
    r"numpy\.(?:dtype|ndarray|ufunc) size changed, may indicate binary incompatibility"
    r"|numpy\.core\.multiarray failed to import|_ARRAY_API not found|Numpy is not available"
    r"|compiled (?:using|against) (?:NumPy 1\.x|ABI version|API version)|numpy\.core\.umath failed to import"
    r"|module compiled against (?:ABI|API) version"
)

_OLD_PYBIND = re.compile(r"(?<![\w.-])(?P<name>[\w.-]+) \S+ was built with a pybind11 older than 2\.12")


def is_proven(case: Case) -> bool | None:
    """Return whether the run proved that compiled code and NumPy do not fit; None: it failed for another reason."""
    if case.verdict.status in (Status.PASS, Status.MOVED):
        return False
    if _ERROR.search(case.text):
        return True
    return True if case.verdict.status is Status.CRASH and _misfit(case) else None


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing: the files of the environment are recorded."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Name NumPy and the extension that cannot work with it."""
    return _misfit(case)


def _misfit(case: Case) -> Diagnosis | None:
    # Without such an error it takes a crash, or a wrong result with no exception from a library, to suspect the files.
    numpy = case.installed.get("numpy")
    if numpy is None or case.facts.environment is None:
        return None
    error = _ERROR.search(case.text)
    misfits = predict(case.facts.environment)
    silent = case.verdict.status is Status.CRASH or not case.path
    owners = list(dict.fromkeys(extension.distribution for extension in misfits))
    if silent:
        # Most builds with an old pybind11 work: only a crash or a wrong result makes one suspicious.
        weak = filter(None, map(_OLD_PYBIND.match, case.facts.environment.remarks))
        owners += [match["name"] for match in weak if match["name"] not in owners]
    # If there are several, the one that the failure passed through comes first.
    owners.sort(key=lambda owner: owner not in case.path)
    if not error and not (owners and (silent or owners[0] in case.path[:2])):
        return None
    compiled = next(iter(owners), None) or next((owner for owner in case.path if owner != "numpy"), None)
    evidence = [error[0]] if error else []
    evidence += [remark for remark in case.facts.environment.remarks if compiled and remark.startswith(f"{compiled} ")]
    files = [misfit.file for misfit in misfits if misfit.distribution == compiled]
    evidence += [f"{file} was built for NumPy 1.x only" for file in files[:2]]
    subject = case.label(compiled) if compiled else "compiled code"
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
        confidence=Confidence.CERTAIN if error else Confidence.LIKELY,
    )
