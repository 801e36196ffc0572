"""Evaluate one combo: resolve, build, probe, close. Everything that happens is emitted as an event.

``evaluate`` is a generator that pauses between its stages. An executor advances many of them in its thread pools; any
other caller simply exhausts one. It judges only to decide whether to try again, what a later run may reuse, and what
the diagnosis of a failure asks, which it looks up until nothing new is asked.
"""

import contextlib
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

from knowngood.cache.keys import Keys
from knowngood.cache.verdicts import BUILT, Entry, stripped
from knowngood.events import (
    BasisKnown,
    ComboFinished,
    ComboStarted,
    Emit,
    Event,
    FactsReused,
    HarnessFailed,
    PhaseStarted,
    QuestionAnswered,
    TroubleMet,
    add,
    cleaned,
)
from knowngood.install.environment import Environment
from knowngood.install.releases import ReleaseIndex
from knowngood.install.symbols import definitions
from knowngood.judge.evidence import Rules
from knowngood.judge.verdict import open_questions
from knowngood.model import (
    Answer,
    Answered,
    ComboFacts,
    CurrentAt,
    Definitions,
    FirstWith,
    LastWith,
    NearestWithout,
    NextWithWheel,
    Phase,
    ProjectStatus,
    Question,
    Reason,
    Releases,
    Solvable,
    Trial,
    Trouble,
    Uploaded,
)
from knowngood.project.tree import SnapshotError
from knowngood.run.context import RunContext
from knowngood.run.executors.interface import Task
from knowngood.run.install_steps import StepRunner
from knowngood.run.probing import Probing
from knowngood.run.reuse import replayed
from knowngood.run.trial import Trials
from knowngood.run.workspace import Workspace


class Source(Protocol):
    """Answers questions; an answer that it leaves out, or that is None, is unknown."""

    def answer(self, questions: Sequence[Question], facts: ComboFacts) -> Mapping[Question, Answer]:
        """Return the answers to ``questions`` about a combo."""
        ...


def look_up(facts: ComboFacts, rules: Rules, source: Source) -> Iterator[Answered]:
    """Yield each answer to what the diagnosis of the first failing cell asks; nothing when no cell failed."""
    while questions := open_questions(facts, rules):
        answers = source.answer(questions, facts)
        answered = tuple(Answered(question=question, answer=answers.get(question)) for question in questions)
        yield from answered
        facts = replace(facts, answers=(*facts.answers, *answered))


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAndFiles:
    """The source for real: the package index, through uv's resolver, and the files of the environment."""

    index: ReleaseIndex
    environment: Environment
    trials: Trials | None = None
    """Tries sets of versions; None: nothing is tried."""

    def answer(self, questions: Sequence[Question], facts: ComboFacts) -> Mapping[Question, Answer]:
        """Return the answers to ``questions``; all dates are looked up at once, and so are all definitions."""
        answers: dict[Question, Answer] = {}
        dated = [question for question in questions if isinstance(question, Uploaded)]
        if dated:
            days = self.index.uploaded({question.package: question.version for question in dated})
            answers |= {question: days.get(question.package) for question in dated}
        named = [question for question in questions if isinstance(question, Definitions)]
        if named:
            known = {owner.name: owner for owner in facts.environment.distributions} if facts.environment else {}
            among = dict.fromkeys(name for question in named for name in question.among)
            owners = [known[name] for name in among if name in known]
            defined = definitions(self.environment, [question.name for question in named], owners)
            answers |= {question: defined.get(question.name, ()) for question in named}
        return answers | {
            question: self._looked_up(question, facts) for question in questions if question not in answers
        }

    def _looked_up(self, question: Question, facts: ComboFacts) -> Answer:
        python = facts.python_version or facts.combo.python
        match question:
            case CurrentAt():
                return self.index.current(question.package, question.time)
            case NextWithWheel():
                return self.index.next_with_wheel(question.package, question.above)
            case Releases():
                return self.index.listed(question.package, python)
            case ProjectStatus():
                return self.index.status(question.package)
            case LastWith() | FirstWith():
                return self.index.nearest_with(question, python)
            case NearestWithout():
                return self.index.nearest_without(question, python)
            case Solvable():
                return self.index.solvable(question.requirements, question.options)
            case Trial():
                return self.trials.answer(question, facts) if self.trials is not None else None
            case Uploaded() | Definitions():
                return None


class Stage(Enum):
    """What comes next for a combo."""

    BUILD = auto()
    """Build its environment."""
    PROBE = auto()
    """Run its probes in the environment, if it could be built."""
    CLOSE = auto()
    """Look up what the diagnosis of a failure needs, and let go of the environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A combo between two stages."""

    next: Stage
    facts: ComboFacts
    keys: Keys | None
    """None until all steps are resolved."""
    entry: Entry | None = None
    """The result of an earlier run under the same key: it is reused instead of building."""


Stages = Generator[Pause, Entry | None, Entry | None]
"""The stages of one combo.

At the pauses before ``Stage.BUILD`` and ``Stage.PROBE`` it accepts an entry: a result under the same key, which is
reused instead of building or probing. It returns the combo's own result, or None when nobody should reuse it.
"""


def evaluate(task: Task, context: RunContext, emit: Emit) -> Stages:
    """Evaluate a combo and emit its events, pausing between the stages.

    Raises nothing for what the combo or our own code does, only what ``emit`` raises. A combo that ``context.stop``
    cuts short gets no ``combo-finished``: it counts as not run, and a resumed run starts it again. If only a trial of
    a fix is cut short, the combo is finished: its verdict is known.
    """
    evaluation = _Evaluation(task, context, emit)
    stop = context.stop
    try:
        if stop.requested:
            return None
        if evaluation.attempt(evaluation.resolve, Phase.RESOLVE):
            entry = (yield evaluation.pause(Stage.BUILD)) or evaluation.entry
            if entry is not None:
                evaluation.reuse(entry)
            elif not stop.requested:
                built = evaluation.attempt(evaluation.build, Phase.INSTALL)
                known = built and evaluation.attempt(evaluation.identify, Phase.PROBE)
                entry = (yield evaluation.pause(Stage.PROBE)) or evaluation.entry
                if known and not stop.requested:
                    evaluation.probe_or_reuse(entry)
        yield evaluation.pause(Stage.CLOSE)
        if not stop.requested:
            evaluation.attempt(evaluation.look_up, Phase.PROBE)
        return evaluation.finish()
    finally:
        evaluation.workspace.close(evaluation.recorded)


class _Evaluation:
    """The state of one combo. Each stage returns whether the next one makes sense."""

    def __init__(self, task: Task, context: RunContext, emit: Emit) -> None:
        self.workspace = Workspace(task, context)
        self.entry: Entry | None = None
        """The result of an earlier run under the same key."""
        self._combo = task.combo
        self._settings = task.settings
        self._context = context
        self._sink = emit
        self._facts = ComboFacts(combo=task.combo, started=True)
        self._recorded: list[Event] = []
        self._keys: Keys | None = None
        self._is_decided = False
        """Whether all that is left is a trial, which changes no verdict."""
        self._steps = StepRunner(task, context, self.workspace, emit=self._emit, record=self._record)

    @property
    def recorded(self) -> tuple[Event, ...]:
        """The facts since the combo was resolved, which later runs may reuse."""
        return tuple(self._recorded)

    def pause(self, stage: Stage) -> Pause:
        """Return the state of the combo before ``stage``."""
        return Pause(next=stage, facts=self._facts, keys=self._keys, entry=self.entry)

    def attempt(self, stage: Callable[[], bool], phase: Phase) -> bool:
        """Carry out a stage of ``phase``.

        A project that cannot be copied or a bug of ours becomes an event and ends this combo, so that the others go on.
        """
        try:
            return stage()
        except SnapshotError as error:
            message = f"{error.what}: {error.cause}; {error.next_step}"
            self._emit(
                TroubleMet(combo=self._combo.id, trouble=Trouble(phase=phase, reason=error.reason, message=message))
            )
            return False
        except Exception as error:
            folder = self.workspace.folder
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "harness-error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            self._emit(HarnessFailed(combo=self._combo.id, error=f"{type(error).__name__}: {error}"))
            return False

    def resolve(self) -> bool:
        """Resolve all steps, unless that needs an environment; then look for an earlier result."""
        self.workspace.clear()
        self._emit(ComboStarted(combo=self._combo.id))
        if self._combo.unselected is not None:
            reason, message = self._combo.unselected
            unknown = Reason(reason) if reason else Reason.NOT_REACHED
            trouble = Trouble(phase=Phase.RESOLVE, reason=unknown, message=message)
            self._emit(TroubleMet(combo=self._combo.id, trouble=trouble))
            return False
        if self._steps.python is None:
            message = self._context.interpreters.absence(self._combo.python)
            missing = Trouble(phase=Phase.CREATE, reason=Reason.PYTHON_MISSING, message=message)
            self._emit(TroubleMet(combo=self._combo.id, trouble=missing))
            return False
        return not self._steps.resolves_ahead or (self._steps.resolve() and self.identify())

    def build(self) -> bool:
        """Build the environment, or reuse an unchanged one of an earlier run."""
        built = self.workspace.claim(self._keys.build) if self._keys else None
        if built is None:
            return self._has_space(Phase.INSTALL) and self._steps.install()
        self._begin(Phase.INSTALL, "the environment of an earlier run")
        self._replay(built.events)
        return True

    def identify(self) -> bool:
        """Compute the keys of a combo whose steps are resolved, unless they are known, and look for a result."""
        assert self._steps.python is not None
        if self._keys is None:
            self._keys = self._context.reuse.keys(self._facts, self._steps.python)
            self._emit(BasisKnown(combo=self._combo.id, basis=self._keys.basis))
            self.entry = self._context.reuse.kept.find(self._keys)
        return True

    def probe_or_reuse(self, entry: Entry | None) -> None:
        """Run the probes, unless the steps could be resolved only now and an earlier run has the result."""
        if entry is not None:
            self.reuse(entry)
        else:
            self.attempt(self._probe_all, Phase.PROBE)

    def reuse(self, entry: Entry) -> None:
        """Record an earlier result as that of this combo; how its own environment was built stays as it is."""
        self._emit(FactsReused(combo=self._combo.id, reused=entry.reused))
        for event in replayed(entry, self._combo.id, is_built=self._facts.create is not None):
            self._record(event)

    def look_up(self) -> bool:
        """Look up what the diagnosis of a failure needs, while the environment still exists."""
        context, environment = self._context, self.workspace.environment
        if self._steps.python is None or self._facts.reused:
            return True
        base = context.interpreters.find(self._combo.python)
        index = ReleaseIndex(
            processes=context.processes,
            uv=context.uv,
            environ=context.environ,
            builds=context.build_sandbox,
            # An installer that brings its own Python needs no base interpreter.
            python=base.path if base is not None else environment.python,
            folder=self.workspace.folder / "lookups",
            review=context.review,
            page=context.page,
            contents=context.contents,
        )
        python = self._facts.python_version or self._combo.python
        trials = Trials(
            task=Task(combo=self._combo, settings=self._settings),
            context=context,
            evaluate=evaluate,
            sizes=lambda versions: index.sizes(versions, python),
        )
        source = IndexAndFiles(index=index, environment=environment, trials=trials)
        for answered in look_up(self._facts, self._settings.rules, source):
            self._record(QuestionAnswered(combo=self._combo.id, question=answered.question, answer=answered.answer))
            if context.stop.requested:
                self._is_decided = isinstance(answered.question, Trial)
                break
        return True

    def finish(self) -> Entry | None:
        """Let go of the environment, end the combo and return its result, if others may reuse it."""
        self.workspace.close(self.recorded)
        stopped = self._context.stop.requested
        if stopped and not self._is_decided:
            return None
        self._emit(ComboFinished(combo=self._combo.id))
        if stopped or self._keys is None:
            return None  # the next run makes the trial that was cut short
        return self._context.reuse.kept.store(self._keys, self._facts, self.recorded)

    def _probe_all(self) -> bool:
        context = self._context
        if context.trouble is not None:
            self._emit(TroubleMet(combo=self._combo.id, trouble=context.trouble))
            return False
        probes = {probe.id: probe for probe in self._settings.probes}
        probing = Probing(
            self._combo,
            context,
            self.workspace,
            self._steps,
            emit=self._emit,
            record=self._record,
            build_again=self._build_again,
        )
        lasted = self._has_space(Phase.PROBE) and probing.run([probes[name] for name in self._combo.probes])
        # A probe that found too little of the disk says nothing about the versions, whatever it made of that.
        return lasted and self._has_space(Phase.PROBE)

    def _has_space(self, phase: Phase) -> bool:
        """Return whether the disk has as much left as is to stay free; else record that as what stopped the combo."""
        message = self._context.lacks_space()
        if message is not None:
            trouble = Trouble(phase=phase, reason=Reason.NO_SPACE, message=message)
            self._emit(TroubleMet(combo=self._combo.id, trouble=trouble))
        return message is None

    def _build_again(self) -> bool:
        """Build the environment another time; only the facts of this time count."""
        self._recorded = [event for event in self._recorded if not isinstance(event, BUILT)]
        return self._steps.install()

    def _replay(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._record(stripped(event, self._combo.id))

    def _record(self, event: Event) -> None:
        """Emit a fact that later runs may reuse."""
        self._recorded.append(cleaned(event, self._context.launcher.processes.redactor.text))
        self._emit(event)

    def _begin(self, phase: Phase, detail: str) -> None:
        self._emit(PhaseStarted(combo=self._combo.id, phase=phase, detail=detail))

    def _emit(self, event: Event) -> None:
        self._facts = add(self._facts, event)
        self._sink(event)
