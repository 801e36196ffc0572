"""Failures made by hand, as the rules of a diagnosis see them."""

from dataclasses import dataclass, field, replace
from typing import Any

from knowngood.judge.conflicts import ledger, violations
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.diagnose import diagnose, open_questions
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.model import (
    Answer,
    Answered,
    Check,
    ComboFacts,
    Diagnosis,
    Distribution,
    Ending,
    EnvironmentFacts,
    Exit,
    Extension,
    Frame,
    Outcome,
    Phase,
    Question,
    Raised,
    Reason,
    Status,
    StepFacts,
    Verdict,
)
from support.facts import GOOD, RULES, action, answered, attempt, combo

SITE = "/project/env/lib/python3.11/site-packages"


@dataclass(kw_only=True)
class Failure:
    """The facts of one failure; files are relative to site-packages, innermost first; ``probe.py`` is the probe."""

    steps: tuple[tuple[str, ...], ...] = (("a",),)
    states: tuple[dict[str, str], ...] = ()
    requires: dict[str, tuple[str, ...]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    extensions: tuple[tuple[str, str], ...] = ()
    raised: str = ""
    kind: str = "builtins.ImportError"
    files: tuple[str, ...] = ()
    text: str = ""
    output: str = ""
    status: Status = Status.FAIL
    answers: dict[str, dict[Any, Any]] = field(default_factory=dict)
    """What was looked up: kind of question -> its subject -> the answer; see ``support.facts.answered``."""
    python: str = "3.11.7"
    loaded: tuple[str, ...] = ()
    """Top-level modules that the probe loaded; empty: it is not known."""
    warnings: tuple[str, ...] = ()
    """Warnings of Python that the check recorded."""
    warned_by: dict[str, str] = field(default_factory=dict)
    """Warning -> the file that it is about."""
    yanked: tuple[str, ...] = ()
    """Packages whose version was yanked."""
    yank_reasons: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    """What the files of the environment show."""
    values: tuple[str, ...] = ()
    """Where the values in the lines come from, as ``Frame`` has it."""
    owners: tuple[str, ...] = ()
    """The classes that lack an attribute, as ``Raised`` has it."""
    causes: tuple[str, ...] = ()
    """Messages of the exceptions that led to it, the first one first."""
    spawned: tuple[str, ...] = ()
    """Programs that the probe started."""

    def facts(self) -> ComboFacts:
        installed = self.states[-1]
        distributions = tuple(
            Distribution(
                name=name,
                version=version,
                requires=self.requires.get(name, ()),
                modules=(self.modules.get(name, name.replace("-", "_")),),
            )
            for name, version in installed.items()
        )
        steps = tuple(
            StepFacts(
                number=number,
                requirements=asked,
                resolve=action(),
                install=action(),
                installed=state,
                resolved=state,
                yanked=self.yanked,
                yank_reasons=self.yank_reasons,
            )
            for number, (asked, state) in enumerate(zip(self.steps, self.states, strict=True), start=1)
        )
        extensions = tuple(Extension(file=f"{one}/x.so", distribution=one, numpy=api) for one, api in self.extensions)
        return ComboFacts(
            combo=combo("one", *self.steps),
            steps=steps,
            python_version=self.python,
            environment=EnvironmentFacts(distributions=distributions, extensions=extensions, remarks=self.remarks),
            answers=answered(installed, **self.answers),
        )

    def case(self, *known: Signature) -> Case:
        frames = tuple(
            Frame(
                file=file if file.startswith("/") else f"{SITE}/{file}",
                line=1,
                function="f",
                text=self.text,
                values=self.values,
            )
            for file in reversed(self.files)
        )
        failed = Raised(type=self.kind, message=self.raised, frames=frames, owners=self.owners)
        raised = (*(replace(failed, message=cause) for cause in self.causes), failed) if self.raised else ()
        checks = [
            Check(
                name="script",
                outcome=Outcome.FAILED,
                seconds=0.1,
                message=self.raised,
                raised=raised,
                warnings=self.warnings,
                warned_by={text: f"{SITE}/{file}" for text, file in self.warned_by.items()},
            )
        ]
        end = Exit(ending=Ending.SIGNALLED, signal="SIGSEGV") if self.status is Status.CRASH else GOOD
        probe = attempt(*checks, output=self.output, end=end)
        record = replace(probe.transcript, loaded=self.loaded, watched=bool(self.loaded), spawned=self.spawned)
        probe = replace(probe, transcript=record)
        verdict = Verdict(status=self.status, phase=Phase.PROBE, reason=Reason.CHECK_FAILED)
        rules = replace(RULES, signatures=known)
        facts = self.facts()
        violated = violations(facts)
        return Case(
            facts=facts,
            verdict=verdict,
            probe=probe,
            action=None,
            violations=violated,
            drift=ledger(facts, violated),
            rules=rules,
        )

    def diagnose(self, *known: Signature) -> Diagnosis:
        case = self.case(*known)
        diagnosis = diagnose(case, Answers(case.facts.answers))
        assert diagnosis is not None
        return diagnosis


def rounds(case: Case, answers: dict[Question, Answer]) -> list[list[Question]]:
    """Return what is asked in each round, when ``answers`` are known and all others are unknown."""
    answered: list[Answered] = []
    asked: list[list[Question]] = []
    while questions := open_questions(case, Answers(answered)):
        asked.append(list(questions))
        answered += [Answered(question=question, answer=answers.get(question)) for question in questions]
    return asked


def signature(priority: int) -> Signature:
    """Return a known breakage that fits a failure of jinja2 for lack of ``soft_unicode``."""
    return Signature(
        id="known",
        family="f",
        priority=priority,
        culprit="{provider}",
        conflicts_with="{frame}",
        cause="because",
        fix=("markupsafe==2.0.1",),
        reference="https://example.org",
        match={"type": "ImportError", "message": "soft_unicode", "frames": "jinja2"},
        installed=("markupsafe>=2.1",),
    )
