"""Put the steps of a combo together: what its lines ask for, and the project that ``[project]`` adds to the first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from knowngood import packages
from knowngood.declare.line_contents import Asked, Chosen, Order, together
from knowngood.declare.lines import Lines
from knowngood.declare.options import ONLY_PIP, ONLY_UV
from knowngood.declare.problems import WrongValueError, shown
from knowngood.declare.projects import Projects
from knowngood.model import ALL_PACKAGES, ANY_SDISTS, InstallerName, ResolutionMode, Sdists, Step

StepLines = tuple[tuple[str, ...], ...]
"""The lines of each step of a combo."""

StepsAsked = list[tuple[tuple[str, ...], Asked]]
"""The same, each with what it asks for."""


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
    extras: tuple[str, ...] = ()
    editable: bool = False


def own_project(projects: Projects, extras: tuple[str, ...], groups: tuple[str, ...], *, editable: bool) -> OwnProject:
    """Return what ``[project]`` adds. Raises ``WrongValueError`` when that cannot be installed."""
    folder = projects.default
    asked = projects.install(folder, extras, editable=editable)
    needs = together(projects.group(folder, group) for group in groups)
    projects.check_conflicts(asked + needs)
    line = ("-e " if editable else "") + _place(folder) + (f"[{','.join(extras)}]" if extras else "")
    return OwnProject(
        folder=folder,
        name=projects.name(folder),
        line=line,
        asked=asked,
        group_lines=tuple(f"--group {group}" for group in groups),
        groups=needs,
        extras=extras,
        editable=editable,
    )


def _place(folder: str) -> str:
    return folder if folder == "." or folder.startswith("../") or folder == ".." else f"./{folder}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Makes the steps of the combos of one matrix."""

    lines: Lines
    projects: Projects
    own: OwnProject | None = None
    sdists: Sdists = ANY_SDISTS

    def make(
        self,
        declared: StepLines,
        python: str,
        chosen: Chosen | None = None,
        *,
        resolution: ResolutionMode = ResolutionMode.HIGHEST,
        cutoff: str = "",
    ) -> tuple[Step, ...]:
        """Return the steps of a combo, with what a grid chose for it.

        Raises ``WrongValueError`` when one of its lines is wrong.
        """
        asked = self._asked(declared, chosen)
        steps = tuple(self._from_wheels(wanted.step(lines, python)) for lines, wanted in asked)
        if resolution is ResolutionMode.HIGHEST and not cutoff:
            return steps
        # What the combo says counts, whatever [tool.uv] of the project says.
        own = ("--resolution",) if resolution is not ResolutionMode.HIGHEST else ()
        replaced = (*own, "--exclude-newer") if cutoff else own
        return tuple(
            replace(
                step,
                options=tuple(option for option in step.options if option.partition("=")[0] not in replaced),
                grouped=tuple(dict.fromkeys(wanted.grouped)),
                resolution=resolution,
                cutoff=cutoff,
            )
            for step, (_, wanted) in zip(steps, asked, strict=True)
        )

    def check(
        self, declared: StepLines, installer: InstallerName, chosen: Chosen | None = None, *, by_uv: bool = False
    ) -> None:
        """Raise ``WrongValueError`` when lines that are right by themselves do not go together.

        Lines that are wrong by themselves are left out. With ``by_uv``, uv resolves what pip installs.
        """
        try:
            asked = [asked for _, asked in self._asked(declared, chosen)]
        except WrongValueError:
            if chosen is not None:
                raise
            return
        whole = together(asked)
        self.projects.check_conflicts(whole)
        other, lacking = (
            (InstallerName.UV, ONLY_UV) if installer is InstallerName.PIP else (InstallerName.PIP, ONLY_PIP)
        )
        for option in () if by_uv and installer is InstallerName.PIP else whole.options:
            if option.partition("=")[0] in lacking:
                raise WrongValueError(f"{installer} has no option {shown(option)}", _for(other))
        if whole.overrides and installer is InstallerName.PIP and not by_uv:
            raise WrongValueError("pip has no overrides: it cannot use override-dependencies of [tool.uv]", _for(other))
        for step in asked:
            self._check_builds(step)
            if "--require-hashes" in step.options:
                _check_hashes(step)

    def bound(self, package: str, python: str) -> str:
        """Return the lowest specifier that the project declares for a package.

        Raises ``WrongValueError`` when it declares no lower bound.
        """
        return self.projects.bound(package, python)

    def _from_wheels(self, step: Step) -> Step:
        """Return a step as ``sdists`` limits it."""
        return replace(step, options=tuple(dict.fromkeys((*step.options, *self.sdists.options))))

    def _check_builds(self, step: Asked) -> None:
        """Raise ``WrongValueError`` when a step has something built that ``sdists`` does not let be built."""
        for option in step.options:
            name, _, package = option.partition("=")
            if (
                name == "--no-binary"
                and package != ":none:"
                and self.sdists.never
                and (package == ALL_PACKAGES or self.sdists.forbids(package))
            ):
                what = f"{name} {package} has packages built, which sdists forbids"
                raise WrongValueError(what, "leave the option out, or the package out of sdists")
        for asked in packages.requirements(step.requirements):
            name = packages.name_of(asked)
            if asked.url and not urlsplit(asked.url).path.endswith(".whl") and self.sdists.forbids(name):
                what = f"{shown(str(asked))} is not a wheel, so it is built, which sdists forbids"
                raise WrongValueError(what, f"name a wheel, or leave {name} out of sdists")

    def _asked(self, declared: StepLines, chosen: Chosen | None = None) -> StepsAsked:
        if chosen is None:
            return self._with_project([(lines, together(map(self.lines.read, lines))) for lines in declared], None)
        placed = chosen.order is not None and not declared
        if placed and chosen.order is not Order.TOGETHER:
            steps: StepsAsked = [((line,), self.lines.read(line)) for _, line in chosen.requirements]
            steps = steps[::-1] if chosen.order is Order.REVERSED else steps
            return self._limited(
                self._with_project(steps, chosen.extras), Chosen(lines=chosen.lines, absent=chosen.absent)
            )
        ordered = declared[::-1] if chosen.order is Order.REVERSED else declared
        if chosen.order is Order.TOGETHER and len(declared) > 1:
            ordered = (tuple(line for lines in declared for line in lines),)
        steps = [(lines, together(map(self.lines.read, lines))) for lines in ordered]
        return self._limited(
            self._with_project(steps, chosen.extras), chosen, alone=chosen.order in (Order.AS_GIVEN, Order.REVERSED)
        )

    def _limited(self, steps: StepsAsked, chosen: Chosen, *, alone: bool = False) -> StepsAsked:
        """Return the steps with what a grid chose: in the step that names the package, and as a limit in all others.

        With ``alone`` a choice limits its own step only: whether later steps move it is what such a grid shows.
        """
        steps = steps or [((), Asked())]
        names = [frozenset(packages.names(asked.requirements)) if len(steps) > 1 else frozenset() for _, asked in steps]
        varied = {*(package for package, _ in chosen.requirements), *chosen.absent}
        steps = [self._without(step, varied) for step in steps]
        added: list[list[str]] = [[] for _ in steps]
        limits: list[tuple[int | None, str]] = [(None, f"{package}<0") for package in chosen.absent]
        for package, line in (*chosen.requirements, *((_name(line), line) for line in chosen.lines)):
            place = next((number for number, named in enumerate(names) if package in named), 0)
            added[place].append(line)
            if package and not alone and (limit := _limit(line)) is not None:
                limits.append((place, limit))
        together_with = zip(steps, added, strict=True)
        return [
            (
                (*lines, *new),
                together(
                    [
                        asked,
                        *map(self.lines.read, new),
                        *(Asked(constraints=(limit,)) for place, limit in limits if place != number),
                    ]
                ),
            )
            for number, ((lines, asked), new) in enumerate(together_with)
        ]

    def _without(self, step: tuple[tuple[str, ...], Asked], packages_: Iterable[str]) -> tuple[tuple[str, ...], Asked]:
        """Return a step without the lines that only name one of the packages, since a grid says which version."""
        bare = set(packages_)
        kept = tuple(line for line in step[0] if _bare(line) not in bare) if step[0] else ()
        if len(kept) == len(step[0]):
            return step
        dropped = {line for line in step[0] if line not in kept}
        asked = step[1]
        return kept, replace(asked, requirements=tuple(line for line in asked.requirements if line not in dropped))

    def _with_project(self, steps: StepsAsked, extras: tuple[str, ...] | None) -> StepsAsked:
        own = self.own
        if own is None:
            return self._with_extras(steps, extras) if extras is not None else steps
        if extras is not None:
            own = self._own_with(own, extras)
        steps = steps or [((), Asked())]
        named = next((number for number, (_, asked) in enumerate(steps) if _names(asked, own)), None)
        lines, asked = steps[named or 0]
        # What a step that leaves out dependencies says is meant for what it names.
        leaves_out = "--no-deps" in asked.options
        if named is None and leaves_out:
            steps.insert(0, ((own.line, *own.group_lines), own.asked + own.groups))
            return steps
        if named is None:
            lines, asked = (own.line, *own.group_lines, *lines), own.asked + own.groups + asked
        elif leaves_out and own.group_lines and not any(folder == own.folder for folder, _ in asked.groups):
            steps.insert(named + 1, (own.group_lines, own.groups))
        elif not any(folder == own.folder for folder, _ in asked.groups):
            lines, asked = (*lines, *own.group_lines), asked + own.groups
        steps[named or 0] = lines, asked
        return self._with_extras(steps, extras) if named is not None and extras is not None else steps

    def _own_with(self, own: OwnProject, extras: tuple[str, ...]) -> OwnProject:
        """Return the project of ``[project]`` with more extras."""
        every = tuple(dict.fromkeys((*own.extras, *extras)))
        groups = tuple(line.removeprefix("--group ") for line in own.group_lines)
        return own_project(self.projects, every, groups, editable=own.editable)

    def _with_extras(self, steps: StepsAsked, extras: tuple[str, ...]) -> StepsAsked:
        """Return the steps with extras for the project that one of them names."""
        folder = self.projects.default
        number = next(
            (
                number
                for number, (_, asked) in enumerate(steps)
                if any(source.path == folder for source, _ in asked.sources)
            ),
            None,
        )
        if number is None:
            raise WrongValueError(
                "the axis extras is about the project, which is not installed", 'add [project], or "." to a step'
            )
        if extras:
            lines, asked = steps[number]
            line = f"{_place(folder)}[{','.join(extras)}]"
            steps[number] = (*lines, line), asked + self.lines.read(line)
        return steps


def _names(asked: Asked, own: OwnProject) -> bool:
    """Return whether a step names the project itself: by its place, or by its name."""
    places = {source.path for source, _ in asked.sources}
    return own.folder in places or (own.name is not None and own.name in packages.names(asked.requirements))


def _bare(line: str) -> str | None:
    """Return the package that a line names without saying anything else about it."""
    parsed = packages.requirement(line)
    bare = parsed is not None and not (parsed.specifier or parsed.extras or parsed.marker or parsed.url)
    return packages.name_of(parsed) if parsed is not None and bare else None


def _name(line: str) -> str:
    """Return the package that a line names; empty for anything but a requirement."""
    parsed = packages.requirement(line)
    return packages.name_of(parsed) if parsed is not None else ""


def _limit(line: str) -> str | None:
    """Return a requirement as a constraint; None when it does not limit the version."""
    parsed = packages.requirement(line)
    if parsed is None or parsed.url or not parsed.specifier:
        return None
    marker = f" ; {parsed.marker}" if parsed.marker else ""
    return f"{parsed.name}{parsed.specifier}{marker}"


def _check_hashes(asked: Asked) -> None:
    hashed = {requirement for requirement, _ in asked.hashes}
    if missing := [requirement for requirement in asked.requirements if requirement not in hashed]:
        raise WrongValueError(f"--require-hashes: {shown(missing[0])} has no hash", "add its --hash, or leave it out")
    if asked.sources:
        what = f"--require-hashes: {shown(asked.sources[0][0].path)} cannot have a hash"
        raise WrongValueError(what, "install it in a step of its own")


def _for(installer: InstallerName) -> str:
    return f'write installer = "{installer}", or tool-uv = false into [project] to ignore [tool.uv]'
