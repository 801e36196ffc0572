"""Say what installing a project on this machine brings along: its groups, and what ``[tool.uv]`` makes of its needs."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.declare import uv_settings
from knowngood.declare.line_contents import Asked, together
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.problems import WrongValueError, did_you_mean, listing, shown
from knowngood.declare.pyproject import Pyproject, Pyprojects
from knowngood.declare.values import url
from knowngood.model import Index, Source


class Projects:
    """The projects that the steps of a matrix name.

    ``default`` is the folder of the one that is meant when none is named. With ``uv=False`` their ``[tool.uv]`` is
    ignored, with ``indexes=False`` only the indexes in it.
    """

    def __init__(
        self, files: ProjectFiles, *, default: str | None = None, uv: bool = True, indexes: bool = True
    ) -> None:
        self._files = files
        self._default = default
        self._uv = uv
        self._takes_indexes = indexes
        self._pyprojects = Pyprojects(files)
        self._packages: dict[str, dict[str, None]] = {}
        """Name of an index of ``[[tool.uv.index]]`` -> packages that come from it."""
        self._indexes: dict[str, Index] = {}

    @property
    def default(self) -> str:
        """The folder of the project that a matrix means when it names none: that above the matrix."""
        if self._default is None:
            self._default = self._pyprojects.above()
        return self._default

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that the projects named so far declare in ``[[tool.uv.index]]`` and that something needs."""
        return tuple(self._indexes.values())

    def name(self, folder: str) -> str | None:
        """Return the canonical name of a project; None when only its build knows it."""
        return self._pyprojects.read(folder).name

    def bound(self, package: str, python: str) -> str:
        """Return what the default project declares for ``package``, as a specifier with a lower bound.

        Its dependencies count first, then its extras and groups. Raises ``WrongValueError`` when there is none.
        """
        project = self._pyprojects.read(self.default)
        if project.dependencies is None:
            files = (posixpath.join(project.folder, name) for name in ("pyproject.toml", "setup.py", "setup.cfg"))
            what = f"what {shown(project.file)} requires is known to its build only"
            if not any(map(self._files.has_file, files)):
                what = (
                    f"no project declares the versions of {package} that it allows: there is no {shown(project.file)}"
                )
            raise WrongValueError(what, 'write the version in place of "oldest"')
        every = (*project.dependencies, *(line for lines in (project.extras or {}).values() for line in lines))
        groups = (line for group in project.groups for line in project.group(group))
        named = [
            parsed
            for parsed in packages.requirements((*every, *groups))
            if packages.name_of(parsed) == package and parsed.url is None
        ]
        if not named:
            hint = 'declare it there, or write the version in place of "oldest"'
            raise WrongValueError(f"{project.file} does not require {package}", hint)
        names = tuple(project.extras or ())
        here = [parsed for parsed in named if packages.applies(parsed, python, extras=names)] or named
        lowest = next((parsed for parsed in here if packages.lower_bound(parsed) is not None), None)
        if lowest is None:
            what = f"{project.file} requires {package} without a lower bound"
            raise WrongValueError(what, f'write {package}>=VERSION there, or the version in place of "oldest"')
        return str(lowest.specifier)

    def additions(self, source: Source, *, name: str | None = None) -> Asked:
        """Return what comes along when ``source``, a folder, is installed.

        ``name`` is what a line calls it. Raises ``WrongValueError`` when there is nothing to build, or when it has not
        the name or the extras that are asked for.
        """
        project = self._pyprojects.read(source.path)
        if not project.builds:
            raise self._nothing_to_build(project)
        if name is not None and project.name is not None and name != project.name:
            what = f"the project in {shown(source.path)} is called {project.name}, not {name}"
            raise WrongValueError(what, f'write "{project.name} @ file:{source.path}"')
        project.check_extras(source.extras)
        return self._needs(project, source.extras, seen=frozenset({source.path}))

    def install(self, folder: str, extras: tuple[str, ...], *, editable: bool) -> Asked:
        """Return what the ``[project]`` table of a matrix asks for, without its groups.

        Raises ``WrongValueError`` as ``additions``.
        """
        source = Source(path=folder, extras=extras, editable=editable)
        project = self._pyprojects.read(folder)
        asked = self.additions(source)
        if self._is_virtual(project):
            needs = tuple(requirement for requirement, _ in project.all_dependencies(extras))
            return asked + self._routed(project, needs)
        return Asked(sources=((source, None),)) + asked

    def group(self, folder: str, name: str) -> Asked:
        """Return the requirements of a group of the project in ``folder``."""
        project = self._pyprojects.read(folder)
        if self._files.read(project.file) is None:
            raise WrongValueError(
                f"there is no {shown(project.file)}", "name its folder: --group path/pyproject.toml:NAME"
            )
        asked = self._routed(project, project.group(name), group=canonicalize_name(name))
        return asked + Asked(groups=((folder, canonicalize_name(name)),), grouped=asked.requirements)

    def check_conflicts(self, asked: Asked) -> None:
        """Raise ``WrongValueError`` when extras and groups are chosen together that a project declares to conflict."""
        chosen: dict[str, set[tuple[str, str]]] = {}
        for source, _ in asked.sources:
            chosen.setdefault(source.path, set()).update(("extra", extra) for extra in source.extras)
        for folder, group in asked.groups:
            chosen.setdefault(folder, set()).add(("group", group))
        for folder, names in chosen.items():
            if not self._files.has_folder(folder):
                continue
            project = self._pyprojects.read(folder)
            for declared in _tables(self._settings(self._pyprojects.workspace(project)).get("conflicts"), nested=True):
                both = [
                    f"{what} {shown(name)}"
                    for what, name in map(_conflicting, _of_package(declared, project.name))
                    if (what, name) in names
                ]
                if len(both) > 1:
                    what = f"{' and '.join(both)} conflict: [tool.uv] conflicts in {project.file}"
                    raise WrongValueError(what, "choose one of them in each combo")

    def _nothing_to_build(self, project: Pyproject) -> WrongValueError:
        if "workspace" in project.uv:
            members = sorted(member.folder for member in self._pyprojects.members(project).values())
            hint = f'name a member: path = "{members[0]}"' if members else "name the folder of a member"
            return WrongValueError(f"{project.file} is only the root of a workspace", hint)
        if self._files.has_file(project.file):
            hint = "add [build-system] and [project] to it, or name the folder of a project"
            return WrongValueError(f"nothing to build: {project.file} declares no project", hint)
        hint = "name the folder that has a pyproject.toml or a setup.py"
        if not self._files.has_folder(project.folder):
            return WrongValueError(f"nothing to build: there is no folder {shown(project.folder)}", hint)
        return WrongValueError(
            f"nothing to build: {shown(project.folder)} has neither pyproject.toml nor setup.py", hint
        )

    def _is_virtual(self, project: Pyproject) -> bool:
        """Return whether uv would install the needs of a project, but not the project itself."""
        package = self._settings(project).get("package")
        if isinstance(package, bool):
            return not package
        locked = self._files.has_file(posixpath.join(self._pyprojects.workspace(project).folder, "uv.lock"))
        return self._uv and not project.has_backend and (locked or bool(project.uv))

    def _settings(self, project: Pyproject) -> Mapping[str, Any]:
        return project.uv if self._uv else {}

    def _needs(self, project: Pyproject, extras: tuple[str, ...], *, seen: frozenset[str]) -> Asked:
        """Return what ``[tool.uv]`` adds to the installation of a project: limits, options, and where its needs are."""
        root = self._pyprojects.workspace(project)
        if not self._uv:
            return Asked()
        # As for uv, the root of a workspace decides for its members.
        asked = uv_settings.limits(root.uv, root.file)
        self._add_default_index(root)
        if project.dependencies is None:
            names = [*_sources(project), *(_sources(root) if root is not project else {})]
            return asked + self._routed(project, tuple(names), known=False, seen=seen)
        for requirement, extra in project.all_dependencies(extras):
            asked += self._routed(project, (requirement,), extra=extra, added=True, seen=seen)
        return asked

    def _routed(
        self,
        project: Pyproject,
        requirements: tuple[str, ...],
        *,
        extra: str | None = None,
        group: str | None = None,
        added: bool = False,
        known: bool = True,
        seen: frozenset[str] = frozenset(),
    ) -> Asked:
        """Return ``requirements`` as ``[tool.uv.sources]`` says where they come from.

        With ``added`` only those that it says something about, since the metadata of the project has all. If they are
        not ``known`` to be needed, they only limit where something comes from.
        """
        parts: list[Asked] = []
        for text in requirements:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                raise WrongValueError(f"{project.file}: invalid requirement {shown(text)}") from None
            name = canonicalize_name(requirement.name)
            if name == project.name:
                source = Source(path=project.folder, extras=tuple(map(canonicalize_name, requirement.extras)))
                if added and project.folder in seen:
                    # An extra made of other extras of the project: ``all = ["mine[a,b]"]``.
                    for inner in source.extras:
                        needs, key = (project.extras or {}).get(inner, ()), f"{project.folder}[{inner}]"
                        if key not in seen:
                            parts.append(self._routed(project, needs, extra=inner, added=True, seen=seen | {key}))
                else:
                    parts.append(Asked(sources=((source, _marker(requirement.marker)),)))
                continue
            placed = [
                self._place(project, root, requirement, entry, known=known, seen=seen)
                for root, entry in self._entries(project, name, extra, group)
            ]
            parts.extend(placed)
            if not added and known and not any(part.requirements or part.sources for part in placed):
                parts.append(Asked(requirements=(text,)))
        return together(parts)

    def _entries(
        self, project: Pyproject, name: str, extra: str | None, group: str | None
    ) -> Iterator[tuple[Pyproject, Mapping[str, Any]]]:
        """Yield what ``[tool.uv.sources]`` says about a requirement of a project, and who says it."""
        root = self._pyprojects.workspace(project)
        ignored = self._settings(root)
        if not self._uv or ignored.get("no-sources") is True or name in map(str, ignored.get("no-sources-package", ())):
            return
        owner = project if name in _sources(project) else root
        for entry in _tables(_sources(owner).get(name)):
            if entry.get("extra", extra) == extra and entry.get("group", group) == group:
                yield owner, entry

    def _place(
        self,
        project: Pyproject,
        owner: Pyproject,
        requirement: Requirement,
        entry: Mapping[str, Any],
        *,
        known: bool,
        seen: frozenset[str],
    ) -> Asked:
        """Return where ``entry`` of ``[tool.uv.sources]`` says that a requirement comes from."""
        name = canonicalize_name(requirement.name)
        extras = tuple(sorted(map(canonicalize_name, requirement.extras)))
        marker = self._both(requirement.marker, entry.get("marker"), owner)
        where = f"[tool.uv.sources] {name} in {owner.file}"
        match entry:
            case {"index": str(index)}:
                self._add_index(owner, index, name, where)
                return Asked()
            case {"workspace": True}:
                members = self._pyprojects.members(self._pyprojects.workspace(owner))
                if name not in members:
                    hint = did_you_mean(name, members, listing(members) if members else "")
                    raise WrongValueError(f"{where}: the workspace has no member {shown(name)}", hint)
                return self._local(members[name].folder, extras, marker, editable=False, seen=seen)
            case {"path": str(path)}:
                place = self._files.place(path, owner.folder)
                if not self._files.has_folder(place) and not self._files.has_file(place):
                    raise WrongValueError(f"{where}: there is no {shown(place)}")
                return self._local(place, extras, marker, editable=entry.get("editable") is True, seen=seen)
            case {"git": str(address)}:
                ref = next((f"@{entry[key]}" for key in ("rev", "tag", "branch") if key in entry), "")
                address = f"{'' if address.startswith('git+') else 'git+'}{address}{ref}"
            case {"url": str(address)}:
                pass
            case _:
                hint = "write git, url, path, index or workspace = true"
                raise WrongValueError(f"{where} does not say where it comes from", hint)
        if "@" in re.sub(r"^[\w+]+://|/.*", "", address):
            what = f"{where}: the URL contains a user name or password, which reports would publish"
            raise WrongValueError(what, "put them into ~/.netrc")
        folder = f"#subdirectory={entry['subdirectory']}" if "subdirectory" in entry else ""
        with_extras = f"{name}[{','.join(extras)}]" if extras else name
        direct = f"{with_extras} @ {address}{folder}"
        direct += f" ; {marker}" if marker else ""
        return Asked(requirements=(direct,)) if known else Asked(constraints=(direct,))

    def _local(
        self, place: str, extras: tuple[str, ...], marker: str | None, *, editable: bool, seen: frozenset[str]
    ) -> Asked:
        asked = Asked(sources=((Source(path=place, extras=extras, editable=editable), marker),))
        if place in seen or not self._files.has_folder(place):
            return asked
        project = self._pyprojects.read(place)
        if not project.builds:
            raise self._nothing_to_build(project)
        project.check_extras(extras)
        return asked + self._needs(project, extras, seen=seen | {place})

    def _both(self, needed: Marker | None, chosen: object, owner: Pyproject) -> str | None:
        """Return the marker that holds where a requirement is needed and comes from this place."""
        try:
            markers = [str(marker) for marker in (needed, Marker(str(chosen)) if chosen else None) if marker]
        except InvalidMarker:
            raise WrongValueError(f"invalid marker {shown(chosen)} in [tool.uv.sources] of {owner.file}") from None
        return " and ".join(f"({marker})" for marker in markers) if len(markers) > 1 else next(iter(markers), None)

    def _declared_indexes(self, project: Pyproject) -> dict[str, Mapping[str, Any]]:
        root = self._pyprojects.workspace(project)
        tables = [*_tables(self._settings(root).get("index")), *_tables(self._settings(project).get("index"))]
        return {str(table.get("name") or f"uv-{number}"): table for number, table in enumerate(tables, start=1)}

    def _add_default_index(self, root: Pyproject) -> None:
        """Take over the default index of a project; refuse one that any package might come from besides it."""
        if not self._takes_indexes:
            return
        settings = self._settings(root)
        address = settings.get("index-url")
        if isinstance(address, str):
            self._indexes.setdefault("uv-default", Index(name="uv-default", url=self._url(address, root)))
        for name, table in self._declared_indexes(root).items():
            if table.get("default") is True:
                self._indexes.setdefault(name, Index(name=name, url=self._url(table.get("url"), root)))
            elif table.get("explicit") is not True:
                what = f"any package may come from the index {shown(name)} of [[tool.uv.index]] in {root.file}"
                hint = f"write explicit = true there, or declare [index.{name}] with its packages in the matrix"
                raise WrongValueError(what, hint)

    def _add_index(self, owner: Pyproject, name: str, package: str, where: str) -> None:
        declared = self._declared_indexes(owner)
        if not self._takes_indexes:
            return
        if name not in declared:
            raise WrongValueError(f"{where}: unknown index {shown(name)}", did_you_mean(name, declared))
        packages = self._packages.setdefault(name, {})
        packages[package] = None
        if declared[name].get("default") is not True:
            address = self._url(declared[name].get("url"), owner)
            self._indexes[name] = Index(name=name, url=address, packages=tuple(packages))

    def _url(self, value: object, owner: Pyproject) -> str:
        address = str(value)
        if not re.match(r"[a-z]+://", address):
            address = f"file://{self._files.absolute(self._files.place(address, owner.folder))}"
        try:
            return url(address)
        except WrongValueError as wrong:
            raise WrongValueError(f"[tool.uv] index in {owner.file}: {wrong.what}", wrong.hint) from None


def _sources(project: Pyproject) -> dict[str, Any]:
    table = project.uv.get("sources")
    return {canonicalize_name(name): entry for name, entry in table.items()} if isinstance(table, Mapping) else {}


def _tables(value: object, *, nested: bool = False) -> list[Any]:
    """Return a table, or an array of tables, as a list of tables; with ``nested`` an array of such arrays."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, list if nested else Mapping)]


def _conflicting(entry: Mapping[str, Any]) -> tuple[str, str]:
    what = "extra" if "extra" in entry else "group"
    return what, canonicalize_name(str(entry.get(what, "")))


def _of_package(entries: list[Any], name: str | None) -> list[Mapping[str, Any]]:
    """Return the entries of a conflict that are about the project ``name``, as those without a package are."""
    tables = [entry for entry in entries if isinstance(entry, Mapping)]
    return [entry for entry in tables if "package" not in entry or canonicalize_name(str(entry["package"])) == name]


def _marker(marker: Marker | None) -> str | None:
    return str(marker) if marker is not None else None
