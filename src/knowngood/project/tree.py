"""Take a snapshot of a project once per run, and copy it: nothing builds or tests in the folder of the user.

A snapshot has what git tracks or does not ignore; without git, everything except what tools leave behind. In a
repository it begins at the top folder, because a project in a subfolder may use files above it.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path

from knowngood.errors import UndecidedError
from knowngood.model import Reason
from knowngood.process import Processes
from knowngood.process.remover import remove_tree
from knowngood.project import repository
from knowngood.project.files import matcher
from knowngood.project.repository import Repository

_LEFT_BEHIND = frozenset(
    {
        ".eggs",
        ".git",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".knowngood",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
    }
)
"""Folders that tools make, wherever they are."""
_MADE_AT_THE_TOP = frozenset({"build", "dist", "htmlcov", "site", "venv"})
"""Folders that tools make at the top of a project; deeper ones may be packages of that name."""
_SMALL = 2**20
"""Bytes. A smaller file is read once, to be hashed and written."""


class SnapshotError(UndecidedError):
    """A snapshot cannot be taken or copied, which says nothing about the project.

    ``folders`` are those that it is copied from and to.
    """

    def __init__(self, error: OSError, *folders: Path) -> None:
        full = error.errno in (ENOSPC, EDQUOT)
        super().__init__(
            "the project cannot be copied",
            cause=f"{_place(error, folders)}: {error.strerror or error}",
            next_step="free some space on the disk of the runs, and run again"
            if full
            else "make sure that it can be read, or have git ignore it, and run again",
        )
        self.reason = Reason.NO_SPACE if full else Reason.PROJECT_UNREADABLE


def _place(error: OSError, folders: Iterable[Path]) -> str:
    """Return the path that an error is about, relative to the one of ``folders`` that holds it."""
    path = Path(os.fsdecode(error.filename or "."))
    inside = (path.relative_to(folder) for folder in folders if path.is_relative_to(folder) and path != folder)
    return str(next(inside, path))


@contextlib.contextmanager
def _copying(source: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SnapshotError(error, source, target) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A snapshot of a project."""

    root: Path
    """Its top folder: a copy of the top of the repository."""
    folder: Path
    """The copy of the project's folder."""
    files: Mapping[str, str]
    """Path -> SHA-256 of the content; for a symbolic link, of the path that it leads to.

    Paths are relative to the project's folder, with ``/``; those of files outside of it begin with ``../``.
    """
    executable: frozenset[str] = frozenset()
    """The paths of the files that can be executed."""
    commit: str | None = None
    """The commit that is checked out; None without git."""
    dirty: bool = False
    """Whether the snapshot has anything that the commit does not."""
    state: str = ""
    """Everything that a version read from git depends on, as a digest; empty without git."""
    _entries: tuple[str, ...] = ()
    """What is copied: paths relative to ``root``; those of folders end with a slash."""
    _links: frozenset[str] = frozenset()
    """Those of them that are symbolic links."""

    def select(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the paths of ``files`` that one of ``include`` matches and none of ``exclude``, sorted.

        Without ``include`` these are all files of the project's folder. The globs are those of ``project.globs``.
        """
        wanted, unwanted = matcher(tuple(include) or (".",)), matcher(exclude)
        return tuple(path for path in self.files if wanted(path) and not unwanted(path))

    def digest(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> str:
        """Return what identifies the selected files, see ``select``: a SHA-256 of paths, contents and permissions."""
        digest = hashlib.sha256()
        for path in self.select(include, exclude):
            kind = "x" if path in self.executable else "-"
            digest.update(os.fsencode(path) + f"\0{kind}{self.files[path]}\n".encode())
        return digest.hexdigest()

    def copy(self, target: Path) -> Path:
        """Copy the snapshot to ``target``, a new folder, and return the project's folder in it.

        The files share their data with those of the snapshot where the file system can do that, and have their times.
        Raises ``SnapshotError``.
        """
        source, copy = os.fspath(self.root), os.fspath(target)
        with _copying(self.root, target):
            os.makedirs(target)
            for entry in self._entries:
                if entry.endswith("/"):
                    os.mkdir(f"{copy}/{entry}")
                elif entry in self._links:
                    _copy_link(f"{source}/{entry}", f"{copy}/{entry}")
                else:
                    _copy(f"{source}/{entry}", f"{copy}/{entry}")
        return target / self.folder.relative_to(self.root)


def is_left_behind(folder: Path) -> bool:
    """Return whether tools make ``folder``: a cache, metadata of a build or an environment."""
    name = folder.name
    return name in _LEFT_BEHIND or name.endswith(".egg-info") or (folder / "pyvenv.cfg").exists()


class Trees:
    """The snapshots of a run, below ``folder``. Each is taken when it is first asked for, once. Safe from any thread.

    ``environ`` holds the environment variables for git.
    """

    def __init__(self, folder: Path, *, processes: Processes, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._processes = processes
        self._environ = environ
        self._taken: dict[Path, Tree] = {}
        self._lock = threading.Lock()

    def of(self, project: Path) -> Tree:
        """Return the snapshot of the folder ``project``. Raises ``SnapshotError`` when it cannot be taken."""
        project = project.resolve()
        with self._lock:
            if project not in self._taken:
                target = self._folder / str(len(self._taken))
                with _copying(project, target):
                    self._taken[project] = take(project, target, processes=self._processes, environ=self._environ)
            return self._taken[project]

    def add(self, project: Path, tree: Tree) -> None:
        """Take in a snapshot of the folder ``project`` that another machine took."""
        with self._lock:
            self._taken[project.resolve()] = tree

    def close(self) -> None:
        """Delete the snapshots."""
        with self._lock:
            remove_tree(self._folder)
            self._taken.clear()


def take(project: Path, target: Path, *, processes: Processes, environ: Mapping[str, str]) -> Tree:
    """Copy the folder ``project``, and the repository that it is in, to ``target``, which need not exist.

    Nothing is written to the project. ``environ`` holds the environment variables for git, and ``target`` is below the
    root of ``processes``. A file that vanishes meanwhile is left out. Raises ``OSError`` when a file cannot be read or
    copied.
    """
    project = project.resolve()
    remove_tree(target)

    def read(folder: Path) -> Repository | None:
        notes = target.with_name(f"{target.name}.git")
        return repository.read(folder, processes=processes, environ=environ, notes=notes)

    found = read(project)
    top = found.top if found is not None else project
    taking = _Taking(os.fspath(top), os.fspath(target))
    if found is not None:
        taking.add_repository(found, read)
        repository.write_private(found, target)
    else:
        taking.add(_walked(os.fspath(project)))
    place = project.relative_to(top).as_posix()
    return Tree(
        root=target,
        folder=target / place,
        files=dict(sorted((_seen_from(place, path), digest) for path, digest in taking.files.items())),
        executable=frozenset(_seen_from(place, path) for path in taking.executable),
        commit=found.commit if found else None,
        dirty=found.dirty if found else False,
        state=found.state if found else "",
        _entries=(*taking.entries, *_everything(os.fspath(target), ".git")),
        _links=frozenset(taking.links),
    )


class _Taking:
    """Copies files of the folder ``source`` to the new folder ``target`` one by one, and hashes them."""

    def __init__(self, source: str, target: str) -> None:
        self.files: dict[str, str] = {}
        self.executable: set[str] = set()
        self.entries: list[str] = []
        """Copied files, and the folders that they need before them."""
        self._source = source
        self._target = target
        self._folders = {""}
        self.links: set[str] = set()
        """The copied symbolic links."""
        os.makedirs(target)

    def add_repository(self, found: Repository, read: Callable[[Path], Repository | None], below: str = "") -> None:
        """Copy what git lists, and what it lists in the repositories inside: submodules and clones."""
        for folder in self.add(f"{below}{path.rstrip('/')}" for path in (*found.tracked, *found.others)):
            place = Path(self._source, folder)
            inner = read(place) if (place / ".git").exists() else None
            if inner is not None and inner.top == place.resolve():
                self.add_repository(inner, read, f"{folder}/")

    def add(self, paths: Iterable[str]) -> list[str]:
        """Copy the files and symbolic links among ``paths``; make the folders among them, and return their paths."""
        # Sorted, a link comes before what was in the folder that it replaced.
        return [path for path in sorted(paths) if self._add(path)]

    def _add(self, path: str) -> bool:
        source, target = f"{self._source}/{path}", f"{self._target}/{path}"
        # Git lists deleted files as well.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            kind = os.lstat(source).st_mode
            if self.links and not self.links.isdisjoint(_parents(path)):
                return False
            if stat.S_ISDIR(kind):
                self._make(path)
                return True
            if stat.S_ISLNK(kind):
                self._make(path.rpartition("/")[0])
                _copy_link(source, target)
                self.links.add(path)
                self._note(path, hashlib.sha256(os.fsencode(os.readlink(target))).hexdigest())
            elif stat.S_ISREG(kind):
                self._make(path.rpartition("/")[0])
                self._note(path, _copy(source, target, hashed=True))
                if kind & stat.S_IXUSR:
                    self.executable.add(path)
        return False

    def _note(self, path: str, digest: str) -> None:
        self.files[path] = digest
        self.entries.append(path)

    def _make(self, folder: str) -> None:
        if folder not in self._folders:
            self._make(folder.rpartition("/")[0])
            os.mkdir(f"{self._target}/{folder}")
            self._folders.add(folder)
            self.entries.append(f"{folder}/")


def _walked(folder: str, below: str = "") -> Iterator[str]:
    """Yield the paths of all files below ``folder`` that no tool left there."""
    with os.scandir(f"{folder}/{below}") as entries:
        for entry in entries:
            path = f"{below}{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                if not entry.name.endswith((".pyc", ".pyo")) and entry.name != ".git":
                    yield path
            elif not _is_left_behind(entry, at_top=not below):
                yield from _walked(folder, f"{path}/")


def _is_left_behind(entry: "os.DirEntry[str]", *, at_top: bool) -> bool:
    if entry.name in _LEFT_BEHIND or entry.name.endswith(".egg-info"):
        return True
    return (at_top and entry.name in _MADE_AT_THE_TOP) or os.path.exists(f"{entry.path}/pyvenv.cfg")


def _everything(folder: str, name: str) -> Iterator[str]:
    """Yield the folder ``name`` in ``folder``, if it exists, with everything in it, each folder before its content."""
    if not os.path.isdir(f"{folder}/{name}"):
        return
    yield f"{name}/"
    for entry in sorted(os.listdir(f"{folder}/{name}")):
        if os.path.isdir(f"{folder}/{name}/{entry}"):
            yield from _everything(folder, f"{name}/{entry}")
        else:
            yield f"{name}/{entry}"


def _copy_link(source: str, target: str) -> None:
    os.symlink(os.readlink(source), target)
    shutil.copystat(source, target, follow_symlinks=False)


def _copy(source: str, target: str, *, hashed: bool = False) -> str:
    """Copy a file to ``target`` with its permissions and times; return the SHA-256 of its content, if asked."""
    reader = os.open(source, os.O_RDONLY)
    try:
        info = os.fstat(reader)
        # The owner must be able to replace what was read-only.
        writer = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, stat.S_IMODE(info.st_mode) | stat.S_IWUSR)
        try:
            digest = _transfer(reader, writer, info.st_size, hashed)
            os.utime(writer, ns=(info.st_atime_ns, info.st_mtime_ns))
        finally:
            os.close(writer)
    except OSError as error:
        error.filename = error.filename or source
        raise
    finally:
        os.close(reader)
    return digest


def _transfer(reader: int, writer: int, size: int, hashed: bool) -> str:
    if size < _SMALL:
        data = os.read(reader, _SMALL)
        os.write(writer, data)
        return hashlib.sha256(data).hexdigest() if hashed else ""
    _clone(reader, writer)
    if not hashed:
        return ""
    # What counts is what was copied: the original may change at any time.
    with open(writer, "rb", closefd=False) as copied:
        copied.seek(0)
        return hashlib.file_digest(copied, "sha256").hexdigest()


def _clone(reader: int, writer: int) -> None:
    """Copy a file inside the kernel, which shares the data where the file system can; elsewhere as any file."""
    copy_range = getattr(os, "copy_file_range", None)
    if copy_range is not None:
        with contextlib.suppress(OSError):
            while copy_range(reader, writer, 2**30):
                pass
            return
    with open(reader, "rb", closefd=False) as source, open(writer, "wb", closefd=False) as target:
        source.seek(0)
        target.seek(0)
        shutil.copyfileobj(source, target, _SMALL)


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _seen_from(place: str, path: str) -> str:
    """Return ``path`` relative to the folder ``place``; both are relative to the same folder."""
    if place == ".":
        return path
    return path.removeprefix(f"{place}/") if path.startswith(f"{place}/") else os.path.relpath(path, place)
