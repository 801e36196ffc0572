"""The format of ``matrix.json``, as its JSON Schema tells it: a table for each object in it."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from knowngood_reference.markup import code, sentence, table

_FEW = 8
"""Values that are listed where a key is explained; of more there is a section of their own."""


def outermost(_: str = "") -> str:
    """Return what the file as a whole holds."""
    schema = _schema()
    return "\n".join([sentence(schema["description"]), "", *_rows(schema)])


def parts(_: str = "") -> str:
    """Return a section for each object and closed list in it, in the order in which they are met."""
    schema = _schema()
    sections = {name: one for name, one in _met(schema, schema["$defs"]) if one.get("properties") or one.get("enum")}
    lines: list[str] = []
    for name, one in sections.items():
        told = sentence(one.get("description", ""))
        lines += [f"### {code(name)}", "", told, "", *(_rows(one) if "properties" in one else [_values(one), ""])]
    return "\n".join(lines)


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(
        files("knowngood.report").joinpath("matrix.schema.json").read_text(encoding="utf-8")
    )
    return schema


def _met(one: Mapping[str, Any], defined: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (name, schema) of each key and then of what it is made of."""
    for key, value in one.get("properties", {}).items():
        refers = [ref for ref in _references(value) if ref in defined]
        if not refers and "enum" not in value:
            yield key, value
            yield from _met(value, defined)
        for ref in refers:
            yield ref, defined[ref]
            yield from _met(defined[ref], defined)


def _references(value: Mapping[str, Any]) -> list[str]:
    choices = [value, *value.get("oneOf", ()), *([value["items"]] if isinstance(value.get("items"), Mapping) else [])]
    if isinstance(value.get("additionalProperties"), Mapping):
        choices.append(value["additionalProperties"])
    return [str(choice["$ref"]).rpartition("/")[2] for choice in choices if "$ref" in choice]


def _rows(one: Mapping[str, Any]) -> list[str]:
    required = one.get("required", ())
    rows = [
        (code(key) + ("" if key in required else " (optional)"), _kind(value), sentence(value.get("description", "")))
        for key, value in one["properties"].items()
    ]
    return [*table(("key", "kind", "meaning"), rows).splitlines(), ""]


def _values(one: Mapping[str, Any]) -> str:
    return f"One of {', '.join(code(str(value)) for value in one['enum'])}."


def _kind(value: Mapping[str, Any]) -> str:
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value and len(value["enum"]) <= _FEW:
        return ", ".join(code(one if isinstance(one, str) else json.dumps(one)) for one in value["enum"])
    if "$ref" in value:
        return code(value["$ref"].rpartition("/")[2])
    if "oneOf" in value:
        return " or ".join(map(_kind, value["oneOf"]))
    kinds = value.get("type", "anything")
    told = kinds if isinstance(kinds, str) else " or ".join(map(str, kinds))
    held = value.get("items") or value.get("additionalProperties")
    return f"{told} of {_kind(held)}" if isinstance(held, Mapping) else told
