"""Link the bytecode that was compiled for earlier environments into new ones: most of a first import is compiling.

The store keeps bytecode by distribution, identified by the hashes in its ``RECORD``, because the same name and version
can have different files. Python checks the size and time of a source and its own magic number before it uses bytecode,
and replaces what does not fit by a new file, so a link never shows an environment what does not belong to it.

A probe could write any bytecode into its environment, so what it leaves only says which modules are wanted. The next
environment with the same distribution has them compiled by ``compile_sources.py``, each source after its hash was
checked.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex

from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment
from knowngood.process import Processes
from knowngood.process.files import LARGEST, read_regular
from knowngood.process.remover import remove_tree

_COMPILER = Path(__file__).with_name("compile_sources.py")
_WANTED = "wanted.txt"
"""The file of a distribution that lists its bytecode that environments compiled: a folder and a name in each line."""
_PATIENCE = 600.0  # seconds to compile what one combo imported
_SOURCE = re.compile(r"^([^,\"\n]+\.py),(sha256=[\w-]+),\d+\r?$", re.MULTILINE)
_NAME = re.compile(r"[^.]+\.(?P<tag>[\w-]+)(?:\.opt-(?P<level>[12]))?\.pyc")
_CACHE = "__pycache__"
_MOST = 1000
"""Distributions; those of the three torch stacks of matrices/embedding.toml, 63, take 180 MB."""

Linked = dict[str, tuple[int, int, int]]
"""Path of linked bytecode -> its inode, time and size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One source to compile; ``compile_sources.py`` reads its fields."""

    source: str
    sha256: str
    """As its ``RECORD`` has it."""
    stored: str
    """Where the bytecode goes to."""
    tag: str
    """Of the interpreter that imported it."""
    level: int
    """Of optimization; -1 for that of an interpreter without options."""


Compile = Callable[[Sequence[Job]], object]
"""Compiles sources."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The sources of one installed distribution, and the folder of the store for their bytecode."""

    site: Path
    store: Path
    files: Mapping[str, str]
    """Path relative to ``site`` -> digest, as the ``RECORD`` has it."""


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
                files = {file: digest for file, digest in sources if owners[file] == 1}
                yield Sources(site=site, store=store, files=files)

    def wanted(self, installed: Iterable[Sources]) -> Iterator[Job]:
        """Yield what earlier environments imported of ``installed`` and the store does not have."""
        for sources in installed:
            for line in read_regular(sources.store / _WANTED, LARGEST).decode("utf-8", "replace").splitlines():
                folder, _, name = line.rpartition("/")
                source, parts = _source(folder, name), _NAME.fullmatch(name)
                stored = sources.store / folder / _CACHE / name
                if parts and source in sources.files and not stored.exists():
                    yield Job(
                        source=os.path.join(sources.site, source),
                        sha256=sources.files[source].partition("=")[2],
                        stored=str(stored),
                        tag=parts["tag"],
                        level=int(parts["level"] or -1),
                    )

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
                for name in names if folder else ():
                    if _source(os.path.dirname(folder), name) not in sources.files:
                        continue
                    with contextlib.suppress(OSError):
                        if _link(f"{root}/{name}", f"{target}/{name}"):
                            linked[f"{target}/{name}"] = _identity(f"{target}/{name}")
            with contextlib.suppress(OSError):
                os.utime(sources.store)  # the time of its last use, by which it is evicted
        return linked

    def note(self, installed: Iterable[Sources], before: Linked, imported: Collection[str] = ()) -> None:
        """Note which modules an environment with ``installed`` compiled: the next one wants them, too.

        ``before`` is the bytecode that the environment had before anything ran in it. ``imported`` are the places of
        more that it compiled and could not keep. A linked file that something
        wrote into, or that did not fit, is dropped from the store.
        """
        for sources in installed:
            with contextlib.suppress(OSError):
                # Even without any bytecode: the folder says that there is nothing left to compile.
                sources.store.mkdir(parents=True, exist_ok=True)
            new = set()
            for line, compiled, stored in _compiled(sources):
                with contextlib.suppress(OSError):
                    now, then = _identity(compiled), before.get(compiled)
                    if now == then:
                        continue
                    stored.unlink(missing_ok=True)
                    new.add(line)
            prefix = f"{sources.site}/"
            for place in imported:
                folder, _, name = place.removeprefix(prefix).rpartition(f"{_CACHE}/")
                folder = folder.removesuffix("/")
                if place.startswith(prefix) and place not in before and _source(folder, name) in sources.files:
                    new.add(f"{folder}/{name}")
            if new:
                self._add_wanted(sources.store / _WANTED, new)

    def _add_wanted(self, file: Path, new: set[str]) -> None:
        known = set(read_regular(file, LARGEST).decode("utf-8", "replace").splitlines())
        if not new <= known:
            with contextlib.suppress(OSError, UnicodeError):
                partial = file.with_name(f"{file.name}.{token_hex(4)}")
                partial.write_text("".join(f"{line}\n" for line in sorted(known | new)), encoding="utf-8")
                partial.replace(file)

    def forget(self, names: Iterable[str]) -> None:
        """Remove the bytecode of all versions of distributions, given their canonical names."""
        unwanted = frozenset(names)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if canonicalize_name(folder.name.rsplit("-", 2)[0]) in unwanted:
                remove_tree(folder)

    def prune(self, most: int = _MOST) -> None:
        """Remove the distributions used least recently until at most ``most`` are left."""
        if not self.folder.is_dir():
            return
        with contextlib.suppress(OSError):
            used = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in used[:-most]:
                remove_tree(old)


def _sources(record: Path) -> list[tuple[str, str]]:
    """Return (path, hash) of the sources that a distribution has below ``site-packages``, sorted."""
    entries: list[tuple[str, str]] = _SOURCE.findall(
        read_regular(record, LARGEST, linked=True).decode("utf-8", "surrogateescape")
    )
    return sorted(entry for entry in entries if not entry[0].startswith("/") and ".." not in entry[0].split("/"))


def _compiled(sources: Sources) -> Iterator[tuple[str, str, Path]]:
    """Yield how lists name a file of bytecode beside ``sources``, then its path and its place in the store."""
    for folder in sorted({os.path.dirname(file) for file in sources.files}):
        cache = os.path.join(sources.site, folder, _CACHE)
        with contextlib.suppress(OSError):
            for name in os.listdir(cache):
                if name.endswith(".pyc") and _source(folder, name) in sources.files:
                    yield f"{folder}/{name}", f"{cache}/{name}", sources.store / folder / _CACHE / name


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
class Compiler:
    """Compiles sources with ``python``, an interpreter outside any environment; the log is written into ``folder``."""

    processes: Processes
    python: Path
    folder: Path

    def __call__(self, jobs: Sequence[Job]) -> None:
        """Compile sources. What cannot be compiled is left to the environments."""
        asked = self.folder / "bytecode.json"
        with contextlib.suppress(OSError, UnicodeError):
            self.folder.mkdir(parents=True, exist_ok=True)
            asked.write_text(json.dumps([asdict(job) for job in jobs]), encoding="utf-8", errors="surrogateescape")
            command: list[str | Path] = [self.python, "-I", "-S", "-B", "-W", "ignore", "-X", "utf8", _COMPILER, asked]
            log = self.folder / "bytecode.log"
            self.processes.run(command, env={}, cwd=self.folder, log=log, timeout=_PATIENCE)
        asked.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Imported:
    """An environment that is being imported from."""

    installed: tuple[Sources, ...]
    before: Linked
    """All bytecode that it had before."""


class BytecodeSharing:
    """Shares bytecode between the environments of a run through ``store``. Safe to use from any thread.

    ``many_files`` is held while files are linked.
    """

    def __init__(self, store: BytecodeStore, many_files: threading.Lock, processes: Processes) -> None:
        self.store = store
        self._many_files = many_files
        self._processes = processes
        self._imported: dict[Path, _Imported] = {}
        self._compiling = threading.Lock()

    def link(self, environment: Environment, python: Path | None, folder: Path) -> tuple[str, ...]:
        """Link bytecode into ``environment`` before anything is imported from it, and return the paths of the links.

        What the store lacks is compiled with ``python``, the base of its interpreter; None: nothing is. Its log is
        written into ``folder``.
        """
        with self._many_files:
            installed = tuple(self.store.sources(environment))
            has = {path: _identity(path) for sources in installed for _, path, _ in _compiled(sources)}
        if python is not None:
            # The second of two finds what the first one compiled.
            with self._compiling:
                if jobs := list(self.store.wanted(installed)):
                    Compiler(processes=self._processes, python=python, folder=folder)(jobs)
        with self._many_files:
            linked = self.store.link(installed)
            self._imported[environment.folder] = _Imported(installed=installed, before=has | linked)
        return tuple(linked)

    def note(self, environment: Environment, *, imported: Collection[str] = (), keep: bool = True) -> None:
        """Note what ``environment`` compiled for those that come later, unless it is not to be kept.

        ``imported`` are the places of bytecode that Python could not keep.
        """
        with self._many_files:
            done = self._imported.pop(environment.folder)
            if keep:
                self.store.note(done.installed, done.before, imported)
