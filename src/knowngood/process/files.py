"""Read files that a process under test could have replaced by anything, such as a pipe, and write files atomically."""

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from secrets import token_hex

LARGEST = 2**24
"""Bytes of a file that knowngood wrote itself: what has more was not written by it."""


def open_regular(path: Path | str, *, linked: bool = False) -> BufferedReader:
    """Open a regular file for reading; ``linked``: or a link to one.

    Raises ``OSError`` for anything else, and waits for nothing.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if linked else os.O_NOFOLLOW))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most: int, *, linked: bool = False) -> bytes:
    """Return the first ``most`` bytes of a regular file; nothing for anything else, a link included.

    ``linked``: a link to a regular file counts as one. Installers may link what they install.
    """
    try:
        with open_regular(path, linked=linked) as file:
            return file.read(most)
    except OSError:
        return b""


def read_given(path: Path) -> bytes:
    """Return what is in a file that the user named, up to 256 MiB. Raises ``OSError``, also for a pipe or a device."""
    with open_regular(path, linked=True) as file:
        return file.read(2**28)


def read_text(path: Path, most: int = LARGEST) -> str:
    """Return the text at the beginning of a regular file, or of what a link to one leads to; else an empty text."""
    return read_regular(path, most, linked=True).decode("utf-8", "replace")


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


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to the disk in one go, making folders as needed. Raises ``OSError``: nothing was changed.

    A reader sees the new content or, after a crash or on a full disk, the old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[:100]}.{token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def walk(folder: Path | str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield a folder and each one below it, with the names of the folders and of everything else in it.

    Links are not followed. Folders may be nested deeper than Python can recurse. Those that cannot be read are left
    out, and so are those that the caller removes from the list.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        place = waiting.pop()
        folders: list[str] = []
        others: list[str] = []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
        except OSError:
            continue
        yield place, folders, others
        waiting += [f"{place}/{name}" for name in folders]
