"""Link the bytecode that was compiled for earlier environments into new ones: most of a first import is compiling.

The store keeps bytecode by distribution, identified by the hashes in its ``RECORD``, because the same name and version
can have different files. Python checks the size and time of a source and its own magic number before it uses bytecode,
and replaces what does not fit by a new file, so a link never shows an environment what does not belong to it.

A probe could write any bytecode into its environment, so what it leaves only says which modules are worth compiling:
``compile_sources.py`` compiles them again, each source after its hash was checked.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment
from knowngood.process import Processes
from knowngood.process.files import read_regular

_COMPILER = Path(__file__).with_name("compile_sources.py")
_LARGEST_ANSWER = 2**26  # bytes
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
    compiled: str
    """What the environment has now, which nobody vouches for."""
    stored: str
    """Where the bytecode goes to."""
    tag: str
    """Of the interpreter that the environment compiled it with."""
    level: int
    """Of optimization; -1 for that of an interpreter without options."""


Compile = Callable[[Sequence[Job]], frozenset[str]]
"""Compiles sources and returns the paths of the bytecode that it stored."""


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

    def collect(self, installed: Iterable[Sources], before: Linked, compile_all: Compile) -> None:
        """Add the bytecode of the modules that an environment with ``installed`` compiled, compiled again.

        ``before`` is the bytecode that the environment had before anything ran in it. The environment gets links to
        what was added, and loses what could not be compiled again. A linked file that something wrote into, instead of
        replacing it, is dropped from the store.
        """
        jobs: list[Job] = []
        for sources in installed:
            with contextlib.suppress(OSError):
                # Even without any bytecode: the folder says that there is nothing left to compile.
                sources.store.mkdir(parents=True, exist_ok=True)
            for source, compiled, stored in _compiled(sources):
                with contextlib.suppress(OSError):
                    now, then = _identity(compiled), before.get(compiled)
                    if then is not None and now[0] == then[0]:
                        if now != then:
                            stored.unlink(missing_ok=True)
                        continue
                    name = _NAME.fullmatch(stored.name)
                    jobs.append(
                        Job(
                            source=os.path.join(sources.site, source),
                            sha256=sources.files[source].partition("=")[2],
                            compiled=compiled,
                            stored=str(stored),
                            tag=name["tag"] if name else "",
                            level=int(name["level"] or -1) if name else -1,
                        )
                    )
        made = compile_all(jobs) if jobs else frozenset()
        for job in jobs:
            with contextlib.suppress(OSError):
                os.unlink(job.compiled)
                if job.stored in made:
                    _link(job.stored, job.compiled)

    def forget(self, names: Iterable[str]) -> None:
        """Remove the bytecode of all versions of distributions, given their canonical names."""
        unwanted = frozenset(names)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if canonicalize_name(folder.name.rsplit("-", 2)[0]) in unwanted:
                shutil.rmtree(folder, ignore_errors=True)

    def prune(self, most: int = _MOST) -> None:
        """Remove the distributions used least recently until at most ``most`` are left."""
        if not self.folder.is_dir():
            return
        with contextlib.suppress(OSError):
            used = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in used[:-most]:
                shutil.rmtree(old, ignore_errors=True)


def _sources(record: Path) -> list[tuple[str, str]]:
    """Return (path, hash) of the sources that a distribution has below ``site-packages``, sorted."""
    entries: list[tuple[str, str]] = _SOURCE.findall(record.read_text(encoding="utf-8", errors="surrogateescape"))
    return sorted(entry for entry in entries if not entry[0].startswith("/") and ".." not in entry[0].split("/"))


def _compiled(sources: Sources) -> Iterator[tuple[str, str, Path]]:
    """Yield each source that has bytecode beside it, the path of that, and its place in the store."""
    for folder in sorted({os.path.dirname(file) for file in sources.files}):
        cache = os.path.join(sources.site, folder, _CACHE)
        with contextlib.suppress(OSError):
            for name in os.listdir(cache):
                source = _source(folder, name)
                if name.endswith(".pyc") and source in sources.files:
                    yield source, f"{cache}/{name}", sources.store / folder / _CACHE / name


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

    def __call__(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Compile sources and return the paths of the bytecode that was stored."""
        asked, answer = self.folder / "bytecode.json", self.folder / "bytecode.done.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            asked.write_text(json.dumps([asdict(job) for job in jobs]), encoding="utf-8", errors="surrogateescape")
            command: list[str | Path] = [
                self.python,
                "-I",
                "-S",
                "-B",
                "-W",
                "ignore",
                "-X",
                "utf8",
                _COMPILER,
                asked,
                answer,
            ]
            log = self.folder / "bytecode.log"
            self.processes.run(command, env={}, cwd=self.folder, log=log, timeout=_PATIENCE)
            return frozenset(map(str, json.loads(read_regular(answer, _LARGEST_ANSWER) or b"[]")))
        except (OSError, ValueError):
            return frozenset()
        finally:
            for file in (asked, answer):
                file.unlink(missing_ok=True)


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

    def link(self, environment: Environment) -> tuple[str, ...]:
        """Link the bytecode in the store into ``environment``, before anything is imported from it.

        Returns the paths of the links.
        """
        with self._many_files:
            installed = tuple(self.store.sources(environment))
            has = {path: _identity(path) for sources in installed for _, path, _ in _compiled(sources)}
            linked = self.store.link(installed)
            self._imported[environment.folder] = _Imported(installed=installed, before=has | linked)
        return tuple(linked)

    def collect(self, environment: Environment, python: Path | None, folder: Path) -> None:
        """Compile what ``environment`` compiled for the store, with ``python``, the base of its interpreter.

        None: nothing is added. A log is written into ``folder``.
        """
        with self._many_files:
            done = self._imported.pop(environment.folder)
        if python is not None:
            self.store.collect(
                done.installed, done.before, Compiler(processes=self._processes, python=python, folder=folder)
            )
