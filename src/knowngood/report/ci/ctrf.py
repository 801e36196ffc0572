"""Render ``ctrf.json``, a judged run in the Common Test Report Format, https://ctrf.io.

Each cell is one test. A cell that is as expected has passed, a declared failure too; one that is not has failed; one
that was not run is skipped; one that is undecided is ``other``. The tests of the suites that probes ran follow.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from knowngood.model import Cell, JudgedRun, Status
from knowngood.report import words
from knowngood.report.ci.outcome import (
    SuiteTest,
    TestOutcome,
    explanation,
    message,
    names,
    outcome_of,
    plain_name,
    tests_of,
)
from knowngood.report.summary import cautions, summary
from knowngood.report.table import total_seconds
from knowngood.report.text import UNKNOWN, started, xml_text

SPEC = "0.0.0"
"""Version of the specification."""

_STATUS = {
    TestOutcome.PASSED: "passed",
    TestOutcome.FAILED: "failed",
    TestOutcome.SKIPPED: "skipped",
    TestOutcome.UNDECIDED: "other",
}


def render(judged: JudgedRun) -> str:
    """Return strict JSON in ASCII, ending in a newline; durations in milliseconds, times since 1970 in UTC.

    A log says when its run began, not when it ended: ``stop`` is the start plus the work of all combos, as if they had
    run one after the other. The output of programs has no control characters and no escape sequences.
    """
    info = judged.run.info
    version = xml_text(info.versions.get("knowngood", ""))
    named_cells = tuple(zip(judged.cells, names(judged.cells), strict=True))
    results = {
        "tool": {"name": "knowngood", "version": version},
        "summary": _summary(judged, started(info) or UNKNOWN),
        "tests": [
            *(_test(cell, judged, name) for cell, name in named_cells),
            *(_of_suite(test, judged, name) for cell, name in named_cells for test in tests_of(cell)),
        ],
        "environment": {
            "reportName": info.title,
            "osPlatform": info.platform,
            "extra": {"cpu": info.cpu, "cores": info.cores, "python": info.python, "versions": info.versions},
        }
        | ({"shardId": plain_name(info.shard)} if info.shard else {}),
        "extra": {
            "matrix": info.matrix,
            "digest": info.digest,
            "command": info.command,
            "summary": summary(judged),
            "cautions": list(cautions(judged)),
        },
    }
    report = {
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "runId": plain_name(info.id),
        "generatedBy": f"knowngood {version}".rstrip(),
        "results": results,
    }
    return json.dumps(_plain(report), indent=2, allow_nan=False) + "\n"


def _summary(judged: JudgedRun, start: datetime) -> dict[str, int]:
    suites = tuple(filter(None, map(tests_of, judged.cells)))
    counts = Counter(outcome_of(cell) for cell in judged.cells)
    counts.update(test.outcome for tests in suites for test in tests)
    # The cells of a combo share one environment.
    shared = {cell.combo.id: total_seconds(cell) - cell.seconds.probe for cell in judged.cells}
    work = sum(shared.values()) + sum(cell.seconds.probe for cell in judged.cells)
    began = round(start.timestamp() * 1000)
    return {
        "tests": counts.total(),
        **{status: counts[outcome] for outcome, status in _STATUS.items()},
        "pending": 0,
        "flaky": sum(map(_is_flaky, judged.cells)),
        "suites": 1 + len(suites),
        "start": began,
        "stop": began + _milliseconds(work),
    }


def _test(cell: Cell, judged: JudgedRun, name: str) -> dict[str, object]:
    outcome = outcome_of(cell)
    test: dict[str, object] = {
        "name": name,
        "suite": [plain_name(judged.run.info.matrix)],
        "status": _STATUS[outcome],
        "rawStatus": words.verdict(cell),
        "duration": _milliseconds(total_seconds(cell)),
        "message": message(cell),
        "retries": max(0, cell.attempts - 1),
        "flaky": _is_flaky(cell),
        "extra": _extra(cell),
    }
    # A declared failure has passed, so it has no trace.
    return test if outcome is TestOutcome.PASSED else test | {"trace": explanation(cell, judged)}


def _of_suite(test: SuiteTest, judged: JudgedRun, name: str) -> dict[str, object]:
    described: dict[str, object] = {
        "name": test.name,
        "suite": [plain_name(judged.run.info.matrix), name, test.file],
        "status": _STATUS[test.outcome],
        "duration": _milliseconds(test.seconds),
        "message": test.message,
    }
    return described if test.outcome is TestOutcome.PASSED else described | {"trace": test.detail}


def _extra(cell: Cell) -> dict[str, object]:
    verdict, diagnosis = cell.verdict, cell.diagnosis
    return {
        "combo": cell.combo.id,
        "probe": cell.probe,
        "python": cell.python,
        "status": verdict.status,
        "phase": verdict.phase,
        "reason": verdict.reason,
        "expected": words.expectation(cell.expect),
        "asExpected": cell.as_expected,
        "check": cell.check,
        "culprit": diagnosis.culprit if diagnosis else None,
        "fix": list(diagnosis.fix) if diagnosis else [],
        "installed": dict(sorted(cell.installed.items())),
        "log": cell.log,
        **_beside(cell),
    }


def _beside(cell: Cell) -> dict[str, object]:
    """Return what only some cells have: the tests of a suite, the state of a fix, conflicts and yanked versions."""
    beside = {
        "tests": words.suite(cell.suite) if cell.suite else "",
        "fixState": str(cell.diagnosis.fix_state or "") if cell.diagnosis else "",
        "conflicts": list(words.conflicts(cell)),
        "yanked": list(words.yanked(cell)),
    }
    return {name: value for name, value in beside.items() if value}


def _is_flaky(cell: Cell) -> bool:
    """Return whether a cell passed after it had failed: the format calls nothing else flaky."""
    return cell.flaky is not None and cell.verdict.status is Status.PASS


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _plain(value: object) -> object:
    """Return ``value`` with every text in it safe to show."""
    match value:
        case str():
            return xml_text(value, lines=True)
        case Mapping():
            return {xml_text(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
