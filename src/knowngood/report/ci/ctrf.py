"""``ctrf.json``: a judged run in the Common Test Report Format, https://ctrf.io, for the tools that read that.

One test for each cell. What is as expected passed, an expected failure too; what is not as expected failed; what was
never run is skipped; what could not be told is ``other``.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from knowngood.model import Cell, JudgedRun, Status
from knowngood.report import words
from knowngood.report.ci.outcome import Standing, message, names, plain_name, standing, story
from knowngood.report.summary import cautions, summary
from knowngood.report.text import UNKNOWN, started
from knowngood.report.xml import xml_text

SPEC = "0.0.0"
"""Version of the specification that is followed."""

_STATUS = {
    Standing.PASSED: "passed",
    Standing.FAILED: "failed",
    Standing.SKIPPED: "skipped",
    Standing.UNDECIDED: "other",
}


def render(judged: JudgedRun) -> str:
    """Return strict JSON in ASCII, ending in a newline; durations in milliseconds, times since 1970 in UTC.

    A log tells when its run began, not when it ended: ``stop`` is the start and the work that was done, as if one combo
    had followed the other. What programs said has no controls and no escape sequences left.
    """
    info = judged.run.info
    version = xml_text(info.versions.get("knowngood", ""))
    results = {
        "tool": {"name": "knowngood", "version": version},
        "summary": _summary(judged, started(info) or UNKNOWN),
        "tests": [_test(cell, judged, name) for cell, name in zip(judged.cells, names(judged.cells), strict=True)],
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
    return json.dumps(_plainly(report), indent=2, allow_nan=False) + "\n"


def _summary(judged: JudgedRun, start: datetime) -> dict[str, int]:
    counts = Counter(standing(cell) for cell in judged.cells)
    # What the cells of a combo share was done once.
    shared = {cell.combo.id: words.total_seconds(cell) - cell.seconds.probe for cell in judged.cells}
    work = sum(shared.values()) + sum(cell.seconds.probe for cell in judged.cells)
    began = round(start.timestamp() * 1000)
    return {
        "tests": len(judged.cells),
        **{status: counts[one] for one, status in _STATUS.items()},
        "pending": 0,
        "flaky": sum(map(_is_flaky, judged.cells)),
        "suites": 1,
        "start": began,
        "stop": began + _milliseconds(work),
    }


def _test(cell: Cell, judged: JudgedRun, name: str) -> dict[str, object]:
    came = standing(cell)
    test: dict[str, object] = {
        "name": name,
        "suite": [plain_name(judged.run.info.matrix)],
        "status": _STATUS[came],
        "rawStatus": words.verdict(cell),
        "duration": _milliseconds(words.total_seconds(cell)),
        "message": message(cell),
        "retries": max(0, cell.attempts - 1),
        "flaky": _is_flaky(cell),
        "extra": _extra(cell),
    }
    # An expected failure passed: its story is a trace of nothing.
    return test if came is Standing.PASSED else test | {"trace": story(cell, judged)}


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
    }


def _is_flaky(cell: Cell) -> bool:
    """Return whether it passed after it had failed, which is all that the format calls flaky."""
    return cell.flaky is not None and cell.verdict.status is Status.PASS


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _plainly(value: object) -> object:
    """Return ``value`` with every text in it safe to show."""
    match value:
        case str():
            return xml_text(value, lines=True)
        case Mapping():
            return {xml_text(key): _plainly(each) for key, each in value.items()}
        case list():
            return [_plainly(each) for each in value]
        case _:
            return value
