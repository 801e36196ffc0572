"""One combo, start to end: resolve, create, install, probe, each told as an event. Judges only to decide on retries."""

import shutil
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from knowngood.cache.bytecode import Seeding
from knowngood.cache.environments import Place, Places
from knowngood.cache.keys import Keys, digest_of
from knowngood.cache.verdicts import BUILT, stripped
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Emit,
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    FactsReused,
    HarnessFailed,
    PhaseStarted,
    ProbeFinished,
    QuestionAnswered,
    Retrying,
    StepInstalled,
    StepResolved,
    TroubleMet,
    add,
)
from knowngood.install import registry
from knowngood.install.environment import Environment, Survey
from knowngood.install.inspect import read
from knowngood.install.interface import Step, Tools
from knowngood.install.interpreters import Interpreters
from knowngood.install.releases import ReleaseIndex
from knowngood.judge.probes import judge_probe
from knowngood.judge.rules import Rules
from knowngood.model import Action, Combo, ComboFacts, Phase, Probe, Reason, Reused, Status, Trouble
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.run.lookup import Releases, look_up
from knowngood.run.resolutions import Resolutions, Resolved
from knowngood.run.stop import Stop

_PASSING = frozenset({Reason.INDEX_UNREACHABLE, Reason.INDEX_ERROR, Reason.CORRUPT_DOWNLOAD})
"""Reasons that a second try may not meet."""
_BACKOFF = 2.0  # seconds; the installers have waited and tried several times themselves
_REPEATED = frozenset({Status.CRASH, Status.TIMEOUT})
"""Verdicts of a probe that are taken seriously only when they come twice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What every combo of a run is evaluated with."""

    processes: Processes
    uv: Path
    environ: Mapping[str, str]
    """What installers get to see."""
    interpreters: Interpreters
    launcher: Launcher
    probes: Mapping[str, Probe]
    trouble: Trouble | None
    """What keeps all probes of the run from running, such as an asset that could not be fetched."""
    keep: bool
    """Whether environments stay when their combo is done, whatever they take."""
    stop: Stop
    rules: Rules
    resolutions: Resolutions = field(default_factory=Resolutions)
    seeding: Seeding | None = None
    places: Places | None = None
    """Where environments stay for the next run; None: each is built below the folder of the run, and deleted."""
    kept_ones: bool = False
    """Whether an environment of an earlier run is probed again, if it is what it was."""
    many_files: threading.Lock = field(default_factory=threading.Lock)
    """Held while thousands of files are looked at or linked. Threads that do so side by side pass the interpreter on at
    every file, and take more than twice as long as one after the other."""

    @property
    def tools(self) -> Tools:
        """What installers work with."""
        return Tools(processes=self.processes, environ=self.environ, find_python=self.interpreters.find)

    def folder(self, combo: Combo) -> Path:
        """Return where everything of ``combo`` is kept."""
        return self.processes.root / "combos" / combo.id


def evaluate(combo: Combo, bench: Bench, emit: Emit) -> None:
    """Evaluate one combo and tell what happens; never raises for anything the combo or our own code does.

    A combo that is cut short by ``bench.stop`` gets no ``combo-finished``: it is not run, and a resumed run starts it
    again.
    """
    evaluation = Evaluation(combo, bench, emit)
    try:
        all(evaluation.attempt(stage) for stage in (evaluation.resolve, evaluation.build, evaluation.probe))
        evaluation.attempt(evaluation.investigate)
    finally:
        evaluation.finish()


class Evaluation:
    """One combo on its way, stage by stage; each stage returns whether there is a next one.

    It folds what it emits, to know what there is to look up at its end.
    """

    def __init__(self, combo: Combo, bench: Bench, emit: Emit) -> None:
        self.combo = combo
        self.bench = bench
        self.facts = ComboFacts(combo=combo, started=True)
        self.found: list[Event] = []
        """The facts that a later run could take over."""
        self._sink = emit
        self._steps = [
            Step(number=number, requirements=requirements, folder=bench.folder(combo))
            for number, requirements in enumerate(combo.steps, start=1)
        ]
        self._installer = registry.make(combo.installer, bench.tools)
        self._place = Place(folder=bench.folder(combo))
        self._before: dict[str, str] = {}
        """Canonical name -> version that the steps so far left."""
        self._holding = ExitStack()
        self._untouched: Survey | None = None
        """Its environment as it was before any probe ran in it."""
        self._compiled = False
        """Whether its environment has been imported from before."""
        self.keys: Keys | None = None
        """None as long as its locks are not known."""

    def emit(self, event: Event) -> None:
        """Tell an event, and take it in."""
        self.facts = add(self.facts, event)
        self._sink(event)

    @property
    def python(self) -> str | None:
        """What tells the Python of its environment from other builds; None when this machine cannot have it."""
        return self._installer.identify_python(self.combo.python)

    @property
    def environment(self) -> Environment:
        """Its environment, which need not exist yet."""
        return self._place.environment

    @property
    def resolves_ahead(self) -> bool:
        """Whether its lock is known before its environment is built."""
        return self._installer.resolves_ahead

    def attempt(self, stage: Callable[[], bool]) -> bool:
        """Go through a stage; our own bug is told as such and ends this combo, so that the others go on."""
        try:
            return stage()
        except Exception as error:
            folder = self.bench.folder(self.combo)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "harness-error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            self.emit(HarnessFailed(combo=self.combo.id, error=f"{type(error).__name__}: {error}"))
            return False

    def resolve(self) -> bool:
        """Find the locks of all steps, as far as that is possible before there is an environment."""
        shutil.rmtree(self.bench.folder(self.combo), ignore_errors=True)
        self.emit(ComboStarted(combo=self.combo.id))
        if self.python is None:
            self._trouble(_no_python(self.combo.python))
            return False
        return not self.resolves_ahead or all(self._resolve(step, self.python) for step in self._steps)

    def build(self) -> bool:
        """Bring the environment about."""
        if self.keys is not None and self.bench.places is not None:
            self._place = self._holding.enter_context(self.bench.places.take(self.combo.id, self.keys.build))
            if self.bench.kept_ones and (built := self._kept()) is not None:
                self._begin(Phase.INSTALL, "an environment that was kept")
                events, self._untouched = built
                self._replay(events)
                self._compiled = True
                self._show_kept()
                return True
            self.bench.places.discard(self._place)
        return self._install()

    def probe(self) -> bool:
        """Run the probes."""
        if self.bench.trouble is not None:
            self._trouble(self.bench.trouble)
            return False
        # What was kept was seeded and harvested when it was built.
        seeding = None if self._compiled else self.bench.seeding
        if seeding:
            seeding.begin(self.environment)
        try:
            for name in self.combo.probes:
                self._probe(self.bench.probes[name])
        finally:
            if seeding:
                seeding.end(self.environment, keep=not self.bench.stop.requested)
        return True

    def _kept(self) -> tuple[tuple[Event, ...], Survey] | None:
        with self.bench.many_files:
            return self._place.built()

    def reuse(self, reused: Reused, events: tuple[Event, ...]) -> None:
        """Take over what was found out before; what this run knows already stays."""
        self.emit(FactsReused(combo=self.combo.id, reused=reused))
        self._replay(tuple(event for event in events if self.facts.create is None or not isinstance(event, BUILT)))

    def finish(self) -> None:
        """Let go of the environment and tell that nothing more will come."""
        try:
            stays = self._placed and self._stays()
            if not stays and not self.bench.keep:
                self._discard()
        finally:
            self._holding.close()
        if not self.bench.stop.requested:
            self.emit(ComboFinished(combo=self.combo.id))

    @property
    def _placed(self) -> bool:
        """Whether its environment is where it can outlive the run."""
        return self._place.folder != self.bench.folder(self.combo)

    def _stays(self) -> bool:
        """Have the environment used again by the next run, if it is worth that; return whether it stays."""
        if self._untouched is None or self.bench.stop.requested or self.bench.places is None:
            return False
        if not self.bench.places.may_stay(self._place, self._untouched):
            self._place.forget()
            return False
        # Whether a probe has touched it is seen when it is to be used again.
        self._place.record(tuple(event for event in self.found if isinstance(event, BUILT)), self._untouched)
        return True

    def _discard(self) -> None:
        if self._placed and self.bench.places is not None:
            self.bench.places.discard(self._place)
        else:
            shutil.rmtree(self.environment.folder, ignore_errors=True)

    def _resolve(self, step: Step, python: str) -> bool:
        self._begin(Phase.RESOLVE, f"step {step.number}/{len(self._steps)}: {' '.join(step.requirements)}")

        def attempt() -> Action:
            action, found = self._installer.resolve(step, self.environment, self.combo.python, self._before)
            resolved.update(found)
            return action

        def ask() -> Resolved:
            action = self._patiently(Phase.RESOLVE, attempt)
            return Resolved(action=action, resolved=resolved, lock=step.file("lock"))

        resolved: dict[str, str] = {}
        if self.resolves_ahead:
            answer = self.bench.resolutions.resolve(
                (self.combo.installer, python), self.combo.steps[: step.number], step, ask
            )
        else:
            answer = ask()
        self._before.update(answer.resolved)
        lock = digest_of(step.file("lock").read_bytes()) if answer.action.exit.ok else ""
        self.emit(
            StepResolved(
                combo=self.combo.id,
                step=step.number,
                requirements=step.requirements,
                action=answer.action,
                resolved=dict(sorted(answer.resolved.items())),
                lock=lock,
            )
        )
        return answer.action.exit.ok

    def _install(self) -> bool:
        """Make the venv and carry out every step; return whether all succeeded."""
        assert self.python is not None
        combo, environment = self.combo, self.environment
        self._begin(Phase.CREATE, f"Python {combo.python}")
        action = self._installer.create(environment, combo.python, self.bench.folder(combo) / "create.log")
        self._find(EnvironmentCreated(combo=combo.id, action=action, python_version=environment.python_version()))
        if not action.exit.ok:
            return False
        for step in self._steps:
            if not self.resolves_ahead and not self._resolve(step, self.python):
                return False
            log = step.file("install.log").relative_to(self.bench.processes.root)
            detail = f"step {step.number}/{len(self._steps)}: {' '.join(step.requirements)}"
            self.emit(PhaseStarted(combo=combo.id, phase=Phase.INSTALL, detail=detail, log=str(log)))
            action = self._patiently(Phase.INSTALL, partial(self._installer.install, step, environment))
            installed = environment.installed() if action.exit.ok else None
            self._find(
                StepInstalled(
                    combo=combo.id,
                    step=step.number,
                    requirements=step.requirements,
                    action=action,
                    installed=installed,
                )
            )
            if not action.exit.ok:
                return False
        with self.bench.many_files:
            survey, found = environment.survey(), read(environment)
        self._untouched = survey
        self._find(EnvironmentMeasured(combo=combo.id, size=survey.size))
        self._find(EnvironmentRead(combo=combo.id, environment=found))
        self._show_kept()
        return True

    def _show_kept(self) -> None:
        """Have an environment that was asked to stay be found in the folder of the run."""
        if self.bench.keep and self._placed:
            self.bench.folder(self.combo).joinpath("env").symlink_to(self.environment.folder)

    def _probe(self, probe: Probe) -> None:
        for attempt in (1, 2):
            self._begin(Phase.PROBE, probe.id)
            folder = self.bench.folder(self.combo) / f"{probe.id}.{attempt}"
            facts = self.bench.launcher.launch(self.environment.python, self.combo, probe, folder)
            self._find(
                ProbeFinished(combo=self.combo.id, probe=probe.id, action=facts.action, transcript=facts.transcript)
            )
            verdict, _, message = judge_probe(facts)
            if verdict.status not in _REPEATED or attempt == 2:
                return
            self.emit(Retrying(combo=self.combo.id, phase=Phase.PROBE, why=message, delay=0.0))

    def investigate(self) -> bool:
        """Look up what the diagnosis of a failure wants to know while the environment is still there."""
        bench = self.bench
        if bench.stop.requested or self.python is None or self.facts.reused:
            return True
        base = bench.interpreters.find(self.combo.python)
        index = ReleaseIndex(
            processes=bench.processes,
            uv=bench.uv,
            environ=bench.environ,
            # An installer that brings its own Python needs no base interpreter.
            python=base.path if base is not None else self.environment.python,
            folder=bench.folder(self.combo) / "lookups",
        )
        for answered in look_up(self.facts, bench.rules, Releases(index=index, environment=self.environment)):
            self._find(QuestionAnswered(combo=self.combo.id, question=answered.question, answer=answered.answer))
        return True

    def _patiently(self, phase: Phase, act: Callable[[], Action]) -> Action:
        """Act, and once more when what stood in the way may have passed."""
        action = act()
        if action.exit.ok:
            return action
        output = self.bench.rules.installers[self.combo.installer]
        status, reason = output.classify(action)
        if reason not in _PASSING:
            return action
        why = output.message(action, status)
        self.emit(Retrying(combo=self.combo.id, phase=phase, why=why, delay=_BACKOFF))
        return action if self.bench.stop.wait(_BACKOFF) else act()

    def _replay(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._find(stripped(event, self.combo.id))

    def _find(self, event: Event) -> None:
        """Tell an event that is worth keeping."""
        self.found.append(event)
        self.emit(event)

    def _begin(self, phase: Phase, detail: str) -> None:
        self.emit(PhaseStarted(combo=self.combo.id, phase=phase, detail=detail))

    def _trouble(self, trouble: Trouble) -> None:
        self.emit(TroubleMet(combo=self.combo.id, trouble=trouble))


def _no_python(asked: str) -> Trouble:
    return Trouble(
        phase=Phase.CREATE,
        reason=Reason.PYTHON_MISSING,
        message=f"this machine has no Python {asked}: install it (uv python install {asked}) and run again",
    )
