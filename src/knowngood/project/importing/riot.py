"""Read a riotfile from its syntax tree: nested environments, each with what it inherits. Nothing is run."""

import ast
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from knowngood.declare.values import version_slug
from knowngood.errors import UsageError
from knowngood.project.importing import probing, pythons
from knowngood.project.importing.commands import Commands
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.literals import Scope, UnknownError, dotted, module_scope, parse
from knowngood.project.importing.parts import Cell, Imported, Line, Probe, Remarks, Source
from knowngood.project.importing.scripts import inside

_MOST_CELLS = 5000

Choices = Mapping[str, tuple[str, ...]]
"""Name -> the values that it takes, one after the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Venv:
    """What an environment has, with what those around it pass on."""

    name: str = ""
    command: str = ""
    versions: tuple[str, ...] = ()
    packages: Choices
    env: Choices
    installs_project: bool = True


def read(source: Source) -> Imported:
    """Return a cell for each leaf, Python and choice of packages. Raises ``UsageError``: it has no ``venv``."""
    return _Riotfile(source).read()


class _Riotfile:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tree = parse(source)
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._scope = module_scope(self._tree, {"latest": ""})
        supported = self._scope.names.get("SUPPORTED_PYTHON_VERSIONS")
        known = [_version(each) for each in supported] if isinstance(supported, list | tuple) else list(pythons.MINORS)
        self._known = [version for version in known if version]
        if self._known:  # what riotfiles compute of their list
            self._scope.names.setdefault("MIN_PYTHON_VERSION", min(self._known, key=_number))
            self._scope.names.setdefault("MAX_PYTHON_VERSION", max(self._known, key=_number))
        self._scope.names["select_pys"] = self._select
        self._count = 0

    def read(self) -> Imported:
        roots = [
            node.value
            for node in self._tree.body
            if isinstance(node, ast.Assign)
            and any(dotted(target) == "venv" for target in node.targets)
            and isinstance(node.value, ast.Call)
        ]
        if not roots:
            raise UsageError(f"{self._source.path} has no venv", next_step="name a riotfile, with venv = Venv(…)")
        cells = [cell for root in roots for cell in self._cells(root, _Venv(packages={}, env={}), self._scope)]
        return Imported(cells=tuple(dict.fromkeys(cells)), indexes=self._indexes.all(), remarks=self._remarks.all())

    def _select(self, min_version: Any = "", max_version: Any = "") -> list[str]:
        """Stand in for the function that riotfiles define to name all Pythons between two."""
        return [
            version
            for version in self._known
            if (not min_version or _number(str(min_version)) <= _number(version))
            and (not max_version or _number(version) <= _number(str(max_version)))
        ]

    def _cells(self, call: ast.Call, outer: _Venv, scope: Scope) -> Iterator[Cell]:
        venv, children = self._merged(call, outer, scope)
        nested = list(self._venvs(children, scope)) if children is not None else []
        if nested:
            for child, inner in nested:
                yield from self._cells(child, venv, inner)
            return
        if venv.command and not venv.versions:
            self._remarks.add(call.lineno, f"{venv.name or 'an environment'} is left out: no Python of it is known")
        if not venv.versions or not venv.command:
            return
        probes = self._probes(venv, call.lineno)
        for packages in _products(venv.packages):
            for env in _products(venv.env):
                for version in venv.versions:
                    self._count += 1
                    if self._count > _MOST_CELLS:
                        return
                    yield self._cell(venv, version, packages, env, probes, call.lineno)

    def _cell(
        self,
        venv: _Venv,
        version: str,
        packages: Mapping[str, str],
        env: Mapping[str, str],
        probes: tuple[Probe, ...],
        line: int,
    ) -> Cell:
        requirements = tuple(
            part
            for name, specifier in packages.items()
            for part in self._commands.arguments([f"{name}{specifier}"], line, inside("."))
        )
        has_project = any(self._source.files.has_file(name) for name in ("pyproject.toml", "setup.py"))
        project = ((Line("-e .", line),),) if venv.installs_project and has_project else ()
        varying = [name for name, values in venv.packages.items() if len(values) > 1]
        parts = [version_slug(_plain(name), packages[name] or "latest") for name in varying]
        parts += [f"{name}-{env[name]}" for name, values in venv.env.items() if len(values) > 1]
        return Cell(
            group=venv.name or "venv",
            name="-".join([venv.name or "venv", *parts]),
            steps=(*project, *((requirements,) if requirements else ())),
            python=version,
            probes=probes,
            env=tuple(env.items()),
        )

    def _probes(self, venv: _Venv, line: int) -> tuple[Probe, ...]:
        text = re.sub(r"\{cmdargs\}", "", venv.command)
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if not words or re.search(r"[;|&<>]", text):
            self._remarks.add(line, f"the command {venv.command[:60]!r} is not read")
            return ()
        probe = probing.probe(words)
        return (probe,) if probe is not None else ()

    def _merged(self, call: ast.Call, outer: _Venv, scope: Scope) -> tuple[_Venv, ast.expr | None]:
        """Return what an environment has, and the expression of those inside of it."""
        venv, children = outer, None
        for keyword in call.keywords:
            if keyword.arg == "venvs":
                children = keyword.value
                continue
            if keyword.arg not in ("name", "command", "pys", "pkgs", "env", "skip_dev_install"):
                continue
            try:
                venv = _with(venv, keyword.arg, scope.value(keyword.value))
            except (UnknownError, AttributeError) as error:
                self._remarks.add(keyword.value.lineno, f"{keyword.arg} is not read: {error}")
        if call.args:
            self._remarks.add(call.lineno, "positional arguments are not read")
        return venv, children

    def _venvs(self, node: ast.expr, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
        """Yield the environments in a list, also in one that is added up or made by a loop."""
        match node:
            case ast.Call() if dotted(node.func).rpartition(".")[2] == "Venv":
                yield node, scope
            case ast.List() | ast.Tuple():
                for each in node.elts:
                    yield from self._venvs(each, scope)
            case ast.Starred():
                yield from self._venvs(node.value, scope)
            case ast.BinOp(op=ast.Add()):
                yield from self._venvs(node.left, scope)
                yield from self._venvs(node.right, scope)
            case ast.ListComp() | ast.GeneratorExp():
                try:
                    turns = list(scope.loops(node.generators))
                except UnknownError as error:
                    self._remarks.add(node.lineno, f"a list of environments is not read: {error}")
                    return
                for turn in turns:
                    yield from self._venvs(node.elt, turn)
            case _:
                self._remarks.add(node.lineno, f"{ast.unparse(node)[:60]} is not read")


def _with(venv: _Venv, key: str, value: Any) -> _Venv:
    match key:
        case "name":
            return replace(venv, name=str(value))
        case "command":
            return replace(venv, command=str(value or ""))
        case "pys":
            versions = [_version(each) for each in (value if isinstance(value, list | tuple) else [value])]
            return replace(venv, versions=tuple(dict.fromkeys(version for version in versions if version)))
        case "pkgs":
            return replace(venv, packages={**venv.packages, **_choices(value)})
        case "env":
            return replace(venv, env={**venv.env, **_choices(value)})
        case _:
            return replace(venv, installs_project=not value)


def _choices(value: Any) -> Choices:
    return {
        str(name): tuple(map(str, each)) if isinstance(each, list | tuple) else (str(each),)
        for name, each in value.items()
    }


def _products(choices: Choices) -> Iterator[Mapping[str, str]]:
    for values in itertools.islice(itertools.product(*choices.values()), _MOST_CELLS):
        yield dict(zip(choices, values, strict=True))


def _version(value: Any) -> str | None:
    return pythons.named(".".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _plain(name: str) -> str:
    return re.sub(r"\[.*", "", name).lower().replace("_", "-")
