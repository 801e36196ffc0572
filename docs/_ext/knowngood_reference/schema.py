"""Render the JSON Schema of ``matrix.json``, with a table for each object in it."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from knowngood_reference.markup import code, sentence, table

_FEW = 8
"""An enum with at most this many values is listed beside its key; a longer one gets its own section."""


def outermost(_: str = "") -> str:
    """Return a table of the top-level keys."""
    schema = _schema()
    return "\n".join([sentence(schema["description"]), "", *_rows(schema)])


def parts(_: str = "") -> str:
    """Return a section for each object and enum, in the order in which the schema refers to them."""
    schema = _schema()
    walked = _walk(schema, schema["$defs"])
    sections = {name: part for name, part in walked if part.get("properties") or part.get("enum")}
    lines: list[str] = []
    for name, part in sections.items():
        description = sentence(part.get("description", ""))
        content = _rows(part) if "properties" in part else [_values(part), ""]
        lines += [f"### {code(name)}", "", description, "", *content]
    return "\n".join(lines)


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(
        files("knowngood.report").joinpath("matrix.schema.json").read_text(encoding="utf-8")
    )
    return schema


def _walk(part: Mapping[str, Any], defined: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (name, schema) of each key, and then those of its parts."""
    for key, value in part.get("properties", {}).items():
        refers = [ref for ref in _references(value) if ref in defined]
        if not refers and "enum" not in value:
            yield key, value
            yield from _walk(value, defined)
        for ref in refers:
            yield ref, defined[ref]
            yield from _walk(defined[ref], defined)


def _references(value: Mapping[str, Any]) -> list[str]:
    choices = [value, *value.get("oneOf", ()), *([value["items"]] if isinstance(value.get("items"), Mapping) else [])]
    if isinstance(value.get("additionalProperties"), Mapping):
        choices.append(value["additionalProperties"])
    return [str(choice["$ref"]).rpartition("/")[2] for choice in choices if "$ref" in choice]


def _rows(part: Mapping[str, Any]) -> list[str]:
    required = part.get("required", ())
    rows = [
        (code(key) + ("" if key in required else " (optional)"), _kind(value), sentence(value.get("description", "")))
        for key, value in part["properties"].items()
    ]
    return [*table(("key", "kind", "meaning"), rows).splitlines(), ""]


def _values(part: Mapping[str, Any]) -> str:
    return f"One of {', '.join(code(str(value)) for value in part['enum'])}."


def _kind(value: Mapping[str, Any]) -> str:
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value and len(value["enum"]) <= _FEW:
        return ", ".join(code(item if isinstance(item, str) else json.dumps(item)) for item in value["enum"])
    if "$ref" in value:
        return code(value["$ref"].rpartition("/")[2])
    if "oneOf" in value:
        return " or ".join(map(_kind, value["oneOf"]))
    kinds = value.get("type", "anything")
    kind = kinds if isinstance(kinds, str) else " or ".join(map(str, kinds))
    content = value.get("items") or value.get("additionalProperties")
    return f"{kind} of {_kind(content)}" if isinstance(content, Mapping) else kind
