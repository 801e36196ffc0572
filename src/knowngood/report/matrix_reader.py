"""Read ``matrix.json`` back: the only reader, for whatever compares with a report or shows one.

``matrix_json`` writes the document, and ``matrix.schema.json`` describes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from knowngood import packages, strict_json
from knowngood.errors import UsageError
from knowngood.model import (
    Cell,
    Check,
    Combo,
    ComboFacts,
    Conflict,
    Diagnosis,
    Drift,
    Expectation,
    Failures,
    Group,
    IndexChoice,
    InstallerName,
    JudgedRun,
    Numbers,
    Reused,
    Run,
    RunInfo,
    Score,
    Seconds,
    Step,
    Suite,
    Tested,
    Verdict,
)
from knowngood.report import coverage
from knowngood.report.matrix_json import SCHEMA


def loads(data: bytes | str, *, name: str = "matrix.json") -> JudgedRun:
    """Return the judged run in the text of a ``matrix.json``; raises ``UsageError`` as ``parse`` does."""
    try:
        document: object = strict_json.loads(data)
    except ValueError:
        raise _refused(name, "it is not JSON") from None
    return parse(document, name=name)


def parse(document: object, *, name: str = "matrix.json") -> JudgedRun:
    """Return the judged run that a decoded ``matrix.json`` describes; ``name`` is what errors call the document.

    Unknown keys are ignored, and most keys of a cell may be missing. What the document does not hold is not made up:
    tracebacks, the output of commands and recorded arrays. Raises ``UsageError`` when it is not a ``matrix.json`` of
    this schema.
    """
    from pydantic import ValidationError

    if not isinstance(document, Mapping) or "schema" not in document:
        raise _refused(name, "it has no schema, so it is not a matrix.json")
    schema = document["schema"]
    if schema != SCHEMA:
        raise _refused(name, f"its schema is {schema!r:.40}; this version of knowngood reads schema {SCHEMA}")
    try:
        read: _Document = _adapter().validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refused(name, f"{_location(first['loc'])}: {first['msg']}") from None
    return _judged(read)


def _refused(name: str, cause: str) -> UsageError:
    return UsageError(
        f"{name} cannot be read",
        cause=cause,
        next_step="name the matrix.json of another run, or run the matrix again with this version of knowngood",
    )


def _location(path: Iterable[str | int]) -> str:
    """Return where in a document something is: ``cells[0].verdict.status``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Matrix:
    id: str
    title: str
    digest: str = ""
    reference: str | None = None
    stale_after: int = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    id: str
    started: str
    platform: str
    finished: bool
    interrupted: str | None = None
    cpu: str = ""
    isolation: str = ""
    cores: int = 0
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    indexes: tuple[IndexChoice, ...] = ()
    command: str = ""
    cover: coverage.CoverObject | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cell:
    combo: str
    probe: str
    python: str
    steps: tuple[tuple[str, ...], ...]
    verdict: Verdict
    as_expected: bool | None
    title: str = ""
    installer: InstallerName = InstallerName.UV
    expected: Expectation = field(default_factory=Expectation)
    unmet: tuple[str, ...] = ()
    check: str | None = None
    message: str = ""
    installed: dict[str, str] = field(default_factory=dict)
    lock: str = ""
    tested: tuple[Tested, ...] = ()
    contents: dict[str, str] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    yanked: tuple[str, ...] = ()
    yank_reasons: dict[str, str] = field(default_factory=dict)
    highest: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    numbers: Numbers | None = None
    predicted: str | None = None
    score: Score | None = None
    remarks: tuple[str, ...] = ()
    known: str | None = None
    flaky: str | None = None
    metrics: dict[str, bool | int | float | str | None] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    suite: Suite | None = None
    failures: tuple[Failures, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Seconds = field(default_factory=Seconds)
    environment_bytes: int | None = None
    host: str = ""
    attempts: int = 1
    reused: Reused | None = None
    log: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Name:
    combo: str
    probe: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cause:
    cause: str
    cells: tuple[_Name, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    matrix: _Matrix
    run: _Run
    cells: tuple[_Cell, ...]
    causes: tuple[_Cause, ...] = ()


@cache
def _adapter() -> Any:  # pydantic's own type would need an import of pydantic, which takes long
    from pydantic import TypeAdapter

    return TypeAdapter(_Document)


def _judged(read: _Document) -> JudgedRun:
    matrix, run = read.matrix, read.run
    probes: dict[str, dict[str, None]] = {}
    for cell in read.cells:
        probes.setdefault(cell.combo, {})[cell.probe] = None
    cells = tuple(_cell(cell, tuple(probes[cell.combo])) for cell in read.cells)
    by_name = {(cell.combo.id, cell.probe): cell for cell in cells}
    facts = {
        cell.combo.id: ComboFacts(
            combo=cell.combo, started=True, finished=True, environment_bytes=its.environment_bytes, host=its.host
        )
        for cell, its in zip(reversed(cells), reversed(read.cells), strict=True)
    }
    info = RunInfo(
        id=run.id,
        started=run.started,
        matrix=matrix.id,
        title=matrix.title,
        digest=matrix.digest,
        reference=matrix.reference,
        stale_after=matrix.stale_after,
        platform=run.platform,
        cpu=run.cpu,
        isolation=run.isolation,
        cores=run.cores,
        python=run.python,
        versions=run.versions,
        command=run.command,
    )
    return JudgedRun(
        run=Run(
            info=info,
            combos=tuple(facts[combo] for combo in probes),
            indexes=run.indexes,
            interrupted=run.interrupted,
            finished=run.finished,
        ),
        cells=cells,
        groups=tuple(
            Group(
                cause=cause.cause,
                cells=tuple(
                    by_name[name.combo, name.probe] for name in cause.cells if (name.combo, name.probe) in by_name
                ),
            )
            for cause in read.causes
        ),
        coverage=run.cover.coverage if run.cover else None,
    )


def _step(lines: tuple[str, ...]) -> Step:
    return Step(lines=lines, requirements=tuple(line for line in lines if packages.requirement(line) is not None))


def _cell(cell: _Cell, probes: tuple[str, ...]) -> Cell:
    combo = Combo(
        id=cell.combo,
        title=cell.title or cell.combo,
        python=cell.python,
        steps=tuple(map(_step, cell.steps)),
        probes=probes,
        installer=cell.installer,
        expect=cell.expected,
    )
    return Cell(
        combo=combo,
        probe=cell.probe,
        python=cell.python,
        verdict=cell.verdict,
        as_expected=cell.as_expected,
        unmet=cell.unmet,
        check=cell.check,
        message=cell.message,
        checks=cell.checks,
        suite=cell.suite,
        failures=cell.failures,
        installed=cell.installed,
        lock=cell.lock,
        tested=cell.tested,
        contents=cell.contents,
        drift=cell.drift,
        conflicts=cell.conflicts,
        yanked=cell.yanked,
        yank_reasons=cell.yank_reasons,
        highest=cell.highest,
        metrics=cell.metrics,
        warnings=cell.warnings,
        seconds=cell.seconds,
        attempts=cell.attempts,
        log=cell.log,
        diagnosis=cell.diagnosis,
        numbers=cell.numbers,
        predicted=cell.predicted,
        score=cell.score,
        remarks=cell.remarks,
        known=cell.known,
        flaky=cell.flaky,
        reused=cell.reused,
    )
