"""Facts made by hand, for what is judged without running anything."""

from collections.abc import Mapping

from knowngood.install.registry import OUTPUTS
from knowngood.judge.evidence import Rules
from knowngood.model import (
    Action,
    Answer,
    Answered,
    Check,
    Combo,
    ComboFacts,
    CurrentAt,
    Definitions,
    Ending,
    Exit,
    Expectation,
    FirstWith,
    InstallerName,
    LastWith,
    NearestWithout,
    NextWithWheel,
    Outcome,
    ProbeFacts,
    ProjectStatus,
    Question,
    Releases,
    RunInfo,
    Solvable,
    StepFacts,
    Transcript,
    Trial,
    Uploaded,
)
from support.declared import declared

RULES = Rules(signatures=(), installers=OUTPUTS)
"""No known breakages, and every installer's output read as in production."""

GOOD = Exit(ending=Ending.EXITED, code=0)
BAD = Exit(ending=Ending.EXITED, code=1)


def info(reference: str | None = None, *, run: str = "20260101-000000-abcd", started: str = "") -> RunInfo:
    return RunInfo(
        id=run,
        started=started or "2026-01-01T00:00:00+00:00",
        matrix="embedding",
        title="Embeddings",
        digest="d1",
        reference=reference,
        platform="Linux",
        cpu="a cpu",
        cores=2,
        python="3.11.7",
        versions={"uv": "1", "virtualenv": "1"},
        command="knowngood run embedding",
    )


def combo(
    name: str = "one",
    *steps: tuple[str, ...],
    probes: tuple[str, ...] = ("works",),
    expect: Expectation | None = None,
) -> Combo:
    return Combo(
        id=name,
        title=name,
        python="3.11",
        steps=declared(*(steps or (("numpy",),))),
        probes=probes,
        installer=InstallerName.UV,
        expect=expect or Expectation(),
    )


def action(end: Exit = GOOD, output: str = "", *, seconds: float = 1.0, log: str = "a.log") -> Action:
    return Action(exit=end, seconds=seconds, log=log, output=output)


def step(number: int, requirements: tuple[str, ...], installed: Mapping[str, str] | None) -> StepFacts:
    """Return a step that was resolved and installed; or, with None, one that could not be installed."""
    return StepFacts(
        number=number,
        requirements=requirements,
        resolve=action(),
        install=action(GOOD if installed is not None else BAD),
        installed=installed,
    )


def check(name: str, outcome: Outcome = Outcome.PASSED, message: str = "") -> Check:
    return Check(name=name, outcome=outcome, seconds=0.1, message=message)


def attempt(
    *checks: Check, end: Exit = GOOD, hello: bool = True, bye: bool = True, output: str = "", probe: str = "works"
) -> ProbeFacts:
    return ProbeFacts(
        probe=probe,
        action=action(end, output, log=f"{probe}.log"),
        transcript=Transcript(checks=checks, hello=hello, bye=bye, watched=True),
    )


def facts(
    *probes: ProbeFacts,
    of: Combo | None = None,
    steps: tuple[StepFacts, ...] | None = None,
    python: str | None = "3.11.7",
) -> ComboFacts:
    """Return the facts of a combo that was built and probed; without attempts, of one that was stopped before."""
    subject = of or combo("one", *(step.requirements for step in steps or ()))
    built = tuple(step(number, asked.lines, {"numpy": "1.26.4"}) for number, asked in enumerate(subject.steps, start=1))
    return ComboFacts(
        combo=subject,
        started=True,
        finished=True,
        create=action(),
        python_version=python,
        steps=built if steps is None else steps,
        probes=probes,
    )


def answered(
    installed: Mapping[str, str],
    *,
    uploaded: Mapping[str, str] | None = None,
    current: Mapping[str, str] | None = None,
    with_wheel: Mapping[str, str] | None = None,
    releases: Mapping[str, tuple[str, ...]] | None = None,
    last_with: Mapping[str, str | None] | None = None,
    first_with: Mapping[str, str | None] | None = None,
    without: Mapping[tuple[str, bool], str | None] | None = None,
    definitions: Mapping[str, tuple[str, ...]] | None = None,
    status: Mapping[str, str] | None = None,
    solvable: Mapping[tuple[str, ...], Answer] | None = None,
    trials: Mapping[tuple[str, ...], Answer] | None = None,
) -> tuple[Answered, ...]:
    """Return questions with their answers: by package, ``module:name``, name of a class, or requirements.

    Before ``module:name`` may be the package that was asked about: ``package|module:name``.

    ``releases`` are ``VERSION YEAR``, or ``VERSION YEAR FILES`` for other files than a wheel; ``without`` is by package
    and whether it is about newer releases.
    """
    answers: list[tuple[Question, Answer]] = []
    for package, day in (uploaded or {}).items():
        answers.append((Uploaded(package=package, version=installed[package]), day))
    for package, version in (current or {}).items():
        answers.append((CurrentAt(package=package, time="2022-01-01T00:00:00+00:00"), version))
    for package, version in (with_wheel or {}).items():
        answers.append((NextWithWheel(package=package, above=None), version))
    for symbol, last in (last_with or {}).items():
        package, _, place = symbol.rpartition("|")
        module, _, name = place.partition(":")
        answers.append((LastWith(package=package or module, installed="9", module=module, name=name), last))
    for symbol, first in (first_with or {}).items():
        module, _, name = symbol.partition(":")
        answers.append((FirstWith(package=module, installed="9", module=module, name=name), first))
    for (package, newer), nearest in (without or {}).items():
        answers.append((NearestWithout(package=package, installed="9", word="x", newer=newer), nearest))
    for package, lines in (releases or {}).items():
        listed = tuple(
            f"{version} {year}-01-01T00:00:00+00:00 {files or 'wheel'}"
            for version, year, files in ((*line.split(), "")[:3] for line in lines)
        )
        answers.append((Releases(package=package), listed))
    for package, stated in (status or {}).items():
        answers.append((ProjectStatus(package=package), stated))
    for name, owners in (definitions or {}).items():
        answers.append((Definitions(name=name, among=tuple(installed)), owners))
    for requirements, possible in (solvable or {}).items():
        answers.append((Solvable(requirements=requirements), possible))
    for requirements, ended in (trials or {}).items():
        answers.append((Trial(requirements=requirements, probe="works"), ended))
    return tuple(Answered(question=question, answer=answer) for question, answer in answers)
