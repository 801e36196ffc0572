"""``matrix.json``: a judged run for programs, as ``matrix.schema.json`` describes it; additive within a version."""

from collections.abc import Mapping
from dataclasses import asdict

from knowngood.model import Cell, ComboFacts, JudgedRun, Run
from knowngood.report.text import strict_json

SCHEMA = 2
"""Version of the format; it changes when a reader of the old one would be wrong."""


def render(judged: JudgedRun) -> str:
    """Return strict JSON in ASCII, ending in a newline.

    Text is as it was recorded, escapes and all, for readers to escape in their turn. A number that is not finite is a
    string, such as ``"nan"``.
    """
    info = judged.run.info
    facts = {each.combo.id: each for each in judged.run.combos}
    document = {
        "schema": SCHEMA,
        "matrix": {"id": info.matrix, "title": info.title, "digest": info.digest, "reference": info.reference},
        "run": _run(judged.run),
        "cells": [_cell(cell, facts.get(cell.combo.id)) for cell in judged.cells],
    }
    return strict_json(document)


def _run(run: Run) -> dict[str, object]:
    info = run.info
    return {
        "id": info.id,
        "started": info.started,
        "finished": run.finished,
        "interrupted": run.interrupted,
        "platform": info.platform,
        "cpu": info.cpu,
        "cores": info.cores,
        "python": info.python,
        "knowngood": info.versions.get("knowngood"),
        "uv": info.versions.get("uv"),
        "versions": _sorted(info.versions),
        "indexes": [asdict(choice) for choice in run.indexes],
        "command": info.command,
    }


def _cell(cell: Cell, facts: ComboFacts | None) -> dict[str, object]:
    return {
        "combo": cell.combo.id,
        "title": cell.combo.title,
        "probe": cell.probe,
        "python": cell.python,
        "installer": cell.combo.installer,
        "steps": cell.combo.steps,
        "verdict": asdict(cell.verdict),
        "expected": asdict(cell.expect),
        "as_expected": cell.as_expected,
        "check": cell.check,
        "message": cell.message,
        "installed": _sorted(cell.installed),
        "drift": [asdict(drift) for drift in cell.drift],
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
        ],
        "warnings": cell.warnings,
        "seconds": asdict(cell.seconds),
        "environment_bytes": facts.environment_bytes if facts else None,
        "attempts": cell.attempts,
        "reused": asdict(cell.reused) if cell.reused else None,
        "log": cell.log,
    }


def _sorted(values: Mapping[str, object]) -> dict[str, object]:
    return dict(sorted(values.items()))
