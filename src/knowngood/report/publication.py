"""Make the edition of a judged run that is published: the same verdicts and versions give the same report.

Published twice, a report of the same verdicts and versions differs in its day and in nothing else, so that a diff of
``reports/`` shows what changed about the versions. Whatever differs between two such runs is dropped or made equal
here; renderers show nothing where there is nothing.
"""

import math
import re
import shlex
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath

from knowngood.model import (
    Action,
    Cell,
    Check,
    Combo,
    ComboFacts,
    Cover,
    Coverage,
    Diagnosis,
    EnvironmentFacts,
    Frame,
    Group,
    IndexChoice,
    JudgedRun,
    Numbers,
    ProbeFacts,
    Raised,
    Run,
    RunInfo,
    Searched,
    Seconds,
    Step,
    StepFacts,
    Transcript,
)
from knowngood.report.formats import ReportContext
from knowngood.report.text import moment
from knowngood.tracebacks import dumped_frames, installed_path, shorten_paths, standard_path

_FILE_URL = re.compile(r"file:///?[^\s'\"<>()]*/")
_PATH = re.compile(r"(?<![\w.:/~<-])/(?:[^\s/:'\"(),;]+/)+(?=[^\s/:'\"(),;]+)")
_STABLE = (
    (re.compile(r"(?<![A-Za-z0-9])\.?tmp[A-Za-z0-9_]{6,8}(?![A-Za-z0-9_])"), "tmp"),
    (re.compile(r"(?<=\bat )0x[0-9a-fA-F]+\b|\b0x[0-9a-fA-F]{9,}\b"), "0x..."),
    (re.compile(r"\b([Pp]rocess|[Pp][Ii][Dd]|[Tt]hread)([ =:]+)\d+\b"), r"\1\2..."),
    (re.compile(r"\b(127\.0\.0\.1|localhost):\d+\b"), r"\1"),
    (re.compile(r"\b\d{8}-\d{6}-\d{3}[0-9a-f]{4}\b"), "RUN"),
    (re.compile(r"(?:(?<=\d{4}-\d\d-\d\d)[T ])?(?<!\d)\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z\b|[+-]\d\d:?\d\d\b)?"), ""),
    (re.compile(r" in (?:\d+\.\d+ ?s|\d+(?:\.\d+)? ?ms)\b"), ""),
)
"""What differs from run to run, and its replacement: the names of temporary files, addresses, process ids, ports, run
ids, clock times and durations. Short hexadecimal numbers stay: they may be versions of an ABI."""
_COSINE = re.compile(r"(?<=\bcosine )\d(?:\.\d+)?")
_DIFFERENCE = re.compile(r"(?<=\bdifference )[\d.]+(?:e[+-]\d+)?|(?<=\bnorms )[\d.]+(?:e[+-]\d+)?")
_MEASURED = frozenset(
    {
        *("second", "seconds", "ms", "us", "ns", "time", "duration", "elapsed", "latency"),
        *("rate", "speed", "throughput"),
        *("bytes", "kb", "kib", "mb", "mib", "gb", "gib", "memory", "rss"),
    }
)
"""A metric with one of these in its name is a time, a rate or a size."""
_DIGITS = 4
"""Decimals of a cosine: further ones differ from one processor to another."""


def publication(context: ReportContext) -> ReportContext:
    """Return what is published of a run and its changes."""
    changes = tuple(replace(change, why=stable(change.why)) for change in context.changes)
    searches = tuple(_searched(each) for each in context.searches)
    return replace(context, judged=published(context.judged), changes=changes, searches=searches)


def _searched(each: Searched) -> Searched:
    return replace(
        each,
        answer=stable(each.answer),
        rows=tuple(tuple(map(stable, row)) for row in each.rows),
        notes=tuple(map(stable, each.notes)),
    )


def published(judged: JudgedRun) -> JudgedRun:
    """Return the edition of a judged run that is published.

    Gone are times, memory, sizes and other measurements, recorded arrays, logs and the output of commands, the runs
    that verdicts were reused from, and everything that only says where on a machine a run took place. Messages keep
    their words; absolute paths, addresses, process ids, ports and clock times in them are cut. The id of the run
    becomes its day, and ``started`` the day of its oldest verdict, which a reused one may have from an earlier run.
    """
    own = _own_index(judged.run)
    cells = tuple(_cell(cell, own) for cell in judged.cells)
    by_name = {(cell.combo.id, cell.probe): cell for cell in cells}
    return JudgedRun(
        run=_run(judged.run, _days(judged)),
        cells=cells,
        groups=tuple(
            Group(cause=stable(group.cause), cells=tuple(by_name[cell.combo.id, cell.probe] for cell in group.cells))
            for group in judged.groups
        ),
        coverage=_coverage(judged.coverage) if judged.coverage else None,
    )


def _coverage(coverage: Coverage) -> Coverage:
    known = (replace(proven, why=stable(proven.why)) for proven in coverage.unsolvable)
    return replace(coverage, unsolvable=tuple(known))


def stable(text: str) -> str:
    """Return ``text`` without what differs from run to run: absolute paths, addresses, ids, ports, clock times."""
    text = _PATH.sub(".../", shorten_paths(_FILE_URL.sub("file:", text)))
    for pattern, replacement in _STABLE:
        text = pattern.sub(replacement, text)
    return text


def _days(judged: JudgedRun) -> tuple[str, str]:
    """Return the day of a run and the day of its oldest verdict, as ISO 8601."""
    run = _day(judged.run.info.started)
    return run, min([run, *(_day(cell.reused.recorded) for cell in judged.cells if cell.reused)])


def _day(time: str) -> str:
    parsed = moment(time)
    return parsed.date().isoformat() if parsed else date.min.isoformat()


def _run(run: Run, days: tuple[str, str]) -> Run:
    return Run(
        info=_info(run.info, days),
        combos=tuple(_facts(facts) for facts in run.combos),
        elsewhere=run.elsewhere,
        cover=_cover(run.cover) if run.cover else None,
        order=run.order,
        indexes=tuple(_index(choice) for choice in run.indexes),
        interrupted=run.interrupted,
        finished=run.finished,
        unknown_events=run.unknown_events,
        bad_lines=run.bad_lines,
    )


def _cover(cover: Cover) -> Cover:
    known = (replace(proven, why=stable(proven.why)) for proven in cover.unsolvable)
    return replace(cover, left_out=tuple(map(_combo, cover.left_out)), unsolvable=tuple(known))


def _info(info: RunInfo, days: tuple[str, str]) -> RunInfo:
    day, oldest = days
    return replace(info, id=day, started=oldest, command=command(info.command))


def command(text: str) -> str:
    """Return a command as it can be given in any copy of the project: without absolute paths.

    A matrix file in ``matrices/`` is named by its id; an option whose value is an absolute path is left out.
    """
    try:
        words = shlex.split(text)
    except ValueError:  # a log that was written by hand
        return stable(text)
    kept: list[str] = []
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        path = PurePosixPath(value)
        if path.parent.name == "matrices" and path.suffix == ".toml" and not option:
            kept.append(path.stem)
        elif not path.is_absolute():
            kept.append(word)
        elif kept and not equals and kept[-1].startswith("--"):
            kept.pop()
        elif not equals:
            kept.append(path.name)
    return shlex.join(kept)


def _index(choice: IndexChoice) -> IndexChoice:
    return replace(choice, asked=stable(choice.asked), used=stable(choice.used), why=stable(choice.why))


def _facts(facts: ComboFacts) -> ComboFacts:
    remarks = facts.environment.remarks if facts.environment else ()
    last = {attempt.probe: attempt for attempt in facts.probes}
    return ComboFacts(
        combo=_combo(facts.combo),
        started=facts.started,
        finished=facts.finished,
        steps=tuple(_step(step) for step in facts.steps),
        python_version=facts.python_version,
        environment=EnvironmentFacts(remarks=_sorted(remarks)) if remarks else None,
        probes=tuple(_attempt(attempt) for attempt in last.values()),
    )


def _combo(combo: Combo) -> Combo:
    return replace(combo, steps=tuple(map(_declared, combo.steps)))


def _declared(step: Step) -> Step:
    return replace(
        step,
        lines=tuple(map(stable, step.lines)),
        requirements=tuple(map(stable, step.requirements)),
        constraints=tuple(map(stable, step.constraints)),
    )


def _step(step: StepFacts) -> StepFacts:
    return StepFacts(
        number=step.number,
        requirements=tuple(map(stable, step.requirements)),
        resolved=step.resolved,
        lock=step.lock,
        installed=step.installed,
    )


def _attempt(attempt: ProbeFacts) -> ProbeFacts:
    """Return an attempt with nothing of its output but the stack that a dying process dumped."""
    dumped = dumped_frames(attempt.action.output)
    lines = [f'  File "{_file(frame)}", line {frame.line} in {frame.function}' for frame in dumped]
    action = Action(
        exit=replace(attempt.action.exit, note="", leaked=0, dropped_bytes=0, peak_memory=0),
        seconds=0.0,
        log="",
        output="\n".join(["Stack (most recent call first):", *lines]) if lines else "",
    )
    return ProbeFacts(probe=attempt.probe, action=action, transcript=Transcript())


def _file(frame: Frame) -> str:
    """Return the file of a frame without its folder, so that its owner can still be recognized."""
    if (inside := installed_path(frame.file)) is not None:
        return f"/site-packages/{inside}"
    if (inside := standard_path(frame.file)) is not None:
        return f"/lib/python3/{inside}"
    return f"/{frame.file.rpartition('/')[2]}" if frame.file.startswith("/") else frame.file


def _own_index(run: Run) -> Container[str] | None:
    """Return the packages that come from an index of the matrix, where a version can be built again; None: all.

    On the public index a version is never built again, and its files differ from platform to platform.
    """
    used = [choice.packages for choice in run.indexes if choice.used != "default"]
    return None if () in used else {name for packages in used for name in packages}


def _cell(cell: Cell, own: Container[str] | None) -> Cell:
    built = {project.name for project in cell.tested}
    return replace(
        cell,
        combo=_combo(cell.combo),
        message=_rounded(stable(cell.message)),
        checks=tuple(_check(check) for check in cell.checks),
        failures=tuple(replace(failures, cause=stable(failures.cause)) for failures in cell.failures),
        drift=tuple(sorted(cell.drift, key=lambda drift: (drift.step, drift.package))),
        tested=tuple(replace(project, origin=stable(project.origin)) for project in cell.tested),
        contents={name: text for name, text in cell.contents.items() if own is None or name in own or name in built},
        conflicts=tuple(replace(conflict, requirement=stable(conflict.requirement)) for conflict in cell.conflicts),
        metrics=_metrics(cell.metrics),
        warnings=_sorted(cell.warnings),
        seconds=Seconds(),
        attempts=cell.attempts if cell.flaky else 1,
        log=None,
        diagnosis=_diagnosis(cell.diagnosis) if cell.diagnosis else None,
        numbers=_numbers(cell.numbers) if cell.numbers else None,
        remarks=_sorted(cell.remarks),
        reused=None,
    )


def _check(check: Check) -> Check:
    return replace(
        check,
        seconds=None,
        message=stable(check.message),
        raised=tuple(_raised(raised) for raised in check.raised),
        metrics=_metrics(check.metrics),
        arrays={},
        warnings=_sorted(check.warnings),
    )


def _raised(raised: Raised) -> Raised:
    frames = tuple(replace(frame, file=_file(frame)) for frame in raised.frames)
    return replace(raised, message=stable(raised.message), frames=frames)


def _diagnosis(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, why=stable(diagnosis.why), evidence=tuple(dict.fromkeys(map(stable, diagnosis.evidence))))


def _metrics(metrics: Mapping[str, bool | int | float | str | None]) -> dict[str, bool | int | float | str | None]:
    """Return the metrics that the versions decide: words, switches, and whole numbers that are not measured."""
    return {
        name: stable(value) if isinstance(value, str) else value
        for name, value in sorted(metrics.items())
        if not isinstance(value, float) and not _MEASURED & set(re.split(r"[^a-z]+", name.lower()))
    }


def _numbers(numbers: Numbers) -> Numbers:
    return replace(
        numbers,
        cosine=round(numbers.cosine, _DIGITS),
        difference=_magnitude(numbers.difference),
        norm=_magnitude(numbers.norm),
        says=_rounded(stable(numbers.says)),
    )


def _rounded(text: str) -> str:
    """Return a sentence about vectors with its figures rounded as in ``_numbers``."""
    text = _COSINE.sub(lambda found: f"{float(found[0]):.{_DIGITS}f}", text)
    return _DIFFERENCE.sub(lambda found: f"{_magnitude(float(found[0])):g}", text)


def _magnitude(value: float) -> float:
    """Return the power of ten that ``value`` does not exceed: the digits of noise differ between processors."""
    return 10.0 ** math.ceil(math.log10(value)) if 0 < value < math.inf else value


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(map(stable, texts))))
