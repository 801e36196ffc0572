"""Read from the files of a project how it is built: its name, what its build requires, and what its version is from."""

import re
import tomllib
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def read(folder: Path) -> Backend:
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
