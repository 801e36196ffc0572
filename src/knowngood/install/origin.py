"""Describe what a source is built from, a folder of a snapshot or a file that the user built, and how.

How it is built is read from its files: its name, what its build requires, and what its version is derived from.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterable
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from packaging.utils import canonicalize_name

from knowngood import packages

_DEFAULT = ("setuptools>=40.8.0",)
"""What PEP 518 says a project without a ``[build-system]`` table requires."""
_NAME = re.compile(r"""\bname\s*=\s*["'](?P<name>[A-Za-z0-9][\w.-]*)["']""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """How a project is built."""

    name: str
    """Canonical; that of its folder when no file says another."""
    requires: tuple[str, ...]
    """``[build-system] requires``, without what a ``[tool.uv.sources]`` takes from another place."""
    constraints: tuple[str, ...] = ()
    """``[tool.uv] build-constraint-dependencies``."""
    reads_git: bool = True
    """Whether its version may be read from the tags and the commit of its repository."""


def read_backend(folder: Path) -> Backend:
    """Return how the project in ``folder`` is built. What cannot be read counts as absent: its build will say so."""
    pyproject = _toml(folder / "pyproject.toml")
    project, tool = _table(pyproject, "project"), _table(pyproject, "tool")
    uv = _table(tool, "uv")
    elsewhere = {canonicalize_name(name) for name in _table(uv, "sources")}
    requires = _texts(_table(pyproject, "build-system"), "requires") if "build-system" in pyproject else _DEFAULT
    name = project.get("name") or _table(tool, "poetry").get("name") or _legacy_name(folder) or folder.resolve().name
    return Backend(
        name=canonicalize_name(str(name)),
        requires=tuple(text for text in requires if not elsewhere.intersection(packages.names([text]))),
        constraints=_texts(uv, "build-constraint-dependencies"),
        reads_git="version" not in project or (folder / "setup.py").exists(),
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name)
    return value if isinstance(value, dict) else {}


def _texts(table: dict[str, Any], name: str) -> tuple[str, ...]:
    value = table.get(name)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _legacy_name(folder: Path) -> str | None:
    """Return the name that ``setup.cfg`` or ``setup.py`` gives, as far as it is written there as it is."""
    setup = ConfigParser(interpolation=None)
    try:
        setup.read(folder / "setup.cfg", encoding="utf-8")
        if name := setup.get("metadata", "name", fallback=""):
            return name
        match = _NAME.search((folder / "setup.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, ConfigError):
        return None
    return match["name"] if match else None


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
        self.backend = read_backend(inside or path)
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
