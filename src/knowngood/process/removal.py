"""Delete folders in the background, so that a run does not wait while tens of thousands of files are unlinked."""

import contextlib
import os
import threading
from pathlib import Path

from knowngood.process.helpers import Helper


class Remover:
    """Deletes folders in a process of its own, which is started for the first folder.

    The process outlives the harness until everything is deleted. Files that cannot be deleted stay.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._helper: Helper | None = None

    def remove(self, folder: Path) -> None:
        """Queue ``folder`` for deletion. Returns at once, unless hundreds of folders are waiting already."""
        with self._lock, contextlib.suppress(OSError):
            if self._helper is None:
                self._helper = Helper("remover.py")
            self._helper.send(os.fsencode(folder) + b"\0")

    def close(self, *, wait: bool = True) -> None:
        """Accept no more folders; with ``wait``, return when all are deleted."""
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.end(wait_for_children=wait)
