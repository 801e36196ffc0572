"""Read the tables of a matrix file one by one, so that a mistake in one does not hide those in the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from knowngood.declare.lines import Lines
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.probe_table import ProbeTable, Scripts
from knowngood.declare.problems import Problems, WrongValueError, did_you_mean, kind, listing, shown
from knowngood.declare.projects import Projects
from knowngood.declare.schema import (
    AssetTable,
    ComboTable,
    Context,
    ExpectTable,
    GridTable,
    IndexTable,
    KnownTable,
    MatrixTable,
    ProjectTable,
    Table,
)
from knowngood.declare.steps import Steps, own_project
from knowngood.declare.toml import Where
from knowngood.declare.values import checked_id
from knowngood.model import Probe

SECTIONS = ("matrix", "project", "index", "asset", "probe", "combo", "grid", "known", "axes")
"""The keys at the top level of a matrix file."""

AnyTable = TypeVar("AnyTable", bound=Table)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The valid tables of a file."""

    matrix: MatrixTable | None
    steps: Steps
    """Makes the steps of the combos."""
    has_project: bool
    """Whether the file has a table ``[project]``, be it a wrong one."""
    indexes: Mapping[str, IndexTable]
    assets: Mapping[str, AssetTable]
    combos: Mapping[int, ComboTable]
    """Position in the file -> table."""
    grids: Mapping[int, GridTable]
    """Position in the file -> table."""
    knowns: Mapping[int, KnownTable]
    """Position in the file -> table."""


def read_tables(raw: Mapping[str, Any], scripts: Scripts, files: ProjectFiles, problems: Problems) -> Tables:
    """Read all tables except the axes of grids; add the probes to ``scripts`` and what is wrong to ``problems``."""
    for key, value in raw.items():
        if key not in SECTIONS:
            problems.add((key,), *_unknown_at_top(key, value))
    reader = _Reader(scripts, problems)
    indexes = dict(reader.named(IndexTable, raw, "index"))
    steps = reader.steps(raw, files, {name: index.url for name, index in indexes.items()})
    for position, table in reader.repeated(raw, "probe"):
        reader.declare(position, table)
    matrix = reader.read(MatrixTable, raw.get("matrix", {}), ("matrix",))
    return Tables(
        matrix=matrix,
        steps=replace(steps, sdists=matrix.sdists) if matrix is not None else steps,
        has_project="project" in raw,
        indexes=indexes,
        assets=dict(reader.named(AssetTable, raw, "asset")),
        combos={
            position: combo
            for position, table in reader.repeated(raw, "combo")
            if (combo := reader.read(ComboTable, table, ("combo", position)))
        },
        grids={
            position: grid
            for position, table in enumerate(_list(raw, "grid"))
            if (grid := reader.read(GridTable, table, ("grid", position)))
        },
        knowns={
            position: known
            for position, table in reader.repeated(raw, "known")
            if (known := reader.read(KnownTable, table, ("known", position)))
        },
    )


def _list(raw: Mapping[str, Any], key: str) -> list[Any]:
    tables = raw.get(key, [])
    return list(tables) if isinstance(tables, list | tuple) else []


def _unknown_at_top(key: str, value: object) -> tuple[str, str]:
    is_table = isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(row, Mapping) for row in value)
    )
    hint = did_you_mean(key, SECTIONS, listing(SECTIONS))
    for owner, table in (("[matrix]", MatrixTable), ("[[combo]]", ComboTable)):
        if key in table.model_fields:
            hint = f"move it into {owner}"
            break
    return f"unknown {'table' if is_table else 'key'} {shown(key)}", hint


class _Reader:
    def __init__(self, scripts: Scripts, problems: Problems) -> None:
        self._scripts = scripts
        self._problems = problems
        self._probe_positions: dict[str, int] = {}
        self._context = Context(find=scripts.find, read_line=lambda line: None)

    def steps(self, raw: Mapping[str, Any], files: ProjectFiles, indexes: Mapping[str, str]) -> Steps:
        """Return what makes steps, which the lines of the combos are checked with from now on."""
        table = self.read(ProjectTable, raw["project"], ("project",)) if "project" in raw else None
        projects = Projects(
            files,
            default=files.place(table.path) if table and table.path else None,
            uv=table.tool_uv if table else True,
            indexes="index" not in raw,
        )
        lines = Lines(files, projects, indexes.values())
        own = None
        if table is not None:
            try:
                own = own_project(projects, table.extras, table.groups, editable=table.editable)
            except WrongValueError as wrong:
                self._problems.add(("project",), wrong.what, wrong.hint)
        self._context = Context(find=self._scripts.find, read_line=lines.read, has_project="project" in raw)
        return Steps(lines=lines, projects=projects, own=own)

    def read(self, table: type[AnyTable], raw: object, where: Where) -> AnyTable | None:
        try:
            return table.model_validate(raw, context=self._context)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = _as_written(raw, detail["loc"])
                what, hint = _worded(table, detail) if self._problems.has_room else ("", "")
                self._problems.add((*where, *path), what, hint)
            return None

    def repeated(self, raw: Mapping[str, Any], key: str) -> Iterator[tuple[int, Any]]:
        tables = raw.get(key, [])
        if isinstance(tables, list):
            yield from enumerate(tables)
        else:
            self._problems.add((key,), f"must be an array of tables, not {kind(tables)}", f"open each with [[{key}]]")

    def named(self, table: type[AnyTable], raw: Mapping[str, Any], key: str) -> Iterator[tuple[str, AnyTable]]:
        tables = raw.get(key, {})
        if not isinstance(tables, Mapping):
            self._problems.add((key,), f"must be named tables, not {kind(tables)}", f"open each with [{key}.NAME]")
            return
        for name, value in tables.items():
            where = (key, name)
            if not isinstance(value, Mapping):
                hint = f"give the table a name: [{key}.NAME]"
                self._problems.add(where, f"must be a table, not {kind(value)}", hint)
                continue
            try:
                checked_id(name)
            except WrongValueError as wrong:
                self._problems.add(where, wrong.what, wrong.hint)
            if (named := self.read(table, value, where)) is not None:
                yield name, named

    def declare(self, position: int, raw: object) -> None:
        probe = self.read(ProbeTable, raw, ("probe", position))
        probe_id = probe.id if probe else raw.get("id") if isinstance(raw, Mapping) else None
        if not isinstance(probe_id, str):
            return
        first = self._probe_positions.setdefault(probe_id, position)
        if first != position:
            line = self._problems.line(("probe", first, "id"))
            self._problems.add(
                ("probe", position, "id"), f"duplicate id {probe_id!r}: the probe on line {line} also has it"
            )
        try:
            self._scripts.declare(probe.probe() if probe else Probe(id=probe_id))
        except WrongValueError as wrong:
            self._problems.add(("probe", position, "path"), wrong.what, wrong.hint)


def _as_written(raw: object, loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the path of a value as the file has it: an array of one table may be written as the table."""
    path: list[int | str] = []
    value = raw
    for part in loc:
        if part == "[key]" or (isinstance(part, int) and not isinstance(value, list)):
            continue
        path.append(part)
        if isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return tuple(path)


def _worded(table: type[Table], detail: ErrorDetails) -> tuple[str, str]:
    """Return what is wrong, and a hint, for an error of pydantic."""
    loc, value = detail["loc"], detail["input"]
    owner = ExpectTable if loc[:1] == ("expect",) and len(loc) > 1 else table
    match detail["type"]:
        case "value_error":
            wrong = detail["ctx"]["error"]
            return wrong.what, wrong.hint
        case "missing":
            key = str(loc[-1])
            return f"missing key {shown(key)}", f"write {owner.examples[key]}"
        case "extra_forbidden":
            key = str(loc[-1])
            keys = tuple(field.alias or name for name, field in owner.model_fields.items())
            otherwise = listing(keys)
            if owner is GridTable:
                # What people write there are axes.
                axis = "python" if "python" in key else key
                otherwise = f"axes go into one table: axes = {{ {axis} = [...] }}"
            return f"unknown key {shown(key)}", did_you_mean(key, keys, otherwise)
        case "string_type":
            expected = "a string"
        case "bool_type":
            hint = f"write {value.lower()}, without quotes" if str(value).lower() in ("true", "false") else ""
            return f"must be true or false, not {kind(value)}", hint
        case "tuple_type":
            return f"must be an array, not {kind(value)}", f"write [{shown(value)}]" if isinstance(value, str) else ""
        case _:  # dict_type, model_type
            expected = "a table"
            if not loc and isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
                return (
                    f"must be {expected}, not {kind(value)}",
                    "there is one of it: open it with single brackets, [NAME]",
                )
    return f"must be {expected}, not {kind(value)}", ""
