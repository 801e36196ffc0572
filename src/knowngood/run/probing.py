"""Run the probes of one combo in its environment, and believe none that ran while shared files were written into."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from knowngood.events import Emit, PhaseStarted, ProbeFinished, Retrying, TamperingFound
from knowngood.install.snapshot import Snapshot
from knowngood.judge.probes import judge_probe
from knowngood.model import Combo, Phase, Probe, ProbeFacts, Status
from knowngood.probe.launch import IMPORTS
from knowngood.process.files import LARGEST, read_regular
from knowngood.run.context import RunContext
from knowngood.run.install_steps import StepRunner
from knowngood.run.workspace import Workspace

_CONFIRMED = frozenset({Status.CRASH, Status.TIMEOUT})
"""Statuses of a probe that count only when they occur twice."""

_REFUSALS = ("Read-only file system", "[Errno 30]", "EROFS", "Permission denied", "[Errno 13]", "EACCES")
"""What programs say when they may not write."""


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
        self._imported: set[str] = set()
        """The places of the bytecode that the probes compiled and could not keep."""
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
        if context.launcher.sandbox is not None:
            self._before = None  # nothing can be written into
        try:
            return all(map(self._probe, probes))
        finally:
            if bytecode:
                bytecode.note(environment, imported=self._imported, keep=self._lasted and not context.stop.requested)
            self._remove_bytecode()

    def _probe(self, probe: Probe) -> bool:
        """Run a probe, and once more after a crash or a timeout; return whether its environment lasted."""
        for attempt in (1, 2):
            with self._context.guard.watching() if self._before is not None else contextlib.nullcontext():
                facts = self._launch(probe, attempt)
                written = self._written(facts.action.seconds)
            if written and not self._context.stop.requested:
                if not self._start_over(written, probe):
                    return False
                facts = self._launch(probe, attempt)
            elif self._needs_to_write(facts):
                why = "it may not write into its environment: it gets a private copy"
                if not self._build_copy(why):
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
        may_write = self._workspace.is_private
        facts = self._context.launcher.launch(python, self._combo, probe, folder, in_place, may_write=may_write)
        named = read_regular(folder / IMPORTS, LARGEST).decode("utf-8", "surrogateescape")
        self._imported |= set(named.splitlines())
        return facts

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
        self._record(TamperingFound(combo=self._combo.id, tampering=tampering))
        return self._build_copy(f"{tampering.files[0]}, which other environments share, was changed")

    def _needs_to_write(self, facts: ProbeFacts) -> bool:
        """Return whether a probe in the sandbox failed after something could not be written."""
        if self._context.launcher.sandbox is None or self._workspace.is_private or self._context.stop.requested:
            return False
        if judge_probe(facts)[0].status is Status.PASS:
            return False
        checks = facts.transcript.checks
        texts = [facts.action.output, *(check.message for check in checks)]
        texts += [raised.message for check in checks for raised in check.raised]
        texts += [facts.transcript.problem.message] if facts.transcript.problem else []
        return any(refusal in text for text in texts for refusal in _REFUSALS)

    def _build_copy(self, why: str) -> bool:
        """Build the environment again as a private copy, which nothing shares; return whether that worked."""
        self._before = self._after = None
        self._lasted = False
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
