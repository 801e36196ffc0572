"""Read what a ``setup.py`` passes to ``setup()``, as far as its text states it. Nothing of it is run."""

import ast
from collections.abc import Mapping
from typing import Any

from knowngood.project.importing.literals import UnknownError, dotted, module_scope


def keywords(text: str) -> Mapping[str, Any] | None:
    """Return the keywords of the call of ``setup()`` whose values are known; None when there is no such call.

    The value of a keyword that depends on more than the text is None, and so is that of ``**``.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) in ("setup", "setuptools.setup", "core.setup")
    ]
    if not calls:
        return None
    scope = module_scope(tree)
    known: dict[str, Any] = {}
    for keyword in calls[-1].keywords:
        try:
            value = scope.value(keyword.value)
        except UnknownError:
            value = None
        if keyword.arg is not None:
            known[keyword.arg] = value
        elif isinstance(value, Mapping):
            known |= value
        else:
            known["**"] = None
    return known


def requirements(value: object) -> tuple[str, ...] | None:
    """Return a list of requirements, which may also be lines of one text; None when it is neither."""
    lines = value.splitlines() if isinstance(value, str) else value
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        return None
    return tuple(stripped for line in lines if (stripped := line.strip()) and not stripped.startswith("#"))
