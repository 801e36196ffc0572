"""Record the events of a run: append each to its log, fold it, and hand it to the sinks of the caller."""

import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from knowngood.errors import UndecidedError
from knowngood.events import (
    ComboFinished,
    CombosAdded,
    Event,
    Folding,
    Interrupted,
    RunFinished,
    RunResumed,
    RunStarted,
    cleaned,
    encode,
)
from knowngood.model import Run, RunInfo
from knowngood.process.redaction import Redactor
from knowngood.run.request import RunRequest

Sink = Callable[[Event, Folding], None]
"""What a caller wants to happen at each event, which the folding of the run contains already.

Sinks are called one at a time, from many threads. An exception of a sink ends the run and is raised by ``execute``.
"""


class Recorder:
    """The one place where the events of a run arrive: without secrets, it folds them and hands them to every sink."""

    def __init__(self, sinks: Iterable[Sink], redactor: Redactor, begun: Run | None = None) -> None:
        self._sinks = tuple(sinks)
        self._redactor = redactor
        self.finished: set[str] = set()
        """The combos that this execution finished."""
        self._folding = Folding(begun)
        self._lock = threading.Lock()

    def begin(self, request: RunRequest, info: RunInfo) -> None:
        """Record that the run begins, or that it continues."""
        if self._folding.run is not None:
            self(RunResumed())
            if request.into is not None:
                self(CombosAdded(combos=request.combos))
        else:
            order = tuple(combo.id for combo in request.project.matrix.combos)
            self(
                RunStarted(
                    info=info, combos=request.combos, elsewhere=request.elsewhere, order=order, cover=request.cover
                )
            )

    def __call__(self, event: Event) -> None:
        """Take an event in, from any thread. Sinks are called one at a time."""
        event = cleaned(event, self._redactor.text)
        with self._lock:
            self._folding(event)
            if isinstance(event, ComboFinished):
                self.finished.add(event.combo)
            for sink in self._sinks:
                sink(event, self._folding)

    @property
    def run(self) -> Run:
        """The run so far."""
        assert self._folding.run is not None, "the first event of every run is run-started"
        return self._folding.run


class EventLog:
    """Append each event of a run to its log; it is the first sink, so that the log is never behind the others."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._seq = _repair(self._file)
        self._begun = monotonic()

    def __call__(self, event: Event) -> None:
        """Append ``event``. Raises ``UndecidedError`` when it cannot be written, as on a full disk."""
        self._seq += 1
        line = encode(event, seq=self._seq, at=datetime.now(UTC), elapsed=monotonic() - self._begun)
        try:
            while line:
                line = line[os.write(self._file, line) :]
            # These took minutes to find out, so they must survive a power cut.
            if isinstance(event, ComboFinished | Interrupted | RunFinished):
                os.fsync(self._file)
        except OSError as error:
            raise UndecidedError(
                f"the event log of this run cannot be written: {self._path}",
                cause=str(error),
                next_step="make room on the disk and run again; what was recorded so far is kept",
            ) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _repair(file: int) -> int:
    """End a line that was torn when its writer was killed, and return how many lines the log has."""
    lines, last = 0, b"\n"
    while data := os.read(file, 1 << 20):
        lines += data.count(b"\n")
        last = data[-1:]
    if last != b"\n":
        os.write(file, b"\n")
        lines += 1
    return lines
