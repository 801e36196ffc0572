"""Which probes were seen to end well with a whole teardown: these may leave quickly the next time."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

_MOST = 10_000
"""Notes that stay; what is forgotten is only torn down once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Teardowns:
    """Notes below ``folder``, one empty file each."""

    folder: Path

    def went_well(self, wanted: str) -> bool:
        """Tell whether an interpreter that had run this probe in this environment came to its own end."""
        return (self.folder / wanted[:2] / wanted).exists()

    def note(self, wanted: str) -> None:
        """Note that one did."""
        with contextlib.suppress(OSError):
            (self.folder / wanted[:2]).mkdir(parents=True, exist_ok=True)
            (self.folder / wanted[:2] / wanted).touch()

    def prune(self, most: int = _MOST) -> None:
        """Forget the oldest notes until ``most`` are left."""
        with contextlib.suppress(OSError):
            notes = sorted(self.folder.glob("??/*"), key=lambda note: note.stat().st_mtime)
            for old in notes[: max(0, len(notes) - most)]:
                old.unlink()
