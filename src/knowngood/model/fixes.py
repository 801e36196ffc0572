"""Define a fix of a combo that fails: whether it was only offered or verified, and how far it is proven."""

from dataclasses import dataclass
from enum import StrEnum


class FixState(StrEnum):
    """How far a fix is known to work."""

    OFFERED = "offered"
    """A diagnosis derived it; nobody ran it."""
    VERIFIED = "verified"
    """It was run in a fresh environment and passed, while the combo as it is still failed."""


class FixClass(StrEnum):
    """How far the answer of a search for a fix is proven."""

    WORKS = "works"
    """There is nothing to fix."""
    MINIMAL = "minimal"
    """Everything cheaper in the scope was run or refuted, and every part of it is needed."""
    SMALLEST_FOUND = "smallest found"
    NONE = "none"
    """Everything in the scope was run or refuted, and nothing works."""
    NONE_FOUND = "none found"
    """The search ended before everything in its scope was tried."""
    UNDECIDED = "undecided"
    """What decides could not be tested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedFix:
    """A change with which a combo passed that fails without it."""

    constraints: tuple[str, ...]
    """Requirements that together fix it, also ``python==3.11.*`` and removals; empty: only the steps differ."""
    steps: tuple[tuple[str, ...], ...]
    """The lines of each step of the combo that passed."""
    python: str
    """The Python that it passed with, as a combo names it: ``3.11``."""
    joined: bool = False
    """Whether all steps became one."""
    order: tuple[int, ...] = ()
    """The positions of the steps in the order that passed; empty: their own order."""
    kind: FixClass = FixClass.SMALLEST_FOUND
    scope: str = ""
    """What was tried to find something cheaper, with counts."""
    bounds: tuple[tuple[str, str, str], ...] = ()
    """(package, last version that works, next version, which does not) for each version that was moved."""
    run: str = ""
    """The id of the search that holds every candidate."""
    seconds: float = 0.0
    """How long the search took."""
