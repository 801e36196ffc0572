"""What a reader needs after a run: the sum of it, then each cell that is not a clean pass, the surprising first."""

import shlex
from collections.abc import Sequence

from knowngood.model import Cell, JudgedRun, Reason, Status
from knowngood.report import words
from knowngood.report.summary import cautions, summary
from knowngood.report.text import columns, count, plain, shorten, wrap

LABEL = 8
"""Columns that the word before a line of a cell takes: ``drift   torch 2.1.2 -> ...``."""
MOST_LINES = 4
"""Lines that the message of a cell may take; the rest is in its log."""


def render(judged: JudgedRun, *, run_folder: str, elapsed: float | None = None, width: int = 100) -> str:
    """Return the recap, ending in a newline.

    ``run_folder`` is put before the log of each cell. ``elapsed`` is the seconds that the whole run took, where known.
    Text keeps within ``width``, but paths and commands, which are copied, are never cut.
    """
    surprises = [cell for cell in judged.cells if cell.as_expected is False]
    undecided = [cell for cell in judged.cells if cell.as_expected is None]
    stopped = [cell for cell in undecided if cell.verdict.status is not Status.NOT_RUN]
    not_run = [cell for cell in undecided if cell.verdict.status is Status.NOT_RUN]
    expected = [cell for cell in judged.cells if cell.as_expected and cell.verdict.status is not Status.PASS]
    blemished = [cell for cell in judged.cells if cell.as_expected and cell.verdict.status is Status.PASS]
    briefly = [(cell, f"{_what(cell)}: {words.brief_cause(cell)}") for cell in expected]
    remarks = [(cell, remark) for cell in blemished if (remark := "; ".join(_remarks(cell)))]

    def full(cells: Sequence[Cell]) -> list[str]:
        command = plain(judged.run.info.command)
        return [line for cell in cells for line in _full(cell, plain(run_folder), command, width - 2)]

    head = [summary(judged, elapsed=elapsed), *cautions(judged)]
    sections = [
        [line for text in head for line in wrap(text, width, most=MOST_LINES)],
        _section("Not as expected:", full(surprises), width),
        _section(f"Undecided ({words.UNDECIDED_NOTE}):", full(stopped) + _not_run(not_run, width - 2), width),
        _section("As expected:", _compact(briefly, width), width),
        _section("Passed, but:", _compact(remarks, width), width),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _section(title: str, lines: Sequence[str], width: int) -> list[str]:
    return [*wrap(title, width, most=2), *(f"  {line}" for line in lines)] if lines else []


def _full(cell: Cell, run_folder: str, command: str, width: int) -> list[str]:
    """Return everything needed to act on one cell."""
    place = f"{cell.verdict.phase}: {cell.check}" if cell.check else str(cell.verdict.phase)
    at = "" if cell.verdict.status is Status.PASS else f" ({plain(place)})"
    room = width - LABEL - 2
    return [
        f"{plain(words.verdict(cell))}  {_name(cell)}{at}",
        *_labelled("why", wrap(words.cause(cell), room, most=MOST_LINES)),
        *_labelled("expect", wrap(_expectation(cell), room, most=MOST_LINES)),
        *_labelled("drift", [shorten(text, room) for text in _ledger(cell)]),
        *_labelled("seen", [shorten(remark, room) for remark in _remarks(cell)]),
        *_labelled("log", [f"{run_folder}/{plain(cell.log)}"] if cell.log else []),
        *_labelled("rerun", [f"{command} --only {shlex.quote(plain(cell.combo.id))}"]),
    ]


def _labelled(label: str, lines: Sequence[str]) -> list[str]:
    return [f"  {'' if index else label:<{LABEL}}{line}" for index, line in enumerate(lines)]


def _expectation(cell: Cell) -> str:
    # Everybody expects a pass: only something else is worth a line.
    expect = cell.combo.expect
    return words.expectation(expect) if cell.as_expected is False and expect.status is not Status.PASS else ""


def _ledger(cell: Cell) -> list[str]:
    """Return what moved: the contradicted pins one by one, and how many more there are."""
    told = [words.drifted(drift) for drift in cell.drift if drift.contradicts]
    if more := len(cell.drift) - len(told):
        told.append(f"{'and ' if told else ''}{count(more, 'package')} that no pin rules out")
    return told


def _remarks(cell: Cell) -> tuple[str, ...]:
    """Return what was noticed of a cell beside its verdict."""
    again = (f"took {cell.attempts} attempts",) if cell.attempts > 1 else ()
    return (*again, *cell.warnings)


def _not_run(cells: Sequence[Cell], width: int) -> list[str]:
    names = wrap(", ".join(map(_name, cells)), width - len("not-run  "), most=MOST_LINES)
    return [f"{'' if index else 'not-run':<9}{line}" for index, line in enumerate(names)]


def _compact(remarks: Sequence[tuple[Cell, str]], width: int) -> list[str]:
    """Return one line for each cell, its remark cut and the names aligned."""
    names = [_name(cell) for cell, _ in remarks]
    aligned = min(max(map(columns, names), default=0), width // 3)
    heads = [f"{name}{' ' * max(0, aligned - columns(name))}  " for name in names]
    return [f"{head}{shorten(text, width - 2 - columns(head))}" for head, (_, text) in zip(heads, remarks, strict=True)]


def _what(cell: Cell) -> str:
    # Where a pin is contradicted, the check that failed is only how it showed.
    at = f" at {cell.check}" if cell.check and cell.verdict.reason is not Reason.PIN_CONTRADICTED else ""
    return f"{cell.verdict.status}{at}"


def _name(cell: Cell) -> str:
    return plain(words.name(cell))
