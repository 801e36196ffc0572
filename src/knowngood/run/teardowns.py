"""Which probes were seen to end well with a whole teardown: these may leave quickly the next time."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from knowngood import atomic

_MOST = 10_000
"""Notes that stay; what is forgotten is only torn down once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Teardowns:
    """Notes below ``folder``, one file each, which holds the alarms that were heard by its end."""

    folder: Path

    def alarms(self, wanted: str) -> tuple[str, ...] | None:
        """Return the alarms of an interpreter that ran this probe in this environment and came to its own end.

        None when nobody saw one that did.
        """
        try:
            return tuple((self.folder / wanted[:2] / wanted).read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError):
            return None

    def note(self, wanted: str, alarms: tuple[str, ...] = ()) -> None:
        """Note that one did, and its alarms, a line each."""
        with contextlib.suppress(OSError):
            atomic.write(self.folder / wanted[:2] / wanted, "\n".join(alarms).encode())

    def prune(self, most: int = _MOST) -> None:
        """Forget the oldest notes until ``most`` are left."""
        with contextlib.suppress(OSError):
            notes = sorted(self.folder.glob("??/*"), key=lambda note: note.stat().st_mtime)
            for old in notes[: max(0, len(notes) - most)]:
                old.unlink()
