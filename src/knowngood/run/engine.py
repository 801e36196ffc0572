"""Run combos, for any caller: a verb, a search, a test or a script of the user.

``execute`` takes a frozen request, records every event in the log of the run's folder, keeps the fold of these events,
hands both to the sinks of the caller and returns the run. It judges nothing and prints nothing.
"""

import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
)
from knowngood.install import index, registry
from knowngood.install.loopback import token
from knowngood.model import Combo, ComboFacts, Run
from knowngood.model.reusable import why_not_reused
from knowngood.probe import reads
from knowngood.probe.settings import secrets
from knowngood.project.project import Project
from knowngood.project.runs import EventLog, RecordedRun, Runs
from knowngood.run import host
from knowngood.run.context import prepare
from knowngood.run.executors.interface import (
    ALL_OPTIMIZATIONS,
    Executor,
    Optimization,
    RunSettings,
    Task,
    without_credentials,
)
from knowngood.run.executors.local import RESOLVERS, LocalExecutor, queue
from knowngood.run.forecast import Forecast, forecast
from knowngood.run.host import Machine
from knowngood.run.stop import Stop

Sink = Callable[[Event, Folding], None]
"""What a caller wants to happen at each event, which the folding of the run contains already.

Sinks are called one at a time, from many threads. An exception of a sink ends the run and is raised by ``execute``.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """Which combos to run, and how."""

    project: Project
    """It gives the matrix, and keeps the run and its environments."""
    combos: tuple[Combo, ...]
    """Combos of the matrix, or others that use its probes, assets and indexes."""
    machine: Machine
    command: str = ""
    """The command that runs the same matrix again, for the report."""
    shard: str = ""
    """``2/8`` when the combos are only that part of a selection."""
    elsewhere: tuple[Combo, ...] = ()
    """The combos of the selection that other shards run."""
    resume: bool = True
    """Whether to continue an unfinished run of the same combos, if there is one."""
    fresh: bool = False
    """Whether to start over: continue no run, reuse no verdict and no environment of an earlier run."""
    fresh_probes: bool = False
    """Whether to run every probe, in the environments that earlier runs left."""
    keep: bool = False
    """Whether all environments stay, for a closer look."""
    offline: bool = False
    """Whether packages only come from folders of this machine, and from what uv has kept."""
    optimizations: frozenset[Optimization] = ALL_OPTIMIZATIONS
    run_id: str | None = None
    """The id of the run, if it is a new one; by default one that sorts by time."""
    kept: Runs | None = None
    """Where the run is kept; by default among the runs of the project."""
    into: RecordedRun | None = None
    """A run that the combos are added to: a search finds out one after the other what it has to ask."""

    @property
    def runs(self) -> Runs:
        """Where the run is kept."""
        return self.kept or self.project.runs


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
    ``executor`` evaluates the combos; the default evaluates them on this machine. Raises what a sink raises,
    ``UndecidedError`` when the event log cannot be written, and ``UsageError`` when a folder that packages come from
    does not exist.
    """
    stop = stop or Stop()
    index.check_folders(request.project.matrix.indexes, request.project.matrix.project)
    resumes = request.resume and not (request.fresh or request.fresh_probes)
    earlier = request.into
    if earlier is None and resumes:
        earlier = request.runs.unfinished(request.project.matrix.digest, request.combos)
    begun = earlier.read() if earlier is not None else None
    info = host.describe(request.project.matrix, command=request.command, shard=request.shard, run_id=request.run_id)
    folder = earlier if earlier is not None and begun is not None else request.runs.new(info.id)
    with folder.lock(), closing(EventLog(folder.log)) as log:
        recorder = _Recorder((lambda event, folding: log(event), *sinks), begun)
        if begun is None:
            order = tuple(combo.id for combo in request.project.matrix.combos)
            recorder(RunStarted(info=info, combos=request.combos, elsewhere=request.elsewhere, order=order))
        else:
            recorder(RunResumed())
            if request.into is not None:
                recorder(CombosAdded(combos=request.combos))
        chosen = routes(request)
        for choice in chosen.choices:
            recorder(IndexChosen(choice=choice))
        if executor is None:
            executor = LocalExecutor(
                machine=request.machine,
                project=request.project.folder,
                folder=folder.folder,
                environments=request.project.runs.environments,
                routes=chosen,
                secrets=_secrets(request),
            )
        tasks = _tasks(request, recorder.run, chosen)
        executor.execute(tasks, recorder, stop)
        complete = recorder.finished.issuperset(task.combo.id for task in tasks)
        recorder(RunFinished() if complete or stop.reason is None else Interrupted(signal=stop.reason))
    request.runs.note_seconds(recorder.run)
    return recorder.run


def plan(request: RunRequest, *, stop: Stop | None = None, everything: bool = False) -> tuple[Forecast, ...]:
    """Resolve every combo of a request and return what ``execute`` would do with it, in the order of the request.

    With ``everything`` a combo is to run even if its verdict would be reused.

    Nothing is recorded, built or downloaded for it.
    """
    stop = stop or Stop()
    index.check_folders(request.project.matrix.indexes, request.project.matrix.project)
    chosen = routes(request)
    settings = _settings(request, "plan", chosen)
    with (
        tempfile.TemporaryDirectory(prefix="knowngood-plan-") as folder,
        prepare(
            settings,
            machine=request.machine,
            folder=Path(folder),
            environments=request.project.runs.environments,
            stop=stop,
            project=request.project.folder,
            routes=chosen,
            secrets=_secrets(request),
            builds=False,
        ) as context,
        ThreadPoolExecutor(max_workers=max(request.machine.jobs, RESOLVERS)) as pool,
    ):
        tasks = [Task(combo=combo, settings=settings) for combo in request.combos]
        return tuple(pool.map(partial(forecast, context=context, everything=everything), tasks))


class _Recorder:
    """The one place where the events of a run arrive: folds them and hands them to every sink, one at a time."""

    def __init__(self, sinks: Iterable[Sink], begun: Run | None = None) -> None:
        self._sinks = tuple(sinks)
        self.finished: set[str] = set()
        """The combos that this execution finished."""
        self._folding = Folding(begun)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take an event in, from any thread."""
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


def _tasks(request: RunRequest, run: Run, chosen: index.Routes) -> list[Task]:
    """Return a task for each combo that is not finished, the most urgent first.

    A combo of a resumed run is not finished, either, if something that its verdicts rest on may have changed since.
    """
    settings = _settings(request, run.info.id, chosen)
    finished = {facts.combo.id for facts in run.combos if facts.finished and _stands(facts, request)}
    # The reference comes first: when it fails, no other combo is to blame.
    combos = queue(request.combos, request.project.matrix.reference, request.runs.past_seconds())
    return [Task(combo=combo, settings=settings) for combo in combos if combo.id not in finished]


def _stands(facts: ComboFacts, request: RunRequest) -> bool:
    """Return whether the facts of a finished combo rest on nothing outside of its lock, or on what is still the same.

    What rests on the tree of the project is evaluated again: the cache of verdicts knows whether it changed.
    """
    if any(step.sources for step in facts.combo.steps):
        return False
    for basis in facts.basis.probes if facts.basis else ():
        attempts = [attempt.transcript for attempt in facts.probes if attempt.probe == basis.probe]
        if basis.files is not None or why_not_reused(basis, attempts) is not None:
            return False
        if not all(reads.still(transcript.reads, request.project.folder) for transcript in attempts):
            return False
    return True


def _settings(request: RunRequest, run: str, chosen: index.Routes) -> RunSettings:
    return RunSettings(
        run=run,
        matrix=request.project.matrix.id,
        probes=request.project.matrix.probes,
        assets=request.project.matrix.assets,
        routes=without_credentials(chosen),
        rules=request.project.rules,
        pythons=tuple(dict.fromkeys(combo.python for combo in request.combos)),
        optimizations=request.optimizations,
        fresh=request.fresh,
        fresh_probes=request.fresh_probes,
        keep=request.keep,
    )


def routes(request: RunRequest) -> index.Routes:
    """Return which index packages come from. An index that has a fallback is asked whether it is up."""
    matrix, access = request.project.matrix, registry.access(request.machine.outside)
    return index.decide(matrix.indexes, project=matrix.project, access=access, offline=request.offline)


def _secrets(request: RunRequest) -> tuple[str, ...]:
    matrix, outside = request.project.matrix, request.machine.outside
    both = {*registry.secrets(matrix.indexes, outside), *secrets(outside, matrix.probes)}
    return tuple(sorted({*both, token(request.machine.cache_folder)}, key=len, reverse=True))
