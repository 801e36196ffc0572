"""Keep a probe from changing other environments through the files that they share by hard links.

After each probe the files of its environment are compared with what they were. What was written into is removed from
the cache of the installer and from the bytecode that environments share. Environments with such files are built again
as private copies, and their probes run again: neither the probe that wrote nor one beside it is believed before that.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowngood.cache.bytecode import BytecodeStore
from knowngood.install.environment import Environment
from knowngood.install.snapshot import Snapshot
from knowngood.model import Tampering

_PATIENCE = 0.5
"""Seconds that digests may take before and after a short probe; after a long one, a fiftieth of its time."""
_NAMED = 5
"""Files that are named; the others are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """An environment after a probe."""

    now: Snapshot
    written: tuple[str, ...]
    """The shared files that something wrote into, replaced or removed."""


class Guard:
    """What one run knows about files that environments share. Safe to use from any thread.

    ``pools`` is the folder of the environments of all matrices that earlier runs left. ``many_files`` is held while
    files are read.
    """

    def __init__(self, store: BytecodeStore, pools: Path, many_files: threading.Lock) -> None:
        self._store = store
        self._pools = pools
        self._many_files = many_files
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, int]] = {}
        """Inode of a shared file -> its size and time when this run first saw it."""
        self._spoiled: set[tuple[int, int, int]] = set()
        """Inode, size and time of what was written into."""
        self._unchecked = 0
        """Probes that run, or that ran and whose environment was not compared yet."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Enclose a probe and the check after it: until then its writes are not known."""
        with self._lock:
            self._unchecked += 1
        try:
            yield
        finally:
            with self._lock:
                self._unchecked -= 1

    def built(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Note what a new environment shares; return its files that something wrote into before it was built."""
        with self._lock:
            beside = self._unchecked
        wrong: list[str] = []
        if beside:
            # A probe that still runs may have written and restored size and time: only digests tell.
            with self._many_files:
                wrong += snapshot.unrecorded(patience=_PATIENCE)
        with self._lock:
            for path, state in snapshot.shared().items():
                identity = state.st_size, state.st_mtime_ns
                known = self._known.setdefault(state.st_ino, identity)
                if known != identity or (state.st_ino, *identity) in self._spoiled:
                    wrong.append(path)
        return tuple(sorted(set(wrong)))

    def check(self, before: Snapshot, seconds: float) -> Checked:
        """Compare an environment with what it was, and return the shared files that something wrote into.

        ``seconds`` is how long the probe took that ran meanwhile.
        """
        with self._many_files:
            now = Snapshot.of(before.environment)
            written = set(before.written(now, patience=max(_PATIENCE, seconds / 50)))
        with self._lock:
            for path in written:
                if (state := now.files.get(path)) is not None:
                    self._spoiled.add((state.st_ino, state.st_size, state.st_mtime_ns))
            if self._spoiled:
                shared = before.shared().items()
                written |= {p for p, s in shared if (s.st_ino, s.st_size, s.st_mtime_ns) in self._spoiled}
        return Checked(now=now, written=tuple(sorted(written)))

    def purge(
        self, before: Snapshot, written: Sequence[str], probe: str | None, forget: Callable[[Sequence[str]], object]
    ) -> Tampering:
        """Remove what was written into from every cache and return what it was.

        ``forget`` removes distributions, given their names, from the cache of the installer.
        """
        names = before.owners(written)
        forget(names)
        self._store.forget(names)
        self._forget_environments({state.st_ino for path in written if (state := before.files.get(path))})
        return Tampering(
            probe=probe,
            files=tuple(map(before.relative, written[:_NAMED])),
            more=max(0, len(written) - _NAMED),
            distributions=names,
        )

    def _forget_environments(self, inodes: set[int]) -> None:
        """Keep later runs from using the environments of earlier ones that share a file with one of ``inodes``."""
        for record in self._pools.glob("*/*/built.jsonl"):
            shared = Snapshot.of(Environment(folder=record.parent / "env")).shared()
            if any(state.st_ino in inodes for state in shared.values()):
                record.unlink(missing_ok=True)
