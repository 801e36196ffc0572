"""Read a pyproject.toml: the matrices of Hatch and of tox in it, else its dependency groups (PEP 735) and extras."""

import posixpath
import re
from collections.abc import Iterator, Mapping

import tomli
from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import InvalidRequirement, Requirement

from knowngood.declare.pyproject import Table, table
from knowngood.declare.toml import LineIndex
from knowngood.errors import UsageError
from knowngood.project.importing import edgetest, hatch, pythons, tox
from knowngood.project.importing.parts import Cell, Imported, Line, Probe, Remarks, Source


def read(source: Source) -> Imported:
    """Return the cells of a pyproject.toml. Raises ``UsageError``: it cannot be read, or declares nothing."""
    parsed = _parsed(source)
    tool = table(parsed, "tool")
    environments = table(table(tool, "hatch"), "envs")
    parts: list[Imported] = []
    if any(isinstance(each, Mapping) and each.get("matrix") for each in environments.values()) or (
        "hatch-test" in environments
    ):
        parts.append(hatch.read(source, environments, ("tool", "hatch", "envs")))
    if (of_tox := tox.read_pyproject(source, table(tool, "tox"))) is not None:
        parts.append(of_tox)
    if (of_edgetest := edgetest.read_pyproject(source, parsed)) is not None:
        parts.append(of_edgetest)
    if not parts:
        parts.append(_Groups(source, parsed).read())
    return Imported(
        cells=tuple(cell for part in parts for cell in part.cells),
        indexes=tuple(index for part in parts for index in part.indexes),
        remarks=tuple(remark for part in parts for remark in part.remarks),
    )


def read_hatch(source: Source) -> Imported:
    """Return the cells of a hatch.toml. Raises ``UsageError``: it cannot be read."""
    return hatch.read(source, table(_parsed(source), "envs"), ("envs",))


def _parsed(source: Source) -> Table:
    try:
        return tomli.loads(source.text)
    except (ValueError, RecursionError) as error:
        cause = f"it is not TOML: {error}"[:200]
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again") from error


class _Groups:
    def __init__(self, source: Source, parsed: Table) -> None:
        self._source = source
        self._groups = table(parsed, "dependency-groups")
        self._project = table(parsed, "project")
        self._builds = bool(self._project or "build-system" in parsed or table(table(parsed, "tool"), "poetry"))
        self._folder = posixpath.dirname(source.path)
        self._index = LineIndex(source.text)
        self._remarks = Remarks()

    def read(self) -> Imported:
        cells = tuple(self._cells())
        if not cells:
            raise UsageError(
                f"{self._source.path} has neither a project nor dependency groups",
                next_step="name a file that says what is installed",
            )
        return Imported(cells=cells, remarks=self._remarks.all())

    def _cells(self) -> Iterator[Cell]:
        place = f"./{self._folder}" if self._folder else "."
        versions = self._pythons() or (None,)
        for group in self._groups:
            line = self._index.line(("dependency-groups", group))
            name = f"{self._folder}/pyproject.toml:{group}" if self._folder else group
            lines = [Line(f"--group {name}", line)]
            steps = ((Line(place, line), *lines),) if self._builds else (tuple(lines),)
            for python in versions:
                yield Cell(group=group, name=group, steps=steps, python=python, probes=self._probes(group))
        extras = table(self._project, "optional-dependencies")
        for extra in extras if self._builds else ():
            line = self._index.line(("project", "optional-dependencies", extra))
            label = extra if extra not in self._groups else f"extra-{extra}"
            for python in versions:
                yield Cell(name=label, steps=((Line(f"{place}[{extra}]", line),),), python=python)
        if self._builds and not self._groups and not extras:
            for python in versions:
                yield Cell(name="project", steps=((Line(place),),), python=python)

    def _pythons(self) -> tuple[str | None, ...]:
        """Return the Pythons that the project declares: by classifiers, else one that it requires."""
        classifiers = self._project.get("classifiers", [])
        named = [
            match[1]
            for each in (classifiers if isinstance(classifiers, list) else [])
            if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", str(each)))
        ]
        if named:
            return tuple(dict.fromkeys(named))
        pinned = pythons.pinned(self._source.files, self._folder)
        return (pinned or pythons.chosen(str(self._project.get("requires-python", ""))),)

    def _probes(self, group: str) -> tuple[Probe, ...]:
        """Return the tests of the project for a group that brings pytest."""
        try:
            lines = resolve_dependency_groups(self._groups, group)
            names = {Requirement(line).name.lower() for line in lines}
        except* (ValueError, TypeError, LookupError, RecursionError, InvalidRequirement):
            names = set()
        folder = next(
            (name for name in ("tests", "test") if self._source.files.has_folder(posixpath.join(self._folder, name))),
            None,
        )
        if "pytest" not in names or folder is None:
            return ()
        return (Probe(words=(posixpath.join(self._folder, folder),)),)
