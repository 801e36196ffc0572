"""Change the requirements of a ``pyproject.toml`` and nothing else of its text. Pure."""

import json
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.errors import UsageError


def with_bounds(
    text: str, package: str, bounded: Callable[[Requirement], Requirement]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text with other bounds for a package (canonical name), and (old, new) pairs of its requirements.

    The dependencies, extras and groups are changed; comments and layout stay. Raises ``UsageError`` when
    the file is invalid, or when a requirement is written in a way that cannot be replaced safely.
    """
    before = _parsed(text)
    pairs = []
    for old in dict.fromkeys(_requirements(before)):
        parsed = packages.requirement(old)
        if parsed is not None and packages.name_of(parsed) == package and not parsed.url:
            other = bounded(Requirement(old))
            pairs.append((old, old if other.specifier == parsed.specifier else _worded(old, parsed, other)))
    expected = _replaced(before, dict(pairs))
    for old, new in pairs:
        text = text.replace(json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False))
        text = text.replace(f"'{old}'", f"'{new}'")
    if _plain(_parsed(text)) != expected:
        raise UsageError(
            "nothing was written: pyproject.toml has the requirement in a form that cannot be replaced safely",
            next_step="; ".join(f"write {new!r} instead of {old!r}" for old, new in pairs if old != new),
        )
    return text, tuple(pairs)


def _worded(old: str, before: Requirement, after: Requirement) -> str:
    """Return a requirement with another specifier, written as the old one: name, extras and marker stay as they are."""
    head, mark, marker = old.partition(";")
    name = before.name + (head[head.index("[") : head.index("]") + 1] if before.extras and "[" in head else "")
    return f"{name}{after.specifier}{f'; {marker.strip()}' if mark else ''}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("pyproject.toml is not valid", cause=str(error), next_step="fix it and try again") from error


def _lists(document: dict[str, Any]) -> Iterator[list[Any]]:
    project = document.get("project", {})
    yield project.get("dependencies", [])
    yield from project.get("optional-dependencies", {}).values()
    yield from document.get("dependency-groups", {}).values()


def _requirements(document: dict[str, Any]) -> Iterator[str]:
    return (text for texts in _lists(document) for text in texts if isinstance(text, str))


def _replaced(document: dict[str, Any], new: dict[str, str]) -> dict[str, Any]:
    """Return a document in which only requirements are replaced."""
    copy = _plain(document)
    for texts in _lists(copy):
        texts[:] = [new.get(text, text) if isinstance(text, str) else text for text in texts]
    return copy


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with dates as text, which can be changed and compared."""
    copy: dict[str, Any] = json.loads(json.dumps(document, default=str))
    return copy
