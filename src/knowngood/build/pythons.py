"""Find the interpreter that a combo asks for."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from python_discovery import get_interpreter


def find(asked: str, *, outside: Mapping[str, str]) -> Path | None:
    """Return the base interpreter for ``asked`` (``3.11`` or ``3.11.7``), or None when this machine has none.

    ``outside`` is the environment of the harness; its ``PATH`` is searched, and before it the versions that pyenv
    keeps: its shims answer only for versions that are switched on.
    """
    root = Path(outside.get("PYENV_ROOT", "") or Path(outside.get("HOME", "/")) / ".pyenv")
    return _find(asked, str(root), outside.get("PATH", os.defpath))


@lru_cache
def _find(asked: str, pyenv_root: str, path: str) -> Path | None:
    kept = sorted((Path(pyenv_root) / "versions").glob("*/bin"), key=_version, reverse=True)
    search = os.pathsep.join([*map(str, kept), path])
    found = get_interpreter(asked, env={"PATH": search})
    # An alternative build (free-threaded, PyPy) is another subject than the one that was asked for.
    if found is None or found.system_executable is None or found.implementation != "CPython":
        return None
    return Path(found.system_executable)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())
