"""Finds the processes of a test among all that run: they carry a mark in their environment."""

import time
from contextlib import suppress
from pathlib import Path


def living(mark: str) -> list[int]:
    """Return the pids of all processes that have ``mark`` in their environment; those that ended but wait are not."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
    return found


def wait_for(mark: str, count: int, *, within: float) -> list[int]:
    """Wait until ``count`` processes with ``mark`` run, for up to ``within`` seconds, and return those that do."""
    deadline = time.monotonic() + within
    while len(found := living(mark)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
