"""Predicts which extensions cannot work with the NumPy that is installed, and scores that against the run."""

from knowngood import packages
from knowngood.model import EnvironmentFacts, Extension, Score

_NAMED = 3
"""Distributions that a sentence names."""


def predict(environment: EnvironmentFacts) -> tuple[Extension, ...]:
    """Return the extensions that were built for NumPy 1.x where NumPy 2 is installed."""
    numpy = packages.version(_versions(environment).get("numpy", ""))
    if numpy is None or numpy.major < 2:
        return ()
    return tuple(extension for extension in environment.extensions if extension.numpy == "1")


def sentence(environment: EnvironmentFacts) -> str | None:
    """Return in one sentence what is predicted to fail; None when nothing is."""
    misfits = predict(environment)
    if not misfits:
        return None
    versions = _versions(environment)
    owners = list(dict.fromkeys(misfit.distribution for misfit in misfits))
    names = [f"{owner} {versions.get(owner, '')}".rstrip() for owner in owners]
    if len(names) == 1:
        more = f" and {len(misfits) - 1} more" if len(misfits) > 1 else ""
        told = f"{names[0]} was compiled for NumPy 1.x ({misfits[0].file}{more})"
    else:
        rest = len(names) - _NAMED
        *others, last = [*names[:_NAMED], f"{rest} more"] if rest > 0 else names
        told = f"{', '.join(others)} and {last} were compiled for NumPy 1.x"
    return f"{told}, NumPy {versions['numpy']} is installed"


def score(predicted: bool, failed: bool | None) -> Score | None:
    """Return what became of a prediction for one cell.

    ``failed`` is whether the run showed that an extension and NumPy do not fit. None: it did not get far enough to
    tell, or failed for a reason that hides it; then there is nothing to score.
    """
    if failed is None:
        return None
    if predicted:
        return Score.HIT if failed else Score.FALSE_ALARM
    return Score.MISS if failed else Score.QUIET


def _versions(environment: EnvironmentFacts) -> dict[str, str]:
    return {one.name: one.version for one in environment.distributions}
