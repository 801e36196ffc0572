"""Define what searches find: a verified fix of a combo, and what the reports of a matrix keep of a search."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """What a search about a combo found."""

    verb: str
    """``fix``, ``frontier``, ``map``, ``timeline`` or ``upgrade``."""
    combo: str
    about: tuple[str, ...] = ()
    """The packages, or what the user demanded."""
    answer: str
    """One sentence, without a full stop."""
    kind: str
    """The class of the answer: ``minimal``, ``broke`` or ``reached``."""
    works: bool | None
    """Whether the combo works as it is; None: that was not decided."""
    cells: int
    """How many candidates have a verdict of their probes."""
    run: str
    """The id of the run that holds every candidate."""
    complete: bool
    """Whether it was not cut short."""
    digest: str = ""
    """That of the matrix that it was about."""
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The rows of a table with these headers."""
    drawing: tuple[str, ...] = ()
    """Lines that are shown as they are: a map."""
    notes: tuple[str, ...] = ()
    """Further sentences: causes, scope, what is approximate."""

    @property
    def day(self) -> str:
        """The day of the search, as ISO 8601: its run is named after it."""
        return f"{self.run[:4]}-{self.run[4:6]}-{self.run[6:8]}"

    @property
    def subject(self) -> tuple[str, str, tuple[str, ...]]:
        """What it is about: a newer search about the same takes its place."""
        return self.verb, self.combo, self.about


class FixState(StrEnum):
    """How far a fix is known to work."""

    OFFERED = "offered"
    """A diagnosis derived it; the evidence says if it was tried once."""
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
