"""Find out which files and variables the verdict of a probe depends on, before it runs."""

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from knowngood.cache.keys import Ingredients, digest_of
from knowngood.model import Probe, ProbeBasis
from knowngood.probe.settings import passed
from knowngood.process.files import LARGEST, open_regular, read_regular
from knowngood.project.files import matcher
from knowngood.project.tree import Tree, is_left_behind

_NOT_TESTED = ("reports", ".github", ".knowngood", "matrices/*.toml")
"""Globs of files that change when knowngood publishes, or of which a key has what matters."""
_MARKER = b"knowngood:begin"
_PAGES = (".md", ".rst")


class Bases:
    """What the probes of a run depend on, each computed once. Safe to use from any thread.

    ``tree`` returns the snapshot of the project, whose folder is ``project``. ``outside`` is the environment of the
    harness. ``given`` has, by probe, what another machine found out about its files.
    """

    def __init__(
        self,
        tree: Callable[[], Tree],
        *,
        project: Path,
        outside: Mapping[str, str],
        given: Mapping[str, ProbeBasis] | None = None,
    ) -> None:
        self._tree = tree
        self._given = given or {}
        self._project = project
        self._outside = outside
        self._lock = threading.Lock()
        self._known: dict[str, tuple[ProbeBasis, Ingredients]] = {}

    def of(self, probe: Probe) -> tuple[ProbeBasis, Ingredients]:
        """Return what a probe depends on, for people, and what that adds to the key.

        Raises ``SnapshotError`` when the project cannot be copied.
        """
        with self._lock:
            if probe.id not in self._known:
                self._known[probe.id] = self._find(probe)
            return self._known[probe.id]

    def _find(self, probe: Probe) -> tuple[ProbeBasis, Ingredients]:
        variables = passed(self._outside, probe)
        basis = replace(self._given.get(probe.id) or self._of_files(probe), variables=tuple(variables))
        extra: dict[str, object] = {"files": basis.digest} if basis.files is not None else {}
        if variables:
            extra["passed"] = {
                name: digest_of(value.encode("utf-8", "surrogateescape")) for name, value in variables.items()
            }
        return basis, extra

    def _of_files(self, probe: Probe) -> ProbeBasis:
        files = self._files(probe)
        return ProbeBasis(
            probe=probe.id,
            kind=probe.kind,
            reuse=probe.reuse,
            inputs=probe.inputs,
            unmatched=tuple(glob for glob in probe.inputs if not any(map(matcher((glob,)), files or ()))),
            files=len(files) if files is not None else None,
            digest=_digest(files) if files is not None else "",
            network=probe.network,
        )

    def _files(self, probe: Probe) -> Mapping[str, str] | None:
        """Return path -> digest of the files that a probe depends on; None when what it reads shows only later."""
        if probe.inputs:
            return self._inputs(probe)
        if not probe.in_tree:
            return None
        tree = self._tree()
        # Everything is copied, so a test can read what is above the project in its repository.
        selected = tree.select(("**",), _NOT_TESTED)
        return {path: _content(tree, path) for path in selected if not _is_published(tree, path)}

    def _inputs(self, probe: Probe) -> Mapping[str, str]:
        """Return what the globs of a probe match: in the tree, and on the disk, where git may ignore a file."""
        tree = self._tree()
        # For a link to a file, the target counts.
        files = (path for path in tree.select(probe.inputs) if not _leads_to_file(self._project / path))
        found = {path: _content(tree, path) for path in files}
        for glob in probe.inputs:
            matches = matcher((glob,))
            for path in self._on_disk(glob):
                if path not in found and matches(path):
                    found[path] = _hashed(self._project / path)
        return found

    def _on_disk(self, glob: str) -> list[str]:
        """Return the files of the project that a glob could match, without what tools leave behind."""
        fixed: list[str] = []
        for part in glob.split("/"):
            if any(character in part for character in "*?["):
                break
            fixed.append(part)
        start = self._project.joinpath(*fixed)
        if start.is_file():
            return [start.relative_to(self._project).as_posix()]
        files = []
        for folder, names, inside in os.walk(start):
            place = Path(folder)
            names[:] = [name for name in names if not is_left_behind(place / name)]
            files += [(place / name).relative_to(self._project).as_posix() for name in inside]
        return files


def _content(tree: Tree, path: str) -> str:
    return ("x" if path in tree.executable else "") + tree.files[path]


def _leads_to_file(path: Path) -> bool:
    return path.is_symlink() and path.is_file()


def _is_published(tree: Tree, path: str) -> bool:
    """Return whether ``knowngood docs`` writes into a page."""
    return path.endswith(_PAGES) and _MARKER in _bytes(tree.folder / path)


def _bytes(path: Path) -> bytes:
    return read_regular(path, LARGEST, linked=True)


def _hashed(path: Path) -> str:
    try:
        with open_regular(path, linked=True) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _digest(files: Mapping[str, str]) -> str:
    lines = (os.fsencode(path) + b"\0" + content.encode() + b"\n" for path, content in sorted(files.items()))
    return digest_of(b"".join(lines))
