"""Find the processes of a test among all processes of the machine by a mark in their environment."""

import time
from contextlib import suppress
from pathlib import Path


def living(mark: str) -> list[int]:
    """Return the pids of all running processes that have ``mark`` in their environment; zombies do not count."""
    pids = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in environ.read_bytes():
                pids.append(int(environ.parent.name))
    return pids


def wait_for(mark: str, count: int, *, within: float) -> list[int]:
    """Wait up to ``within`` seconds until ``count`` processes with ``mark`` run; return the pids of all that do."""
    deadline = time.monotonic() + within
    while len(pids := living(mark)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    return pids
