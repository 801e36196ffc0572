"""Find out which files the lock of a step would download, how large they are, and which of them uv has already.

The sizes are those that the index states, in the ``pylock.toml`` that uv writes. What uv's cache holds is what a dry
run of its installation says.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from knowngood.install import lock
from knowngood.install.interface import OUTSIDE, RESOLVE_LIMIT, Tools
from knowngood.install.uv.installer import binary
from knowngood.process.files import read_text

_KEPT = re.compile(r"requirement already cached: (?P<name>[\w.-]+)==")
_CHOSEN = re.compile(r"Selecting: (?P<name>[\w.-]+)==\S+ \[\w+\] \((?P<file>[^\s()]+)\)")
_PASSED = ("--no-binary", "--only-binary")
"""The options of a step that decide which file of a release is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that an environment needs."""

    name: str
    """Its file name; where that is unknown, ``name==version`` of its distribution."""
    size: int | None = None
    """Bytes; None where the index does not say it."""
    kept: bool = False
    """Whether uv's cache has it: then it takes no more of the disk, either."""
    local: bool = False
    """Whether it is in a folder of this machine."""
    sdist: bool = False
    """Whether it is a source distribution or a repository, from which a wheel has to be built."""


def files(
    text: str, options: tuple[str, ...], *, tools: Tools, python: Path, folder: Path, places: tuple[Path, ...] = ()
) -> tuple[File, ...]:
    """Return the files that uv would install for a lock, without what was built on this machine.

    ``options`` are those of the step, ``places`` the indexes that are folders, and ``folder`` is for the files and logs
    of the lookup. A file that uv can say nothing about has no size.
    """
    pins = tuple(lock.pins(text))  # without what was built here: a comment follows it
    from_index = [pin for pin in pins if pin.url is None]
    unknown = {
        pin.name: File(name=f"{pin.name}=={pin.version}" if pin.version else pin.name, sdist=_has_to_be_built(pin.url))
        for pin in pins
    }
    if not from_index:
        return tuple(unknown.values())
    folder.mkdir(parents=True, exist_ok=True)
    lines, made = folder / "sizes.in", folder / "pylock.sizes.toml"
    lines.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in from_index), encoding="utf-8")
    common: list[str | Path] = [
        lines,
        "--no-deps",
        "--python",
        python,
        *(option for option in options if option.startswith(_PASSED)),
    ]

    def run(*arguments: str | Path) -> str | None:
        """Return what a command of uv printed; None when it failed."""
        log = folder / f"{arguments[1]}.log"
        action = tools.processes.run(
            [binary(), *arguments], env=tools.environ, cwd=OUTSIDE, log=log, timeout=RESOLVE_LIMIT
        )
        return read_text(log) if action.exit.ok else None

    target = folder / "nowhere"  # nothing is installed there yet, so uv looks into its cache
    said = run("pip", "install", "--dry-run", "--verbose", "--target", target, "-r", *common) or ""
    chosen = {canonicalize_name(match["name"]): match["file"] for match in _CHOSEN.finditer(said)}
    kept = {canonicalize_name(match["name"]) for match in _KEPT.finditer(said)}
    sizes: dict[str, File] = {}
    if run("pip", "compile", *common, "--output-file", made, "--format", "pylock.toml", "--no-header") is not None:
        for package in tomllib.loads(read_text(made)).get("packages", []):
            name = canonicalize_name(package["name"])
            sizes[name] = _file(package, chosen.get(name), name in kept, places)
    return tuple(sizes.get(name) or replace(file, kept=name in kept) for name, file in unknown.items())


def _has_to_be_built(url: str | None) -> bool:
    return url is not None and not urlsplit(url).path.endswith(".whl")


def _file(package: Mapping[str, Any], chosen: str | None, kept: bool, places: tuple[Path, ...]) -> File:
    """Return the file of a package of a ``pylock.toml``: the one called ``chosen``, or the only one."""
    listed = {_name(entry): entry for entry in _entries(package)}
    name = chosen if chosen in listed else next(iter(listed)) if len(listed) == 1 else None
    if name is None:
        return File(name=chosen or f"{package['name']}=={package.get('version', '')}", kept=kept)
    local = next((place / name for place in places if (place / name).is_file()), None) or _path(listed[name])
    size = listed[name].get("size") or (local.stat().st_size if local is not None else None)
    return File(name=name, size=size, kept=kept, local=local is not None, sdist=not name.endswith(".whl"))


def _path(entry: Mapping[str, Any]) -> Path | None:
    """Return where a file of a ``pylock.toml`` is on this machine; None when it is not."""
    parts = urlsplit(entry.get("url", ""))
    path = entry.get("path") or (unquote(parts.path) if parts.scheme == "file" else None)
    return Path(path) if path is not None and Path(path).is_file() else None


def _entries(package: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from package.get("wheels", ())
    yield from filter(None, (package.get("sdist"), package.get("archive")))


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or unquote(urlsplit(entry.get("url") or entry["path"]).path).rpartition("/")[2])
