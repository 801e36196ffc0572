"""One cell as a story in Markdown, for an issue or a review: what ``explain`` tells, ready to paste."""

from collections.abc import Sequence

from knowngood.model import Cell, Frame, Outcome, Run, Status
from knowngood.report import explanation, words
from knowngood.report.columns import metric
from knowngood.report.frames import place
from knowngood.report.markup import code, diagnosis, fence, inline, paragraph, table
from knowngood.report.text import count, plain


def render(cell: Cell, run: Run, *, run_folder: str) -> str:
    """Return all that is known of one cell in GitHub-flavoured Markdown, ending in a newline."""
    expect = cell.expect
    expected = words.expectation(expect) if expect.status is not Status.PASS else ""
    failed = explanation.failure(cell, run)
    log = explanation.log_of(cell, run_folder)
    blocks = [
        [f"## {inline(f'{words.name(cell)}: {words.verdict(cell)}')}"],
        [paragraph(cell.combo.title)] if cell.combo.title != cell.combo.id else [],
        [f"Python {inline(cell.python)}, {cell.combo.installer}, {inline(run.info.platform)}."],
        ["**Asked for**"],
        [f"{number}. {' '.join(map(code, step))}" for number, step in enumerate(cell.combo.steps, start=1)],
        [f"The matrix expects {inline(expected)}."] if expected else [],
        *_got(cell),
        *_moved(cell),
        *(_failure(failed) if failed else []),
        *_checks(cell),
        *diagnosis(cell, explanation.evidence(cell, failed)),
        [f"- {label}: {inline(text)}" for label, text in explanation.notes(cell, run)],
        *_measured(cell),
        [f"Log: {code(log)}"] if log else [],
        ["Run it again:"],
        fence(explanation.rerun(cell, run)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _got(cell: Cell) -> list[list[str]]:
    if not cell.installed:
        return []
    rows = [(one.package, one.version or "not installed", one.remark) for one in explanation.got(cell)]
    return [[f"**Got**, {count(len(cell.installed), 'package')} in all"], table(("package", "version", ""), rows)]


def _moved(cell: Cell) -> list[list[str]]:
    rows = [
        (str(one.step), one.package, one.before, one.after or "removed", one.violates or "")
        for one in explanation.moved(cell)
    ]
    return [["**Drift**"], table(("step", "package", "before", "after", "violates"), rows)] if rows else []


def _failure(failed: explanation.Failure) -> list[list[str]]:
    lines = [*failed.said, *([""] if failed.frames or failed.last_words else []), *_trace(failed.frames)]
    return [[f"**Failed** in {inline(failed.place)}"], fence("\n".join([*lines, *failed.last_words]))]


def _trace(frames: Sequence[Frame]) -> list[str]:
    lines = []
    for index, frame in enumerate(frames):
        lines.append(f"{'from' if index else 'at'} {plain(place(frame))}")
        lines += [f"     {plain(frame.text)}"] if plain(frame.text) else []
    return lines


def _checks(cell: Cell) -> list[list[str]]:
    rows = [
        (check.name, check.outcome, check.message)
        for outcome in (Outcome.FAILED, Outcome.OPEN, Outcome.SKIPPED, Outcome.PASSED)
        for check in explanation.others(cell, outcome)
    ]
    return [["**Checks**"], table(("check", "outcome", "message"), rows)] if rows else []


def _measured(cell: Cell) -> list[list[str]]:
    rows = [(name.replace("_", " "), metric(cell, name)) for name in cell.metrics]
    passed = cell.verdict.status in (Status.PASS, Status.MOVED)
    return [["**Measured**"], table(("metric", "value"), rows)] if rows and passed else []
