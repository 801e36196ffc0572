"""Run the probes of one combo in its environment, and believe none that ran while shared files were written into."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from knowngood.events import Emit, PhaseStarted, ProbeFinished, Retrying, TamperingFound
from knowngood.install.snapshot import Snapshot
from knowngood.judge.probes import judge_probe
from knowngood.model import Combo, Phase, Probe, ProbeFacts, Status
from knowngood.run.context import RunContext
from knowngood.run.install_steps import StepRunner
from knowngood.run.workspace import Workspace

_CONFIRMED = frozenset({Status.CRASH, Status.TIMEOUT})
"""Statuses of a probe that count only when they occur twice."""


class Probing:
    """Runs the probes of one combo, once.

    ``record`` emits the facts that later runs may reuse, ``emit`` all others. ``build_again`` builds the environment
    after the workspace started over, and returns whether it could.
    """

    def __init__(
        self,
        combo: Combo,
        context: RunContext,
        workspace: Workspace,
        steps: StepRunner,
        *,
        emit: Emit,
        record: Emit,
        build_again: Callable[[], bool],
    ) -> None:
        self._combo = combo
        self._context = context
        self._workspace = workspace
        self._steps = steps
        self._emit = emit
        self._record = record
        self._build_again = build_again
        self._before: Snapshot | None = None
        """The files of the environment before any probe ran; None: it shares none with others."""
        self._after: Snapshot | None = None
        self._lasted = True
        """Whether the environment is the one that it was at the beginning."""

    def run(self, probes: list[Probe]) -> bool:
        """Run ``probes`` in order; return whether the environment lasted until the end."""
        context, environment = self._context, self._workspace.environment
        self._before = self._workspace.snapshot
        assert self._before is not None, "a combo is probed after it was built"
        if wrong := context.guard.built(self._before):
            return self._start_over(wrong, None) and all(map(self._probe, probes))
        bytecode, base = context.bytecode, context.interpreters.find(self._combo.python)
        if bytecode:
            python = base.path if base is not None else None
            self._before = self._before.with_files(bytecode.link(environment, python, self._workspace.folder))
        try:
            return all(map(self._probe, probes))
        finally:
            if bytecode:
                bytecode.note(environment, keep=self._lasted and not context.stop.requested)
            self._remove_bytecode()

    def _probe(self, probe: Probe) -> bool:
        """Run a probe, and once more after a crash or a timeout; return whether its environment lasted."""
        for attempt in (1, 2):
            facts = self._launch(probe, attempt)
            written = self._written(facts.action.seconds)
            if written and not self._context.stop.requested:
                if not self._start_over(written, probe):
                    return False
                facts = self._launch(probe, attempt)
            self._record(
                ProbeFinished(combo=self._combo.id, probe=probe.id, action=facts.action, transcript=facts.transcript)
            )
            verdict, _, message = judge_probe(facts)
            if verdict.status not in _CONFIRMED:
                break
            if attempt == 1:
                self._emit(Retrying(combo=self._combo.id, phase=Phase.PROBE, why=message, delay=0.0))
        return True

    def _launch(self, probe: Probe, attempt: int) -> ProbeFacts:
        self._emit(PhaseStarted(combo=self._combo.id, phase=Phase.PROBE, detail=probe.id))
        folder = self._workspace.folder / f"{probe.id}.{attempt}"
        python, in_place = self._workspace.environment.python, self._workspace.in_place
        return self._context.launcher.launch(python, self._combo, probe, folder, in_place)

    def _written(self, seconds: float) -> tuple[str, ...]:
        """Return the shared files of the environment that something wrote into, during a probe of ``seconds``."""
        if self._before is None:
            return ()
        checked = self._context.guard.check(self._before, seconds)
        self._after = checked.now
        return checked.written

    def _start_over(self, written: tuple[str, ...], probe: Probe | None) -> bool:
        """Build the environment again as a private copy; return whether that worked."""
        assert self._before is not None, "what shares no files is not written into"
        purge = self._context.guard.purge
        tampering = purge(self._before, written, probe.id if probe else None, self._steps.forget)
        self._before = self._after = None
        self._lasted = False
        self._record(TamperingFound(combo=self._combo.id, tampering=tampering))
        why = f"{tampering.files[0]}, which other environments share, was changed"
        self._emit(Retrying(combo=self._combo.id, phase=Phase.PROBE, why=why, delay=0.0))
        self._workspace.start_over()
        return self._build_again()

    def _remove_bytecode(self) -> None:
        """Remove the bytecode that probes wrote and nobody compiled again: another run may use the environment."""
        if self._before is None or self._after is None:
            return
        for path in self._after.bytecode() - self._before.bytecode():
            with contextlib.suppress(OSError):
                if Path(path).lstat().st_nlink == 1:
                    Path(path).unlink()
