"""The globs that select files of a project: `inputs`, and what a snapshot is asked for.

``*`` and ``?`` match within a name, ``**`` matches any folders, and a glob that matches a folder matches all that it
holds. Only a glob that begins with ``..`` leaves the project's folder.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_BELOW = re.compile(r"(?!\.\./).*", re.DOTALL)
"""Any file in the project's folder."""


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that says whether one of ``globs`` matches a path."""
    patterns = [_pattern(glob) for glob in globs]
    return lambda path: any(pattern.fullmatch(path) for pattern in patterns)


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a glob."""
    parts = [part for part in glob.split("/") if part not in ("", ".")]
    if not parts:
        return _BELOW
    # Only a glob that says so leaves the project's folder.
    expression = "" if parts[0] == ".." else r"(?!\.\./)"
    for part in parts[:-1]:
        expression += r"(?:[^/]+/)*" if part == "**" else f"{_name(part)}/"
    return re.compile(expression + (r".+" if parts[-1] == "**" else rf"{_name(parts[-1])}(?:/.*)?"), re.DOTALL)


def _name(glob: str) -> str:
    """Return the regular expression of a glob within one name."""
    tokens = re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|.", glob, re.DOTALL)
    return "".join(map(_token, tokens))


def _token(token: str) -> str:
    if token.startswith("*"):
        return r"[^/]*"
    if token == "?":
        return r"[^/]"
    if len(token) > 1:
        negated = "^" if token.startswith("[!") else ""
        return f"[{negated}{re.escape(token[1 + len(negated) : -1]).replace(chr(92) + '-', '-')}]"
    return re.escape(token)
