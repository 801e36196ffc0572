"""The parts of the story of one cell for a terminal, each as lines that say what they are."""

import shlex
from collections.abc import Sequence

from knowngood.model import UNDECIDED, Cell, Outcome, Status
from knowngood.report import explanation, words
from knowngood.report.frames import place
from knowngood.report.lines import aligned, filled, wrapped
from knowngood.report.text import count, plain, shorten, wrap

Lines = list[tuple[str, str]]
"""(what it is, text) for each line; the first word is empty for plain text."""

MOST_LINES = 12
"""Lines that a message may take; the rest is in the log."""
MOST_ROWS = 12
"""Lines that a list may take: versions, moves, checks."""
_HOW = {
    Status.CRASH: "crashed",
    Status.TIMEOUT: "hung",
    Status.OOM: "no memory",
    Status.UNSOLVABLE: "unsolvable",
    Status.BUILD_FAIL: "not built",
    Status.MOVED: "differs",
    Status.ERROR: "our bug",
    Status.NOT_RUN: "not run",
    Status.INFRA: "stopped",
}
"""Words for how it went; all others simply failed."""


def plainly(lines: Sequence[str]) -> Lines:
    """Return lines of plain text."""
    return [("", line) for line in lines]


def steps(cell: Cell, room: int) -> Lines:
    """Return the install steps, numbered."""
    lines = []
    for number, step in enumerate(cell.combo.steps, start=1):
        told = filled(step, room - 3, most=6)
        lines += [("", f"{'' if index else number:<3}{line}") for index, line in enumerate(told)]
    return lines


def got(cell: Cell, room: int) -> Lines:
    """Return the versions that matter, and how many more there are; nothing when nothing was installed."""
    if not cell.installed:
        return []
    rows = [(one.package, one.version or "not installed", one.remark) for one in explanation.got(cell)]
    told = sum(one.package in cell.installed for one in explanation.got(cell)[:MOST_ROWS])
    return [*plainly(aligned(rows[:MOST_ROWS], room)), *_more(len(cell.installed) - told, "package")]


def moved(cell: Cell, room: int) -> Lines:
    """Return the drift ledger."""
    drifts = explanation.moved(cell)
    rows = [
        (
            f"step {one.step}",
            one.package,
            f"{one.before} -> {one.after or 'removed'}",
            f"violates {one.violates}" if one.violates else "",
        )
        for one in drifts[:MOST_ROWS]
    ]
    return [*plainly(aligned(rows, room)), *_more(len(drifts) - len(rows), "package")]


def failure(cell: Cell, failed: explanation.Failure | None, room: int) -> list[tuple[str, Lines]]:
    """Return what went wrong and where, behind a word for how; nothing for a cell that passed."""
    if failed is None:
        return []
    lines: Lines = [("odd" if cell.verdict.status in UNDECIDED else "bad", shorten(failed.place, room))]
    lines += plainly(wrapped(map(_sentences, failed.said), room, most=MOST_LINES))
    lines += [("", "")] if failed.frames else []
    for index, frame in enumerate(failed.frames):
        lines.append(("", shorten(f"{'from' if index else 'at'} {place(frame)}", room)))
        lines += [("quiet", f"     {line}") for line in wrap(frame.text, room - 5, most=2)]
    lines += [("quiet", f"  {shorten(line, room - 2)}") for line in failed.last_words]
    return [(_HOW.get(cell.verdict.status, "failed"), lines)]


def _sentences(text: str) -> str:
    """Return ``text`` with the steps of a resolver's proof as lines of their own."""
    return text.replace(". And because ", ".\nAnd because ").replace(" hint: ", "\nhint: ")


def checks(cell: Cell, room: int) -> list[tuple[str, Lines]]:
    """Return what became of the other checks."""
    passed = [check.name for check in explanation.others(cell, Outcome.PASSED)]
    rest = [
        (check.outcome, check.name, check.message)
        for outcome in (Outcome.FAILED, Outcome.OPEN, Outcome.SKIPPED)
        for check in explanation.others(cell, outcome)
    ]
    return [
        ("also", [*plainly(aligned(rest[:MOST_ROWS], room)), *_more(len(rest) - MOST_ROWS, "check")]),
        ("passed", plainly(filled(passed, room, gap=", ", most=4))),
    ]


def _more(number: int, noun: str) -> Lines:
    return [("quiet", f"and {count(number, f'more {noun}')}")] if number > 0 else []


def diagnosis(cell: Cell, failed: explanation.Failure | None, room: int) -> list[tuple[str, Lines]]:
    """Return cause, evidence, fix and reference; nothing where nothing was to be found out."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return []
    known = words.explained(diagnosis)
    sure = f" ({words.SURE[diagnosis.confidence]})" if known else ""
    because = [
        f"{'' if index else '- ':<2}{line}"
        for one in explanation.evidence(cell, failed)
        for index, line in enumerate(wrap(one, room - 2, most=3))
    ]
    fix = " ".join(shlex.quote(plain(one)) for one in diagnosis.fix)
    steps = sorted({step for one in diagnosis.fix if (step := words.step_to_ask(one, cell))})
    again = f"asked for in step {' and '.join(map(str, steps))}, too" if steps else ""
    unknown = "" if known else "What failed is told above, and the log has all that was said."
    return [
        ("cause", plainly(wrap(words.diagnosed(cell) + sure, room, most=6))),
        ("cause", plainly(because)),
        ("cause", plainly(wrap(unknown, room, most=2))),
        ("fix", [*([("fix", fix)] if fix else []), *plainly(wrap(again, room, most=3))]),
        ("more", plainly([plain(diagnosis.reference)] if diagnosis.reference else [])),
    ]
