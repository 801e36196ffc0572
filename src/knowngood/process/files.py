"""Read files that a process under test could have replaced by anything: a pipe, a link, a file without end."""

import os
import stat
from pathlib import Path

LARGEST = 2**24
"""Bytes of a file that knowngood wrote itself: what has more was not written by it."""


def read_regular(path: Path, most: int) -> bytes:
    """Return the first ``most`` bytes of a regular file; nothing for anything else, a link included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def read_end(path: Path, most: int) -> bytes:
    """Return the last ``most`` bytes of a regular file; nothing for anything else, a link included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        state = os.fstat(descriptor)
        return os.pread(descriptor, most, max(0, state.st_size - most)) if stat.S_ISREG(state.st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def is_regular(path: Path) -> bool:
    """Return whether ``path`` is a regular file itself, not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
