"""Reads the tables of a matrix file one by one, so that a mistake in one does not hide those in the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from knowngood.declare.locate import Where
from knowngood.declare.problems import Problems, WrongValueError, did_you_mean, kind, listing, shown
from knowngood.declare.schema import (
    AssetTable,
    ComboTable,
    ExpectTable,
    IndexTable,
    KnownTable,
    MatrixTable,
    ProbeTable,
    Table,
)
from knowngood.declare.scripts import Scripts
from knowngood.declare.values import checked_id

SECTIONS = ("matrix", "index", "asset", "probe", "combo", "axes", "known")
"""The keys at the top of a matrix file."""

AnyTable = TypeVar("AnyTable", bound=Table)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The tables of a file that could be read."""

    matrix: MatrixTable | None
    indexes: Mapping[str, IndexTable]
    assets: Mapping[str, AssetTable]
    combos: Mapping[int, ComboTable]
    """Position in the file -> table."""
    knowns: Mapping[int, KnownTable]
    """Position in the file -> table."""


def read_tables(raw: Mapping[str, Any], scripts: Scripts, problems: Problems) -> Tables:
    """Read all tables but ``[axes]``; ``scripts`` learns the probes, ``problems`` what is wrong."""
    for key in raw:
        if key not in SECTIONS:
            owner = (
                "[matrix]" if key in MatrixTable.model_fields else "[[combo]]" if key in ComboTable.model_fields else ""
            )
            hint = f"it belongs into {owner}" if owner else did_you_mean(key, SECTIONS, listing(SECTIONS))
            problems.add((key,), "is not a table of a matrix file", hint)
    reader = _Reader(scripts, problems)
    for position, table in reader.repeated(raw, "probe"):
        reader.declare(position, table)
    return Tables(
        matrix=reader.read(MatrixTable, raw.get("matrix", {}), ("matrix",)),
        indexes=dict(reader.named(IndexTable, raw, "index")),
        assets=dict(reader.named(AssetTable, raw, "asset")),
        combos={
            position: combo
            for position, table in reader.repeated(raw, "combo")
            if (combo := reader.read(ComboTable, table, ("combo", position)))
        },
        knowns={
            position: known
            for position, table in reader.repeated(raw, "known")
            if (known := reader.read(KnownTable, table, ("known", position)))
        },
    )


class _Reader:
    def __init__(self, scripts: Scripts, problems: Problems) -> None:
        self._scripts = scripts
        self._problems = problems
        self._probe_positions: dict[str, int] = {}

    def read(self, table: type[AnyTable], raw: object, where: Where) -> AnyTable | None:
        try:
            return table.model_validate(raw, context=self._scripts.find)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = tuple(part for part in detail["loc"] if part != "[key]")
                what, hint = _explained(table, detail) if self._problems.has_room else ("", "")
                self._problems.add((*where, *path), what, hint)
            return None

    def repeated(self, raw: Mapping[str, Any], key: str) -> Iterator[tuple[int, Any]]:
        tables = raw.get(key, [])
        if isinstance(tables, list):
            yield from enumerate(tables)
        else:
            self._problems.add((key,), f"must be repeated tables, not {kind(tables)}", f"open each with [[{key}]]")

    def named(self, table: type[AnyTable], raw: Mapping[str, Any], key: str) -> Iterator[tuple[str, AnyTable]]:
        tables = raw.get(key, {})
        if not isinstance(tables, Mapping):
            self._problems.add(
                (key,), f"must be tables with a name, not {kind(tables)}", f"open each with [{key}.NAME]"
            )
            return
        for name, value in tables.items():
            where = (key, name)
            if not isinstance(value, Mapping):
                hint = f"tables have a name: [{key}.NAME]"
                self._problems.add(where, f"must be a table, not {kind(value)}", hint)
                continue
            try:
                checked_id(name)
            except WrongValueError as wrong:
                self._problems.add(where, wrong.what, wrong.hint)
            if (found := self.read(table, value, where)) is not None:
                yield name, found

    def declare(self, position: int, raw: object) -> None:
        probe = self.read(ProbeTable, raw, ("probe", position))
        probe_id = probe.id if probe else raw.get("id") if isinstance(raw, Mapping) else None
        if not isinstance(probe_id, str):
            return
        first = self._probe_positions.setdefault(probe_id, position)
        if first != position:
            line = self._problems.line(("probe", first, "id"))
            self._problems.add(("probe", position, "id"), f"the id {probe_id!r} is taken by the probe on line {line}")
        source, path = (probe.source, probe.path) if probe else (None, None)
        try:
            self._scripts.declare(probe_id, source=source, path=path)
        except WrongValueError as wrong:
            self._problems.add(("probe", position, "path"), wrong.what, wrong.hint)


def _explained(table: type[Table], detail: ErrorDetails) -> tuple[str, str]:
    """Say what pydantic found in our words."""
    loc, value = detail["loc"], detail["input"]
    owner = ExpectTable if loc[:1] == ("expect",) and len(loc) > 1 else table
    match detail["type"]:
        case "value_error":
            wrong = detail["ctx"]["error"]
            return wrong.what, wrong.hint
        case "missing":
            key = str(loc[-1])
            return f"{key} is missing", f"write {owner.examples[key]}"
        case "extra_forbidden":
            keys = tuple(owner.model_fields)
            return "is not a key of this table", did_you_mean(str(loc[-1]), keys, listing(keys))
        case "string_type":
            wanted = "a string"
        case "bool_type":
            wanted = "true or false"
        case "tuple_type":
            return f"must be an array, not {kind(value)}", f"write [{shown(value)}]" if isinstance(value, str) else ""
        case _:  # dict_type, model_type
            wanted = "a table"
    return f"must be {wanted}, not {kind(value)}", ""
