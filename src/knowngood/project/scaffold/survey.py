"""Look at a project as a whole: what it is called, what it installs, its Pythons, its locks and its tests."""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from knowngood.declare.pyproject import strings, table
from knowngood.declare.values import slug
from knowngood.errors import UsageError
from knowngood.project.files import near
from knowngood.project.importing.entry import import_file
from knowngood.project.importing.locks import read_lock
from knowngood.project.importing.parts import Imported
from knowngood.project.scaffold import modules, pythons, testing
from knowngood.project.scaffold.folder import Folder, ini, is_bounded, name_of
from knowngood.project.scaffold.modules import Modules
from knowngood.project.scaffold.pythons import Pythons
from knowngood.project.scaffold.testing import Tests

_LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")
_REQUIREMENTS = ("requirements.txt", "requirements/base.txt", "requirements/main.txt", "requirements/prod.txt")
_SIGNS = ("pyproject.toml", "setup.py", "setup.cfg", "a requirements.txt", "a lock", "a Dockerfile")


class Kind(StrEnum):
    """What is installed of a project in each combo."""

    PACKAGE = "package"
    """The project itself."""
    NEEDS = "needs"
    """What its pyproject.toml lists, since there is nothing to build."""
    FILES = "files"
    """What its requirements files list."""
    IMAGE = "image"
    """What its Dockerfile installs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What init knows about a project."""

    folder: Folder
    name: str
    """The name of the project; it may have any characters."""
    kind: Kind
    modules: Modules
    pythons: Pythons
    tests: Tests | None
    lock: str
    """The file of today's versions; empty when there is none."""
    split: str
    """A lock whose versions depend on which of its groups or extras are chosen, and which is not used."""
    requirements: str
    """The requirements file that says what is installed; empty when a project says that itself."""
    dockerfile: str
    """Empty when there is none."""
    image: Imported | None
    """What the Dockerfile installs, when nothing else says what is installed."""
    sources: str
    """The requirements file that the other was made from; empty when there is none."""
    bounded: tuple[str, ...]
    """The dependencies that state the lowest version that they accept."""
    unbounded: tuple[str, ...]
    """Those that do not."""
    known: bool
    """Whether the dependencies are known before a build."""
    absent: tuple[str, ...]
    """The folders of submodules of git that are not checked out."""

    @property
    def id(self) -> str:
        """The name of its matrix."""
        return slug(self.name) or "matrix"


def look(folder: Path, find: pythons.Finder, obtain: Callable[[tuple[str, ...]], object]) -> Survey:
    """Look at the project in ``folder``. ``find`` and ``obtain`` are those of ``pythons.choose``.

    Raises ``UsageError``: there is no project, only the root of a workspace, or a file that cannot be read.
    """
    seen = Folder(folder)
    _ = seen.pyproject
    _check_tables(seen)
    requirements = _requirements(seen)
    kind = _kind(seen, requirements)
    name = _name(seen)
    if kind is not Kind.PACKAGE and not _says_what(seen, kind, requirements):
        raise _no_project(seen)
    found = modules.find(seen, name)
    dockerfile = next(iter(pythons.dockerfiles(seen)), "")
    dependencies = _dependencies(seen, kind, requirements)
    lines = tuple(line for line in dependencies or () if name_of(line))
    lock = next(filter(seen.has, (*_LOCKS, *seen.matching("pylock.*.toml"))), "")
    split = is_split(seen, lock)
    return Survey(
        folder=seen,
        name=name,
        kind=kind,
        modules=found,
        pythons=pythons.choose(seen, find, obtain),
        tests=testing.find(seen, found, installed=kind is Kind.PACKAGE),
        lock=lock if lock and not split else (requirements if _is_pinned(lines) else ""),
        split=lock if split else "",
        requirements=requirements,
        dockerfile=dockerfile,
        image=import_file(folder / dockerfile, folder) if kind is Kind.IMAGE and dockerfile and not lock else None,
        sources=next(iter(seen.matching(f"{requirements[:-4]}.in")), "") if requirements.endswith(".txt") else "",
        bounded=tuple(line for line in lines if is_bounded(line)),
        unbounded=tuple(dict.fromkeys(name_of(line) for line in lines if not is_bounded(line) and " @ " not in line)),
        known=dependencies is not None,
        absent=tuple(path for path in _submodules(seen) if not seen.paths(f"{path}/*")),
    )


def _submodules(folder: Folder) -> tuple[str, ...]:
    sections = ini(folder.text(".gitmodules")).values()
    return tuple(section["path"] for section in sections if folder.holds(section.get("path", ".")))


def is_split(folder: Folder, lock: str) -> bool:
    """Return whether the versions in a lock depend on an extra or a group, because some of them conflict."""
    try:
        return bool(lock) and any(
            " extra == " in line or "(extra == " in line for line in read_lock(lock, folder.text(lock))
        )
    except UsageError:
        return False


def _kind(folder: Folder, requirements: str) -> Kind:
    if folder.builds:
        return Kind.PACKAGE
    if folder.project or folder.tool("poetry"):
        return Kind.NEEDS
    return Kind.FILES if requirements else Kind.IMAGE


def _says_what(folder: Folder, kind: Kind, requirements: str) -> bool:
    match kind:
        case Kind.PACKAGE:
            return True
        case Kind.NEEDS:
            # A matrix of the root of a workspace that needs nothing would install nothing, and pass.
            return bool(folder.dependencies or requirements or any(map(folder.has, _LOCKS)) or not _members(folder))
        case Kind.FILES:
            return bool(requirements)
        case Kind.IMAGE:
            return bool(pythons.dockerfiles(folder)) or any(map(folder.has, _LOCKS))


def _dependencies(folder: Folder, kind: Kind, requirements: str) -> Sequence[str] | None:
    match kind:
        case Kind.PACKAGE | Kind.NEEDS:
            return folder.dependencies
        case Kind.FILES:
            return testing.closure(folder, requirements)
        case Kind.IMAGE:
            return ()


def _requirements(folder: Folder) -> str:
    files = [name for name in _REQUIREMENTS if folder.has(name)]
    files += [name for name in folder.matching("requirements*.txt", "requirements/*.txt") if name not in files]
    return next(iter(files), "")


def _is_pinned(lines: Sequence[str]) -> bool:
    return bool(lines) and all(re.search(r"(?<![<>!~=])==(?!.*\*)|===| @ ", line) for line in lines)


def _name(folder: Folder) -> str:
    stated = folder.project.get("name") or folder.tool("poetry").get("name")
    stated = stated or folder.setup_cfg.get("metadata", {}).get("name")
    in_setup = re.search(r"\bname\s*=\s*[\"']([^\"']+)[\"']", folder.text("setup.py"))
    return str(stated or (in_setup[1] if in_setup else folder.path.name) or "matrix")


def _check_tables(folder: Folder) -> None:
    """Raise ``UsageError`` for what pyproject.toml has where a table or an array belongs."""
    wrong = ""
    if not isinstance(folder.pyproject.get("project", {}), dict):
        wrong = "project is not a table"
    for key in ("dependencies", "classifiers", "dynamic"):
        if not isinstance(folder.project.get(key, []), list):
            wrong = f"project.{key} is not an array"
    for key in ("name", "requires-python"):
        if not isinstance(folder.project.get(key, ""), str):
            wrong = f"project.{key} is not a string"
    if not isinstance(folder.pyproject.get("dependency-groups", {}), dict):
        wrong = "dependency-groups is not a table"
    if wrong:
        file = near(folder.path / "pyproject.toml")
        raise UsageError(f"{file} cannot be used", cause=wrong, next_step="fix it, and run init again")


def _members(folder: Folder) -> tuple[str, ...]:
    """Return the folders of the members of a workspace of uv; none if the folder is not its root."""
    return tuple(
        posixpath.dirname(path)
        for pattern in strings(table(folder.tool("uv"), "workspace"), "members")
        for path in folder.matching(f"{pattern.strip('/')}/pyproject.toml")
    )


def _no_project(folder: Folder) -> UsageError:
    members = _members(folder)
    members = members or tuple(
        path.rpartition("/")[0]
        for path in folder.matching("*/pyproject.toml", "*/setup.py", "packages/*/pyproject.toml")
    )
    if members:
        return UsageError(
            f"{near(folder.path)} is not a project itself",
            cause=f"there are projects below it: {', '.join(dict.fromkeys(members))}",
            next_step=f"name one: knowngood init {members[0]}",
        )
    above = next(
        (parent for parent in folder.path.parents if any((parent / sign).is_file() for sign in _SIGNS[:3])), None
    )
    return UsageError(
        f"there is no project in {folder.path}",
        cause=f"it has none of: {', '.join(_SIGNS)}",
        next_step=f"name its folder: knowngood init {above or 'FOLDER'}",
    )
