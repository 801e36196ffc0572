"""Resolve and install the steps of one combo. An installer that an outage stopped is tried a second time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from knowngood import packages
from knowngood.cache.keys import digest_of
from knowngood.events import (
    Emit,
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    PhaseStarted,
    Retrying,
    StepInstalled,
    StepResolved,
)
from knowngood.install import registry
from knowngood.install.common_output import OURS
from knowngood.install.inspect import read
from knowngood.install.interface import Built, Installer, Resolution, Step
from knowngood.install.snapshot import Snapshot
from knowngood.model import Action, Ending, Exit, Phase, Reason, Source
from knowngood.process.files import LARGEST, read_regular
from knowngood.run.context import Resolved, RunContext
from knowngood.run.executors.interface import Task
from knowngood.run.workspace import Workspace

_TRANSIENT = frozenset({Reason.INDEX_UNREACHABLE, Reason.INDEX_ERROR, Reason.GIT_FAILED, Reason.CORRUPT_DOWNLOAD})
"""Reasons for which an installer is tried again."""
_BACKOFF = 2.0  # seconds; the installers have waited and tried several times themselves


class StepRunner:
    """Carries out the steps of one combo; ``record`` emits the facts that later runs may reuse, ``emit`` all others."""

    def __init__(self, task: Task, context: RunContext, workspace: Workspace, *, emit: Emit, record: Emit) -> None:
        self._combo = task.combo
        self._context = context
        self._workspace = workspace
        self._emit = emit
        self._record = record
        self._output = task.settings.rules.installers[task.combo.installer]
        self._resolver_output = task.settings.rules.installers[task.combo.resolver]
        self._installer = registry.make(task.combo.installer, context.tools)
        self._steps = [
            Step(number=number, declared=declared, folder=workspace.folder)
            for number, declared in enumerate(task.combo.steps, start=1)
        ]
        self._versions: dict[str, str] = {}
        """Canonical name -> version after the steps that are resolved."""
        self._urls: dict[str, None] = {}
        """What they install from repositories and other URLs."""

    @property
    def resolves_ahead(self) -> bool:
        """Whether the steps can be resolved before the environment exists."""
        return self._installer.resolves_ahead and all(step.isolated for step in self._steps)

    @property
    def python(self) -> str | None:
        """What distinguishes the Python of the combo from other builds; None when this machine cannot provide it."""
        return self._installer.identify_python(self._combo.python)

    def resolve(self) -> bool:
        """Resolve the steps, up to the first that fails; return whether all are."""
        return all(self._resolve(step.number) for step in self._steps)

    def _resolve(self, number: int) -> bool:
        step = self._build(self._steps[number - 1])
        failed = next((built.facts.build for built in step.sources if built.facts.failed), None)
        self._steps[number - 1] = step
        if failed is not None:
            self._resolved(step, Resolution(action=failed))
            return False
        if (replaced := _replaced(step)) is not None:
            self._resolved(step, Resolution(action=replaced))
            return False
        self._emit(PhaseStarted(combo=self._combo.id, phase=Phase.RESOLVE, detail=self._detail(step)))
        answers: list[Resolution] = []

        def attempt() -> Action:
            environment, python = self._workspace.environment, self._combo.python
            answers.append(self._installer.resolve(step, environment, python, self._versions))
            return answers[-1].action

        def ask() -> Resolved:
            self._try_twice(Phase.RESOLVE, attempt)
            files = tuple(file for kind in ("lock", "install") if (file := step.file(kind)).is_file())
            return Resolved(resolution=answers[-1], files=files if answers[-1].action.exit.ok else ())

        if self.resolves_ahead:
            resolver = (self._combo.installer, self.python or "")
            answer = self._context.resolutions.resolve(resolver, self._combo.steps[:number], step, ask).resolution
        else:
            answer = ask().resolution
        self._versions.update(answer.versions)
        self._urls |= dict.fromkeys(answer.urls)
        self._resolved(step, answer)
        return answer.action.exit.ok

    def _build(self, step: Step) -> Step:
        """Return a step with wheels of its sources, up to the first that cannot be built, and with those before it."""
        sources: list[Built] = []
        for source in step.declared.sources:
            detail = f"{self._detail(step)}: building {source.path}"
            self._emit(PhaseStarted(combo=self._combo.id, phase=Phase.RESOLVE, detail=detail))
            sources.append(self._built(step, source))
            if sources[-1].facts.failed:
                break
        before = self._steps[step.number - 2].built.values() if step.number > 1 else ()
        return replace(step, sources=tuple(sources), kept=tuple(before), urls=tuple(self._urls))

    def _built(self, step: Step, source: Source) -> Built:
        builds, options = self._context.builds, step.declared.options
        if step.isolated:
            return builds.wheel(source, options, self._combo.python)
        folder = step.folder / f"step{step.number}.build{step.declared.sources.index(source)}"
        return builds.wheel_in(source, options, self._workspace.environment.python, folder)

    def _resolved(self, step: Step, answer: Resolution) -> None:
        self._emit(
            StepResolved(
                combo=self._combo.id,
                step=step.number,
                requirements=step.declared.lines,
                action=answer.action,
                resolved=dict(sorted(answer.versions.items())),
                lock=digest_of(read_regular(step.file("lock"), LARGEST)) if answer.action.exit.ok else "",
                sources=(*(built.facts for built in step.sources), *answer.direct),
                yanked=tuple(answer.yanked),
                yank_reasons={name: reason for name, reason in answer.yanked.items() if reason},
                highest=answer.highest,
            )
        )

    def install(self) -> bool:
        """Create the venv and install the steps, up to the first that fails; return whether all are."""
        combo, environment = self._combo, self._workspace.environment
        if not self.resolves_ahead:
            self._versions, self._urls = {}, {}
        self._emit(PhaseStarted(combo=combo.id, phase=Phase.CREATE, detail=f"Python {combo.python}"))
        action = self._installer.create(environment, combo.python, self._workspace.folder / "create.log")
        self._record(EnvironmentCreated(combo=combo.id, action=action, python_version=environment.python_version()))
        if not action.exit.ok or not all(self._install_step(step.number) for step in self._steps):
            return False
        with self._context.many_files:
            snapshot, contents = Snapshot.of(environment), read(environment)
            survey = snapshot.survey()
        self._workspace.built(snapshot, survey)
        self._record(EnvironmentMeasured(combo=combo.id, size=survey.size))
        self._record(EnvironmentRead(combo=combo.id, environment=contents))
        return True

    def _install_step(self, number: int) -> bool:
        if not self.resolves_ahead and not self._resolve(number):
            return False
        step = self._in_place(self._steps[number - 1])
        environment = self._workspace.environment
        log = step.file("install.log").relative_to(self._context.processes.root)
        phase = PhaseStarted(combo=self._combo.id, phase=Phase.INSTALL, detail=self._detail(step), log=str(log))
        self._emit(phase)
        action = self._try_twice(Phase.INSTALL, partial(self._with_files.install, step, environment))
        self._record(
            StepInstalled(
                combo=self._combo.id,
                step=step.number,
                requirements=step.declared.lines,
                action=action,
                installed=environment.installed() if action.exit.ok else None,
            )
        )
        return action.exit.ok

    @property
    def _with_files(self) -> Installer:
        """The installer as it puts files into the environment."""
        tools = replace(self._context.tools, copies=self._workspace.is_private)
        return registry.make(self._combo.installer, tools)

    def forget(self, names: Sequence[str]) -> None:
        """Remove distributions from the cache that environments are linked from."""
        self._installer.forget(names, self._workspace.folder / "forget.log")

    def _in_place(self, step: Step) -> Step:
        """Return a step with a private copy of each source that is installed in place, beside the environment."""
        builds = self._context.builds
        sources = tuple(
            builds.copy(built, self._workspace.place_beside(f"step{step.number}.{index}", built.source.path))
            if built.source.editable
            else built
            for index, built in enumerate(step.sources, start=1)
        )
        return replace(step, sources=sources)

    def _try_twice(self, phase: Phase, run: Callable[[], Action]) -> Action:
        """Run an installer, and once more when the reason of its failure may have gone by then."""
        action = run()
        if action.exit.ok:
            return action
        output = self._resolver_output if phase is Phase.RESOLVE else self._output
        status, reason = output.classify(action)
        if reason not in _TRANSIENT:
            return action
        why = output.message(action, status)
        self._emit(Retrying(combo=self._combo.id, phase=phase, why=why, delay=_BACKOFF))
        return action if self._context.stop.wait(_BACKOFF) else run()

    def _detail(self, step: Step) -> str:
        return f"step {step.number}/{len(self._steps)}: {' '.join(step.declared.lines)}"


def _replaced(step: Step) -> Action | None:
    """Return a failure when a step asks for another version of what is built on this machine; None when it does not.

    No installer would find a solution, and each would blame the index.
    """
    overridden = packages.names(step.declared.overrides)
    for asked in packages.requirements(step.declared.requirements):
        built = step.built.get(packages.name_of(asked))
        if built is None or asked.url or asked.marker or built.facts.name in overridden:
            continue
        if built.facts.version is None or asked.specifier.contains(built.facts.version, prereleases=True):
            continue
        mine = f"{built.facts.name} {built.facts.version}, built from {built.source.path}"
        sentence = (
            f"{asked} cannot be installed, because the combo has {mine}, which no release replaces; "
            f"remove one of the two, or change the version"
        )
        return Action(exit=Exit(ending=Ending.EXITED, code=1), seconds=0.0, log="", output=f"{OURS}{sentence}\n")
    return None
