"""The cache of verdicts: what was found out about a combo, under a key of all that it depends on.

One file an entry, two parts: a header that people can read, and the events that a run replays. Entries appear whole or
not at all, so several runs can share a folder.
"""

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from knowngood import atomic
from knowngood.cache.keys import Ingredients, key
from knowngood.events import (
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    ProbeFinished,
    QuestionAnswered,
    StepInstalled,
    decode,
    encode,
)
from knowngood.model import Reused

SCHEMA = 1
"""Version of the entries; it changes when an older one would be misread."""
MOST = 256 * 2**20
"""Bytes that the cache may take before what was used least lately goes."""
LARGEST = 16 * 2**20
"""Bytes; no entry is larger, so whatever an import brings that is larger is none."""

BUILT = (EnvironmentCreated, StepInstalled, EnvironmentMeasured, EnvironmentRead)
"""Events that tell how an environment came about."""
KEPT = (*BUILT, ProbeFinished, QuestionAnswered)
"""Events that are facts about a combo once it is resolved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry: where its facts come from, what they depend on, and the facts."""

    reused: Reused
    matrix: str
    statuses: Mapping[str, str]
    """Probe -> what its verdict was when it was recorded; what it is follows from the events."""
    ingredients: Ingredients
    events: tuple[Event, ...]

    def lines(self) -> bytes:
        """Return the entry as it is kept."""
        head = asdict(self.reused) | {"schema": SCHEMA, "matrix": self.matrix, "statuses": dict(self.statuses)}
        head |= {"ingredients": self.ingredients, "events": len(self.events)}
        at = datetime.fromisoformat(self.reused.recorded)
        events = (encode(event, seq=number, at=at, elapsed=0.0) for number, event in enumerate(self.events, start=1))
        return json.dumps(head).encode() + b"\n" + b"".join(events)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The outside of an entry, for whoever lists the cache."""

    key: str
    path: Path
    size: int
    used: float
    """When it was last used, seconds since the epoch."""


def stripped(event: Event, combo: str) -> Event:
    """Return ``event`` for ``combo``, without the place of a log: that one stays in the folder of its own run."""
    assert isinstance(event, KEPT)
    moved = replace(event, combo=combo)
    if isinstance(moved, EnvironmentCreated | StepInstalled | ProbeFinished):
        return replace(moved, action=replace(moved.action, log=""))
    return moved


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """The entries below ``folder``."""

    folder: Path

    def get(self, wanted: str) -> Entry | None:
        """Return an entry; None when there is none, or none that can be read."""
        path = self._path(wanted)
        try:
            entry = parse(path.read_bytes())
            os.utime(path)
        except OSError:
            return None
        return entry if entry is not None and entry.reused.key == wanted else None

    def put(self, entry: Entry) -> None:
        """Keep an entry. A disk that does not take it is no reason to fail: the next run finds out anew."""
        data = entry.lines()
        if len(data) <= LARGEST:
            with contextlib.suppress(OSError):
                self.write(entry.reused.key, data)

    def __iter__(self) -> Iterator[Stored]:
        """Yield what is there, the least lately used first."""
        found = []
        for path in self.folder.glob("??/*.jsonl"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append(Stored(key=path.stem, path=path, size=stat.st_size, used=stat.st_mtime))
        yield from sorted(found, key=lambda one: (one.used, one.key))

    def prune(self, most: int = MOST) -> tuple[int, int]:
        """Remove what was used least lately until ``most`` bytes are left; return how many entries and bytes went."""
        stored = list(self)
        left, gone, freed = sum(one.size for one in stored), 0, 0
        for one in stored:
            if left - freed <= most:
                break
            with contextlib.suppress(OSError):
                one.path.unlink()
                gone, freed = gone + 1, freed + one.size
        return gone, freed

    def _path(self, wanted: str) -> Path:
        return self.folder / wanted[:2] / f"{wanted}.jsonl"

    def write(self, wanted: str, data: bytes) -> None:
        """Write an entry as it is kept; raises ``OSError``."""
        atomic.write(self._path(wanted), data)


def parse(data: bytes) -> Entry | None:
    """Return the entry that ``data`` holds; None for anything else, one of another version included."""
    first, _, rest = data.partition(b"\n")
    try:
        head = json.loads(first)
        if head["schema"] != SCHEMA:
            return None
        reused = Reused(**{name: str(head[name]) for name in ("run", "combo", "recorded", "key")})
        if datetime.fromisoformat(reused.recorded).tzinfo is None:
            return None
        matrix, statuses, ingredients = str(head["matrix"]), dict(head["statuses"]), dict(head["ingredients"])
        events = tuple(event for event in decode(rest.splitlines()) if isinstance(event, KEPT))
        if len(events) != head["events"]:  # half of the attempts at a probe can tell another verdict
            return None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not any(isinstance(event, ProbeFinished) for event in events) and not any(
        isinstance(event, StepInstalled | EnvironmentCreated) and not event.action.exit.ok for event in events
    ):
        return None
    return Entry(reused=reused, matrix=matrix, statuses=statuses, ingredients=ingredients, events=events)


def now() -> str:
    """Return the time as entries tell it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def export(verdicts: Verdicts, target: Path) -> int:
    """Write all entries into ``target``; return how many. Raises ``OSError``: nothing was changed."""
    partial = target.with_name(f"{target.name}.{token_hex(4)}")
    count = 0
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in verdicts:
                with contextlib.suppress(FileNotFoundError):  # another run pruned it
                    archive.writestr(f"{one.key}.jsonl", one.path.read_bytes())
                    count += 1
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return count


def take_in(verdicts: Verdicts, source: Path) -> tuple[int, int]:
    """Add the entries of ``source``; return how many were taken, and how many were none or did not fit their key.

    Raises ``OSError`` or ``zipfile.BadZipFile`` when it is not such a file.
    """
    taken = refused = 0
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            data = _member(archive, member)
            entry = parse(data)
            # The name of a member is not trusted: the key follows from what is inside.
            if entry is None or key(entry.ingredients) != entry.reused.key:
                refused += 1
                continue
            verdicts.write(entry.reused.key, data)
            taken += 1
    return taken, refused


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return what a member of an archive holds; nothing when it is too large, damaged, or not as we write them."""
    if member.file_size > LARGEST or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return b""
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # RuntimeError: it is encrypted
        return b""
