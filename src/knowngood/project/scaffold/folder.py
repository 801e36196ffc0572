"""Read the files of a project that has no matrix yet: its pyproject.toml, and the settings of other tools."""

import ast
import configparser
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.declare.pyproject import Table, strings, table
from knowngood.errors import UsageError
from knowngood.project.files import FolderFiles, near
from knowngood.project.importing.literals import UnknownError, dotted, module_scope

_LARGEST = 8 * 2**20
"""Bytes; a larger file is not one that people write."""
_SKIPPED = frozenset({"build", "dist", "node_modules", "site-packages", "venv", "__pycache__"})
_MOST_FILES = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Requires:
    """A list of requirements that a file has under a name."""

    name: str
    """Canonical."""
    lines: tuple[str, ...]

    def has(self, package: str) -> bool:
        """Return whether a package, or a plugin of it, is among them."""
        return any(name == package for name in map(name_of, self.lines))


@dataclass(frozen=True)
class Folder:
    """The folder of a project. Each file is read once, and one that cannot be read counts as empty."""

    path: Path
    _texts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _files(self) -> FolderFiles:
        return FolderFiles(self.path)

    def text(self, name: str) -> str:
        """Return the text of a file; empty when there is none."""
        if name not in self._texts:
            file = self.path / name
            try:
                fits = file.is_file() and file.stat().st_size <= _LARGEST
                self._texts[name] = file.read_text(encoding="utf-8-sig", errors="replace") if fits else ""
            except OSError:
                self._texts[name] = ""
        return self._texts[name]

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return self._files.has_file(name)

    def has_folder(self, name: str) -> bool:
        """Return whether there is such a folder."""
        return self._files.has_folder(name)

    def holds(self, name: str) -> bool:
        """Return whether there is such a file or folder, and it is in this one."""
        inside = not posixpath.isabs(name) and posixpath.normpath(name).split("/")[0] != ".."
        return inside and (self.has(name) or self.has_folder(name))

    def paths(self, *patterns: str) -> tuple[str, ...]:
        """Return the paths of files and folders in this one that match a glob, sorted."""
        paths = {path for pattern in patterns for path in self._files.matching(pattern)}
        return tuple(sorted(filter(self.holds, paths)))

    def matching(self, *patterns: str) -> tuple[str, ...]:
        """Return the paths of files that match a glob, sorted."""
        return tuple(filter(self.has, self.paths(*patterns)))

    def python_files(self, top: str = ".") -> Iterator[Path]:
        """Yield the Python files below a folder, without those that tools keep there."""
        folders, count = [self.path / top], 0
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(folder.iterdir())
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir() and not entry.is_symlink():
                    if entry.name not in _SKIPPED and not entry.name.startswith("."):
                        folders.append(entry)
                elif entry.suffix == ".py" and count < _MOST_FILES:
                    count += 1
                    yield entry

    @cached_property
    def pyproject(self) -> Table:
        """``pyproject.toml``; empty when there is none. Raises ``UsageError`` when it cannot be read."""
        file = self.path / "pyproject.toml"
        try:
            if not file.is_file():
                return {}
            return tomli.loads(file.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            raise UsageError(
                f"{near(file)} cannot be read", cause=str(error), next_step="fix its permissions"
            ) from None
        except UnicodeDecodeError as error:
            cause = f"byte {error.start} is not UTF-8"
            raise UsageError(f"{near(file)} cannot be read", cause=cause, next_step="save it as UTF-8") from None
        except (tomli.TOMLDecodeError, RecursionError) as error:
            raise UsageError(
                f"{near(file)} is not valid TOML", cause=str(error)[:200], next_step="fix it, and run init again"
            ) from None

    @property
    def project(self) -> Table:
        """``[project]``."""
        return table(self.pyproject, "project")

    @cached_property
    def setup_cfg(self) -> Mapping[str, Mapping[str, str]]:
        """The sections of ``setup.cfg``."""
        return ini(self.text("setup.cfg"))

    @cached_property
    def setup_call(self) -> Mapping[str, Any] | None:
        """What ``setup.py`` passes to ``setup()``; None when there is no such call."""
        return keywords(self.text("setup.py"))

    @property
    def builds(self) -> bool:
        """Whether there is something to install: a project with a name, or with a ``setup.py``."""
        poetry = self.tool("poetry")
        if poetry and poetry.get("package-mode") is False:
            return False
        named = bool(self.project or poetry or "metadata" in self.setup_cfg)
        return self.has("setup.py") or "build-system" in self.pyproject or (named and not self.is_virtual)

    @property
    def is_virtual(self) -> bool:
        """Whether uv installs what the project needs, but not the project itself."""
        package = self.tool("uv").get("package")
        return package is False or ("build-system" not in self.pyproject and not self.has("setup.py"))

    def tool(self, name: str) -> Table:
        """Return ``[tool.NAME]``."""
        return table(table(self.pyproject, "tool"), name)

    @property
    def dependencies(self) -> tuple[str, ...] | None:
        """What the project requires; None when only its build knows it."""
        if self.project and "dependencies" not in strings(self.project, "dynamic"):
            return strings(self.project, "dependencies")
        if poetry := self.tool("poetry"):
            return poetry_requirements(table(poetry, "dependencies"))
        listed = table(self.setup_cfg, "options").get("install_requires")
        if self.has("setup.py"):
            call = self.setup_call
            if call is None or ("**" in call and "install_requires" not in call):
                return None
            if "install_requires" in call:
                return requirements(call["install_requires"])
            return requirements(listed or "") if call or listed else None
        return requirements(listed) if listed else None

    @property
    def extras(self) -> tuple[Requires, ...]:
        """The extras of the project, as far as files state them."""
        if self.project:
            optional = table(self.project, "optional-dependencies")
        else:
            optional = {
                name: requirements(text) or () for name, text in table(self.setup_cfg, "options.extras_require").items()
            }
            stated = (self.setup_call or {}).get("extras_require")
            if isinstance(stated, Mapping):
                optional |= {str(name): requirements(lines) or () for name, lines in stated.items()}
            return tuple(Requires(name=canonicalize_name(name), lines=lines) for name, lines in optional.items())
        return tuple(Requires(name=canonicalize_name(name), lines=strings(optional, name)) for name in optional)


def name_of(line: str) -> str:
    """Return the canonical name that a requirement begins with; empty when it has none."""
    try:
        return canonicalize_name(Requirement(line.partition(" #")[0].strip()).name)
    except InvalidRequirement:
        return ""


def is_bounded(line: str) -> bool:
    """Return whether a requirement states the lowest version that it accepts."""
    try:
        return any(bound.operator in (">=", "==", "~=", ">", "===") for bound in Requirement(line).specifier)
    except InvalidRequirement:
        return False


def ini(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of an INI file; none when it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


def poetry_requirements(declared: Table) -> tuple[str, ...]:
    """Return dependencies of Poetry as requirements; those from a path or a repository by their name alone."""
    lines = []
    for name, value in declared.items():
        if name == "python":
            continue
        entries = value if isinstance(value, list) else [value]
        entry = entries[-1] if entries else ""
        details: Table = entry if isinstance(entry, Mapping) else {"version": entry}
        if details.get("optional") is True:
            continue
        extras = ",".join(strings(details, "extras"))
        bounds = poetry_bounds(str(details.get("version", "*")))
        marker = f" ; {details['markers']}" if isinstance(details.get("markers"), str) else ""
        lines.append(f"{name}{f'[{extras}]' if extras else ''}{bounds}{marker}")
    return tuple(lines)


def poetry_bounds(text: str) -> str:
    """Return a constraint of Poetry, such as ``^1.2`` or ``~1.2 || ^2``, as a specifier: its first alternative."""
    bounds = []
    for part in text.partition("||")[0].replace(" ", ",").split(","):
        part = part.strip()
        if not part or part == "*":
            continue
        if part[0] in "^~" and not part.startswith("~="):
            numbers = [int(number) for number in part[1:].split(".") if number.isdigit()]
            if not numbers:
                continue
            fixed = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1) if part[0] == "^" else 0
            fixed = fixed if part[0] == "^" else min(1, len(numbers) - 1)
            ceiling = [*numbers[:fixed], numbers[fixed] + 1]
            bounds += [f">={part[1:]}", f"<{'.'.join(map(str, ceiling))}"]
        elif part[0].isdigit():
            bounds.append(f"=={part}")
        else:
            bounds.append(part)
    return ",".join(bounds)


def keywords(text: str) -> Mapping[str, Any] | None:
    """Return the keywords of the call of ``setup()`` whose values are known; None when there is no such call.

    The value of a keyword that depends on more than the text is None, and so is that of ``**``.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) in ("setup", "setuptools.setup", "core.setup")
    ]
    if not calls:
        return None
    scope = module_scope(tree)
    known: dict[str, Any] = {}
    for keyword in calls[-1].keywords:
        try:
            value = scope.value(keyword.value)
        except UnknownError:
            value = None
        if keyword.arg is not None:
            known[keyword.arg] = value
        elif isinstance(value, Mapping):
            known |= value
        else:
            known["**"] = None
    return known


def requirements(value: object) -> tuple[str, ...] | None:
    """Return a list of requirements, which may also be lines of one text; None when it is neither."""
    lines = value.splitlines() if isinstance(value, str) else value
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        return None
    return tuple(stripped for line in lines if (stripped := line.strip()) and not stripped.startswith("#"))
