"""Describe what a source is built from: a folder of a snapshot, or a file that the user built."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from packaging.utils import canonicalize_name

from knowngood.install import backend
from knowngood.install.backend import Backend

_NEVER_BUILT = (
    ".github/**",
    "matrices/*.toml",
    *(f"reports/**/*.{suffix}" for suffix in ("html", "json", "md", "svg", "txt", "xml")),
)
"""Files that no build reads: an edited matrix or a published report does not build the project again."""


class SourceTree(Protocol):
    """A snapshot of a project, see ``project.tree.Tree``."""

    @property
    def root(self) -> Path:
        """Its top folder."""
        ...

    @property
    def folder(self) -> Path:
        """The copy of the project's folder."""
        ...

    @property
    def commit(self) -> str | None:
        """The commit that is checked out."""
        ...

    @property
    def dirty(self) -> bool:
        """Whether it has anything that the commit does not."""
        ...

    @property
    def state(self) -> str:
        """Everything that a version read from git depends on."""
        ...

    def digest(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> str:
        """Return what identifies the files that globs select."""
        ...

    def copy(self, target: Path) -> Path:
        """Copy it to a new folder, and return the project's folder there."""
        ...


class Origin:
    """What a source is built from: a folder of a snapshot, or a file."""

    def __init__(self, path: Path, tree: SourceTree | None = None, inside: Path | None = None) -> None:
        """Describe the folder ``inside`` of a snapshot, which is a copy of ``path``; or the file ``path``."""
        self.path = path
        self._tree = tree
        self._below = os.path.relpath(inside or path, tree.folder) if tree is not None else "."
        if tree is None:
            self.backend = Backend(name=_stem(path), requires=())
            self.digest, self.state, self.commit, self.dirty = _digest(path), "", None, False
            return
        self.backend = backend.read(inside or path)
        whole = tree.digest(("**", "../**"), _NEVER_BUILT)
        # Two projects of one repository have the same tree.
        self.digest = whole if self._below == "." else key([whole, self._below])
        self.state, self.commit, self.dirty = tree.state, tree.commit, tree.dirty

    def copy(self, target: Path) -> Path:
        """Copy the snapshot to ``target`` and return the folder to build; a file is built where it is."""
        if self._tree is None:
            return self.path
        return Path(os.path.normpath(self._tree.copy(target) / self._below))


def key(ingredients: Iterable[object]) -> str:
    """Return what identifies ``ingredients``, values that JSON can hold: a SHA-256."""
    return hashlib.sha256(json.dumps(list(ingredients)).encode()).hexdigest()


def _digest(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _stem(path: Path) -> str:
    """Return the canonical name of the project that a file is named after."""
    return canonicalize_name(re.split(r"-\d", path.name, maxsplit=1)[0])
