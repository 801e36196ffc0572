"""Where runs are kept: one folder each, with its event log and the logs of its commands."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout

from knowngood import atomic
from knowngood.errors import UndecidedError
from knowngood.events import ComboFinished, Event, Interrupted, RunFinished, decode, encode, fold
from knowngood.model import Combo, ComboFacts, Run

_LOG = "events.jsonl"
_LAST_LINE = 4096  # bytes that hold the line of the last event of a complete run
_DURATIONS = "durations.json"
_RESUMABLE = timedelta(hours=24)  # later, what floats in a combo may have moved: half a run would mix two days


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def log(self) -> Path:
        """Its event log."""
        return self.path / _LOG

    def lock(self) -> FileLock:
        """Return the lock that whoever writes the log holds; it is free once that process is gone, however it went."""
        self.path.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path / "lock", blocking=False)

    def read(self) -> Run | None:
        """Return the run that the log tells of; None when there is none."""
        return read(self.log) if self.log.is_file() else None

    def asked(self) -> Run | None:
        """Return only what was asked, from the first line of the log: a long log is not read to be passed over."""
        with self.log.open("rb") as lines:
            return fold(decode(itertools.islice(lines, 1)))

    def ended(self) -> bool:
        """Tell whether the last line of the log is that of a complete run, without reading all of it."""
        with self.log.open("rb") as lines:
            lines.seek(max(0, lines.seek(0, os.SEEK_END) - _LAST_LINE))
            return any(isinstance(event, RunFinished) for event in decode(lines.readlines()[-1:]))


def read(log: Path) -> Run | None:
    """Return the run that an event log tells of, finished or not; None when it tells of none."""
    with log.open("rb") as lines:
        return fold(decode(lines))


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """All runs of one matrix, below ``folder``."""

    folder: Path

    @property
    def environments(self) -> Path:
        """Where environments stay for the next run."""
        return self.folder.parent.parent / "environments" / self.folder.name

    def new(self, run_id: str) -> RunFolder:
        """Return the folder for a new run."""
        return RunFolder(path=self.folder / run_id)

    def newest(self) -> Iterator[RunFolder]:
        """Yield the folders of the runs, newest first: ids begin with the time."""
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir(), reverse=True):
                if (path / _LOG).is_file():
                    yield RunFolder(path=path)

    def unfinished(self, digest: str, combos: tuple[Combo, ...]) -> RunFolder | None:
        """Return the newest run that asked just this, was cut short, and that no living process still writes."""
        for folder in self.newest():
            asked = folder.asked()
            if asked is None or asked.info.digest != digest or tuple(one.combo for one in asked.combos) != combos:
                continue
            age = datetime.now(UTC) - datetime.fromisoformat(asked.info.started)
            if folder.ended():
                return None
            run = folder.read()
            if run is None or run.finished or age > _RESUMABLE or not any(one.finished for one in run.combos):
                return None
            try:
                with folder.lock():
                    return folder
            except Timeout:
                return None
        return None

    def past_seconds(self) -> dict[str, float]:
        """Return how long each combo took when it was last run to its end, in seconds."""
        try:
            past = json.loads((self.folder / _DURATIONS).read_bytes())
            return {str(combo): float(took) for combo, took in past.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def note_seconds(self, run: Run) -> None:
        """Keep how long the combos of a run took, those that were taken over aside."""
        took = {facts.combo.id: _seconds(facts) for facts in run.combos if facts.finished and not facts.reused}
        if took:
            # Only an estimate: a disk that does not take it is no reason to fail.
            with contextlib.suppress(OSError):
                atomic.write(self.folder / _DURATIONS, json.dumps(self.past_seconds() | took).encode())


def _seconds(facts: ComboFacts) -> float:
    """Return how many seconds the commands of a combo took."""
    actions = [facts.create, *(step.resolve for step in facts.steps), *(step.install for step in facts.steps)]
    actions += [probe.action for probe in facts.probes]
    return round(sum(action.seconds for action in actions if action), 3)


class EventLog:
    """The first sink of a run: appends each event to the log before anybody else hears of it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._seq = _count_and_mend(self._file)
        self._begun = monotonic()

    def __call__(self, event: Event) -> None:
        """Append ``event``; raise ``UndecidedError`` when the disk does not take it."""
        self._seq += 1
        line = encode(event, seq=self._seq, at=datetime.now(UTC), elapsed=monotonic() - self._begun)
        try:
            while line:
                line = line[os.write(self._file, line) :]
            # What took minutes to find out survives a power cut, too.
            if isinstance(event, ComboFinished | Interrupted | RunFinished):
                os.fsync(self._file)
        except OSError as error:
            raise UndecidedError(
                f"the event log of this run cannot be written: {self._path}",
                cause=str(error),
                next_step="make room on the disk and run again: what was recorded so far is kept",
            ) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _count_and_mend(file: int) -> int:
    """Return how many lines the log has; end a line that was torn when its writer was killed."""
    lines, last = 0, b"\n"
    while data := os.read(file, 1 << 20):
        lines += data.count(b"\n")
        last = data[-1:]
    if last != b"\n":
        os.write(file, b"\n")
        lines += 1
    return lines
