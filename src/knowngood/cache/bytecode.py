"""Bytecode that an earlier environment compiled, linked into the next: most of a first import is compiling.

Kept by distribution, told apart by the hashes in its ``RECORD``: the same name and version can have other files.
Python itself looks at a source's size and time and at its own magic number before it takes any bytecode, and replaces
what does not fit by a new file, so a link never shows another environment what it should not see.
"""

import contextlib
import hashlib
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment

_SOURCE = re.compile(r"^([^,\"\n]+\.py),(sha256=[\w-]+),\d+\r?$", re.MULTILINE)
_CACHE = "__pycache__"
_MOST = 1000
"""Distributions; the 63 of the three torch stacks of matrices/embedding.toml took 180 MB."""

Linked = dict[str, tuple[int, int, int]]
"""Path of linked bytecode -> inode, time and size of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The sources of one distribution: where they are, and the folder of the store that is theirs."""

    site: Path
    store: Path
    files: frozenset[str]
    """Relative to ``site``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BytecodeStore:
    """Bytecode below ``folder``, for all environments of a user; safe to use from several processes at once."""

    folder: Path

    def known(self) -> frozenset[tuple[str, str]]:
        """Return the distributions, by canonical name and version, that an environment with them was harvested."""
        if not self.folder.is_dir():
            return frozenset()
        split = (one.name.rsplit("-", 2) for one in self.folder.iterdir())
        return frozenset((canonicalize_name(parts[0]), parts[1]) for parts in split if len(parts) == 3)

    def sources(self, environment: Environment) -> Iterator[Sources]:
        """Yield the sources of every distribution that is installed."""
        for site in environment.site_packages():
            found = {record: _inside(record) for record in sorted(site.glob("*.dist-info/RECORD"))}
            owners = Counter(file for inside in found.values() for file, _ in inside)
            for record, inside in found.items():
                digest = hashlib.sha256(repr(inside).encode(errors="surrogateescape")).hexdigest()
                store = self.folder / f"{record.parent.name.removesuffix('.dist-info').lower()}-{digest[:16]}"
                # A file of two owners may be the other one's: its bytecode is nothing to keep under this name.
                files = frozenset(file for file, _ in inside if owners[file] == 1)
                yield Sources(site=site, store=store, files=files)

    def seed(self, installed: Iterable[Sources]) -> Linked:
        """Link what is there for ``installed`` to where it is, and return what was linked."""
        linked: Linked = {}
        for sources in installed:
            for root, _, names in os.walk(sources.store):
                folder = root[len(str(sources.store)) + 1 :]
                target = f"{sources.site}/{folder}"
                with contextlib.suppress(OSError):
                    if names:
                        os.makedirs(target, exist_ok=True)
                for name in names:
                    if _source(os.path.dirname(folder), name) not in sources.files:
                        continue
                    with contextlib.suppress(OSError):
                        if _link(f"{root}/{name}", f"{target}/{name}"):
                            linked[f"{target}/{name}"] = _identity(f"{target}/{name}")
            with contextlib.suppress(OSError):
                os.utime(sources.store)  # what was used last is evicted last
        return linked

    def harvest(self, installed: Iterable[Sources], linked: Linked) -> frozenset[Path]:
        """Keep what was compiled since ``installed`` was seeded; drop what was written into instead of replaced.

        Returns the folders of the store that grew.
        """
        grown: set[Path] = set()
        for sources in installed:
            with contextlib.suppress(OSError):
                # Also of what has no bytecode, or nobody imports: it needs no compiling any more.
                sources.store.mkdir(parents=True, exist_ok=True)
            for compiled, stored in _compiled(sources):
                if self._keep(compiled, stored, linked):
                    grown.add(sources.store)
        return frozenset(grown)

    def prune(self, most: int = _MOST) -> None:
        """Remove what was used least lately until at most so many distributions are left."""
        if not self.folder.is_dir():
            return
        with contextlib.suppress(OSError):
            used = sorted(self.folder.iterdir(), key=lambda one: one.stat().st_mtime)
            for old in used[:-most]:
                shutil.rmtree(old, ignore_errors=True)

    def _keep(self, compiled: str, stored: Path, linked: Linked) -> bool:
        """Return whether the store has something new."""
        with contextlib.suppress(OSError):
            now, then = _identity(compiled), linked.get(compiled)
            if now == then:
                return False
            if then is not None and now[0] == then[0]:
                stored.unlink(missing_ok=True)
                return False
            stored.parent.mkdir(parents=True, exist_ok=True)
            partial = f"{stored}.{token_hex(4)}"
            _link(compiled, partial)
            os.replace(partial, stored)
            # Where both are one file already, replacing does nothing and leaves both names.
            Path(partial).unlink(missing_ok=True)
            return True
        return False


def _inside(record: Path) -> list[tuple[str, str]]:
    """Return (path, hash) of the sources that a distribution has below ``site-packages``, sorted."""
    found: list[tuple[str, str]] = _SOURCE.findall(record.read_text(encoding="utf-8", errors="surrogateescape"))
    return sorted(one for one in found if not one[0].startswith("/") and ".." not in one[0].split("/"))


def _compiled(sources: Sources) -> Iterator[tuple[str, Path]]:
    """Yield all bytecode that there is of ``sources``, each with its place in the store."""
    for folder in sorted({os.path.dirname(file) for file in sources.files}):
        cache = os.path.join(sources.site, folder, _CACHE)
        with contextlib.suppress(OSError):
            for name in os.listdir(cache):
                if name.endswith(".pyc") and _source(folder, name) in sources.files:
                    yield f"{cache}/{name}", sources.store / folder / _CACHE / name


def _source(folder: str, name: str) -> str:
    """Return the source of the bytecode ``name`` of a folder with sources, relative to ``site-packages``."""
    return os.path.join(folder, f"{name.partition('.')[0]}.py")


def _identity(path: str) -> tuple[int, int, int]:
    stat = os.lstat(path)
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _link(source: str, target: str) -> bool:
    """Have ``target`` be what ``source`` is; return whether it is, and was not there before."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:
        # Another device, or as many links as a file can have.
        shutil.copy2(source, target)
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Imported:
    """An environment that is imported from just now."""

    installed: tuple[Sources, ...]
    linked: Linked


class Seeding:
    """Links bytecode of ``store`` into environments; safe to use from any thread.

    ``many_files`` is held meanwhile.
    """

    def __init__(self, store: BytecodeStore, many_files: threading.Lock) -> None:
        self.store = store
        self._many_files = many_files
        self._imported: dict[Path, _Imported] = {}

    def begin(self, environment: Environment) -> None:
        """Link what is known into ``environment``, before anything is imported from it."""
        with self._many_files:
            installed = tuple(self.store.sources(environment))
            linked = self.store.seed(installed)
            self._imported[environment.folder] = _Imported(installed=installed, linked=linked)

    def end(self, environment: Environment, *, keep: bool = True) -> None:
        """Keep what ``environment`` compiled, and link it into those that may not have come to compile it yet."""
        with self._many_files:
            done = self._imported.pop(environment.folder)
            grown = self.store.harvest(done.installed, done.linked) if keep else frozenset()
            for other in self._imported.values():
                other.linked.update(self.store.seed(one for one in other.installed if one.store in grown))
