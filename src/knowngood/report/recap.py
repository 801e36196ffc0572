"""What a reader needs after a run: the sum of it, then each cell that is not a clean pass, the surprising first."""

import shlex
from collections.abc import Sequence

from knowngood.model import Cell, JudgedRun, Reason, Status
from knowngood.report import words
from knowngood.report.lines import compact, labelled, section
from knowngood.report.summary import cautions, predicted, summary
from knowngood.report.text import count, plain, shorten, wrap

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
    blemished = [cell for cell in judged.cells if cell.as_expected and cell.verdict.status is Status.PASS]
    remarks = [(cell, remark, "") for cell in blemished if (remark := "; ".join(_seen(cell)))]

    def full(cells: Sequence[Cell]) -> list[str]:
        command = plain(judged.run.info.command)
        return [line for cell in cells for line in _full(cell, plain(run_folder), command, width - 2)]

    head = [summary(judged, elapsed=elapsed), *cautions(judged), *predicted(judged)]
    sections = [
        [line for text in head for line in wrap(text, width, most=MOST_LINES)],
        section("Not as expected:", full(surprises), width),
        section(f"Undecided ({words.UNDECIDED_NOTE}):", full(stopped) + _not_run(not_run, width - 2), width),
        section("As expected:", briefly([cell for cell in judged.cells if cell.as_expected], width), width),
        section("Passed, but:", compact(remarks, width), width),
        section("By cause:", _by_cause(judged, width - 2), width),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _by_cause(judged: JudgedRun, width: int) -> list[str]:
    """Return a line for each cause that several cells share: how many, why, and which."""
    shared = [group for group in judged.groups if len(group.cells) > 1]
    return [
        shorten(f"{len(group.cells):>3}  {plain(group.cause)}  ({', '.join(map(_name, group.cells))})", width)
        for group in shared
    ]


def briefly(cells: Sequence[Cell], width: int) -> list[str]:
    """Return one line for each of ``cells`` that did not pass: where, why, and what fixes it."""
    failed = [cell for cell in cells if cell.verdict.status is not Status.PASS]
    return compact([(cell, _brief(cell), words.end(cell)) for cell in failed], width)


def _brief(cell: Cell) -> str:
    # What is known of a failure was written for whoever meets it again.
    return f"{_what(cell)}, {cell.known}" if cell.known else f"{_what(cell)}: {words.brief_cause(cell)}"


def _full(cell: Cell, run_folder: str, command: str, width: int) -> list[str]:
    """Return everything needed to act on one cell."""
    place = f"{cell.verdict.phase}: {cell.check}" if cell.check else str(cell.verdict.phase)
    at = "" if cell.verdict.status is Status.PASS else f" ({plain(place)})"
    room = width - LABEL - 2
    numbers = cell.numbers.says if cell.numbers and cell.numbers.says != cell.message else ""
    return [
        f"{plain(words.verdict(cell))}  {_name(cell)}{at}",
        *labelled("why", wrap(words.cause(cell), room, most=MOST_LINES)),
        *labelled("cause", wrap(_diagnosed(cell), room, most=MOST_LINES)),
        *labelled("fix", wrap(words.fix(cell), room, most=MOST_LINES)),
        *labelled("expect", wrap(_expectation(cell), room, most=MOST_LINES)),
        *labelled("drift", [shorten(text, room) for text in _ledger(cell)]),
        *labelled("seen", [shorten(remark, room) for remark in _seen(cell)]),
        *labelled("numbers", wrap(numbers, room, most=MOST_LINES)),
        *labelled("log", [f"{run_folder}/{plain(cell.log)}"] if cell.log else []),
        *labelled("rerun", [f"{command} --only {shlex.quote(plain(cell.combo.id))}"]),
    ]


def _diagnosed(cell: Cell) -> str:
    told = words.diagnosed(cell)
    return f"{told} ({cell.diagnosis.confidence})" if cell.diagnosis and words.explained(cell.diagnosis) else told


def _expectation(cell: Cell) -> str:
    # Everybody expects a pass: only something else is worth a line.
    expect = cell.expect
    return words.expectation(expect) if cell.as_expected is False and expect.status is not Status.PASS else ""


def _ledger(cell: Cell) -> list[str]:
    """Return what moved: the violated pins one by one, and how many more there are."""
    told = [words.drifted(drift) for drift in cell.drift if drift.violates]
    if more := len(cell.drift) - len(told):
        told.append(f"{'and ' if told else ''}{count(more, 'package')} that no pin rules out")
    return told


def _seen(cell: Cell) -> tuple[str, ...]:
    """Return what was noticed of a cell beside its verdict."""
    again = words.flaky(cell) or (f"took {cell.attempts} attempts" if cell.attempts > 1 else "")
    predicted = f"predicted: {cell.predicted}" if cell.predicted else ""
    return tuple(one for one in (cell.known, again, *cell.warnings, predicted, *cell.remarks) if one)


def _not_run(cells: Sequence[Cell], width: int) -> list[str]:
    names = wrap(", ".join(map(_name, cells)), width - len("not-run  "), most=MOST_LINES)
    return [f"{'' if index else 'not-run':<9}{line}" for index, line in enumerate(names)]


def _what(cell: Cell) -> str:
    # Where a pin is violated, the check that failed is only how it showed.
    at = f" at {cell.check}" if cell.check and cell.verdict.reason is not Reason.PIN_VIOLATED else ""
    return f"{cell.verdict.status}{at}"


def _name(cell: Cell) -> str:
    return plain(words.name(cell))
