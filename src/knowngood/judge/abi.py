"""Predict which extensions cannot work with the installed NumPy, and score the prediction against the run."""

from collections.abc import Collection

from knowngood import packages
from knowngood.model import EnvironmentFacts, Extension, Score

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
