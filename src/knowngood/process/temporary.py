"""Give what runs for a while a folder with a short path, and remove those of runs that were killed.

The path of a Unix-domain socket has room for about 100 bytes, and programs put sockets into their temporary folder and
their home. A folder below the run's would be too deep for that, so these are in the temporary folder of the system.
Each is locked by the process that made it. The lock ends with the process, so a later run sees which folders nobody
uses.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from knowngood.process.remover import remove_tree

_PREFIX = "kg-"
_LONGEST = 60
"""Characters of the system's temporary folder, so that the path of a socket some folders below fits."""


@contextmanager
def short_folder(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield a new, empty folder with a short path that only this user may enter, and remove it afterwards.

    ``environ`` has the variable ``TMPDIR``, which counts unless its path is too long.
    """
    folder, lock = _make(_parents(environ))
    try:
        yield folder
    finally:
        remove_tree(folder)
        os.close(lock)


def remove_leftovers(environ: Mapping[str, str]) -> None:
    """Remove the short folders of processes of this user that were killed."""
    entries: list[Path] = []
    for parent in _parents(environ):
        with contextlib.suppress(OSError):
            entries += parent.glob(f"{_PREFIX}*")
    for folder in entries:
        lock = _lock(folder)
        if lock is not None:
            remove_tree(folder)
            os.close(lock)


def system_folder() -> Path:
    """Return the temporary folder of the system.

    Python finds none on a full disk. Then it is ``/tmp``, and what writes there fails because the disk is full.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        tempfile.tempdir = "/tmp"
        return Path(tempfile.tempdir)


def _parents(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where the folders may be, the best first; one with a long path is better than none."""
    system = str(system_folder())
    paths = dict.fromkeys(Path(name).resolve() for name in (environ.get("TMPDIR") or system, system, "/tmp"))
    return tuple(sorted(paths, key=lambda path: len(str(path)) > _LONGEST))


def _make(parents: Sequence[Path]) -> tuple[Path, int]:
    """Make a folder in the first of ``parents`` that takes one. Raises ``OSError`` of the last if none does."""
    while True:
        folder = _new(parents)
        lock = _lock(folder)
        # Another run may have taken the folder for a leftover before it was locked.
        if lock is not None:
            return folder, lock


def _new(parents: Sequence[Path]) -> Path:
    *others, last = parents
    for parent in others:
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))  # its mode is 700
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=last))


def _lock(folder: Path) -> int | None:
    """Lock a folder of this user; return what holds the lock, or None when it is locked, or no such folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours, there = os.fstat(descriptor), os.lstat(folder)
        if ours.st_uid == os.getuid() and (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
