"""Digest what a script probe read, and find out later whether it is still the same."""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from knowngood.model.recorded import CHANGED

EXISTS = "exists"
_NAMES = "names:"
_NOT_NAMES = frozenset({"__pycache__", ".knowngood"})
"""Names in a folder that appear because a probe runs."""


def look(record: Mapping[str, Any], project: Path) -> tuple[str, str | None]:
    """Return the path of a record ``read``, relative to ``project`` if it is inside, and what was read there.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` for a record that breaks the contract.
    """
    path = Path(str(record["path"]))
    name = str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
    match record["found"]:
        case "absent":
            return name, None if not os.path.lexists(path) else CHANGED
        case "exists":
            return name, EXISTS
        case "names":
            names = _digest_of_names(str(listed) for listed in record["names"])
            return name, names if names == _names(path) else CHANGED
        case "file":
            found = _stat(path)
            if found is None or (found.st_size, found.st_mtime_ns) != (int(record["size"]), int(record["mtime"])):
                return name, CHANGED
            return name, _file(path) or CHANGED
        case _:  # a pipe, a socket, a folder with thousands of names
            return name, CHANGED


def still(reads: Mapping[str, str | None], project: Path) -> bool:
    """Return whether every path, relative to ``project``, holds what was read there."""
    return all(_is(project / path, was) for path, was in reads.items())


def _is(path: Path, was: str | None) -> bool:
    if was is None:
        return not os.path.lexists(path)
    if was == EXISTS:
        return path.exists()
    if was.startswith(_NAMES):
        return _names(path) == was
    return was != CHANGED and _file(path) == was


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _file(path: Path) -> str | None:
    """Return the SHA-256 of a file; None for anything that is not one, such as a pipe, which would never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _names(path: Path) -> str | None:
    try:
        return _digest_of_names(entry.name for entry in path.iterdir())
    except (OSError, ValueError):
        return None


def _digest_of_names(names: Iterable[str]) -> str:
    kept = sorted(name for name in names if name not in _NOT_NAMES)
    return _NAMES + hashlib.sha256("\0".join(kept).encode("utf-8", "surrogateescape")).hexdigest()
