"""Find the interpreters of this machine, and describe their builds."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_discovery import DiskCache, PythonInfo, get_interpreter
from uv import find_uv_bin

from knowngood import packages
from knowngood.process import answer_of

_PATIENCE = 20.0  # seconds for uv to look for an interpreter


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A base interpreter."""

    path: Path
    build: str
    """What distinguishes it from another build of the same version: ``sys.version``, and how it was configured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreters:
    """Finds each interpreter once.

    ``outside`` is the environment of the harness. Its ``PATH`` is searched after the versions that pyenv keeps, because
    pyenv's shims only work for versions that are switched on. The folder ``cache`` keeps the description of each
    interpreter until its file changes: starting one takes longer than many resolutions.
    """

    outside: Mapping[str, str]
    cache: Path
    _known: dict[str, Interpreter | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, version: str) -> Interpreter | None:
        """Return the base interpreter of ``version``, such as ``3.11``, ``3.11.7``, ``3.13t`` or ``pypy3.10``.

        None when this machine has none.
        """
        with self._lock:
            if version not in self._known:
                self._known[version] = self._find(version)
            return self._known[version]

    def absence(self, version: str) -> str:
        """Return in one line that this machine has no Python of ``version``, where it was looked for, and what to do.

        What uv offers to install is a list that is part of it, so this needs no network.
        """
        wanted = packages.python(version)
        title = f"PyPy {wanted.version}" if wanted.pypy else f"Python {version}"
        what = f"this machine has no {title}: it is not on PATH, and neither pyenv nor uv has it"
        command = (
            find_uv_bin(),
            "python",
            "list",
            "--only-downloads",
            "--output-format",
            "json",
            "--no-config",
            version,
        )
        if answer_of(command, env=self.outside, timeout=_PATIENCE).strip() == "[]":
            return f"{what}; uv cannot install it either: name another Python, or get it in another way and run again"
        return f"{what}; install it (uv python install {version}) and run again"

    def _find(self, version: str) -> Interpreter | None:
        root = Path(self.outside.get("PYENV_ROOT", "") or Path(self.outside.get("HOME", "/")) / ".pyenv")
        folders = sorted((root / "versions").glob("*/bin"), key=_version, reverse=True)
        search = os.pathsep.join([*map(str, folders), self.outside.get("PATH", os.defpath)])
        cache = DiskCache(self.cache)
        info = get_interpreter(version, env={"PATH": search}, cache=cache)
        if not _is(info, version):
            # Those that uv manages are on no PATH.
            command = [find_uv_bin(), "python", "find", "--no-python-downloads", "--no-project", "--no-config", version]
            path = answer_of(command, env=self.outside, timeout=_PATIENCE).strip()
            info = get_interpreter(path, env={"PATH": search}, cache=cache) if path else None
        if info is None or info.system_executable is None or not _is(info, version):
            return None
        configured = f"debug {info.debug_build}, free-threaded {info.free_threaded}"
        build = " ".join(f"{info.version} {configured} {info.sysconfig_platform}".split())
        return Interpreter(path=Path(info.system_executable), build=build)


def _is(info: PythonInfo | None, version: str) -> bool:
    """Return whether an interpreter is what a combo asks for: PyPy, or a CPython without the lock, only by name."""
    wanted = packages.python(version)
    return (
        info is not None
        and info.implementation == ("PyPy" if wanted.pypy else "CPython")
        and bool(info.free_threaded) == wanted.free_threaded
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())
