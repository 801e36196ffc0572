"""Write ``matrix.json``, a judged run for programs.

``matrix.schema.json`` describes the document. Within a schema version keys are only added. ``matrix_reader`` reads it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from knowngood.model import (
    Cell,
    ComboFacts,
    Frame,
    JudgedRun,
    Outcome,
    Run,
)
from knowngood.report import coverage, explanation
from knowngood.report.explanation import place
from knowngood.report.text import strict_json

SCHEMA = 2
"""Version of the format; it changes when a reader of the old one would be wrong."""


def render(judged: JudgedRun) -> str:
    """Return the document as strict JSON, ending in a newline; see ``text.strict_json``."""
    info = judged.run.info
    facts_by_combo = {facts.combo.id: facts for facts in judged.run.combos}
    return strict_json(
        {
            "schema": SCHEMA,
            "matrix": {
                "id": info.matrix,
                "title": info.title,
                "digest": info.digest,
                "reference": info.reference,
                "stale_after": info.stale_after,
            },
            "run": {**_run_object(judged.run), "cover": coverage.as_object(judged.coverage)},
            "cells": (_cell_object(cell, facts_by_combo.get(cell.combo.id)) for cell in judged.cells),
            "causes": [
                {
                    "cause": group.cause,
                    "cells": [{"combo": cell.combo.id, "probe": cell.probe} for cell in group.cells],
                }
                for group in judged.groups
            ],
        }
    )


def _run_object(run: Run) -> dict[str, object]:
    info = run.info
    return {
        "id": info.id,
        "started": info.started,
        "finished": run.finished,
        "interrupted": run.interrupted,
        "platform": info.platform,
        "cpu": info.cpu,
        "isolation": info.isolation,
        "cores": info.cores,
        "python": info.python,
        "versions": _sorted(info.versions),
        "indexes": [asdict(choice) for choice in run.indexes],
        "command": info.command,
    }


def _cell_object(cell: Cell, facts: ComboFacts | None) -> dict[str, object]:
    return {
        "combo": cell.combo.id,
        "title": cell.combo.title,
        "probe": cell.probe,
        "python": cell.python,
        "installer": cell.combo.installer,
        "steps": [step.lines for step in cell.combo.steps],
        "verdict": asdict(cell.verdict),
        "expected": asdict(cell.expect),
        "as_expected": cell.as_expected,
        "unmet": list(cell.unmet),
        "check": cell.check,
        "message": cell.message,
        "installed": _sorted(cell.installed),
        "lock": cell.lock,
        "tested": [asdict(project) for project in cell.tested],
        "contents": _sorted(cell.contents),
        "drift": [asdict(drift) for drift in cell.drift],
        "conflicts": [asdict(conflict) for conflict in cell.conflicts],
        "yanked": cell.yanked,
        "yank_reasons": _sorted(cell.yank_reasons),
        "highest": cell.highest,
        "diagnosis": asdict(cell.diagnosis) if cell.diagnosis else None,
        "numbers": asdict(cell.numbers) if cell.numbers else None,
        "predicted": cell.predicted,
        "score": cell.score,
        "remarks": list(cell.remarks),
        "known": cell.known,
        "flaky": cell.flaky,
        "metrics": _sorted(cell.metrics),
        "arrays": _sorted({name: asdict(array) for check in cell.checks for name, array in check.arrays.items()}),
        "checks": [
            {"name": check.name, "outcome": check.outcome, "seconds": check.seconds, "message": check.message}
            for check in cell.checks
            if cell.suite is None or check.outcome in (Outcome.FAILED, Outcome.OPEN)
        ],
        "suite": asdict(cell.suite) if cell.suite else None,
        "failures": [asdict(failures) for failures in cell.failures],
        "warnings": cell.warnings,
        "seconds": asdict(cell.seconds),
        "environment_bytes": facts.environment_bytes if facts else None,
        "host": facts.host if facts else "",
        "attempts": cell.attempts,
        "reused": asdict(cell.reused) if cell.reused else None,
        "log": cell.log,
    }


def _sorted(values: Mapping[str, object]) -> dict[str, object]:
    return dict(sorted(values.items()))


def render_cells(cells: Sequence[Cell], run: Run, *, run_folder: str) -> str:
    """Return strict JSON in ASCII, ending in a newline, that ``matrix.schema.json`` describes as well.

    Each cell also has an ``explained``: ``place``, ``messages`` and ``frames`` of the failure, the innermost frame
    first (nothing for a cell that passed), ``notes`` beside the verdict, ``log`` as a path, and the command ``rerun``.
    """
    document = json.loads(render(JudgedRun(run=run, cells=tuple(cells))))
    for written, cell in zip(document["cells"], cells, strict=True):
        written["explained"] = _explained(cell, run, run_folder)
    return strict_json(document)


def _explained(cell: Cell, run: Run, run_folder: str) -> dict[str, object]:
    failure = explanation.failure(cell, run)
    return {
        "place": failure.place if failure else None,
        "messages": list(failure.messages) if failure else [],
        "frames": [_frame(frame) for frame in failure.frames] if failure else [],
        "notes": [{"label": label, "text": text} for label, text in explanation.notes(cell, run)],
        "log": explanation.log_of(cell, run_folder),
        "rerun": explanation.rerun(cell, run),
    }


def _frame(frame: Frame) -> dict[str, object]:
    return {"place": place(frame), "line": frame.line, "function": frame.function, "text": frame.text}
