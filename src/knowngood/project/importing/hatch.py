"""Read the matrices of Hatch: environments, their variables, and what these override."""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from knowngood.declare.toml import LineIndex, Where
from knowngood.errors import UsageError
from knowngood.project.importing import probing, pythons
from knowngood.project.importing.commands import Commands
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.parts import Cell, Imported, Line, Probe, Remarks, Source, Step
from knowngood.project.importing.scripts import inside

Table = Mapping[str, Any]

_BUILT_IN: Mapping[str, Table] = {
    "hatch-test": {
        "dependencies": ["coverage[toml]~=7.4", "pytest~=8.1", "pytest-mock~=3.12", "pytest-rerunfailures~=14.0"],
        "scripts": {"run": "pytest {args:tests}"},
        "matrix": [{"python": ["3.14", "3.13", "3.12", "3.11", "3.10"]}],
    }
}
"""The environment that ``hatch test`` has without any settings."""
_SCRIPTS = ("test", "tests", "run", "run-tests", "test-cov", "cov", "all", "check")
"""Names of scripts that test something, the likeliest first."""
_MOST_CELLS = 2000
_FIELD = re.compile(
    r"\{(?P<kind>matrix|env|root|args|verbosity|home)(?::(?P<name>[^{}:]*))?(?::(?P<default>[^{}]*))?\}"
)
_LISTS = ("dependencies", "extra-dependencies", "features", "dependency-groups")


def read(source: Source, environments: Table, where: Where) -> Imported:
    """Return a cell for each environment that has a matrix and each set of its variables, else for each environment.

    ``environments`` is the table at ``where`` in the file. Raises ``UsageError``: where a table belongs is none.
    """
    tables = {name: table for name, table in environments.items() if isinstance(table, Mapping)}
    for name, table in tables.items():
        if mistake := _mistake(table):
            cause = f"{'.'.join(map(str, (*where, name)))}.{mistake}"
            raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again")
    return _Hatch(source, tables, where).read()


def _mistake(environment: Table) -> str:
    """Return which table of an environment is none; empty when all are."""
    overrides = environment.get("overrides", {})
    tables: dict[str, Any] = {key: environment.get(key, {}) for key in ("env-vars", "scripts", "overrides")}
    for kind in ("env", "matrix", "name", "platform") if isinstance(overrides, Mapping) else ():
        tables[f"overrides.{kind}"] = by_key = overrides.get(kind, {})
        if isinstance(by_key, Mapping):
            tables |= {f"overrides.{kind}.{key}": value for key, value in by_key.items()}
    wrong = next((key for key, value in tables.items() if not isinstance(value, Mapping)), "")
    if not wrong and not isinstance(environment.get("template", ""), str):
        return "template is not a string"
    return f"{wrong} is not a table" if wrong else ""


class _Hatch:
    def __init__(self, source: Source, environments: Table, where: Where) -> None:
        self._tables = {**_BUILT_IN, **environments} if "hatch-test" in environments else dict(environments)
        if "hatch-test" in environments:
            self._tables["hatch-test"] = {**_BUILT_IN["hatch-test"], **environments["hatch-test"]}
        self._declared = environments
        self._where = where
        self._index = LineIndex(source.text)
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._source = source

    def read(self) -> Imported:
        merged = {name: self._merged(name) for name in self._declared}
        with_matrix = [name for name, table in merged.items() if table.get("matrix") and name in self._declared]
        cells: list[Cell] = []
        for name in with_matrix or merged:
            for variables in itertools.islice(_products(merged[name].get("matrix", [])), _MOST_CELLS):
                cell = self._cell(name, merged[name], variables)
                if cell is not None:
                    cells.append(cell)
        return Imported(cells=tuple(cells), indexes=self._indexes.all(), remarks=self._remarks.all())

    def _line(self, *path: str) -> int:
        return self._index.line((*self._where, *path))

    def _merged(self, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the settings of an environment with those of its templates."""
        table = dict(self._tables.get(name, {}))
        template = table.get("template", "default" if not table.get("detached") else name)
        if template == name or template in above or template not in self._tables or name == "hatch-test":
            return table
        base = self._merged(template, (*above, name))
        base.pop("matrix", None)  # templates pass everything on but this
        if "scripts" in table:
            table["scripts"] = {**base.get("scripts", {}), **table["scripts"]}
        return {**base, **table}

    def _cell(self, name: str, table: Table, variables: Mapping[str, str]) -> Cell | None:
        table = self._overridden(name, table, variables)
        line = self._line(name)
        python = variables.get("python") or variables.get("py") or str(table.get("python", ""))
        named = pythons.named(python) if python else None
        if python and named is None:
            self._remarks.add(line, f"{python!r} is not the name of one Python")
        lines: list[Line] = []
        for key in ("dependencies", "extra-dependencies"):
            at = self._line(name, key)
            for text in _texts(table.get(key, [])):
                lines += self._commands.arguments([self._filled(text, variables, at)], at, inside(""))
        lines += [Line(f"--group {group}", line) for group in _texts(table.get("dependency-groups", []))]
        project = self._project(table, line)
        steps = tuple(step for step in (*self._before(table, line, variables), project, tuple(lines)) if step)
        if not steps:
            return None
        rest = [f"{key}{value}" for key, value in variables.items() if key not in ("python", "py")]
        label = "-".join([*([] if name == "default" else [name]), *rest]) or "default"
        env = tuple(
            (key, self._filled(str(value), variables, line)) for key, value in table.get("env-vars", {}).items()
        )
        return Cell(
            group=name, name=label, steps=steps, python=named, probes=self._probes(table, variables, line), env=env
        )

    def _project(self, table: Table, line: int) -> Step:
        if table.get("skip-install") or table.get("detached"):
            return ()
        features = _texts(table.get("features", []))
        editable = "" if table.get("dev-mode") is False else "-e "
        return (Line(f"{editable}." + (f"[{','.join(features)}]" if features else ""), line),)

    def _before(self, table: Table, line: int, variables: Mapping[str, str]) -> tuple[Step, ...]:
        steps = []
        for command in _texts(table.get("pre-install-commands", [])) + _texts(table.get("post-install-commands", [])):
            words = _split(self._filled(command, variables, line))
            install = self._commands.read(words, line, inside(""))
            if install is None:
                self._remarks.add(line, f"{command[:80]!r} is not read")
            elif install.lines:
                steps.append(install.lines)
        return tuple(steps)

    def _probes(self, table: Table, variables: Mapping[str, str], line: int) -> tuple[Probe, ...]:
        scripts = table.get("scripts", {})
        if not isinstance(scripts, Mapping):
            return ()
        for name in dict.fromkeys((*_SCRIPTS, *scripts)):
            commands = [
                _split(self._filled(text, variables, line)) for text in self._script(scripts, name, 0) if text.strip()
            ]
            probes = [probe for words in commands if (probe := probing.probe(words)) is not None]
            if name in scripts and probes:
                return tuple(dict.fromkeys(probes))
        return ()

    def _script(self, scripts: Table, name: str, depth: int) -> Iterator[str]:
        for text in _texts(scripts.get(name, [])):
            command = re.sub(r"^- *", "", text)
            first, _, rest = command.partition(" ")
            if first in scripts and first != name and depth < 5:
                yield from (f"{each} {rest}" for each in self._script(scripts, first, depth + 1))
            else:
                yield command

    def _filled(self, text: str, variables: Mapping[str, str], line: int) -> str:
        def replace(match: re.Match[str]) -> str:
            name, default = match["name"] or "", match["default"]
            match match["kind"]:
                case "matrix":
                    return variables.get(name, default or "")
                case "args":
                    return name  # {args:tests}
                case "env":
                    return default or ""
                case "root":
                    return "." if name != "uri" else "file:."
                case _:
                    return ""

        filled = text
        for _ in range(3):
            filled = _FIELD.sub(replace, filled)
        if re.search(r"\{\w+:", filled):
            self._remarks.add(line, f"{text[:80]!r} is not read: only Hatch can replace what is in braces")
        return filled

    def _overridden(self, name: str, table: Table, variables: Mapping[str, str]) -> Table:
        """Return the settings of an environment as its variables change them."""
        result = {key: value for key, value in table.items() if key != "overrides"}
        overrides = table.get("overrides", {})
        sources = [
            (entry, value)
            for variable, value in variables.items()
            for entry in [overrides.get("matrix", {}).get(variable, {})]
        ]
        sources.append((overrides.get("platform", {}).get("linux", {}), "linux"))
        label = "-".join(variables.values())
        sources += [
            (entry, "")
            for pattern, entry in overrides.get("name", {}).items()
            if _matches(pattern, label) or _matches(pattern, name)
        ]
        if overrides.get("env"):
            self._remarks.add(self._line(name), "overrides by variables of the shell are not read")
        for entry, value in sources:
            for key, change in entry.items():
                self._apply(result, key, change, value, name)
        return result

    def _apply(self, result: dict[str, Any], key: str, change: Any, value: str, name: str) -> None:
        replaces = key.startswith("set-")
        option = key.removeprefix("set-")
        if option in _LISTS:
            texts = [text for each in _many(change) if (text := _chosen(each, value)) is not None]
            result[option] = texts if replaces else [*result.get(option, []), *texts]
        elif option == "env-vars":
            pairs = dict(pair for each in _many(change) if (pair := _pair(each, value)) is not None)
            result[option] = pairs if replaces else {**result.get(option, {}), **pairs}
        elif option in ("python", "skip-install", "dev-mode"):
            for each in _many(change):
                chosen = _chosen(each, value)
                if chosen is not None:
                    result[option] = chosen
                    break
        else:
            self._remarks.add(self._line(name), f"the override of {option} is not read")


def _products(matrices: Any) -> Iterator[Mapping[str, str]]:
    """Yield the variables of each environment of a matrix, which is a list of tables."""
    tables = [table for table in matrices if isinstance(table, Mapping)] if isinstance(matrices, list) else []
    if not tables:
        yield {}
    for table in tables:
        names = list(table)
        for values in itertools.product(*([str(value) for value in _many(table[name])] for name in names)):
            yield dict(zip(names, values, strict=True))


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _texts(value: Any) -> list[str]:
    return [each for each in _many(value) if isinstance(each, str)]


def _chosen(entry: Any, value: str) -> Any:
    """Return what an entry of an override adds; None when it does not hold for this value."""
    if not isinstance(entry, Mapping):
        return entry
    if "if" in entry and value not in [str(each) for each in _many(entry["if"])]:
        return None
    if "platform" in entry and "linux" not in _many(entry["platform"]):
        return None
    return None if "env" in entry else entry.get("value", True)


def _pair(entry: Any, value: str) -> tuple[str, str] | None:
    if isinstance(entry, Mapping):
        chosen = _chosen(entry, value)
        return (str(entry.get("key", "")), value if chosen is True else str(chosen)) if chosen is not None else None
    name, equals, text = str(entry).partition("=")
    return name, text if equals else value


def _matches(pattern: str, name: str) -> bool:
    try:
        return len(pattern) < 200 and re.search(pattern, name) is not None
    except re.error:
        return False


def _split(text: str) -> Sequence[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return ()
