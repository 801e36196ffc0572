"""Read the files of a folder, write one only when its content changes, shorten paths, and match globs.

The globs select files of a project: ``inputs``, and what a snapshot is asked for. ``*`` and ``?`` match within a name,
``**`` matches any folders, and a glob that matches a folder matches all that it holds. Only a glob that begins with
``..`` leaves the project's folder.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from knowngood.errors import UsageError
from knowngood.process.files import read_regular, write_atomically
from knowngood.project.importing.locks import is_lock, read_lock


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as a whole or not at all; leave a file that holds it already alone.

    Raises ``OSError`` when it cannot be written: the file is then as it was.
    """
    data = text.encode("utf-8")
    if read_regular(path, len(data) + 1, linked=True) == data and path.exists():
        return
    write_atomically(path, data)


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


_BELOW = re.compile(r"(?!\.\./).*", re.DOTALL)
"""Any file in the project's folder."""


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that says whether one of ``globs`` matches a path."""
    patterns = [_pattern(glob) for glob in globs]
    return lambda path: any(pattern.fullmatch(path) for pattern in patterns)


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a glob."""
    parts = [part for part in glob.split("/") if part not in ("", ".")]
    if not parts:
        return _BELOW
    # Only a glob that says so leaves the project's folder.
    expression = "" if parts[0] == ".." else r"(?!\.\./)"
    for part in parts[:-1]:
        expression += r"(?:[^/]+/)*" if part == "**" else f"{_name(part)}/"
    return re.compile(expression + (r".+" if parts[-1] == "**" else rf"{_name(parts[-1])}(?:/.*)?"), re.DOTALL)


def _name(glob: str) -> str:
    """Return the regular expression of a glob within one name."""
    tokens = re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|.", glob, re.DOTALL)
    return "".join(map(_token, tokens))


def _token(token: str) -> str:
    if token.startswith("*"):
        return r"[^/]*"
    if token == "?":
        return r"[^/]"
    if len(token) > 1:
        negated = "^" if token.startswith("[!") else ""
        return f"[{negated}{re.escape(token[1 + len(negated) : -1]).replace(chr(92) + '-', '-')}]"
    return re.escape(token)
