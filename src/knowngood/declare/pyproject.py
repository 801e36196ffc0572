"""Read what a project on this machine states before it is built: its name, extras and groups, and ``[tool.uv]``."""

import configparser
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomli
from packaging.dependency_groups import resolve_dependency_groups
from packaging.utils import canonicalize_name

from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.problems import WrongValueError, did_you_mean, listing, shown

_HIGHEST = 10  # folders above a project in which its workspace is looked for

Table = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pyproject:
    """What a project states before it is built. What only its build can say is None."""

    folder: str
    """Relative to the folder of the matrix's project."""
    name: str | None
    """Canonical."""
    dependencies: tuple[str, ...] | None
    extras: Mapping[str, tuple[str, ...]] | None
    """Canonical name -> requirements."""
    groups: Mapping[str, Any]
    """Canonical name -> entries as PEP 735 has them."""
    poetry_groups: tuple[str, ...]
    uv: Table
    """``[tool.uv]``."""
    builds: bool
    """Whether there is something to build."""
    has_backend: bool
    """Whether it says how it is built."""

    @property
    def file(self) -> str:
        """The path of its pyproject.toml."""
        return posixpath.normpath(posixpath.join(self.folder, "pyproject.toml"))

    def check_extras(self, extras: tuple[str, ...]) -> None:
        """Raise ``WrongValueError`` for an extra that the project certainly does not have."""
        for extra in extras:
            if self.extras is not None and extra not in self.extras:
                otherwise = listing(self.extras) if self.extras else f"{self.file} declares no extras"
                if canonicalize_name(extra) in self.groups:
                    otherwise = f"it is a group of [dependency-groups]: write --group {extra}, or groups of [project]"
                what = f"{self.name or shown(self.folder)} has no extra {shown(extra)}"
                raise WrongValueError(what, did_you_mean(extra, self.extras, otherwise))

    def group(self, name: str) -> tuple[str, ...]:
        """Return the requirements of a group, those that it includes among them.

        Raises ``WrongValueError`` when there is no such group, or when it is not what PEP 735 says.
        """
        group = canonicalize_name(name)
        if group not in self.groups:
            if group in self.poetry_groups:
                hint = "only Poetry can read that: repeat it in [dependency-groups], or list its packages in a step"
                raise WrongValueError(f"{self.file} has {shown(name)} in [tool.poetry.group] only", hint)
            otherwise = listing(self.groups) if self.groups else "declare it in [dependency-groups]"
            if group in (self.extras or ()):
                otherwise = f"it is an extra: write .[{group}], or extras of [project]"
            raise WrongValueError(
                f"{self.file} has no group {shown(name)}", did_you_mean(group, self.groups, otherwise)
            )
        try:
            return resolve_dependency_groups(self.groups, group)
        except* (ValueError, TypeError, LookupError, RecursionError) as errors:
            cause = _first(errors)
        raise WrongValueError(f"{self.file}: invalid group {shown(name)}: {cause}", "follow PEP 735")

    def all_dependencies(self, extras: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
        """Yield what the project requires with ``extras``, each with the extra that it comes from.

        Nothing is yielded for a project whose dependencies only its build knows.
        """
        yield from ((requirement, None) for requirement in self.dependencies or ())
        for extra in extras:
            yield from ((requirement, extra) for requirement in (self.extras or {}).get(extra, ()))


class Pyprojects:
    """The projects that a matrix names; each is read once."""

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files
        self._read: dict[str, Pyproject] = {}

    def read(self, folder: str) -> Pyproject:
        """Return what the project in a folder states. Raises ``WrongValueError`` when it cannot be read."""
        if folder not in self._read:
            self._read[folder] = self._project(folder)
        return self._read[folder]

    def workspace(self, project: Pyproject) -> Pyproject:
        """Return the root of the uv workspace that a project is a member of; itself when there is none."""
        if "workspace" in project.uv:
            return project
        folder = project.folder
        for _ in range(_HIGHEST):
            if self._files.has_folder(posixpath.join(folder, ".git")) or self._files.absolute(folder) == "/":
                break
            folder = posixpath.normpath(posixpath.join(folder, ".."))
            if self._files.has_file(posixpath.join(folder, "pyproject.toml")):
                root = self.read(folder)
                if "workspace" in root.uv and project.folder in self._folders(root):
                    return root
        return project

    def members(self, root: Pyproject) -> dict[str, Pyproject]:
        """Return the members of a workspace by name, its root among them."""
        projects = [root, *map(self.read, self._folders(root))]
        return {project.name: project for project in projects if project.name is not None}

    def above(self) -> str:
        """Return the nearest folder with a project, from that of the matrix upwards."""
        folder = "."
        for _ in range(_HIGHEST):
            if any(self._files.has_file(posixpath.join(folder, name)) for name in ("pyproject.toml", "setup.py")):
                return folder
            if self._files.has_folder(posixpath.join(folder, ".git")) or self._files.absolute(folder) == "/":
                break
            folder = posixpath.normpath(posixpath.join(folder, ".."))
        return "."

    def _folders(self, root: Pyproject) -> tuple[str, ...]:
        workspace = root.uv.get("workspace")
        members, excluded = (
            {
                place
                for pattern in strings(workspace, key)
                for place in self._files.matching(posixpath.normpath(posixpath.join(root.folder, pattern)))
            }
            for key in ("members", "exclude")
        )
        return tuple(
            place
            for place in sorted(members - excluded)
            if self._files.has_file(posixpath.join(place, "pyproject.toml"))
        )

    def _project(self, folder: str) -> Pyproject:
        path = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
        text = self._files.read(path)
        raw: Table = {}
        if text is not None:
            try:
                raw = tomli.loads(text.removeprefix("\ufeff"))
            except (tomli.TOMLDecodeError, RecursionError) as error:
                raise WrongValueError(f"{path} is not valid TOML: {str(error)[:200]}") from None
        has_setup = self._files.has_file(posixpath.join(folder, "setup.py"))
        tool = table(raw, "tool")
        declared, poetry = table(raw, "project"), table(tool, "poetry")
        dynamic = strings(declared, "dynamic") if declared else ("dependencies", "optional-dependencies")
        name = declared.get("name") or poetry.get("name") or self._setup_name(folder)
        groups = dict(table(raw, "dependency-groups"))
        uv = table(tool, "uv")
        if "dev-dependencies" in uv:  # what uv had before PEP 735
            groups["dev"] = [*(groups.get("dev") or ()), *strings(uv, "dev-dependencies")]
        return Pyproject(
            folder=folder,
            name=canonicalize_name(name) if isinstance(name, str) else None,
            dependencies=None if "dependencies" in dynamic else strings(declared, "dependencies"),
            extras=_extras(declared, poetry, dynamic),
            groups={canonicalize_name(group): entries for group, entries in groups.items()},
            poetry_groups=tuple(map(canonicalize_name, table(poetry, "group"))),
            uv=uv,
            builds=has_setup or bool(declared or poetry or "build-system" in raw),
            has_backend=has_setup or "build-system" in raw,
        )

    def _setup_name(self, folder: str) -> str | None:
        """Return the name that setup.cfg states, if it does."""
        text = self._files.read(posixpath.join(folder, "setup.cfg"))
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(text or "")
        except configparser.Error:
            return None
        return parser.get("metadata", "name", fallback=None)


def _extras(declared: Table, poetry: Table, dynamic: tuple[str, ...]) -> dict[str, tuple[str, ...]] | None:
    if "optional-dependencies" not in dynamic:
        optional = table(declared, "optional-dependencies")
        return {canonicalize_name(extra): strings(optional, extra) for extra in optional}
    if not declared and poetry:
        return {canonicalize_name(extra): () for extra in table(poetry, "extras")}
    return None


def table(raw: object, key: str) -> Table:
    """Return the table ``key`` of ``raw``; empty when there is none."""
    value = raw.get(key) if isinstance(raw, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def strings(raw: object, key: str) -> tuple[str, ...]:
    """Return the strings of the array ``key`` of ``raw``; none when there is none."""
    value = raw.get(key) if isinstance(raw, Mapping) else None
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _first(errors: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).partition("\n")[0][:200]
