"""Run combos, for any caller: a verb, a search, a test or a script of the user.

``execute`` takes a frozen request, records every event in the log of the run's folder, keeps the fold of these events,
hands both to the sinks of the caller and returns the run. It judges nothing and prints nothing.
"""

import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from knowngood.cache.bytecode import BytecodeStore, Seeding
from knowngood.cache.environments import Places
from knowngood.cache.keys import Surroundings, asset_digest
from knowngood.cache.verdicts import Verdicts
from knowngood.events import Emit, Event, Folding, IndexChosen, Interrupted, RunFinished, RunResumed, RunStarted
from knowngood.install import index, registry
from knowngood.install.assets import Assets
from knowngood.install.interpreters import Interpreters
from knowngood.judge.rules import Rules
from knowngood.model import Combo, InstallerName, Matrix, Phase, Reason, Run, Trouble
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.project.runs import EventLog, Runs
from knowngood.run import host
from knowngood.run import pipeline as schedule
from knowngood.run.evaluate import Bench, Evaluation
from knowngood.run.forecast import Forecast
from knowngood.run.host import Machine
from knowngood.run.optimizations import ALL, Optimization
from knowngood.run.pipeline import Pipeline
from knowngood.run.reuse import Memory
from knowngood.run.stop import Stop

Sink = Callable[[Event, Folding], None]
"""What a caller wants to happen at each event, which the folding of the run contains already.

Sinks are called one at a time, from many threads. An exception of a sink ends the run and is raised by ``execute``.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """Which combos to run, and how."""

    matrix: Matrix
    combos: tuple[Combo, ...]
    store: Runs
    """Where the run is recorded, and where environments stay for the next run."""
    machine: Machine
    rules: Rules
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
    optimizations: frozenset[Optimization] = ALL
    run_id: str | None = None
    """The id of the run, if it is a new one; by default one that sorts by time."""


def execute(request: RunRequest, sinks: Iterable[Sink] = (), *, stop: Stop | None = None) -> Run:
    """Run the combos of a request and return everything that was recorded.

    The run is recorded in a folder of the request's store, or in that of an unfinished run, which is then resumed.
    ``stop`` ends it early: the run that is returned is then interrupted. Raises what a sink raises, and
    ``UndecidedError`` when the event log cannot be written.
    """
    resumes = request.resume and not (request.fresh or request.fresh_probes)
    earlier = request.store.unfinished(request.matrix.digest, request.combos) if resumes else None
    begun = earlier.read() if earlier is not None else None
    info = host.describe(request.matrix, command=request.command, shard=request.shard, run_id=request.run_id)
    folder = earlier if earlier is not None and begun is not None else request.store.new(info.id)
    with folder.lock(), closing(EventLog(folder.log)) as log:
        recorder = Recorder((lambda event, folding: log(event), *sinks), begun)
        if begun is None:
            order = tuple(combo.id for combo in request.matrix.combos)
            recorder(RunStarted(info=info, combos=request.combos, elsewhere=request.elsewhere, order=order))
        else:
            recorder(RunResumed())
        stop = stop or Stop()
        run = recorder.run
        done = frozenset(facts.combo.id for facts in run.combos if facts.finished)
        session = _Session(request=request, folder=folder.folder, run=run.info.id, emit=recorder, stop=stop)
        with stop.calls(session.processes.cancel):
            session.carry_out(done)
        recorder(RunFinished() if stop.reason is None else Interrupted(signal=stop.reason))
    run = recorder.run
    request.store.note_seconds(run)
    return run


def plan(request: RunRequest, *, stop: Stop | None = None) -> tuple[Forecast, ...]:
    """Resolve every combo of a request and return what ``execute`` would do with it.

    Nothing is recorded and nothing built; assets that were never fetched are not fetched.
    """
    stop = stop or Stop()
    with tempfile.TemporaryDirectory(prefix="knowngood-plan-") as folder:
        session = _Session(request=request, folder=Path(folder), run="", emit=lambda event: None, stop=stop)
        with stop.calls(session.processes.cancel):
            return session.foresee()


class Recorder:
    """The one place that events of a run go to: it folds them and hands them to every sink, one at a time."""

    def __init__(self, sinks: Iterable[Sink], begun: Run | None = None) -> None:
        self._sinks = tuple(sinks)
        self._folding = Folding(begun)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take an event in, from any thread."""
        with self._lock:
            self._folding(event)
            for sink in self._sinks:
                sink(event, self._folding)

    @property
    def run(self) -> Run:
        """The run so far."""
        assert self._folding.run is not None, "the first event of every run is run-started"
        return self._folding.run


class _Session:
    """One run while it goes on."""

    def __init__(self, request: RunRequest, folder: Path, run: str, emit: Emit, stop: Stop) -> None:
        self._request = request
        self._folder = folder
        self._run = run
        self._emit = emit
        self._stop = stop
        secrets = registry.secrets(request.matrix.indexes, request.machine.outside)
        self.processes = Processes(folder, secrets=secrets)

    def carry_out(self, done: frozenset[str]) -> None:
        """Evaluate every combo that is not done."""
        request = self._request
        # The reference comes first: when it fails, nobody else is to blame.
        queue = schedule.queue(request.combos, request.matrix.reference, request.store.past_seconds())
        places = Places(folder=request.store.environments, keep=request.keep)
        try:
            bench, memory = self._prepare(places)
            pipeline = Pipeline(bench=bench, memory=memory, jobs=request.machine.jobs, abandon=self._stop)
            if pipeline.carry_out([Evaluation(combo, bench, self._emit) for combo in queue if combo.id not in done]):
                # Only what was added to can have grown too large.
                memory.prune()
                if bench.seeding is not None:
                    bench.seeding.store.prune()
        finally:
            # After an interrupt, leave no background process running.
            places.close(wait=self._stop.requested)

    def foresee(self) -> tuple[Forecast, ...]:
        """Resolve every combo and return what a run would do with it."""
        request = self._request
        bench, memory = self._prepare(Places(folder=request.store.environments), fetches=False)
        pipeline = Pipeline(bench=bench, memory=memory, jobs=request.machine.jobs, abandon=self._stop)
        return pipeline.foresee([Evaluation(combo, bench, self._emit) for combo in request.combos])

    def _prepare(self, places: Places, *, fetches: bool = True) -> tuple[Bench, Memory]:
        plan, machine = self._request, self._request.machine
        routes = index.decide(plan.matrix.indexes)
        for choice in routes.choices:
            self._emit(IndexChosen(choice=choice))
        constraints = self._folder / "constraints.txt" if routes.bounds else None
        if constraints is not None:
            constraints.write_text("".join(f"{bound}\n" for bound in routes.bounds), encoding="utf-8")
        environ = registry.environment(routes, machine.outside, constraints)
        assets, trouble = self._fetch_assets(environ) if fetches else (self._fetched_assets(environ), None)
        launcher = Launcher(
            processes=self.processes,
            outside=machine.outside,
            assets=assets,
            threads=max(1, machine.cores // machine.jobs),
        )
        cache = machine.cache_folder
        many_files = threading.Lock()
        bench = Bench(
            processes=self.processes,
            uv=machine.uv,
            environ=environ,
            interpreters=Interpreters(outside=machine.outside, cache=cache / "pythons"),
            launcher=launcher,
            probes={probe.id: probe for probe in plan.matrix.probes},
            trouble=trouble,
            keep=plan.keep,
            stop=self._stop,
            rules=plan.rules,
            seeding=Seeding(BytecodeStore(folder=cache / "bytecode"), many_files)
            if Optimization.BYTECODE in plan.optimizations
            else None,
            places=places if Optimization.KEPT in plan.optimizations or plan.keep else None,
            kept_ones=Optimization.KEPT in plan.optimizations and not plan.fresh,
            many_files=many_files,
        )
        surroundings = Surroundings(
            machine=host.machine(),
            cpu_flags=host.cpu_flags(),
            installers=registry.identities(),
            assets={
                asset.name: asset_digest(asset, assets[asset.name])
                for asset in plan.matrix.assets
                if asset.name in assets
            },
        )
        memory = Memory(
            bench=bench,
            verdicts=Verdicts(folder=cache / "verdicts"),
            surroundings=surroundings,
            matrix=plan.matrix.id,
            run=self._run,
            # What is kept for a closer look must have been built.
            reads=Optimization.CACHE in plan.optimizations and not (plan.fresh or plan.fresh_probes or plan.keep),
            writes=Optimization.CACHE in plan.optimizations,
            shares=Optimization.SHARING in plan.optimizations and not (plan.fresh_probes or plan.keep),
        )
        return bench, memory

    def _assets(self, environ: Mapping[str, str]) -> Assets:
        machine = self._request.machine
        return Assets(
            folder=machine.cache_folder / "assets",
            processes=self.processes,
            uv=machine.uv,
            python=machine.python,
            environ=environ,
        )

    def _fetched_assets(self, environ: Mapping[str, str]) -> dict[str, Path]:
        places = {asset.name: self._assets(environ).place(asset) for asset in self._request.matrix.assets}
        return {name: place for name, place in places.items() if place.exists()}

    def _fetch_assets(self, environ: Mapping[str, str]) -> tuple[dict[str, Path], Trouble | None]:
        plan, store = self._request, self._assets(environ)
        found: dict[str, Path] = {}
        for asset in plan.matrix.assets:
            place, action = store.fetch(asset, self._folder / "assets" / f"{asset.name}.log")
            if place.exists():
                found[asset.name] = place
                continue
            if action is not None and not action.exit.ok:
                uv = plan.rules.installers[InstallerName.UV]
                why = uv.message(action, uv.classify(action)[0])
            else:
                why = f"{asset.wheel} holds no {asset.path}"
            return found, Trouble(
                phase=Phase.PROBE,
                reason=Reason.ASSET_UNAVAILABLE,
                message=f"asset {asset.name}: {why}",
                log=action.log if action is not None else None,
            )
        return found, None
