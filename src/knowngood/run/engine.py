"""Run combos, for any caller: a verb, a search, a test or a script of the user.

``execute`` takes a frozen request, records every event in the log of the run's folder, keeps the fold of these events,
hands both to the sinks of the caller and returns the run. It judges nothing and prints nothing.
"""

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from knowngood.events import IndexChosen, Interrupted, RunFinished
from knowngood.install.index import check_folders
from knowngood.model import Run
from knowngood.process.files import read_regular
from knowngood.process.redaction import Redactor
from knowngood.run import host
from knowngood.run.context import prepare
from knowngood.run.executors.interface import Executor, Site, Task
from knowngood.run.executors.local import RESOLVERS, LocalExecutor
from knowngood.run.forecast import Forecast, forecast
from knowngood.run.recorder import EventLog, Recorder, Sink
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from knowngood.run.work import Work, isolation_of, secrets_of

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
