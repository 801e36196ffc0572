"""Run combos, for any caller: a verb, a search, a test or a script of the user.

``execute`` takes a frozen request, records every event in the log of the run's folder, keeps the fold of these events,
hands both to the sinks of the caller and returns the run. It judges nothing and prints nothing.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from knowngood.errors import UndecidedError
from knowngood.events import (
    ComboFinished,
    CombosAdded,
    Event,
    Folding,
    IndexChosen,
    Interrupted,
    RunFinished,
    RunResumed,
    RunStarted,
    cleaned,
    encode,
)
from knowngood.install.index import check_folders
from knowngood.model import Run, RunInfo
from knowngood.process.files import read_regular
from knowngood.process.redaction import Redactor
from knowngood.run import host
from knowngood.run.context import prepare
from knowngood.run.executors.interface import Executor, Site, Task
from knowngood.run.executors.local import RESOLVERS, LocalExecutor
from knowngood.run.forecast import Forecast, forecast
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from knowngood.run.work import Work, isolation_of, secrets_of

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


_LARGEST_INPUT = 16 * 2**20  # bytes


def execute(
    request: RunRequest,
    sinks: Iterable[Sink] = (),
    *,
    stop: Stop | None = None,
    executor: Executor | None = None,
) -> Run:
    """Run the combos of a request and return everything that was recorded.

    The run is kept among the runs of the project. An unfinished one of the same combos is resumed.
    Combos that are added to a run are evaluated as if it had begun with them; its others are left alone.

    ``stop`` ends it early: the run that is returned is then interrupted, unless every combo was finished before.
    ``executor`` evaluates the combos, else what the request names, else this machine. Raises what a sink raises,
    ``UndecidedError`` when the event log cannot be written, and ``UsageError`` when a folder that packages come from
    does not exist.
    """
    stop = stop or Stop()
    check_folders(request.project.matrix)
    redactor = Redactor(secrets_of(request))
    earlier = request.earlier(redactor.text)
    begun = earlier.read() if earlier is not None else None
    info = host.describe(
        request.project.matrix,
        command=request.command,
        shard=request.shard,
        isolation=isolation_of(request),
        run_id=request.run_id,
    )
    folder = earlier or request.runs.new(info.id)
    with folder.lock(), closing(EventLog(folder.log)) as log:
        recorder = Recorder((lambda event, folding: log(event), *sinks), redactor, begun)
        recorder.begin(request, info)
        work = Work.of(request, recorder.run)
        for choice in work.routes.choices:
            recorder(IndexChosen(choice=choice))
        site = Site(
            machine=request.machine,
            project=request.project.folder,
            folder=folder.folder,
            environments=request.project.runs.environments,
            routes=work.routes,
            secrets=work.secrets,
        )
        executor = executor or (request.executor(site) if request.executor else LocalExecutor(site=site))
        try:
            executor.execute(work.tasks, recorder, stop)
        finally:
            _redact_inputs(folder.folder, redactor)
        complete = recorder.finished.issuperset(task.combo.id for task in work.tasks)
        recorder(RunFinished() if complete or stop.reason is None else Interrupted(signal=stop.reason))
    request.runs.note_seconds(recorder.run)
    return recorder.run


def _redact_inputs(folder: Path, redactor: Redactor) -> None:
    """Replace secrets in what installers read, which combos with equal steps take from one another during the run.

    A lock has none, and its digest is recorded.
    """
    for file in folder.glob("combos/*/step*.*"):
        if file.suffix == ".lock":
            continue
        data = read_regular(file, _LARGEST_INPUT)
        if (clean := redactor(data)) != data:
            file.write_bytes(clean)


def plan(
    request: RunRequest, *, stop: Stop | None = None, everything: bool = False, sizes: bool = True
) -> tuple[Forecast, ...]:
    """Resolve every combo of a request and return what ``execute`` would do with it, in the order of the request.

    With ``everything`` a combo is to run even if its verdict would be reused; without ``sizes`` the files that it would
    download are not looked up.

    Nothing is recorded, built or downloaded for it.
    """
    stop = stop or Stop()
    check_folders(request.project.matrix)
    work = Work.of(request)
    with (
        tempfile.TemporaryDirectory(prefix="knowngood-plan-") as folder,
        prepare(
            work.settings,
            machine=request.machine,
            folder=Path(folder),
            environments=request.project.runs.environments,
            stop=stop,
            project=request.project.folder,
            routes=work.routes,
            secrets=work.secrets,
            builds=False,
        ) as context,
        ThreadPoolExecutor(max_workers=max(request.machine.jobs, RESOLVERS)) as pool,
    ):
        tasks = [Task(combo=combo, settings=work.settings) for combo in request.combos]
        return tuple(pool.map(partial(forecast, context=context, everything=everything, sizes=sizes), tasks))
