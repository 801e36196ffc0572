"""Link the bytecode that earlier environments compiled into new ones: most of a first import is compiling.

The store keeps bytecode by distribution, identified by the hashes in its ``RECORD``, because the same name and version
can have different files. Python checks the size and time of a source and its own magic number before it uses bytecode,
and replaces what does not fit by a new file, so a link never shows an environment what does not belong to it.
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
"""Distributions; those of the three torch stacks of matrices/embedding.toml, 63, take 180 MB."""

Linked = dict[str, tuple[int, int, int]]
"""Path of linked bytecode -> its inode, time and size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The sources of one installed distribution, and the folder of the store for their bytecode."""

    site: Path
    store: Path
    files: frozenset[str]
    """Relative to ``site``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BytecodeStore:
    """Bytecode below ``folder``, for all environments of a user. Safe to use from several processes at once."""

    folder: Path

    def distributions(self) -> frozenset[tuple[str, str]]:
        """Return the canonical names and versions of the distributions in the store."""
        if not self.folder.is_dir():
            return frozenset()
        split = (path.name.rsplit("-", 2) for path in self.folder.iterdir())
        return frozenset((canonicalize_name(parts[0]), parts[1]) for parts in split if len(parts) == 3)

    def sources(self, environment: Environment) -> Iterator[Sources]:
        """Yield the sources of every installed distribution."""
        for site in environment.site_packages():
            records = {record: _sources(record) for record in sorted(site.glob("*.dist-info/RECORD"))}
            owners = Counter(file for sources in records.values() for file, _ in sources)
            for record, sources in records.items():
                digest = hashlib.sha256(repr(sources).encode(errors="surrogateescape")).hexdigest()
                store = self.folder / f"{record.parent.name.removesuffix('.dist-info').lower()}-{digest[:16]}"
                # If two distributions claim a file, its bytecode cannot be attributed to either: skip it.
                files = frozenset(file for file, _ in sources if owners[file] == 1)
                yield Sources(site=site, store=store, files=files)

    def link(self, installed: Iterable[Sources]) -> Linked:
        """Link the bytecode in the store into an environment with ``installed``, and return what was linked."""
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
                os.utime(sources.store)  # the time of its last use, by which it is evicted
        return linked

    def collect(self, installed: Iterable[Sources], linked: Linked) -> None:
        """Add the bytecode that an environment with ``installed`` compiled.

        ``linked`` is what was linked into it before. A linked file that something wrote into, instead of replacing it,
        is dropped from the store.
        """
        for sources in installed:
            with contextlib.suppress(OSError):
                # Even without any bytecode: the folder says that there is nothing left to compile.
                sources.store.mkdir(parents=True, exist_ok=True)
            for compiled, stored in _compiled(sources):
                self._keep(compiled, stored, linked)

    def prune(self, most: int = _MOST) -> None:
        """Remove the distributions used least recently until at most ``most`` are left."""
        if not self.folder.is_dir():
            return
        with contextlib.suppress(OSError):
            used = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in used[:-most]:
                shutil.rmtree(old, ignore_errors=True)

    def _keep(self, compiled: str, stored: Path, linked: Linked) -> None:
        """Add one file to the store if it is new."""
        with contextlib.suppress(OSError):
            now, then = _identity(compiled), linked.get(compiled)
            if now == then:
                return
            if then is not None and now[0] == then[0]:
                stored.unlink(missing_ok=True)
                return
            stored.parent.mkdir(parents=True, exist_ok=True)
            partial = f"{stored}.{token_hex(4)}"
            _link(compiled, partial)
            os.replace(partial, stored)
            # If both are the same file already, replacing does nothing and leaves both names.
            Path(partial).unlink(missing_ok=True)


def _sources(record: Path) -> list[tuple[str, str]]:
    """Return (path, hash) of the sources that a distribution has below ``site-packages``, sorted."""
    entries: list[tuple[str, str]] = _SOURCE.findall(record.read_text(encoding="utf-8", errors="surrogateescape"))
    return sorted(entry for entry in entries if not entry[0].startswith("/") and ".." not in entry[0].split("/"))


def _compiled(sources: Sources) -> Iterator[tuple[str, Path]]:
    """Yield each file of bytecode beside ``sources``, with its place in the store."""
    for folder in sorted({os.path.dirname(file) for file in sources.files}):
        cache = os.path.join(sources.site, folder, _CACHE)
        with contextlib.suppress(OSError):
            for name in os.listdir(cache):
                if name.endswith(".pyc") and _source(folder, name) in sources.files:
                    yield f"{cache}/{name}", sources.store / folder / _CACHE / name


def _source(folder: str, name: str) -> str:
    """Return the source that the bytecode file ``name`` belongs to, in ``folder`` below ``site-packages``."""
    return os.path.join(folder, f"{name.partition('.')[0]}.py")


def _identity(path: str) -> tuple[int, int, int]:
    stat = os.lstat(path)
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _link(source: str, target: str) -> bool:
    """Link ``target`` to ``source``, or copy it; return False if ``target`` exists already."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:
        # On another device, or the file has as many links as the file system allows.
        shutil.copy2(source, target)
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Imported:
    """An environment that is being imported from."""

    installed: tuple[Sources, ...]
    linked: Linked


class BytecodeSharing:
    """Shares bytecode between the environments of a run through ``store``. Safe to use from any thread.

    ``many_files`` is held while files are linked.
    """

    def __init__(self, store: BytecodeStore, many_files: threading.Lock) -> None:
        self.store = store
        self._many_files = many_files
        self._imported: dict[Path, _Imported] = {}

    def link(self, environment: Environment) -> None:
        """Link the bytecode in the store into ``environment``, before anything is imported from it."""
        with self._many_files:
            installed = tuple(self.store.sources(environment))
            linked = self.store.link(installed)
            self._imported[environment.folder] = _Imported(installed=installed, linked=linked)

    def collect(self, environment: Environment, *, keep: bool = True) -> None:
        """Take the bytecode that ``environment`` compiled into the store, unless it is not to be kept."""
        with self._many_files:
            done = self._imported.pop(environment.folder)
            if keep:
                self.store.collect(done.installed, done.linked)
