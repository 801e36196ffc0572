"""Define what is kept of a search that ended, for the reports of its matrix."""

from dataclasses import dataclass


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
