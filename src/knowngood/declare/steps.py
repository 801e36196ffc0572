"""Put the steps of a combo together: what its lines ask for, and the project that ``[project]`` adds to the first."""

from dataclasses import dataclass

from knowngood import packages
from knowngood.declare.asked import Asked, together
from knowngood.declare.lines import Lines
from knowngood.declare.options import ONLY_PIP, ONLY_UV
from knowngood.declare.problems import WrongValueError, shown
from knowngood.declare.projects import Projects
from knowngood.model import InstallerName, Step

StepLines = tuple[tuple[str, ...], ...]
"""The lines of each step of a combo."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnProject:
    """What the ``[project]`` table of a matrix adds to a combo: the project, if no step names it, and its groups."""

    folder: str
    name: str | None
    line: str
    """As a step would name it."""
    asked: Asked
    group_lines: tuple[str, ...]
    groups: Asked


def own_project(projects: Projects, extras: tuple[str, ...], groups: tuple[str, ...], *, editable: bool) -> OwnProject:
    """Return what ``[project]`` adds. Raises ``WrongValueError`` when that cannot be installed."""
    folder = projects.default
    asked = projects.install(folder, extras, editable=editable)
    needs = together(projects.group(folder, group) for group in groups)
    projects.check_conflicts(asked + needs)
    place = folder if folder == "." or folder.startswith("../") or folder == ".." else f"./{folder}"
    line = ("-e " if editable else "") + place + (f"[{','.join(extras)}]" if extras else "")
    return OwnProject(
        folder=folder,
        name=projects.name(folder),
        line=line,
        asked=asked,
        group_lines=tuple(f"--group {group}" for group in groups),
        groups=needs,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Makes the steps of the combos of one matrix."""

    lines: Lines
    projects: Projects
    own: OwnProject | None = None

    def make(self, declared: StepLines, python: str) -> tuple[Step, ...]:
        """Return the steps of a combo. Raises ``WrongValueError`` when one of its lines is wrong."""
        return tuple(asked.step(lines, python) for lines, asked in self._asked(declared))

    def check(self, declared: StepLines, installer: InstallerName) -> None:
        """Raise ``WrongValueError`` when lines that are right by themselves do not go together.

        Lines that are wrong by themselves are left out.
        """
        try:
            asked = [asked for _, asked in self._asked(declared)]
        except WrongValueError:
            return
        whole = together(asked)
        self.projects.check_conflicts(whole)
        other, lacking = (
            (InstallerName.UV, ONLY_UV) if installer is InstallerName.PIP else (InstallerName.PIP, ONLY_PIP)
        )
        for option in whole.options:
            if option.partition("=")[0] in lacking:
                raise WrongValueError(f"{installer} has no option {shown(option)}", _for(other))
        if whole.overrides and installer is InstallerName.PIP:
            raise WrongValueError("pip has no overrides: override-dependencies of [tool.uv] is not for it", _for(other))
        for step in asked:
            if "--require-hashes" in step.options:
                _check_hashes(step)

    def _asked(self, declared: StepLines) -> list[tuple[tuple[str, ...], Asked]]:
        steps = [(lines, together(map(self.lines.read, lines))) for lines in declared]
        own = self.own
        if own is None:
            return steps
        steps = steps or [((), Asked())]
        named = next((number for number, (_, asked) in enumerate(steps) if _names(asked, own)), None)
        lines, asked = steps[named or 0]
        if named is None:
            lines, asked = (own.line, *own.group_lines, *lines), own.asked + own.groups + asked
        elif not any(folder == own.folder for folder, _ in asked.groups):
            lines, asked = (*lines, *own.group_lines), asked + own.groups
        steps[named or 0] = lines, asked
        return steps


def _names(asked: Asked, own: OwnProject) -> bool:
    """Return whether a step names the project itself: by its place, or by its name."""
    places = {source.path for source, _ in asked.sources}
    return own.folder in places or (own.name is not None and own.name in packages.names(asked.requirements))


def _check_hashes(asked: Asked) -> None:
    hashed = {requirement for requirement, _ in asked.hashes}
    if missing := [requirement for requirement in asked.requirements if requirement not in hashed]:
        raise WrongValueError(f"--require-hashes: {shown(missing[0])} has no hash", "add its --hash, or leave it out")
    if asked.sources:
        what = f"--require-hashes: {shown(asked.sources[0][0].path)} cannot have a hash"
        raise WrongValueError(what, "install it in a step of its own")


def _for(installer: InstallerName) -> str:
    return f'write installer = "{installer}", or tool-uv = false into [project] to ignore [tool.uv]'
