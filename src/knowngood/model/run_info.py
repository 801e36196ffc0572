"""Define what was run, when, where and with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from knowngood.model.declared import Selection


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexChoice:
    """The index that was used for some packages, decided once in a run."""

    name: str
    asked: str
    used: str
    """The URL, or ``default`` for each installer's own default index."""
    packages: tuple[str, ...]
    """Empty: all packages."""
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """What was run, when, and on which machine."""

    id: str
    started: str
    """UTC, ISO 8601."""
    matrix: str
    title: str
    digest: str
    reference: str | None
    platform: str
    cpu: str
    cores: int
    python: str
    versions: Mapping[str, str]
    """knowngood, uv, pip, virtualenv -> version."""
    command: str
    """The command that runs the same again, without a selection."""
    isolation: str = ""
    """How probes were kept apart: ``sandbox`` or ``none``; empty in a log from before it was recorded."""
    stale_after: int = 30
    """Days after which the results are out of date."""
    shard: str = ""
    """Such as ``2/8``, when only that part of the selection ran here."""
    selections: tuple[Selection, ...] = ()
    """The versions that the selectors of the matrix stood for."""

    @property
    def day(self) -> date:
        """The day of the run, by which its known issues expire."""
        try:
            return datetime.fromisoformat(self.started).date()
        except ValueError:  # a log that was written by hand
            return date.min
