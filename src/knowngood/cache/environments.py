"""Environments that outlive their run: the next run of the same lock probes them again instead of building anew.

Each has a place of its own, named after its combo and the key of its build, and beside it what was recorded when it was
built and a fingerprint of its files. One that anybody touched since is not used again.
"""

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from filelock import FileLock, Timeout

from knowngood.cache.verdicts import BUILT
from knowngood.events import EnvironmentRead, Event, decode, encode
from knowngood.install.environment import Environment, Survey
from knowngood.process import Remover

_MOST = 24
"""Environments of one matrix that stay."""
_LARGEST = 2**30
"""Bytes; an environment that would free more when deleted does not stay: its files are copies, not links."""
_FREE = 5 * 2**30
"""Bytes of disk that keeping environments must leave."""
_TRASH = ".trash-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one environment is, or will be."""

    folder: Path

    @property
    def environment(self) -> Environment:
        """The environment itself."""
        return Environment(folder=self.folder / "env")

    @property
    def _record(self) -> Path:
        return self.folder / "built.jsonl"

    def built(self) -> tuple[tuple[Event, ...], Survey] | None:
        """Return what was recorded when it was built, and how it is now; None when it is not what it was."""
        try:
            first, _, rest = self._record.read_bytes().partition(b"\n")
            fingerprint = json.loads(first)["fingerprint"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if not self.environment.python.exists():
            return None
        survey = self.environment.survey()
        if survey.fingerprint != fingerprint:
            return None
        events = tuple(event for event in decode(rest.splitlines()) if isinstance(event, BUILT))
        return (events, survey) if events and isinstance(events[-1], EnvironmentRead) else None

    def record(self, events: tuple[Event, ...], survey: Survey) -> None:
        """Have the environment used again as long as it is as ``survey`` tells."""
        head = json.dumps({"fingerprint": survey.fingerprint}).encode() + b"\n"
        lines = (encode(event, seq=number, at=datetime.now(UTC), elapsed=0.0) for number, event in enumerate(events, 1))
        with contextlib.suppress(OSError):
            self._record.write_bytes(head + b"".join(lines))

    def forget(self) -> None:
        """Have the environment not used again."""
        self._record.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The environments of one matrix, below ``folder``, and the deletion of those that go."""

    folder: Path
    keep: bool = False
    """Whether all of them were asked to stay: then none is evicted."""
    _remover: Remover = field(default_factory=Remover)
    _staying: set[Path] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def take(self, combo: str, key: str) -> Iterator[Place]:
        """Give the place of a combo for as long as the context lasts; another one while somebody else has that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = Place(folder=self.folder / f"{combo}-{key[:12]}")
        lock, spare = _lock_of(place.folder), False
        try:
            lock.acquire()
        except Timeout:
            # The other one is locked as well: no run that ends meanwhile shall take it for one that was left behind.
            place, spare = Place(folder=place.folder.with_name(f"{place.folder.name}.{token_hex(3)}")), True
            lock = _lock_of(place.folder)
            lock.acquire()
        try:
            yield place
        finally:
            if spare and not self.keep:
                self.discard(place)
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def may_stay(self, place: Place, survey: Survey) -> bool:
        """Tell whether an environment may stay beside those that do already."""
        if survey.own > _LARGEST or shutil.disk_usage(self.folder).free < _FREE:
            return False
        with self._lock:
            if len(self._staying | {place.folder}) > _MOST:
                return False
            self._staying.add(place.folder)
        return True

    def discard(self, place: Place) -> None:
        """Move an environment out of the way at once; it is deleted while others are probed."""
        with self._lock:
            self._staying.discard(place.folder)
        trash = self.folder / f"{_TRASH}{token_hex(6)}"
        try:
            place.folder.rename(trash)
        except OSError:
            return
        self._remover.remove(trash)

    def close(self, *, wait: bool = True) -> None:
        """Have deleted what an earlier run left half deleted, and environments beyond those that may stay.

        Without ``wait`` that goes on for some seconds.
        """
        if self.folder.is_dir():
            for trash in self.folder.glob(f"{_TRASH}*"):
                self._remover.remove(trash)
            places = [place for place in self.folder.iterdir() if place.is_dir() and not place.name.startswith(_TRASH)]
            newest = sorted(places, key=lambda place: _used(place), reverse=True)
            for old in newest[_MOST:] if not self.keep else ():
                self._evict(old)
        self._remover.close(wait=wait)

    def _evict(self, folder: Path) -> None:
        try:
            with _lock_of(folder) as lock:
                self.discard(Place(folder=folder))
                Path(lock.lock_file).unlink()
        except (Timeout, OSError):
            return


def _lock_of(folder: Path) -> FileLock:
    # Not of one thread: an environment is built in one and let go in another.
    return FileLock(f"{folder}.lock", blocking=False, thread_local=False)


def _used(folder: Path) -> float:
    try:
        return (folder / "built.jsonl").stat().st_mtime
    except OSError:
        return 0.0
