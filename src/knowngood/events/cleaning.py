"""Clean the text in an event, and leave what programs read: its structure, its numbers and what identifies things.

A secret may be any text. One that is ``true``, ``2026`` or the name of a package must not make an event unreadable, nor
the lock of a step another lock.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
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
    if type(value) is str:
        return clean(value)
    if isinstance(value, tuple):
        return tuple(_cleaned(item, clean) for item in value)
    if isinstance(value, Mapping):
        return {clean(name): _cleaned(item, clean) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _with_clean_fields(value, clean)
    return value


def _with_clean_fields(value: Any, clean: Callable[[str], str]) -> Any:
    kept = _IDENTIFIES | {"name"} if isinstance(value, Distribution | SourceFacts) else _IDENTIFIES
    before = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in kept}
    free = partial(_clean_if_free, clean=clean)
    of_packages = _OF_PACKAGES | {"steps"} if isinstance(value, VerifiedFix) else _OF_PACKAGES
    after = {name: _cleaned(held, free if name in of_packages else clean) for name, held in before.items()}
    if isinstance(value, Transcript):  # the values are digests
        after["reads"] = {clean(path): digest for path, digest in value.reads.items()}
    return replace(value, **after) if after != before else value


def _clean_if_free(text: str, clean: Callable[[str], str]) -> str:
    return clean(text) if _FREE.search(text) else text
