"""Take a snapshot of the files of an environment, and see later whether anything wrote into those that others share.

uv links files from its cache into every environment: a write into one of them reaches all. A snapshot opens no file.
Only where just the time of the last change of an inode differs, which every new link changes, too, a digest decides.
"""

import base64
import csv
import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment, Survey
from knowngood.process.files import LARGEST, open_regular, read_regular, walk

_CACHE = "/__pycache__/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The state of every file of an environment."""

    environment: Environment
    files: Mapping[str, os.stat_result]
    """By absolute path; links are not followed."""

    @classmethod
    def of(cls, environment: Environment) -> "Snapshot":
        """Return the state of the files as they are now."""
        files: dict[str, os.stat_result] = {}
        for root, _, names in walk(environment.folder):
            for name in names:
                try:
                    files[f"{root}/{name}"] = os.lstat(f"{root}/{name}")
                except OSError:  # gone in this moment
                    continue
        return cls(environment=environment, files=files)

    def with_files(self, paths: Iterable[str]) -> "Snapshot":
        """Return the snapshot with files that were added since, in the state that they have now."""
        added = {path: os.lstat(path) for path in paths}
        return Snapshot(environment=self.environment, files={**self.files, **added})

    def bytecode(self) -> frozenset[str]:
        """Return the paths of the bytecode that Python finds beside sources."""
        return frozenset(path for path in self.files if _CACHE in path)

    def survey(self) -> Survey:
        """Return the size and the fingerprint of all files except bytecode, which every use may write."""
        kept = sorted((path, state) for path, state in self.files.items() if _CACHE not in path)
        identities = [(path, state.st_size, state.st_mtime_ns, state.st_ino) for path, state in kept]
        return Survey(
            size=sum(state.st_size for _, state in kept),
            own=sum(state.st_size for _, state in kept if state.st_nlink == 1),
            fingerprint=hashlib.sha256(repr(identities).encode(errors="surrogateescape")).hexdigest(),
        )

    def shared(self) -> dict[str, os.stat_result]:
        """Return the files that have other links, except bytecode."""
        return {
            path: state
            for path, state in self.files.items()
            if state.st_nlink > 1 and stat.S_ISREG(state.st_mode) and _CACHE not in path
        }

    def written(self, later: "Snapshot", *, patience: float) -> tuple[str, ...]:
        """Return the files with other links that something wrote into, replaced or removed before ``later``.

        Replaced bytecode does not count: Python replaces what does not fit its source. ``patience`` is in seconds:
        digests take no longer, those of the files that changed last come first.
        """
        written, touched = [], []
        for path, before in self.files.items():
            if before.st_nlink < 2 or not stat.S_ISREG(before.st_mode):
                continue
            now = later.files.get(path)
            if now is None or now.st_ino != before.st_ino:
                if _CACHE not in path:
                    written.append(path)
            elif _identity(now) != _identity(before):
                written.append(path)
            elif now.st_ctime_ns != before.st_ctime_ns and _CACHE not in path:
                touched.append((now.st_ctime_ns, path))
        if touched:
            written += self._altered([path for _, path in sorted(touched, reverse=True)], later, patience)
        return tuple(sorted(written))

    def unrecorded(self, *, patience: float) -> tuple[str, ...]:
        """Return the files with other links that are not what their ``RECORD`` says.

        ``patience`` is in seconds: digests take no longer, those of small files come first.
        """
        by_size = sorted((state.st_size, path) for path, state in self.shared().items())
        return tuple(sorted(self._altered([path for _, path in by_size], self, patience)))

    def owners(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the canonical names of the distributions that have files of ``paths``.

        All distributions, if one of the files is in no ``RECORD``.
        """
        recorded = self._recorded()
        owners = {recorded[path][0] if path in recorded else "" for path in paths}
        if "" in owners:
            return tuple(sorted(self.environment.installed()))
        return tuple(sorted(owners))

    def relative(self, path: str) -> str:
        """Return a path as people know it: relative to ``site-packages``, or else to the environment."""
        for folder in (*self.environment.site_packages(), self.environment.folder):
            if path.startswith(f"{folder}/"):
                return path[len(str(folder)) + 1 :]
        return path

    def _altered(self, paths: Iterable[str], later: "Snapshot", patience: float) -> list[str]:
        """Return those of ``paths`` that have not the digest in their ``RECORD``, or whose ``RECORD`` was changed."""
        deadline, recorded = time.monotonic() + patience, self._recorded()
        altered = []
        for path in paths:
            if time.monotonic() > deadline:
                break
            _, digest, record = recorded.get(path, ("", "", ""))
            if not digest:
                continue
            before, now = self.files.get(record), later.files.get(record)
            trusted = before is not None and now is not None and _private(before) == _private(now)
            if not trusted or _sha256(path) != digest:
                altered.append(path)
        return altered

    def _recorded(self) -> dict[str, tuple[str, str, str]]:
        """Return path -> (distribution, digest, path of its ``RECORD``), as the environment says now."""
        recorded: dict[str, tuple[str, str, str]] = {}
        for site in self.environment.site_packages():
            for record in site.glob("*.dist-info/RECORD"):
                name = canonicalize_name(record.parent.name.removesuffix(".dist-info").rpartition("-")[0])
                for path, digest in _rows(record):
                    recorded[os.path.normpath(f"{site}/{path}")] = (name, digest, str(record))
        return recorded


def _rows(record: Path) -> Iterable[tuple[str, str]]:
    """Return (path, SHA-256) of the lines of a ``RECORD``, in whose place a probe may have put anything."""
    text = read_regular(record, LARGEST).decode("utf-8", "surrogateescape")
    with suppress(csv.Error):
        rows = csv.reader(text.splitlines())
        return [(row[0], row[1].partition("sha256=")[2]) for row in rows if len(row) > 1]
    return []


def _identity(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_size, state.st_mtime_ns, state.st_mode


def _private(state: os.stat_result) -> tuple[int, int, int, int]:
    """Return what identifies the contents of a file that only this environment has."""
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _sha256(path: str) -> str:
    """Return the digest of a file as a ``RECORD`` writes it; empty when it cannot be read."""
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
