"""Read the environments of edgetest: the project as it is, then some of its dependencies at the newest or lowest."""

import configparser
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.declare.pyproject import Table, strings, table
from knowngood.declare.toml import LineIndex
from knowngood.errors import UsageError
from knowngood.project.importing import probing, pythons
from knowngood.project.importing.parts import Cell, Imported, Line, Remarks, Source

_CONDA = ("conda_install", "conda_requirements")


def read_pyproject(source: Source, parsed: Table) -> Imported | None:
    """Return a cell for each environment of a pyproject.toml; None when it has none."""
    settings = table(parsed, "edgetest")
    if not table(settings, "envs"):
        return None
    index = LineIndex(source.text)
    project = table(parsed, "project")
    optional = table(project, "optional-dependencies")
    required = (*strings(project, "dependencies"), *(line for extra in optional for line in strings(optional, extra)))
    lines = {name: index.line(("edgetest", "envs", name)) for name in table(settings, "envs")}
    return _Edgetest(source, settings, required, lines).read()


def read_cfg(source: Source) -> Imported:
    """Return the same for a ``setup.cfg``. Raises ``UsageError``: it cannot be read."""
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(source.text)
    except (configparser.Error, ValueError) as error:
        cause = " ".join(str(error).split())[:200]
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again") from error
    envs: dict[str, Mapping[str, str]] = {}
    lines: dict[str, int] = {}
    for number, row in enumerate(source.text.splitlines(), start=1):
        if match := re.match(r"\[edgetest\.envs\.([^\]]+)\]", row):
            envs[match[1]] = dict(parser.items(f"edgetest.envs.{match[1]}"))
            lines[match[1]] = number
    common = dict(parser.items("edgetest")) if parser.has_section("edgetest") else {}
    required = parser.get("options", "install_requires", fallback="").split("\n")
    return _Edgetest(source, {**common, "envs": envs}, tuple(required), lines).read()


class _Edgetest:
    def __init__(self, source: Source, settings: Table, required: tuple[str, ...], lines: Mapping[str, int]) -> None:
        self._source = source
        self._settings = settings
        self._required = required
        self._lines = lines
        self._remarks = Remarks()

    def read(self) -> Imported:
        envs = table(self._settings, "envs")
        cells = tuple(self._cell(name, table(envs, name)) for name in envs)
        return Imported(cells=cells, remarks=self._remarks.all())

    def _cell(self, name: str, env: Table) -> Cell:
        settings = {**{key: value for key, value in self._settings.items() if key != "envs"}, **env}
        at = self._lines.get(name, 0)
        folder = posixpath.normpath(
            posixpath.join(posixpath.dirname(self._source.path), str(settings.get("package_dir", ".")))
        )
        extras = ",".join(_listed(settings.get("extras")))
        project = ("." if folder == "." else f"./{folder}") + (f"[{extras}]" if extras else "")
        first = [Line(project, at), *(Line(text, at) for text in _listed(settings.get("deps"), at_commas=False))]
        steps = [tuple(first)]
        if upgraded := _listed(settings.get("upgrade"), at_commas=False):
            steps.append(tuple(Line(text, at) for text in ("--upgrade", *upgraded)))
        if lowered := tuple(self._lowered(_listed(settings.get("lower"), at_commas=False), at)):
            steps.append(lowered)
        for key in _CONDA:
            if packages := _listed(settings.get(key)):
                what = f"{key}: conda packages cannot be in a matrix: {', '.join(packages)}"
                self._remarks.add(at, what)
        python = pythons.named(str(settings.get("python_version", "")))
        command = str(settings.get("command", "pytest"))
        try:
            probe = probing.probe(shlex.split(command))
        except ValueError:
            probe = None
        if probe is None:
            self._remarks.add(at, f"the command {command[:80]!r} is not read")
        return Cell(name=name, steps=tuple(steps), python=python, probes=(probe,) if probe is not None else ())

    def _lowered(self, packages: list[str], at: int) -> Iterator[Line]:
        """Yield the lowest version that the project declares of each package."""
        bounds: dict[str, str] = {}
        for text in self._required:
            try:
                requirement = Requirement(text.strip())
            except InvalidRequirement:
                continue
            for bound in requirement.specifier:
                if bound.operator in (">=", "==", "~="):
                    bounds.setdefault(canonicalize_name(requirement.name), bound.version)
        for package in packages:
            version = bounds.get(canonicalize_name(package.partition("[")[0]))
            if version is None:
                self._remarks.add(at, f"{package} is left out: the project states no lower bound of it")
            else:
                yield Line(f"{package}=={version}", at)


def _listed(value: Any, *, at_commas: bool = True) -> list[str]:
    """Return the items of a list, or of the lines of a text; extras may be joined by commas as well."""
    items = value if isinstance(value, list) else str(value).splitlines() if isinstance(value, str) else []
    parts = (part for item in items for part in (str(item).split(",") if at_commas else [str(item)]))
    return [part.strip() for part in parts if part.strip()]
