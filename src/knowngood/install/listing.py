"""List the releases of a package: what an index has of each for one Python, and when it came out."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from knowngood.install import registry
from knowngood.model import InstallerName
from knowngood.model.releases import Files, Release

_JSON = "application/vnd.pypi.simple.v1+json"
"""Only in this form does an index say when a file was uploaded."""
_PATIENCE = 15.0  # seconds
_LARGEST_PAGE = 64 * 1024 * 1024  # bytes
_SCALE = (Files.NONE, Files.SOURCE, Files.WHEEL, Files.OWN_WHEEL)
"""From the worst to the best file of a release."""


def releases(environ: Mapping[str, str], package: str, python: str) -> tuple[Release, ...] | None:
    """Return the releases of ``package``, a canonical name, for a Python such as ``3.11.7``, the lowest first.

    ``environ`` is that of the installers. None when no index of it could say: it does not answer, or not in JSON.
    """
    files = next(
        (
            page
            for url in registry.indexes(InstallerName.UV, environ)
            if (page := _page(f"{url.rstrip('/')}/{package}/"))
        ),
        None,
    )
    return read(files, python) if files is not None else None


def read(files: Iterable[Mapping[str, Any]], python: str) -> tuple[Release, ...]:
    """Return the releases of the ``files`` on a page of an index (PEP 691)."""
    best: dict[Version, Files] = {}
    built: set[Version] = set()
    times: dict[Version, datetime] = {}
    sizes: dict[Version, int] = {}
    for file in files:
        name = str(file.get("filename", ""))
        version = _version(name)
        if version is None:
            continue
        kind = _kind(name, file, python)
        if name.endswith(".whl"):
            built.add(version)
        best[version] = max(best.get(version, Files.NONE), kind, key=_SCALE.index)
        if kind in (Files.WHEEL, Files.OWN_WHEEL) and isinstance(size := file.get("size"), int):
            sizes[version] = min(size, sizes.get(version, size))
        time = _time(file.get("upload-time"))
        if time is not None:
            times[version] = min(time, times.get(version, time))
    for version in built:
        if best[version] is Files.SOURCE:
            best[version] = Files.ELSEWHERE
    return tuple(
        Release(version=version, uploaded=times.get(version), files=best[version], size=sizes.get(version, 0))
        for version in sorted(best)
    )


@lru_cache(maxsize=512)
def _page(url: str) -> tuple[Mapping[str, Any], ...] | None:
    # Imported late, since only a failure is looked up: the import takes longer than reading a matrix.
    import urllib.request
    from http.client import HTTPException

    if urlsplit(url).scheme not in ("http", "https"):
        return None
    request = urllib.request.Request(url, headers={"Accept": _JSON, "User-Agent": "knowngood"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            if answer.headers.get_content_type() != _JSON:
                return None
            return tuple(json.loads(answer.read(_LARGEST_PAGE))["files"])
    except (HTTPException, OSError, ValueError, KeyError, TypeError):
        return None


def _version(name: str) -> Version | None:
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
        return None


def _kind(name: str, file: Mapping[str, Any], python: str) -> Files:
    if file.get("yanked") or not _allows(file.get("requires-python"), python):
        return Files.NONE
    if not name.endswith(".whl"):
        return Files.SOURCE
    tags = parse_wheel_filename(name)[3]
    if tags.isdisjoint(_supported(python)):
        return Files.NONE
    own = "cp" + "".join(python.split(".")[:2])
    return Files.OWN_WHEEL if any(tag.interpreter == own for tag in tags) else Files.WHEEL


def _allows(specifier: object, python: str) -> bool:
    try:
        return not specifier or SpecifierSet(str(specifier)).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


@lru_cache
def _supported(python: str) -> frozenset[Tag]:
    major, minor = (int(part) for part in python.split(".")[:2])
    interpreter = f"cp{major}{minor}"
    abi = interpreter + ("m" if (major, minor) < (3, 8) else "")
    return frozenset((*cpython_tags((major, minor), abis=[abi]), *compatible_tags((major, minor), interpreter)))


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
    except ValueError:
        return None
