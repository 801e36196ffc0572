"""Store the results of combos under a key of everything that they depend on, and find, list and exchange them.

Each entry is a file of two parts: a header that people can read, and the events that a run replays. An entry appears
whole or not at all, so several runs can share a folder.
"""

import contextlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from knowngood import strict_json
from knowngood.cache.keys import Ingredients, key
from knowngood.events import (
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    FixVerified,
    ProbeFinished,
    QuestionAnswered,
    StepInstalled,
    TamperingFound,
    decode,
    encode,
)
from knowngood.model import Reused, VerifiedFix
from knowngood.process.files import read_regular, write_atomically

SCHEMA = 2
"""Version of the entries. It changes when an older entry would be misread."""
MOST = 256 * 2**20
"""Bytes that the cache may take before the entries used least recently are removed."""
LARGEST = 16 * 2**20
"""Bytes. No entry is larger, so anything larger in an import is not an entry."""

BUILT = (EnvironmentCreated, StepInstalled, EnvironmentMeasured, EnvironmentRead)
"""Events that record how an environment was built."""
KEPT = (*BUILT, TamperingFound, ProbeFinished, QuestionAnswered, FixVerified)
"""Events that record facts about a combo once it is resolved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One result: its origin, what it depends on, and the recorded facts."""

    reused: Reused
    matrix: str
    statuses: Mapping[str, str]
    """Probe -> status when it was recorded, for people. A run judges the events again."""
    ingredients: Ingredients
    events: tuple[Event, ...]
    reads: Mapping[str, str | None] = field(default_factory=dict)
    """What its probes read, as in ``Transcript.reads``: only while all of it is the same does the result count."""

    def lines(self) -> bytes:
        """Return the entry as its file holds it."""
        head = asdict(self.reused) | {"schema": SCHEMA, "matrix": self.matrix, "statuses": dict(self.statuses)}
        head |= {"ingredients": self.ingredients, "reads": dict(self.reads), "events": len(self.events)}
        at = datetime.fromisoformat(self.reused.recorded)
        events = (encode(event, seq=number, at=at, elapsed=0.0) for number, event in enumerate(self.events, start=1))
        return json.dumps(head).encode() + b"\n" + b"".join(events)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """An entry as a list of the cache shows it."""

    key: str
    """The name of its file: its key, and what distinguishes it from others under the same key."""
    path: Path
    size: int
    used: float
    """Time of its last use, in seconds since the epoch."""


def stripped(event: Event, combo: str) -> Event:
    """Return ``event`` as one of ``combo``, without its log, which stays in the folder of the run that wrote it."""
    assert isinstance(event, KEPT)
    moved = replace(event, combo=combo)
    if isinstance(moved, EnvironmentCreated | StepInstalled | ProbeFinished):
        return replace(moved, action=replace(moved.action, log=""))
    return moved


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """The entries below ``folder``."""

    folder: Path

    def get(self, wanted: str, counts: Callable[[Entry], bool] = lambda entry: True) -> Entry | None:
        """Return the newest entry under a key for which ``counts`` is true; None when there is none that can be read.

        There can be several, whose probes read different things.
        """
        for stored in sorted(self._stored(f"{wanted[:2]}/{wanted}*.jsonl"), key=lambda stored: -stored.used):
            try:
                entry = parse(read_regular(stored.path, LARGEST))
                if entry is None or entry.reused.key != wanted or not counts(entry):
                    continue
                os.utime(stored.path)
            except OSError:
                continue
            return entry
        return None

    def put(self, entry: Entry) -> None:
        """Store an entry, if the disk takes it and it is not too large: otherwise the next run evaluates the combo."""
        data = entry.lines()
        if len(data) <= LARGEST:
            with contextlib.suppress(OSError):
                self.write(entry, data)

    def add_fix(self, wanted: str, fix: VerifiedFix, counts: Callable[[Entry], bool] = lambda entry: True) -> bool:
        """Store a verified fix with the newest entry under a key, in place of an older fix; return whether it has one.

        A run that reuses the verdict then has the fix as well.
        """
        entry = self.get(wanted, counts)
        if entry is not None:
            events = (event for event in entry.events if not isinstance(event, FixVerified))
            self.put(replace(entry, events=(*events, FixVerified(combo=entry.reused.combo, fix=fix))))
        return entry is not None

    def __iter__(self) -> Iterator[Stored]:
        """Yield the entries, the one used least recently first."""
        yield from sorted(self._stored("??/*.jsonl"), key=lambda entry: (entry.used, entry.key))

    def _stored(self, glob: str) -> Iterator[Stored]:
        for path in self.folder.glob(glob):
            with contextlib.suppress(OSError):
                stat = path.stat()
                yield Stored(key=path.stem, path=path, size=stat.st_size, used=stat.st_mtime)

    def prune(self, most: int = MOST) -> tuple[int, int]:
        """Remove the entries used least recently until ``most`` bytes are left; return how many entries and bytes."""
        entries = list(self)
        total, removed, freed = sum(entry.size for entry in entries), 0, 0
        for entry in entries:
            if total - freed <= most:
                break
            with contextlib.suppress(OSError):
                entry.path.unlink()
                removed, freed = removed + 1, freed + entry.size
        return removed, freed

    def write(self, entry: Entry, data: bytes) -> None:
        """Write the file of an entry, which holds ``data``. Raises ``OSError``."""
        write_atomically(self._place(entry), data)

    def has_own(self, entry: Entry) -> bool:
        """Return whether a run with this cache recorded a result for the same key and the same reads."""
        known = parse(read_regular(self._place(entry), LARGEST))
        return known is not None and not known.reused.archive

    def _place(self, entry: Entry) -> Path:
        wanted = entry.reused.key
        variant = f"-{key(dict(entry.reads))[:16]}" if entry.reads else ""
        return self.folder / wanted[:2] / f"{wanted}{variant}.jsonl"


def parse(data: bytes) -> Entry | None:
    """Return the entry that ``data`` holds; None for anything else, including an entry of another version."""
    first, _, rest = data.partition(b"\n")
    try:
        head = strict_json.loads(first)
        if head["schema"] != SCHEMA:
            return None
        names = ("run", "combo", "recorded", "key")
        reused = Reused(**{name: str(head[name]) for name in names}, archive=str(head.get("archive", "")))
        if datetime.fromisoformat(reused.recorded).tzinfo is None:
            return None
        matrix, statuses, ingredients = str(head["matrix"]), dict(head["statuses"]), dict(head["ingredients"])
        reads = {str(path): None if found is None else str(found) for path, found in dict(head["reads"]).items()}
        events = tuple(event for event in decode(rest.splitlines()) if isinstance(event, KEPT))
        if len(events) != head["events"]:  # half of the attempts at a probe can give another verdict
            return None
    except (ValueError, TypeError, KeyError):
        return None
    if not any(isinstance(event, ProbeFinished) for event in events) and not any(
        isinstance(event, StepInstalled | EnvironmentCreated) and not event.action.exit.ok for event in events
    ):
        return None
    return Entry(reused=reused, matrix=matrix, statuses=statuses, ingredients=ingredients, events=events, reads=reads)


def now() -> str:
    """Return the time as entries hold it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def export(verdicts: Verdicts, target: Path) -> int:
    """Write all entries into the archive ``target``; return how many. Raises ``OSError``, and then changes nothing."""
    partial = target.with_name(f"{target.name}.{token_hex(4)}")
    count = 0
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry in verdicts:
                if data := read_regular(entry.path, LARGEST):  # else another run pruned it
                    archive.writestr(f"{entry.key}.jsonl", data)
                    count += 1
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return count


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenIn:
    """How many entries of an archive were added, were refused, and were already here, as results of own runs."""

    added: int = 0
    refused: int = 0
    known: int = 0


def take_in(verdicts: Verdicts, source: Path) -> TakenIn:
    """Add the entries of the archive ``source``, which each of them then names, and return how many.

    A member is refused when it is not an entry or does not fit its key. A result of an own run is never replaced.
    Raises ``OSError`` or ``zipfile.BadZipFile``: ``source`` is not an archive that can be read.
    """
    added = refused = known = 0
    with _opened(source) as archive:
        for member in archive.infolist():
            data = _member(archive, member)
            entry = parse(data)
            # The name of a member is not trusted: the key follows from what is inside.
            if entry is None or key(entry.ingredients) != entry.reused.key:
                refused += 1
            elif verdicts.has_own(entry):
                known += 1
            else:
                marked = replace(entry, reused=replace(entry.reused, archive=source.name))
                verdicts.write(marked, marked.lines())
                added += 1
    return TakenIn(added=added, refused=refused, known=known)


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (NotImplementedError, ValueError, OverflowError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error  # a damaged directory of members


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return the content of a member; empty when it is too large, damaged, or compressed in a way we do not write."""
    if member.file_size > LARGEST or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return b""
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # RuntimeError: it is encrypted
        return b""
