"""Read the files of a folder, write one only when its content changes, and shorten paths."""

import contextlib
import os
from pathlib import Path

from knowngood import atomic
from knowngood.errors import UsageError
from knowngood.project.importing.locks import is_lock, read_lock


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as a whole or not at all; leave a file that holds it already alone.

    Raises ``OSError`` when it cannot be written: the file is then as it was.
    """
    data = text.encode("utf-8")
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    atomic.write(path, data)


def check_writable(folder: Path, *, next_step: str) -> None:
    """Raise ``UsageError`` when no file can be written into ``folder``, which need not exist yet.

    It is asked for before a run begins: hours later it would be too late.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        cause = f"{near(existing)} is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        cause = f"you may not write to {near(existing)}, or its disk is read-only"
    else:
        return
    raise UsageError(f"nothing can be written into {near(folder)}", cause=cause, next_step=next_step)


def near(path: Path) -> str:
    """Return ``path`` as a user in the current folder would type it."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class FolderFiles:
    """The files that matrices of the project in ``folder`` may name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> str | None:
        """Return the text of a file; None when it does not exist. A lock is read as the requirements in it.

        Raises ``OSError`` or ``ValueError`` when it cannot be read.
        """
        file = self._folder / path
        if not file.is_file():
            return None
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        if not is_lock(path):
            return text
        try:
            return "".join(f"{line}\n" for line in read_lock(path, text))
        except UsageError as error:
            raise ValueError(error.cause or error.what) from error

    def has_file(self, path: str) -> bool:
        """Return whether there is such a file."""
        with contextlib.suppress(OSError):  # a name that is too long
            return (self._folder / path).is_file()
        return False

    def has_folder(self, path: str) -> bool:
        """Return whether there is such a folder."""
        with contextlib.suppress(OSError):
            return (self._folder / path).is_dir()
        return False

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that match a glob, sorted."""
        if os.path.normpath(pattern) == ".":  # which glob does not take
            return (".",)
        try:
            matches = [os.path.relpath(path, self._folder) for path in self._folder.glob(pattern)]
        except (OSError, ValueError, NotImplementedError):  # such as **x
            return ()
        return tuple(sorted(matches))
