"""A published ``matrix.json`` -> the judged run that it was rendered from, as far as a table of it needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from knowngood.errors import UsageError
from knowngood.model import (
    Cell,
    Check,
    Combo,
    ComboFacts,
    Diagnosis,
    Drift,
    Expectation,
    IndexChoice,
    InstallerName,
    JudgedRun,
    Reused,
    Run,
    RunInfo,
    Verdict,
)
from knowngood.report.matrix_json import SCHEMA


@dataclass(frozen=True, kw_only=True, slots=True)
class _Matrix:
    id: str
    title: str
    digest: str = ""
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    id: str
    started: str
    platform: str
    finished: bool
    interrupted: str | None = None
    cpu: str = ""
    cores: int = 0
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    indexes: tuple[IndexChoice, ...] = ()
    command: str = ""


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
    check: str | None = None
    message: str = ""
    installed: dict[str, str] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    diagnosis: Diagnosis | None = None
    flaky: str | None = None
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    attempts: int = 1
    reused: Reused | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    matrix: _Matrix
    run: _Run
    cells: tuple[_Cell, ...]


@cache
def _reader() -> Any:  # pydantic's types would have to be imported for more
    from pydantic import TypeAdapter

    return TypeAdapter(_Document)


def judged(document: object, *, name: str = "it") -> JudgedRun:
    """Return the run that a decoded ``matrix.json``, called ``name``, tells of; unknown keys do not matter.

    What no table of it needs, such as metrics and times, is left out. Raises ``UsageError``: it is no ``matrix.json``,
    or one of another schema than ours.
    """
    from pydantic import ValidationError

    if not isinstance(document, Mapping) or "schema" not in document:
        raise _not_ours(name, "it is no matrix.json: it has no schema")
    if document["schema"] != SCHEMA:
        raise _not_ours(name, f"its schema is {document['schema']!r:.40}, this version of knowngood reads {SCHEMA}")
    try:
        read: _Document = _reader().validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _not_ours(name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return _run(read)


def _run(read: _Document) -> JudgedRun:
    matrix, run = read.matrix, read.run
    combos: dict[str, Combo] = {}
    for cell in read.cells:
        known = combos.get(cell.combo)
        probes = (*known.probes, cell.probe) if known else (cell.probe,)
        combos[cell.combo] = replace(_combo(cell), probes=tuple(dict.fromkeys(probes)))
    info = RunInfo(
        id=run.id,
        started=run.started,
        matrix=matrix.id,
        title=matrix.title,
        digest=matrix.digest,
        reference=matrix.reference,
        platform=run.platform,
        cpu=run.cpu,
        cores=run.cores,
        python=run.python,
        versions=run.versions,
        command=run.command,
    )
    return JudgedRun(
        run=Run(
            info=info,
            combos=tuple(ComboFacts(combo=combo, started=True, finished=True) for combo in combos.values()),
            indexes=run.indexes,
            interrupted=run.interrupted,
            finished=run.finished,
        ),
        cells=tuple(_cell(cell, combos[cell.combo]) for cell in read.cells),
    )


def _combo(cell: _Cell) -> Combo:
    return Combo(
        id=cell.combo,
        title=cell.title or cell.combo,
        python=cell.python,
        steps=cell.steps,
        probes=(cell.probe,),
        installer=cell.installer,
        expect=cell.expected,
    )


def _cell(cell: _Cell, combo: Combo) -> Cell:
    return Cell(
        combo=combo,
        probe=cell.probe,
        python=cell.python,
        verdict=cell.verdict,
        as_expected=cell.as_expected,
        check=cell.check,
        message=cell.message,
        checks=cell.checks,
        installed=cell.installed,
        drift=cell.drift,
        warnings=cell.warnings,
        attempts=cell.attempts,
        diagnosis=cell.diagnosis,
        flaky=cell.flaky,
        reused=cell.reused,
    )


def _not_ours(name: str, cause: str) -> UsageError:
    next_step = "publish one with this version: knowngood run --accept"
    return UsageError(f"{name} is not a published report", cause=cause, next_step=next_step)
