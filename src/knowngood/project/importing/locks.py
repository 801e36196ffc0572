"""Read lock files: ``uv.lock``, ``pylock.toml``, ``poetry.lock``, ``pdm.lock`` and ``Pipfile.lock``."""

import json
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import tomli
from packaging.pylock import Pylock, PylockValidationError
from packaging.utils import canonicalize_name

from knowngood.errors import UsageError

_PYLOCK = re.compile(r"pylock\.(?:[^.]+\.)?toml")
_MOST_TERMS = 12  # alternatives in the marker of one package

Table = Mapping[str, Any]
Terms = frozenset[frozenset[str]]
"""A marker as alternatives, each of which is a set of markers that hold together."""

_Operand = Callable[[list[re.Match[str]], int], tuple[str | bool, int]]
"""Reads one operand of a marker: returns its value, and the position after it."""

ALWAYS: Terms = frozenset({frozenset()})


def is_lock(path: str) -> bool:
    """Return whether ``read_lock`` reads files with this name."""
    name = posixpath.basename(path)
    return name in _READERS or _PYLOCK.fullmatch(name) is not None


def read_lock(
    path: str, text: str, *, extras: Collection[str] | None = None, groups: Collection[str] | None = None
) -> tuple[str, ...]:
    """Return what a lock file installs, as requirement lines such as ``numpy==1.26.4 ; python_version < '3.13'``.

    The projects on this machine that a lock is about are left out. ``extras`` and ``groups`` limit a ``uv.lock`` to
    what these need, beside the dependencies of the project; None stands for all. Raises ``UsageError``: it is not a
    lock, or not one that can be read.
    """
    name = posixpath.basename(path)
    reader = _READERS.get(name, _pylock if _PYLOCK.fullmatch(name) else None)
    if reader is None:
        raise UsageError(
            f"{path} is not a lock file", next_step=f"name one of: {', '.join([*_READERS, 'pylock.toml'])}"
        )
    chosen = _Chosen(extras or (), groups or ())
    try:
        lock = json.loads(text) if name == "Pipfile.lock" else tomli.loads(text.removeprefix("\ufeff"))
        if name == "uv.lock":
            return tuple(dict.fromkeys(_uv(lock, extras, groups, chosen)))
        return tuple(dict.fromkeys(reader(lock)))
    except (ValueError, RecursionError, PylockValidationError) as error:
        raise UsageError(f"{path} cannot be read", cause=_first_line(error), next_step="recreate the lock") from error
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        cause = f"invalid {name}: {type(error).__name__}: {_first_line(error)}"
        raise UsageError(f"{path} cannot be read", cause=cause, next_step="recreate the lock") from error


def requires_python(path: str, text: str) -> str:
    """Return the Pythons that a lock is for, as a specifier such as ``>=3.11``; empty when it says nothing."""
    try:
        lock = tomli.loads(text.removeprefix("\ufeff")) if posixpath.basename(path) != "Pipfile.lock" else {}
    except (ValueError, RecursionError):
        return ""
    metadata = lock.get("metadata")
    stated = lock.get("requires-python") or (metadata.get("python-versions") if isinstance(metadata, Mapping) else "")
    return stated if isinstance(stated, str) else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


class _Chosen:
    """Decides the parts of markers by which uv tells apart extras and groups that are in conflict."""

    _ATOM = re.compile(r"\s*(?:(?P<sign>[()])|(?P<word>and|or)\b|(?P<text>(?:[^()\s]|'[^']*'|\s(?!and\b|or\b))+))")

    def __init__(self, extras: Collection[str], groups: Collection[str]) -> None:
        self._names = {f"extra-{canonicalize_name(name)}" for name in extras}
        self._names |= {f"group-{canonicalize_name(name)}" for name in groups}

    def decided(self, marker: str) -> str | None:
        """Return a marker without those parts: empty when it always holds, None when it never does."""
        if "extra" not in marker:
            return marker
        tokens = [match for match in self._ATOM.finditer(marker) if match[0].strip()]
        result, _ = self._either(tokens, 0)
        if isinstance(result, bool):
            return "" if result else None
        return result

    def _either(self, tokens: list[re.Match[str]], position: int) -> tuple[str | bool, int]:
        return self._chain(tokens, position, "or", self._all)

    def _all(self, tokens: list[re.Match[str]], position: int) -> tuple[str | bool, int]:
        return self._chain(tokens, position, "and", self._single)

    def _chain(
        self, tokens: list[re.Match[str]], position: int, word: str, operand: _Operand
    ) -> tuple[str | bool, int]:
        """Return the value of the operands that ``word`` joins, and the position after them."""
        settles = word == "or"  # whatever else is joined to it
        result, position = operand(tokens, position)
        while position < len(tokens) and tokens[position]["word"] == word:
            other, position = operand(tokens, position + 1)
            if result is settles or other is settles:
                result = settles
            elif isinstance(result, bool):
                result = other
            elif not isinstance(other, bool):
                result = f"{result} or {other}" if word == "or" else f"{_grouped(result)} and {_grouped(other)}"
        return result, position

    def _single(self, tokens: list[re.Match[str]], position: int) -> tuple[str | bool, int]:
        token = tokens[position]
        if token["sign"] == "(":
            result, position = self._either(tokens, position + 1)
            return _grouped(result) if isinstance(result, str) else result, position + 1
        text = token["text"].strip()
        match = re.fullmatch(r"extra\s*(==|!=)\s*'(extra|group)-(\d+)-(.*)'", text)
        if match is None:
            return text, position + 1
        # The number is the length of the project's name, which a "-" follows.
        name = f"{match[2]}-{match[4][int(match[3]) + 1 :]}"
        return (name in self._names) == (match[1] == "=="), position + 1


def _uv(lock: Table, extras: Collection[str] | None, groups: Collection[str] | None, chosen: _Chosen) -> Iterator[str]:
    packages = [package for package in lock.get("package", []) if package["name"]]
    terms = _reached(packages, extras, groups, chosen)
    for package in packages:
        source = package.get("source", {})
        if not _is_elsewhere(source) or id(package) not in terms:
            continue
        marker = _joined(terms[id(package)])
        forks = [each for fork in package.get("resolution-markers", ()) if (each := chosen.decided(fork)) is not None]
        if not forks and "resolution-markers" in package:
            continue
        if forks and "" not in forks:
            fork = " or ".join(map(_grouped, forks))
            if all(set(forks) & term for term in terms[id(package)]) and len(forks) == 1:
                fork = ""  # the markers on the way say the same
            marker = " and ".join(_grouped(each) for each in (fork, marker) if each)
        yield _line(package["name"], package.get("version"), _uv_place(source), marker)


def _is_elsewhere(source: Table) -> bool:
    return not source or bool({"registry", "git", "url"} & source.keys())


def _uv_place(source: Table) -> str:
    """Return the URL that a package is installed from, empty for one of an index."""
    if "git" in source:
        url, _, commit = source["git"].partition("#")
        url, _, query = url.partition("?")
        subdirectory = re.search(r"subdirectory=([^&]+)", query)
        return f"git+{url}@{commit}" + (f"#subdirectory={subdirectory[1]}" if subdirectory else "")
    url = source.get("url", "")
    return f"{url}#subdirectory={source['subdirectory']}" if url and "subdirectory" in source else url


def _reached(
    packages: list[Table], extras: Collection[str] | None, groups: Collection[str] | None, chosen: _Chosen
) -> dict[int, Terms]:
    """Return under which markers each package is needed by the projects of the lock, by the id of its table."""
    by_name: dict[str, list[Table]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    terms: dict[int, Terms] = {}
    queue: list[tuple[Table, Terms, tuple[str, ...]]] = [
        (package, ALWAYS, ()) for package in packages if not _is_elsewhere(package.get("source", {}))
    ] or [(package, ALWAYS, ()) for package in packages]
    asked: dict[tuple[int, tuple[str, ...]], Terms] = {}
    while queue:
        package, needed, with_extras = queue.pop()
        is_project = not _is_elsewhere(package.get("source", {}))
        known = asked.get((id(package), with_extras), frozenset())
        merged = _either(known, needed)
        if merged == known:
            continue
        asked[id(package), with_extras] = merged
        terms[id(package)] = _either(terms.get(id(package), frozenset()), merged)
        for edge in _edges(package, with_extras, is_project, extras, groups):
            marker = chosen.decided(edge.get("marker", ""))
            if marker is None:
                continue
            needed_by, asks = _both(merged, marker), tuple(edge.get("extra", ()))
            queue.extend((target, needed_by, asks) for target in _targets(edge, by_name))
    return terms


def _edges(
    package: Table,
    with_extras: tuple[str, ...],
    is_project: bool,
    extras: Collection[str] | None,
    groups: Collection[str] | None,
) -> Iterator[Table]:
    yield from package.get("dependencies", ())
    for extra, edges in package.get("optional-dependencies", {}).items():
        if extra in with_extras or (is_project and (extras is None or extra in extras)):
            yield from edges
    for group, edges in package.get("dev-dependencies", {}).items():
        if is_project and (groups is None or group in groups):
            yield from edges


def _targets(edge: Table, by_name: Mapping[str, list[Table]]) -> Iterator[Table]:
    for package in by_name.get(edge["name"], ()):
        if edge.get("version", package.get("version")) == package.get("version"):
            yield package


def _both(terms: Terms, marker: str) -> Terms:
    return frozenset(term | {marker} for term in terms) if marker else terms


def _either(first: Terms, second: Terms) -> Terms:
    """Return the alternatives of both; those that say no more than a shorter one are left out."""
    together = first | second
    fewest = frozenset(term for term in together if not any(other < term for other in together))
    if len(fewest) <= _MOST_TERMS:
        return fewest
    # Too many to be worth it. The marker that is nearest to the project decides: it is true more often, never less.
    return ALWAYS if frozenset() in fewest else frozenset(frozenset({min(term)}) for term in fewest)


def _joined(terms: Terms) -> str:
    if frozenset() in terms:
        return ""
    alternatives = sorted(" and ".join(_grouped(marker) for marker in sorted(term)) for term in terms)
    return alternatives[0] if len(alternatives) == 1 else " or ".join(f"({each})" for each in alternatives)


def _grouped(marker: str) -> str:
    """Return a marker such that "and" may follow it."""
    depth, is_open = 0, False
    for position, letter in enumerate(marker):
        is_open = is_open or (depth == 0 and marker.startswith(" or ", position))
        depth += (letter == "(") - (letter == ")")
    return f"({marker})" if is_open else marker


def _pylock(lock: Table) -> Iterator[str]:
    for package in Pylock.from_dict(lock).packages:
        place = ""
        if package.vcs is not None and package.vcs.url is not None:
            place = f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"
            place += f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        elif package.archive is not None and package.archive.url is not None:
            place = package.archive.url
        elif package.directory is not None or package.version is None:
            continue
        version = str(package.version) if package.version else None
        yield _line(package.name, version, place, str(package.marker) if package.marker else "")


def _poetry(lock: Table) -> Iterator[str]:
    for package in lock.get("package", []):
        source = package.get("source", {})
        if source.get("type") in ("directory", "file"):
            continue
        place = ""
        if source.get("type") == "git":
            place = f"git+{source['url']}@{source['resolved_reference']}"
        elif source.get("type") == "url":
            place = source["url"]
        markers = package.get("markers", "")
        if isinstance(markers, Mapping):  # one for each group
            each = sorted(set(markers.values()))
            markers = each[0] if len(each) == 1 else " or ".join(f"({marker})" for marker in each)
        yield _line(package["name"], package["version"], place, markers)


def _pdm(lock: Table) -> Iterator[str]:
    for package in lock.get("package", []):
        if "path" in package:
            continue
        place = f"git+{package['git']}@{package['revision']}" if "git" in package else package.get("url", "")
        yield _line(package["name"], package["version"], place, package.get("marker", ""))


def _pipfile(lock: Table) -> Iterator[str]:
    for section in ("default", "develop"):
        for name, package in lock.get(section, {}).items():
            version = package.get("version", "").removeprefix("==") or None
            place = f"git+{package['git']}@{package['ref']}" if "git" in package else package.get("file", "")
            if version or place:
                yield _line(name, version, place, package.get("markers", ""))


def unlocked(pyproject: str | None, groups: tuple[str, ...] | None) -> Iterator[str]:
    """Yield lines for the groups that a project without a lock installs; None: all that it declares."""
    try:
        declared = tomli.loads(pyproject or "").get("dependency-groups", {})
    except (ValueError, RecursionError):
        return
    if isinstance(declared, Mapping):
        yield from (f"--group {name}" for name in (declared if groups is None else groups) if name in declared)


def _line(name: str, version: str | None, place: str, marker: str) -> str:
    """Return one requirement line. An exact version without its file is enough, as a resolver finds the file again."""
    line = f"{canonicalize_name(name)} @ {place}" if place else f"{canonicalize_name(name)}=={version}"
    return f"{line} ; {marker}" if marker else line


_READERS: Mapping[str, Callable[[Table], Iterator[str]]] = {
    "uv.lock": lambda lock: _uv(lock, None, None, _Chosen((), ())),
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
    "Pipfile.lock": _pipfile,
}
