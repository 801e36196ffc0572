"""One run, from the first event to the last: index, assets, locks, then the combos, several at a time."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from knowngood.cache.bytecode import BytecodeStore, Seeding
from knowngood.cache.environments import Places
from knowngood.cache.keys import Surroundings, asset_digest
from knowngood.cache.verdicts import Verdicts
from knowngood.events import Emit, Event, IndexChosen, Interrupted, RunFinished, RunResumed, RunStarted
from knowngood.install import index
from knowngood.install.assets import Assets
from knowngood.install.interpreters import Pythons
from knowngood.judge.rules import Rules
from knowngood.model import Combo, InstallerName, Matrix, Phase, Reason, Run, RunInfo, Trouble
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.run import host
from knowngood.run import pipeline as schedule
from knowngood.run.evaluate import Bench, Evaluation
from knowngood.run.forecast import Forecast
from knowngood.run.host import Machine
from knowngood.run.optimizations import ALL, Optimization
from knowngood.run.pipeline import Pipeline
from knowngood.run.reuse import Memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one run is to do and with what."""

    matrix: Matrix
    combos: tuple[Combo, ...]
    info: RunInfo
    rules: Rules
    machine: Machine
    folder: Path
    place_folder: Path
    """Where environments stay for the next run of the matrix."""
    resumed: Run | None = None
    """What an earlier process recorded of this run before it was cut short."""
    keep: bool = False
    fresh: bool = False
    """Take nothing over from earlier runs: no verdict, no environment."""
    fresh_probes: bool = False
    """Run every probe, in environments that were kept where there are."""
    optimizations: frozenset[Optimization] = ALL
    elsewhere: tuple[Combo, ...] = ()
    past: Mapping[str, float] = field(default_factory=dict)
    """How many seconds combos took when they were last run, by id."""


class Conductor:
    """Carries out a plan and tells what happens, one event at a time, until it is done or told to stop."""

    def __init__(self, plan: Plan, emit: Emit) -> None:
        self._plan = plan
        self._sink = emit
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._signal: str | None = None
        self._processes = Processes(plan.folder, secrets=index.secrets(plan.matrix.indexes, plan.machine.outside))

    def stop(self, signal: str) -> None:
        """End what runs and start nothing more; safe to call from a signal handler and more than once."""
        self._signal = self._signal or signal
        self._stop.set()
        # In a thread: a handler may have interrupted the very code that holds the lock this needs.
        threading.Thread(target=self._processes.cancel, daemon=True).start()

    @property
    def stopped(self) -> str | None:
        """The signal that told it to stop; None when nothing did."""
        return self._signal

    def run(self) -> None:
        """Carry out the plan. An exception of the event sink, such as a full disk, ends the run and is raised."""
        plan = self._plan
        if plan.resumed is None:
            order = tuple(combo.id for combo in plan.matrix.combos)
            self._emit(RunStarted(info=plan.info, combos=plan.combos, elsewhere=plan.elsewhere, order=order))
        else:
            self._emit(RunResumed())
        done = {facts.combo.id for facts in plan.resumed.combos if facts.finished} if plan.resumed else set()
        # The reference comes first: when it fails, nobody else is to blame.
        queue = schedule.queue(plan.combos, plan.matrix.reference, plan.past)
        left = [combo for combo in queue if combo.id not in done]
        places = Places(folder=plan.place_folder, keep=plan.keep)
        try:
            bench, memory = self._prepare(places)
            pipeline = Pipeline(bench=bench, memory=memory, jobs=plan.machine.jobs, abandon=self.stop)
            if pipeline.carry_out([Evaluation(combo, bench, self._emit) for combo in left]):
                # Only what was added to can have grown too large.
                memory.prune()
                if bench.seeding is not None:
                    bench.seeding.store.prune()
        finally:
            # Whoever interrupts a run finds nothing of it at work any more.
            places.close(wait=self._stop.is_set())
        if self._stop.is_set():
            self._emit(Interrupted(signal=self._signal or "unknown"))
        else:
            self._emit(RunFinished())

    def foresee(self) -> tuple[Forecast, ...]:
        """Resolve every combo and tell what a run would do with it; nothing is built and nothing downloaded for it."""
        plan = self._plan
        places = Places(folder=plan.place_folder)
        bench, memory = self._prepare(places, fetches=False)
        self._emit(RunStarted(info=plan.info, combos=plan.combos))
        pipeline = Pipeline(bench=bench, memory=memory, jobs=plan.machine.jobs, abandon=self.stop)
        return pipeline.foresee([Evaluation(combo, bench, self._emit) for combo in plan.combos])

    def _prepare(self, places: Places, *, fetches: bool = True) -> tuple[Bench, Memory]:
        plan = self._plan
        routes = index.decide(plan.matrix.indexes)
        for choice in routes.choices:
            self._emit(IndexChosen(choice=choice))
        constraints = plan.folder / "constraints.txt" if routes.bounds else None
        if constraints is not None:
            constraints.write_text("".join(f"{bound}\n" for bound in routes.bounds), encoding="utf-8")
        environ = routes.environment(plan.machine.outside, constraints)
        assets, trouble = self._fetch_assets(environ) if fetches else (self._fetched_assets(environ), None)
        launcher = Launcher(
            processes=self._processes,
            outside=plan.machine.outside,
            assets=assets,
            threads=max(1, plan.machine.cores // plan.machine.jobs),
        )
        cache = plan.machine.cache_folder
        many_files = threading.Lock()
        bench = Bench(
            processes=self._processes,
            uv=plan.machine.uv,
            environ=environ,
            pythons=Pythons(outside=plan.machine.outside, cache=cache / "pythons"),
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
            installers={
                InstallerName.UV: plan.info.versions["uv"],
                InstallerName.PIP: f"with virtualenv {plan.info.versions['virtualenv']}",
            },
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
            run=plan.info.id,
            # What is kept for a closer look must have been built.
            reads=Optimization.CACHE in plan.optimizations and not (plan.fresh or plan.fresh_probes or plan.keep),
            writes=Optimization.CACHE in plan.optimizations,
            shares=Optimization.SHARING in plan.optimizations and not (plan.fresh_probes or plan.keep),
        )
        return bench, memory

    def _assets(self, environ: Mapping[str, str]) -> Assets:
        plan = self._plan
        return Assets(
            folder=plan.machine.cache_folder / "assets",
            processes=self._processes,
            uv=plan.machine.uv,
            python=plan.machine.python,
            environ=environ,
        )

    def _fetched_assets(self, environ: Mapping[str, str]) -> dict[str, Path]:
        places = {asset.name: self._assets(environ).place(asset) for asset in self._plan.matrix.assets}
        return {name: place for name, place in places.items() if place.exists()}

    def _fetch_assets(self, environ: Mapping[str, str]) -> tuple[dict[str, Path], Trouble | None]:
        plan, store = self._plan, self._assets(environ)
        found: dict[str, Path] = {}
        for asset in plan.matrix.assets:
            place, action = store.fetch(asset, plan.folder / "assets" / f"{asset.name}.log")
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

    def _emit(self, event: Event) -> None:
        with self._lock:
            self._sink(event)
