"""Clean the text in an event, and leave what programs read: its structure, its numbers and what identifies things.

A secret may be any text. One that is ``true``, ``2026`` or the name of a package must not make an event unreadable, nor
the lock of a step another lock.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from operator import is_
from typing import Any, TypeVar

from knowngood.model import Distribution, SourceFacts, Transcript, VerifiedFix

Recorded = TypeVar("Recorded")

_IDENTIFIES = frozenset(
    {
        *("event", "ask", "run", "matrix", "combo", "reference", "probe", "probes", "id", "order", "log", "signal"),
        *("key", "digest", "lock", "tree", "files", "commit", "contents"),
        *("package", "packages", "yanked", "highest"),
        *("started", "recorded", "time", "python", "python_version"),
        *("dtype", "encoding", "data"),
    }
)
"""Fields that the harness writes or the matrix file declares, whose text says which, when or what kind."""
_OF_PACKAGES = frozenset(
    {
        "resolved",
        "installed",
        "answer",
        "version",
        "versions",
        "axes",
        "requirements",
        "lines",
        "constraints",
        "overrides",
    }
)
"""Fields with names and versions of packages, or requirements: only a URL or a local version can hold a secret."""
_FREE = re.compile(r"://|(?<!:[0-9]{2})\+[a-z0-9]", re.IGNORECASE)  # not the zone of a time


def cleaned(event: Recorded, clean: Callable[[str], str]) -> Recorded:
    """Return an event, or a part of one, after ``clean`` has seen all of its text that identifies nothing."""
    changed: Recorded = _cleaned(event, clean)
    return changed


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return ``value`` itself if nothing in it is changed: a run begins with the combos of its whole matrix."""
    if type(value) is str:
        text = clean(value)
        return value if text == value else text
    if isinstance(value, tuple):
        items = [_cleaned(item, clean) for item in value]
        return value if all(map(is_, items, value)) else tuple(items)
    if isinstance(value, Mapping):
        return {clean(name): _cleaned(item, clean) for name, item in value.items()}
    if fields_of := _fields_of(type(value)):  # type: ignore[arg-type]  # a class is hashable
        return _with_clean_fields(value, fields_of, clean)
    return value


def _with_clean_fields(value: Any, fields_of: Iterable[tuple[str, bool]], clean: Callable[[str], str]) -> Any:
    free = partial(_clean_if_free, clean=clean)
    after = {}
    for name, is_of_packages in fields_of:
        before = getattr(value, name)
        changed = _cleaned(before, free if is_of_packages else clean)
        if changed is not before and changed != before:
            after[name] = changed
    if isinstance(value, Transcript):  # the values are digests
        after["reads"] = {clean(path): digest for path, digest in value.reads.items()}
    return replace(value, **after) if after else value


@cache
def _fields_of(kind: type) -> tuple[tuple[str, bool], ...]:
    """Return (name, whether it is of packages) of the fields of a dataclass that ``clean`` sees; else none."""
    if not is_dataclass(kind):
        return ()
    kept = _IDENTIFIES | {"name"} if issubclass(kind, Distribution | SourceFacts) else _IDENTIFIES
    of_packages = _OF_PACKAGES | {"steps"} if issubclass(kind, VerifiedFix) else _OF_PACKAGES
    return tuple((field.name, field.name in of_packages) for field in fields(kind) if field.name not in kept)


def _clean_if_free(text: str, clean: Callable[[str], str]) -> str:
    return clean(text) if _FREE.search(text) else text
