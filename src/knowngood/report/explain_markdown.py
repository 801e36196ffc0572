"""Explain one cell in Markdown, ready to paste into an issue or a review."""

from collections.abc import Sequence

from knowngood.model import Cell, Frame, Outcome, Run, Status
from knowngood.report import explanation, words
from knowngood.report.explanation import place
from knowngood.report.markup import code, diagnosis, fence, inline, joined, paragraph, table
from knowngood.report.table import metric
from knowngood.report.text import count, plain


def render(cell: Cell, run: Run, *, run_folder: str) -> str:
    """Return all that is known of one cell in GitHub-flavored Markdown, ending in a newline."""
    declared = words.expectation(cell.expect) if cell.expect.status is not Status.PASS else ""
    failure = explanation.failure(cell, run)
    log = explanation.log_of(cell, run_folder)
    blocks = [
        [f"## {inline(f'{words.subject(cell)}: {words.verdict(cell)}')}"],
        [paragraph(cell.combo.title)] if cell.combo.title != cell.combo.id else [],
        [f"Python {inline(cell.python)}, {cell.combo.installer}, {inline(run.info.platform)}."],
        ["**Asked for**"],
        [f"{number}. {' '.join(map(code, step.lines))}" for number, step in enumerate(cell.combo.steps, start=1)],
        [f"The matrix declares {inline(declared)}."] if declared else [],
        *_packages(cell),
        *_drift(cell),
        *conflicts(cell),
        *(_failure(failure) if failure else []),
        *_checks(cell),
        *diagnosis(cell, explanation.evidence(cell, failure)),
        [f"- {label}: {inline(text)}" for label, text in explanation.notes(cell, run)],
        *_measured(cell),
        [f"Log: {code(log)}"] if log else [],
        *([["Run it again:"], fence(explanation.rerun(cell, run))] if run.info.command else []),
    ]
    return joined(blocks) + "\n"


def _packages(cell: Cell) -> list[list[str]]:
    if not cell.installed:
        return []
    rows = [
        (package.name, package.version or "not installed", package.remark) for package in explanation.packages(cell)
    ]
    headline = f"**Installed**, {count(len(cell.installed), 'package')} in all"
    return [[headline], table(("package", "version", ""), rows)]


def _drift(cell: Cell) -> list[list[str]]:
    rows = [
        (str(drift.step), drift.package, drift.before, drift.after or "removed", drift.violates or "")
        for drift in explanation.drift(cell)
    ]
    return [["**Drift**"], table(("step", "package", "before", "after", "violates"), rows)] if rows else []


def conflicts(cell: Cell) -> list[list[str]]:
    """Return the blocks that list the declared requirements that are not met; nothing where all are."""
    if not cell.conflicts:
        return []
    against = f", so it {words.AGAINST_METADATA}" if cell.works_against_metadata else ""
    return [
        [f"**Conflicts**, declared requirements that the environment does not meet{against}:"],
        [f"- {inline(sentence)}" for sentence in words.conflicts(cell)],
    ]


def _failure(failure: explanation.Failure) -> list[list[str]]:
    more = [*_trace(failure.frames), *failure.last_lines]
    lines = [*failure.messages, *([""] if more else []), *more]
    return [[f"**Failed** in {inline(failure.place)}"], fence("\n".join(lines))]


def _trace(frames: Sequence[Frame]) -> list[str]:
    lines = []
    for index, frame in enumerate(frames):
        lines.append(f"{'from' if index else 'at'} {plain(place(frame))}")
        lines += [f"     {plain(frame.text)}"] if plain(frame.text) else []
    return lines


def tests(cell: Cell, *, most: int = 20) -> list[list[str]]:
    """Return the blocks about the tests of a suite: how many fail, and the failing ones by cause; else nothing."""
    if cell.suite is None:
        return []
    lines = [f"- did not finish: {code(name)}" for name in cell.suite.open[:most]]
    for group in cell.failures[:most]:
        cause, _ = words.failing(group, most=0)
        names = ", ".join(map(code, group.checks[:most]))
        more = len(group.checks) - most
        lines.append(f"- {inline(cause)}: {names}{f', and {more} more' if more > 0 else ''}")
    more = len(cell.failures) - most
    return [[f"**Tests**: {words.suite(cell.suite)}"], [*lines, *([f"- and {more} more causes"] if more > 0 else [])]]


def _checks(cell: Cell) -> list[list[str]]:
    if cell.suite is not None:
        return tests(cell)
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
