"""Read the files that a matrix file names. Each is part of what the matrix declares, so all of them are remembered."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from knowngood.declare.problems import WrongValueError, shown


class Files(Protocol):
    """The files of a project. Paths have forward slashes and are relative to its folder, which ``..`` may leave."""

    def read(self, path: str) -> str | None:
        """Return the text of a file; None when it does not exist. Raises ``OSError`` when it cannot be read."""
        ...

    def has_file(self, path: str) -> bool:
        """Return whether there is such a file."""
        ...

    def has_folder(self, path: str) -> bool:
        """Return whether there is such a folder."""
        ...

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that match a glob, sorted."""
        ...


class ProjectFiles:
    """The files of the project ``folder`` that one matrix file names; each is read once."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._texts: dict[str, str | WrongValueError | None] = {}

    @property
    def texts(self) -> Mapping[str, str]:
        """Path -> text of every file that was read so far."""
        return {path: text for path, text in self._texts.items() if isinstance(text, str)}

    def read(self, path: str) -> str | None:
        """Return the text of a file; None when it does not exist.

        Raises ``WrongValueError`` when it cannot be read.
        """
        path = posixpath.normpath(path)
        if path not in self._texts:
            try:
                self._texts[path] = self._files.read(path)
            except (OSError, ValueError) as error:
                self._texts[path] = WrongValueError(f"cannot read {shown(path)}: {error}")
        text = self._texts[path]
        if isinstance(text, WrongValueError):
            raise text
        return text

    def has_file(self, path: str) -> bool:
        """Return whether there is such a file."""
        return self._files.has_file(posixpath.normpath(path))

    def has_folder(self, path: str) -> bool:
        """Return whether there is such a folder."""
        return self._files.has_folder(posixpath.normpath(path))

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that match a glob, sorted."""
        return self._files.matching(pattern)

    def place(self, path: str, folder: str = "") -> str:
        """Return the path of a file, given one that is absolute, or relative to ``folder`` of the project."""
        if path.startswith("/"):
            path = posixpath.relpath(path, self._folder.as_posix())
        else:
            path = posixpath.join(folder, path)
        return posixpath.normpath(path)

    def absolute(self, path: str) -> str:
        """Return the absolute path of a file of the project."""
        return posixpath.normpath(posixpath.join(self._folder.as_posix(), path))
