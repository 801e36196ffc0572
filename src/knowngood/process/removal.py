"""Has folders deleted by ``remover.py``, so that nobody waits while tens of thousands of files go."""

import contextlib
import os
import threading
from pathlib import Path

from knowngood.process.supervisors import Spawned, hang_up, start


class Remover:
    """Deletes folders in a process of its own.

    It goes on when the harness is done, for as long as that takes. What it could not delete stays.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Spawned | None = None

    def remove(self, folder: Path) -> None:
        """Have ``folder`` deleted. Returns at once, unless hundreds wait already."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is None:
                self._process = start("remover.py")
            assert self._process.stdin is not None
            self._process.stdin.write(os.fsencode(folder) + b"\0")

    def close(self, *, wait: bool = True) -> None:
        """Say that nothing more will come; with ``wait`` return when everything is gone."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdout is not None
        hang_up(process)
        process.wait()
        if wait:
            process.stdout.read()
        process.stdout.close()
