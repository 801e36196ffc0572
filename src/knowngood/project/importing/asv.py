"""Read the matrix of an ``asv.conf.json``: what airspeed velocity installs beside the project to benchmark it."""

import itertools
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from knowngood.declare.pyproject import Table, table
from knowngood.errors import UsageError
from knowngood.project.importing import pythons
from knowngood.project.importing.parts import Cell, Imported, Line, Remarks, Source

_MOST_CELLS = 1000
_OURS = {"environment_type": "virtualenv", "sys_platform": "linux"}
"""What ``exclude`` may ask for beside packages: a matrix installs from indexes of Python, on this machine."""
_COMMENT = r"(?://[^\n]*(?=\n|\Z)|/\*.*?\*/)"
_NOT_JSON = re.compile(rf'("(?:[^"\\\n]|\\.)*")|{_COMMENT}|,(?=(?:\s|{_COMMENT})*[\]}}])', re.DOTALL)
"""A string, which stays; else a comment or a comma at the end, which asv allows."""

_Chosen = dict[tuple[str, str], str | None]
"""(kind, name) -> value; the kinds are ``req``, ``env`` and ``python``, None: not installed or not set."""


def read(source: Source) -> Imported:
    """Return a cell for each environment. Raises ``UsageError``: it is not the JSON of asv."""
    try:
        config = json.loads(_NOT_JSON.sub(lambda match: match[1] or "", source.text))
    except (ValueError, RecursionError) as error:
        cause = f"it is not JSON: {error}"[:200]
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again") from error
    if not isinstance(config, Mapping) or not {"matrix", "pythons", "repo"} & set(config):
        raise UsageError(f"{source.path} is not a file of asv", next_step="name an asv.conf.json")
    return _Asv(source, config).read()


class _Asv:
    def __init__(self, source: Source, config: Table) -> None:
        self._source = source
        self._config = config
        self._remarks = Remarks()

    def read(self) -> Imported:
        cells = tuple(dict.fromkeys(itertools.islice(map(self._cell, self._environments()), _MOST_CELLS)))
        line = self._line("environment_type")
        if self._config.get("environment_type") in ("conda", "mamba", "rattler"):
            what = (
                f"environments of {self._config['environment_type']}: a matrix installs the packages of a Python index"
            )
            self._remarks.add(line, what)
        self._remarks.note(self._line("benchmark_dir"), "benchmarks are not run: a probe imports what is installed")
        return Imported(cells=cells, remarks=self._remarks.all())

    def _environments(self) -> Iterator[_Chosen]:
        axes = dict(_axes(table(self._config, "matrix")))
        versions = self._config.get("pythons")
        axes["python", ""] = [str(each) for each in versions] if isinstance(versions, list) and versions else [None]
        excluded = [_entry(entry) for entry in _tables(self._config.get("exclude"))]
        for values in itertools.islice(itertools.product(*axes.values()), 20 * _MOST_CELLS):
            chosen = dict(zip(axes, values, strict=True))
            if not any(all(_matches(pattern, key, chosen) for key, pattern in each.items()) for each in excluded):
                yield chosen
        yield from (_entry(entry) for entry in _tables(self._config.get("include")))

    def _cell(self, chosen: _Chosen) -> Cell:
        lines = list(self._project())
        for (kind, name), version in chosen.items():
            if kind == "req" and version is not None and name not in ("setuptools", "wheel", "pip", "build"):
                package = name.removeprefix("pip+")
                plain = re.match(r"\d", version)
                lines.append(Line(f"{package}=={version}" if plain else f"{package}{version}", self._line(name)))
        env = ((name, value) for (kind, name), value in chosen.items() if kind == "env" and value is not None)
        stated = chosen.get(("python", ""))
        python = pythons.named(stated) if stated else None
        return Cell(group="asv", name="asv", steps=(tuple(lines),), python=python, env=tuple(env))

    def _project(self) -> Iterator[Line]:
        repo, line = self._config.get("repo"), self._line("repo")
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(self._source.path), str(repo or ".")))
        files = self._source.files
        if any(files.has_file(posixpath.join(folder, name)) for name in ("pyproject.toml", "setup.py")):
            yield Line("." if folder == "." else f"./{folder}", line)
        else:
            self._remarks.add(line, f"the project {repo!s:.80} is not here: it is left out")

    def _line(self, key: str) -> int:
        """Return the line of the first key of this name; 0 when there is none."""
        match = re.search(rf'^(?!\s*//).*"{re.escape(key)}"\s*:', self._source.text, re.MULTILINE)
        return self._source.text.count("\n", 0, match.end()) + 1 if match else 0


def _axes(matrix: Table) -> Iterator[tuple[tuple[str, str], list[str | None]]]:
    """Yield the axes of a matrix: packages, or in its newer form packages and variables in tables of their own."""
    kinds = {"req": "req", "env": "env", "env_nobuild": "env"}
    is_new = bool(set(kinds) & set(matrix)) and all(isinstance(value, Mapping) for value in matrix.values())
    tables = [(kinds[key], table(matrix, key)) for key in kinds if key in matrix] if is_new else [("req", matrix)]
    for kind, values in tables:
        for name, listed in values.items():
            items = listed if isinstance(listed, list) else [listed]
            yield (kind, name), [None if item is None else str(item) for item in items] or [""]


def _entry(entry: Table) -> _Chosen:
    """Return what an entry of ``include`` or ``exclude`` names."""
    chosen: _Chosen = {}
    for key, value in entry.items():
        if isinstance(value, Mapping):
            kind = "req" if key == "req" else "env"
            chosen |= {(kind, name): None if each is None else str(each) for name, each in value.items()}
        else:
            kind = "python" if key == "python" else "system" if key in _OURS else "req"
            chosen[kind, "" if kind == "python" else key] = None if value is None else str(value)
    return chosen


def _matches(pattern: str | None, key: tuple[str, str], chosen: _Chosen) -> bool:
    value = _OURS[key[1]] if key[0] == "system" else chosen.get(key)
    if pattern is None or value is None:
        return pattern is value
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _tables(value: Any) -> list[Table]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
