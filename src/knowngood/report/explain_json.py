"""Render cells for programs: a ``matrix.json`` of just these, each with the findings of ``explain``."""

import json
from collections.abc import Sequence

from knowngood.model import Cell, Frame, JudgedRun, Run
from knowngood.report import explanation, matrix_json
from knowngood.report.frames import place
from knowngood.report.text import strict_json


def render(cells: Sequence[Cell], run: Run, *, run_folder: str) -> str:
    """Return strict JSON in ASCII, ending in a newline, that ``matrix.schema.json`` describes, too.

    Each cell also has an ``explained``: ``place``, ``messages`` and ``frames`` of the failure, the innermost frame
    first (nothing for a cell that passed), ``notes`` beside the verdict, ``log`` as a path, and the command ``rerun``.
    """
    document = json.loads(matrix_json.render(JudgedRun(run=run, cells=tuple(cells))))
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
