"""Write the first matrix of a project: today's versions, the highest, the lowest, and each of its Pythons."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from knowngood.declare.schema import JSON_SCHEMA
from knowngood.declare.values import slug
from knowngood.project.importing.parts import Cell
from knowngood.project.runs import STATE
from knowngood.project.scaffold import testing
from knowngood.project.scaffold.survey import Kind, Survey

_UNLIMITED = 60
"""Requirements that a combo may list; more belong in a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Combo:
    """A combo of the first matrix."""

    id: str
    title: str
    lines: tuple[tuple[str, ...], ...]
    pythons: tuple[str, ...]
    lowest: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What goes into the first matrix, which may leave out parts that cannot be used."""

    survey: Survey
    smoke: str = "smoke"
    """The id of the smoke probe, for a project without tests."""
    uses_lock: bool = True
    uses_needs: bool = True
    """Whether groups, extras and files for the tests are used; else it is pytest alone."""
    uses_uv: bool = True
    """Whether ``[tool.uv]`` of the project counts."""

    def combos(self) -> tuple[Combo, ...]:
        """Return the combos, the most useful first."""
        return tuple(self._combos())

    def _combos(self) -> Iterator[Combo]:
        survey = self.survey
        today = (survey.pythons.today,)
        base = self._base()
        if survey.lock and self.uses_lock:
            lines = self._joined(base, f"{'-r' if survey.kind in _FROM_FILES else '-c'} {survey.lock}")
            yield Combo(id="today", title=f"The versions in {survey.lock}", lines=lines, pythons=today)
        for cell in survey.image.cells if survey.image is not None else ():
            several = len(survey.image.cells) > 1 if survey.image is not None else False
            yield Combo(
                id=slug(f"today-{cell.name}") if several else "today",
                title=f"As in {survey.dockerfile}",
                lines=(*cell_lines(cell), *base),
                pythons=(cell.python,) if cell.python in survey.pythons.chosen else today,
            )
        title = "The newest versions that the project allows"
        if survey.kind in _FROM_FILES:
            wanted, title = self._newest()
        else:
            wanted = base
        if wanted or survey.kind not in _FROM_FILES:
            yield Combo(id="highest", title=title, lines=wanted, pythons=survey.pythons.chosen)
        if self.tries_lowest:
            title = "The oldest versions that the project declares"
            oldest = (survey.pythons.oldest,)
            if survey.kind in _FROM_FILES:
                base = self._joined(base, f"-r {survey.requirements}")
            yield Combo(id="lowest", title=title, lines=base, pythons=oldest, lowest=True)

    @property
    def tries_lowest(self) -> bool:
        """Whether there are lower bounds to try."""
        survey = self.survey
        if survey.kind in _FROM_FILES:
            return bool(survey.bounded) and survey.lock != survey.requirements
        return bool(survey.bounded) or not survey.known

    def text(self) -> str:
        """Return the file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        survey = self.survey
        yield f"#:schema ../{STATE}/{JSON_SCHEMA.name}"
        yield "# The first matrix of this project, written by `knowngood init`. Change it: init never writes"
        yield "# it again. Run it with `knowngood run`: a cell that is red shows what does not work, and why."
        yield ""
        yield "[matrix]"
        yield f"title = {quoted(''.join(filter(str.isprintable, survey.name))[:100])}"
        yield 'timeout = "30m"'
        if survey.pythons.missing:
            yield f"# Also declared, and not installed here: Python {', '.join(survey.pythons.missing)}"
        yield ""
        for number, index in enumerate(survey.image.indexes if survey.image is not None else (), start=1):
            yield f"[index.image-{number}]"
            yield f"url = {quoted(index.url)}"
            if index.packages:
                yield f"packages = {array(index.packages)}"
            yield ""
        yield from self._project()
        yield "[[probe]]"
        if survey.tests is not None:
            yield 'id = "tests"'
            yield f"pytest = {array(survey.tests.arguments)}"
        else:
            yield f"id = {quoted(self.smoke)}"
            yield f"path = {quoted(f'probes/{self.smoke}.py')}"
        for combo in self.combos():
            yield ""
            yield "[[combo]]"
            yield f"id = {quoted(combo.id)}"
            yield f"title = {quoted(combo.title)}"
            if combo.lines:
                yield f"steps = [{', '.join(array(step) for step in combo.lines)}]"
            if combo.lowest:
                yield 'resolution = "lowest-direct"'
            yield f"python = {array(combo.pythons) if len(combo.pythons) > 1 else quoted(combo.pythons[0])}"

    def _project(self) -> Iterator[str]:
        survey, tests = self.survey, self.survey.tests
        if survey.kind in _FROM_FILES or _inline(survey):
            return
        yield "[project]"
        if tests is not None and self.uses_needs:
            if tests.needs.extras:
                yield f"extras = {array(tests.needs.extras)}"
            if tests.needs.groups:
                yield f"groups = {array(tests.needs.groups)}"
        if tests is not None and tests.editable and survey.kind is Kind.PACKAGE:
            yield "editable = true # its tests import it from its own folder"
        if not self.uses_uv:
            yield "tool-uv = false # knowngood does not have all of its settings"
        yield ""

    def _base(self) -> tuple[tuple[str, ...], ...]:
        """Return the steps that all combos have: what the tests need, and what is not installed with the project."""
        survey, tests = self.survey, self.survey.tests
        lines: tuple[str, ...] = ()
        if _inline(survey):
            lines += tuple(survey.folder.dependencies or ())
        if tests is not None:
            lines += tests.needs.lines if self.uses_needs else ("pytest",)
            if survey.kind in _FROM_FILES and self.uses_needs:
                lines += tuple(f"--group {group}" for group in tests.needs.groups)
        return (lines,) if lines else ()

    def _joined(self, base: tuple[tuple[str, ...], ...], line: str) -> tuple[tuple[str, ...], ...]:
        return ((line, *(entry for step in base for entry in step if entry != line)),)

    def _newest(self) -> tuple[tuple[tuple[str, ...], ...], str]:
        """Return the steps of the newest versions for what files list, and their title."""
        survey = self.survey
        if survey.sources:
            return self._joined(
                self._base(), f"-r {survey.sources}"
            ), f"The newest versions that {survey.sources} allows"
        if survey.requirements and survey.lock != survey.requirements:
            title = f"The newest versions that {survey.requirements} allows"
            return self._joined(self._base(), f"-r {survey.requirements}"), title
        lines = testing.closure(survey.folder, survey.requirements) if survey.requirements else ()
        if not lines:
            cells = survey.image.cells[:1] if survey.image is not None else ()
            lines = tuple(line for cell in cells for step in cell_lines(cell) for line in step)
        names = tuple(filter(None, map(_without_version, lines)))[:_UNLIMITED]
        if not names:
            return (), ""
        entries = tuple(line for step in self._base() for line in step)
        return ((*names, *entries),), "What an upgrade of everything would install"


_FROM_FILES = (Kind.FILES, Kind.IMAGE)


def _inline(survey: Survey) -> bool:
    """Return whether the matrix lists what the project needs, because only Poetry can read that."""
    return survey.kind is Kind.NEEDS and not survey.folder.project


def cell_lines(cell: Cell) -> tuple[tuple[str, ...], ...]:
    """Return the lines of the steps that a Dockerfile has."""
    return tuple(tuple(line.text for line in step) for step in cell.steps)


def _without_version(line: str) -> str:
    """Return a requirement without its versions; empty for anything else."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return ""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{marker}"


def quoted(text: str) -> str:
    """Return a TOML string."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def array(texts: Sequence[str]) -> str:
    """Return a TOML array of strings."""
    return f"[{', '.join(map(quoted, texts))}]"
