"""Find the interpreters that combos ask for, and what tells their builds apart."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_discovery import DiskCache, get_interpreter


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A base interpreter."""

    path: Path
    build: str
    """What tells it from another build of the same version: what ``sys.version`` says, and how it was configured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreters:
    """Looks each interpreter up once.

    ``outside`` is the environment of the harness: its ``PATH`` is searched, and before it the versions that pyenv
    keeps, whose shims answer only for versions that are switched on. What interpreters say about themselves is kept
    below ``cache`` until their file changes: asking one takes longer than many a resolution.
    """

    outside: Mapping[str, str]
    cache: Path
    _known: dict[str, Interpreter | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, asked: str) -> Interpreter | None:
        """Return the base interpreter for ``asked`` (``3.11`` or ``3.11.7``), or None when this machine has none."""
        with self._lock:
            if asked not in self._known:
                self._known[asked] = self._find(asked)
            return self._known[asked]

    def _find(self, asked: str) -> Interpreter | None:
        root = Path(self.outside.get("PYENV_ROOT", "") or Path(self.outside.get("HOME", "/")) / ".pyenv")
        kept = sorted((root / "versions").glob("*/bin"), key=_version, reverse=True)
        search = os.pathsep.join([*map(str, kept), self.outside.get("PATH", os.defpath)])
        found = get_interpreter(asked, env={"PATH": search}, cache=DiskCache(self.cache))
        # An alternative build (free-threaded, PyPy) is another subject than the one that was asked for.
        if found is None or found.system_executable is None or found.implementation != "CPython":
            return None
        configured = f"debug {found.debug_build}, free-threaded {found.free_threaded}"
        build = " ".join(f"{found.version} {configured} {found.sysconfig_platform}".split())
        return Interpreter(path=Path(found.system_executable), build=build)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())
