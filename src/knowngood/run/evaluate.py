"""One combo, start to end: resolve, create, install, probe, each told as an event. Judges only to decide on retries."""

import shutil
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from knowngood.build import installers, pythons
from knowngood.build.environment import Environment
from knowngood.build.leads import Scout
from knowngood.build.reading import read
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Emit,
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    HarnessFailed,
    LeadsFollowed,
    PhaseStarted,
    ProbeFinished,
    Retrying,
    StepInstalled,
    StepResolved,
    TroubleMet,
    add,
)
from knowngood.judge import installs
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.judge.probes import judge_probe
from knowngood.model import Action, Combo, ComboFacts, Leads, Phase, Probe, Reason, Status, Trouble
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.run.investigate import investigate

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
    outside: Mapping[str, str]
    """The environment of the harness."""
    launcher: Launcher
    probes: Mapping[str, Probe]
    trouble: Trouble | None
    """What keeps all probes of the run from running, such as an asset that could not be fetched."""
    keep: bool
    """Whether environments stay when their combo is done."""
    stop: threading.Event
    signatures: tuple[Signature, ...] = ()

    def folder(self, combo: Combo) -> Path:
        """Return where everything of ``combo`` is kept."""
        return self.processes.root / "combos" / combo.id

    def environment(self, combo: Combo) -> Environment:
        """Return the environment of ``combo``."""
        return Environment(folder=self.folder(combo) / "env")


def evaluate(combo: Combo, bench: Bench, emit: Emit) -> None:
    """Evaluate one combo and tell what happens; never raises for anything the combo or our own code does.

    A combo that is cut short by ``bench.stop`` gets no ``combo-finished``: it is not run, and a resumed run starts it
    again.
    """
    shutil.rmtree(bench.folder(combo), ignore_errors=True)
    emit(ComboStarted(combo=combo.id))
    try:
        _Evaluation(combo=combo, bench=bench, emit=emit).run()
    except Exception as error:
        # Our own bug is told as such, and the other combos go on.
        bench.folder(combo).mkdir(parents=True, exist_ok=True)
        (bench.folder(combo) / "harness-error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        emit(HarnessFailed(combo=combo.id, error=f"{type(error).__name__}: {error}"))
    finally:
        if not bench.keep:
            shutil.rmtree(bench.environment(combo).folder, ignore_errors=True)
    if not bench.stop.is_set():
        emit(ComboFinished(combo=combo.id))


class _Evaluation:
    """One combo on its way; it folds what it emits, to know what there is to look up at its end."""

    def __init__(self, combo: Combo, bench: Bench, emit: Emit) -> None:
        self.combo = combo
        self.bench = bench
        self._sink = emit
        self._facts = ComboFacts(combo=combo, started=True)

    def emit(self, event: Event) -> None:
        self._facts = add(self._facts, event)
        self._sink(event)

    def run(self) -> None:
        python = pythons.find(self.combo.python, outside=self.bench.outside)
        if python is None:
            self._trouble(_no_python(self.combo.python))
            return
        if self._build(python):
            self._probe()
        self._investigate(python)

    def _build(self, python: Path) -> bool:
        """Bring the environment about; return whether every step succeeded."""
        combo, bench = self.combo, self.bench
        installer = installers.choose(combo.installer, bench.processes, bench.uv, bench.environ)
        environment, folder = bench.environment(combo), bench.folder(combo)
        steps = [
            installers.Step(number=number, requirements=requirements, folder=folder)
            for number, requirements in enumerate(combo.steps, start=1)
        ]
        before: dict[str, str] = {}

        def resolve(step: installers.Step) -> bool:
            def attempt() -> Action:
                action, found = installer.resolve(step, environment, python, before)
                resolved.update(found)
                return action

            resolved: dict[str, str] = {}
            self._begin(Phase.RESOLVE, f"step {step.number}/{len(steps)}: {' '.join(step.requirements)}")
            action = self._patiently(Phase.RESOLVE, attempt)
            before.update(resolved)
            self.emit(
                StepResolved(
                    combo=combo.id,
                    step=step.number,
                    requirements=step.requirements,
                    action=action,
                    resolved=dict(sorted(resolved.items())),
                )
            )
            return action.exit.ok

        def install(step: installers.Step) -> bool:
            self._begin(Phase.INSTALL, f"step {step.number}/{len(steps)}: {' '.join(step.requirements)}")
            action = self._patiently(Phase.INSTALL, lambda: installer.install(step, environment))
            installed = environment.installed() if action.exit.ok else None
            self.emit(
                StepInstalled(
                    combo=combo.id,
                    step=step.number,
                    requirements=step.requirements,
                    action=action,
                    installed=installed,
                )
            )
            return action.exit.ok

        if installer.resolves_ahead and not all(resolve(step) for step in steps):
            return False
        self._begin(Phase.CREATE, f"Python {combo.python}")
        action = installer.create(environment, python, folder / "create.log")
        version = environment.python_version()
        self.emit(EnvironmentCreated(combo=combo.id, action=action, python_version=version))
        if not action.exit.ok:
            return False
        for step in steps:
            if not installer.resolves_ahead and not resolve(step):
                return False
            if not install(step):
                return False
        self.emit(EnvironmentMeasured(combo=combo.id, size=environment.size()))
        self.emit(EnvironmentRead(combo=combo.id, environment=read(environment)))
        return True

    def _probe(self) -> None:
        if self.bench.trouble is not None:
            self._trouble(self.bench.trouble)
            return
        python = self.bench.environment(self.combo).python
        for name in self.combo.probes:
            for attempt in (1, 2):
                self._begin(Phase.PROBE, name)
                folder = self.bench.folder(self.combo) / f"{name}.{attempt}"
                facts = self.bench.launcher.launch(python, self.combo, self.bench.probes[name], folder)
                self.emit(
                    ProbeFinished(combo=self.combo.id, probe=name, action=facts.action, transcript=facts.transcript)
                )
                verdict, _, message = judge_probe(facts)
                if verdict.status not in _REPEATED or attempt == 2:
                    break
                self.emit(Retrying(combo=self.combo.id, phase=Phase.PROBE, why=message, delay=0.0))

    def _investigate(self, python: Path) -> None:
        """Look up what the diagnosis of a failure wants to know while the environment is still there."""
        if self.bench.stop.is_set():
            return
        bench = self.bench
        folder = bench.folder(self.combo) / "leads"
        scout = Scout(processes=bench.processes, uv=bench.uv, environ=bench.environ, python=python, folder=folder)
        leads = investigate(self._facts, scout, bench.environment(self.combo), bench.signatures)
        if leads != Leads():
            self.emit(LeadsFollowed(combo=self.combo.id, leads=leads))

    def _patiently(self, phase: Phase, act: Callable[[], Action]) -> Action:
        """Act, and once more when what stood in the way may have passed."""
        action = act()
        if action.exit.ok:
            return action
        status, reason = installs.blame(action)
        if reason not in _PASSING:
            return action
        why = installs.message(action, status)
        self.emit(Retrying(combo=self.combo.id, phase=phase, why=why, delay=_BACKOFF))
        return action if self.bench.stop.wait(_BACKOFF) else act()

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
