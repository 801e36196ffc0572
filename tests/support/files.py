"""The files of a project in memory."""

import posixpath
from collections.abc import Mapping
from fnmatch import fnmatchcase


class MemoryFiles:
    """The files that a matrix may name, by path relative to its project."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})

    def read(self, path: str) -> str | None:
        return self._texts.get(path)

    def has_file(self, path: str) -> bool:
        return path in self._texts

    def has_folder(self, path: str) -> bool:
        path = posixpath.normpath(path)
        return path == "." or path in self._folders()

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return matching files and folders; unlike in a shell, ``*`` matches a slash as well."""
        return tuple(sorted(path for path in {*self._texts, *self._folders()} if fnmatchcase(path, pattern)))

    def _folders(self) -> set[str]:
        folders = set()
        for path in self._texts:
            while path := posixpath.dirname(path):
                folders.add(path)
        return folders
