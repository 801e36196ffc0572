"""Keep environments after their run, so that the next run of the same lock probes them again instead of building them.

Each has a folder named after its combo and the key of its build. Beside the environment are what was recorded when it
was built, and a fingerprint of its files: an environment that was changed since is not used again.
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

from knowngood import strict_json
from knowngood.cache.verdicts import BUILT
from knowngood.events import EnvironmentRead, Event, decode, encode
from knowngood.install.environment import Environment, Survey
from knowngood.install.snapshot import Snapshot
from knowngood.process import Remover
from knowngood.process.files import LARGEST, read_regular

_MOST = 24
"""The number of environments of one matrix that are kept."""
_LARGEST = 2**30
"""Bytes. An environment whose deletion would free more does not stay: its files are copies, not links."""
_FREE = 5 * 2**30
"""Bytes of disk that must stay free."""
_TRASH = ".trash-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An environment that has not changed since it was built."""

    events: tuple[Event, ...]
    """What was recorded when it was built."""
    snapshot: Snapshot
    survey: Survey


@dataclass(frozen=True, kw_only=True, slots=True)
class PooledEnvironment:
    """The folder of one environment in the pool, which need not exist yet."""

    folder: Path

    @property
    def environment(self) -> Environment:
        """The environment itself."""
        return Environment(folder=self.folder / "env")

    @property
    def _record(self) -> Path:
        return self.folder / "built.jsonl"

    def built(self) -> Built | None:
        """Return the environment if it is complete and unchanged, else None."""
        try:
            first, _, rest = read_regular(self._record, LARGEST).partition(b"\n")
            fingerprint = strict_json.loads(first)["fingerprint"]
        except (ValueError, TypeError, KeyError):
            return None
        if not self.environment.python.exists():
            return None
        snapshot = Snapshot.of(self.environment)
        survey = snapshot.survey()
        if survey.fingerprint != fingerprint:
            return None
        events = tuple(event for event in decode(rest.splitlines()) if isinstance(event, BUILT))
        is_complete = bool(events) and isinstance(events[-1], EnvironmentRead)
        return Built(events=events, snapshot=snapshot, survey=survey) if is_complete else None

    def record(self, events: tuple[Event, ...], survey: Survey) -> None:
        """Allow later runs to use the environment, as long as a survey of it gives the same fingerprint."""
        head = json.dumps({"fingerprint": survey.fingerprint}).encode() + b"\n"
        lines = (encode(event, seq=number, at=datetime.now(UTC), elapsed=0.0) for number, event in enumerate(events, 1))
        with contextlib.suppress(OSError):
            self._record.write_bytes(head + b"".join(lines))

    def forget(self) -> None:
        """Keep later runs from using the environment."""
        self._record.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentPool:
    """The environments of one matrix, below ``folder``. Safe to use from several threads and processes at once."""

    folder: Path
    keep: bool = False
    """Whether no environment is evicted, because the user asked for all of them."""
    _remover: Remover = field(default_factory=Remover)
    _staying: set[Path] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def take(self, combo: str, key: str) -> Iterator[PooledEnvironment]:
        """Yield the folder for a combo and lock it while the block lasts; a spare folder if another run has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pooled = PooledEnvironment(folder=self.folder / f"{combo}-{key[:12]}")
        lock, is_spare = _lock_of(pooled.folder), False
        try:
            lock.acquire()
        except Timeout:
            # The spare one is locked as well, or a run that ends meanwhile would delete it as a leftover.
            spare = pooled.folder.with_name(f"{pooled.folder.name}.{token_hex(3)}")
            pooled, is_spare = PooledEnvironment(folder=spare), True
            lock = _lock_of(spare)
            lock.acquire()
        try:
            yield pooled
        finally:
            if is_spare and not self.keep:
                self.discard(pooled)
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def may_stay(self, pooled: PooledEnvironment, survey: Survey) -> bool:
        """Return whether one more environment may be kept; if so, count it."""
        if survey.own > _LARGEST or shutil.disk_usage(self.folder).free < _FREE:
            return False
        with self._lock:
            if len(self._staying | {pooled.folder}) > _MOST:
                return False
            self._staying.add(pooled.folder)
        return True

    def discard(self, pooled: PooledEnvironment) -> None:
        """Move an environment out of the way at once; another process deletes it."""
        with self._lock:
            self._staying.discard(pooled.folder)
        trash = self.folder / f"{_TRASH}{token_hex(6)}"
        try:
            pooled.folder.rename(trash)
        except OSError:
            return
        self._remover.remove(trash)

    def close(self, *, wait: bool = True) -> None:
        """Delete what earlier runs left half deleted, and the least recently used environments beyond the limit.

        Without ``wait`` the deletion continues for some seconds after this returns.
        """
        if self.folder.is_dir():
            for trash in self.folder.glob(f"{_TRASH}*"):
                self._remover.remove(trash)
            folders = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(_TRASH)]
            newest_first = sorted(folders, key=_last_used, reverse=True)
            for folder in newest_first[_MOST:] if not self.keep else ():
                self._evict(folder)
        self._remover.close(wait=wait)

    def _evict(self, folder: Path) -> None:
        try:
            with _lock_of(folder) as lock:
                self.discard(PooledEnvironment(folder=folder))
                Path(lock.lock_file).unlink()
        except (Timeout, OSError):
            return


def _lock_of(folder: Path) -> FileLock:
    # Not bound to a thread: one thread builds an environment and another one releases it.
    return FileLock(f"{folder}.lock", blocking=False, thread_local=False)


def _last_used(folder: Path) -> float:
    try:
        return (folder / "built.jsonl").stat().st_mtime
    except OSError:
        return 0.0
