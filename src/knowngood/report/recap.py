"""Recap a run on a terminal: what is not a clean pass, grouped by cause, the unexpected last, and the sum."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from knowngood.model import Cell, JudgedRun, Matrix, Reason, Run, Status
from knowngood.report import coverage, explanation, words
from knowngood.report.summary import cautions, predicted
from knowngood.report.table import Paint, unpainted
from knowngood.report.text import (
    aligned,
    compact,
    count,
    labeled,
    plain,
    seconds,
    section,
    shorten,
    wrap,
)

LABEL = 15
"""Columns that the label before a line of a cell takes: ``drift          torch 2.1.2 -> ...``."""
MOST_LINES = 4
"""Lines that the message of a cell may take; its log has the rest."""
MOST_CAUSES = 30
"""Causes that are shown in full; the others are counted."""
MOST_EXPECTED = 20
"""Failures as expected that have a line each; more are shown by cause."""
MOST_AGAINST = 20
"""Combos that work against their metadata, of those that are listed."""
MOST_CONFLICTS = 3
"""Conflicts that are listed for one cell."""


def render(
    judged: JudgedRun,
    *,
    run_folder: str,
    options: str = "",
    width: int = 100,
    each: bool = False,
    paint: Paint = unpainted,
) -> str:
    """Return the recap, which ends in a newline, or nothing if every cell is a clean pass.

    What needs attention comes last, because that is what a terminal shows: first what passed with a remark, then
    what failed as expected, what could not be tested, and at the end what is not as expected, most severe first.
    Cells with the same cause are shown once, unless ``each`` asks for every one.
    ``run_folder`` is put before the log of each cell, and ``options`` behind the command that reruns it. Text keeps
    within ``width``, but paths and commands, which are copied, are never cut.
    """
    unexpected = [cell for cell in judged.cells if cell.as_expected is False]
    undecided = judged.undecided
    untested = [cell for cell in undecided if cell.verdict.status is not Status.NOT_RUN]
    not_run = [cell for cell in undecided if cell.verdict.status is Status.NOT_RUN]

    def full(cells: Sequence[Cell]) -> list[str]:
        groups = [[cell] for cell in words.each_once(cells)] if each else _by_severity(cells, judged)
        shown = groups if each else groups[:MOST_CAUSES]
        lines = [
            line
            for same in shown
            for line in _full(same, judged.run, plain(run_folder), options, width=width - 2, paint=paint)
        ]
        left = groups[len(shown) :]
        more = f"{count(len(left), 'more cause')}, {count(sum(map(len, left)), 'cell')}: --verbose prints them"
        return [*lines, *([more] if left else [])]

    head = [*cautions(judged), *predicted(judged)]
    sections = [
        [line for text in head for line in wrap(text, width, most=MOST_LINES)],
        section("Passed, but:", _noted(judged, width), width),
        section(f"{words.AGAINST_METADATA.capitalize()} (not known good):", _against_metadata(judged, width), width),
        section("As expected:", _expected(judged, width, each=each), width),
        section(
            f"{words.UNTESTED.capitalize()} ({words.UNDECIDED_NOTE}):",
            full(untested) + _not_run(not_run, width - 2),
            width,
        ),
        section("Unsolvable together:", coverage.unsolvable(judged.coverage, width - 2), width),
        section("Not as expected:", full(unexpected), width),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n" * any(sections)


_SEVERITY = (
    Status.CRASH,
    Status.OOM,
    Status.TIMEOUT,
    Status.FAIL,
    Status.MOVED,
    Status.BUILD_FAIL,
    Status.UNSOLVABLE,
    Status.PASS,
)
"""What failed while it ran comes before what could not even be installed: a resolver would not have chosen that."""


def severity(status: Status) -> int:
    """Return the rank of a status; the most severe has the lowest."""
    return _SEVERITY.index(status) if status in _SEVERITY else len(_SEVERITY)


def most_severe(judged: JudgedRun) -> Cell | None:
    """Return the cell that is shown first of those that are not as expected; None without one."""
    groups = _by_severity([cell for cell in judged.cells if cell.as_expected is False], judged)
    return groups[0][0] if groups else None


def _by_severity(cells: Sequence[Cell], judged: JudgedRun) -> list[list[Cell]]:
    """Return the cells together where they have the same verdict for the same cause; the most severe first.

    The fixes may differ: ``jinja2>=3.0`` and ``jinja2>=3.1.2``.
    """
    causes = {id(cell): number for number, group in enumerate(judged.groups) for cell in group.cells}
    groups: dict[Hashable, list[Cell]] = {}
    for cell in words.each_once(cells):
        # What passed has no cause, only what was declared about it.
        cause = words.expectation(cell.expect) if cell.verdict.status is Status.PASS else causes.get(id(cell), id(cell))
        groups.setdefault((cause, words.verdict(cell)), []).append(cell)
    return sorted(groups.values(), key=lambda same: (severity(same[0].verdict.status), -len(same)))


def _noted(judged: JudgedRun, width: int) -> list[str]:
    """Return a line for each remark about cells that passed, with the first of them and how many more have it."""
    passed = [cell for cell in judged.cells if cell.as_expected and cell.verdict.status is Status.PASS]
    remarks: dict[str, list[Cell]] = {}
    for cell in passed:
        if text := "; ".join(_observed(cell)):
            remarks.setdefault(text, []).append(cell)
    return compact([(f"{words.name(cells[0])}{_more(cells)}", text, "") for text, cells in remarks.items()], width)


def _expected(judged: JudgedRun, width: int, *, each: bool) -> list[str]:
    """Return a line for each failure that was declared, or for each cause of several."""
    expected = [cell for cell in judged.cells if cell.as_expected]
    failed = words.each_once(cell for cell in expected if cell.verdict.status is not Status.PASS)
    if each or len(failed) <= MOST_EXPECTED:
        return briefly(failed, width)
    return compact([_line(same[0], _more(same)) for same in _by_severity(failed, judged)], width)


def _more(cells: Sequence[Cell]) -> str:
    """Return how many cells there are beside the first, for the end of its name."""
    return f" and {len(cells) - 1} more" if len(cells) > 1 else ""


def _against_metadata(judged: JudgedRun, width: int) -> list[str]:
    """Return a line for each combo that works against its metadata: its first conflict, and how many more."""
    combos = {cell.combo.id: cell.conflicts for cell in judged.cells if cell.works_against_metadata}
    rows = [
        (combo, words.conflict(conflicts[0]), f"and {len(conflicts) - 1} more" if len(conflicts) > 1 else "")
        for combo, conflicts in combos.items()
    ]
    more = len(rows) - MOST_AGAINST
    return [*compact(rows[:MOST_AGAINST], width), *([f"and {count(more, 'more combo')}"] if more > 0 else [])]


def briefly(cells: Sequence[Cell], width: int) -> list[str]:
    """Return one line for each of ``cells`` that did not pass: where, why, and the fix."""
    failed = words.each_once(cell for cell in cells if cell.verdict.status is not Status.PASS)
    return compact([_line(cell) for cell in failed], width)


def _line(cell: Cell, more: str = "") -> tuple[str, str, str]:
    return f"{words.subject(cell)}{more}", _brief(cell), words.end(cell)


def _brief(cell: Cell) -> str:
    # The reason of a known issue was written for readers who meet it again.
    cause = f", {cell.known}" if cell.known and not cell.unmet else f": {words.brief_cause(cell)}"
    # For a violated pin, the failed check is only a consequence.
    at = f" at {cell.check}" if cell.check and cell.verdict.reason is not Reason.PIN_VIOLATED else ""
    return f"{cell.verdict.status}{at}{cause}"


def _full(same: Sequence[Cell], run: Run, run_folder: str, options: str, *, width: int, paint: Paint) -> list[str]:
    """Return everything that a reader needs to act on cells that fail in the same way: the first in full."""
    cell = same[0]
    place = f"{cell.verdict.phase}: {cell.check}" if cell.check else str(cell.verdict.phase)
    at = "" if cell.verdict.status is Status.PASS else f" ({plain(place)})"
    probed = any(other.verdict.phase not in words.BEFORE_PROBES and len(other.combo.probes) > 1 for other in same)
    kind = "cell" if probed else "combo"
    more = f" and {count(len(same) - 1, f'more {kind}')}" if len(same) > 1 else ""
    fixes = "; or ".join(dict.fromkeys(filter(None, map(words.stated_fix, same))))
    numbers = cell.numbers.says if cell.numbers and cell.numbers.says != cell.message else ""
    room = width - LABEL - 2

    def paragraph(label: str, text: str) -> list[str]:
        return labeled(label, wrap(text, room, most=MOST_LINES), width=LABEL)

    def listed(label: str, texts: Sequence[str]) -> list[str]:
        return labeled(label, [shorten(text, room) for text in texts], width=LABEL)

    return [
        f"{paint(plain(words.verdict(cell)), cell)}  {plain(words.subject(cell))}{more}{at}",
        *paragraph(f"{kind}s", ", ".join(map(words.subject, same)) if len(same) > 1 else ""),
        *paragraph("why", words.cause(cell)),
        *paragraph("cause", _diagnosed(cell)),
        *paragraph(words.fix_label(cell), fixes),
        *paragraph("declared", _declared(cell)),
        *listed("drift", _drift(cell)),
        *listed("conflict", words.conflicts(cell, most=MOST_CONFLICTS)),
        *listed("also observed", _observed(cell)),
        *paragraph("numbers", numbers),
        *labeled("log", [f"{run_folder}/{plain(cell.log)}"] if cell.log else [], width=LABEL),
        *labeled("rerun", [explanation.rerun(cell, run, options)], width=LABEL),
    ]


def _diagnosed(cell: Cell) -> str:
    diagnosis, sentence = cell.diagnosis, words.diagnosed(cell)
    return f"{sentence} ({diagnosis.confidence})" if diagnosis and words.explained(diagnosis) else sentence


def _declared(cell: Cell) -> str:
    # A pass is what everybody expects: only another declaration is worth a line.
    return words.expectation(cell.expect) if cell.as_expected is False and cell.expect.status is not Status.PASS else ""


def _drift(cell: Cell) -> list[str]:
    """Return the drift that violates a pin, package by package, and how many more packages changed."""
    violations = [words.drifted(drift) for drift in cell.drift if drift.violates]
    others = len(cell.drift) - len(violations)
    if not others:
        return violations
    more = count(others, "more package" if violations else "package")
    return [*violations, f"{more} changed (no pin violated)"]


def _observed(cell: Cell) -> tuple[str, ...]:
    """Return what was observed about a cell besides its verdict."""
    attempts = words.flaky(cell) or (f"took {cell.attempts} attempts" if cell.attempts > 1 else "")
    predicted = f"predicted: {cell.predicted}" if cell.predicted else ""
    unmet = [text for text in cell.unmet if text not in cell.message]
    noticed = (*words.yanked(cell), *words.some(cell.warnings), predicted, *cell.remarks)
    return tuple(text for text in (cell.known, *unmet, attempts, *noticed) if text)


def _not_run(cells: Sequence[Cell], width: int) -> list[str]:
    names = wrap(", ".join(map(_name, cells)), width - len("not-run  "), most=MOST_LINES)
    return [f"{'' if index else 'not-run':<9}{line}" for index, line in enumerate(names)]


def _name(cell: Cell) -> str:
    return plain(words.name(cell))


_HEAD = ("matrix", "combos", "as expected", "different", "undecided", "time")


@dataclass(frozen=True, kw_only=True, slots=True)
class OverviewLine:
    """The run of one matrix, in numbers of combos."""

    name: str
    expected: int
    different: int
    undecided: int
    time: str
    """How long it took, or why it has no time."""

    @property
    def combos(self) -> int:
        """How many combos were selected."""
        return self.expected + self.different + self.undecided


def overview_line(name: str, judged: JudgedRun, *, elapsed: float) -> OverviewLine:
    """Return the line of the overview for a run that took ``elapsed`` seconds.

    A combo is different if any of its cells is, and otherwise undecided if any of its cells is.
    """
    combos: dict[str, list[bool | None]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell.as_expected)
    different = sum(False in cells for cells in combos.values())
    undecided = sum(None in cells and False not in cells for cells in combos.values())
    return OverviewLine(
        name=name,
        expected=len(combos) - different - undecided,
        different=different,
        undecided=undecided,
        time=seconds(elapsed),
    )


def overview_unrun(name: str, matrix: Matrix, why: str) -> OverviewLine:
    """Return the line of the overview for a matrix that was not run: ``why`` stands in the place of its time."""
    return OverviewLine(name=name, expected=0, different=0, undecided=len(matrix.combos), time=why)


def render_overview(lines: Sequence[OverviewLine], *, width: int) -> str:
    """Return a table of the runs and of their sum, ending in a newline."""
    rows = [
        (
            overview_line.name,
            overview_line.combos,
            overview_line.expected,
            overview_line.different,
            overview_line.undecided,
            overview_line.time,
        )
        for overview_line in lines
    ]
    sums = [sum(numbers) for numbers in zip(*(row[1:5] for row in rows), strict=True)]
    texts = [_HEAD, *(tuple(map(str, row)) for row in rows), (f"{len(rows)} matrices", *map(str, sums), "")]
    wide = [max(len(text[column]) for text in texts) for column in range(1, 5)]
    numbered = [
        (text[0], *(value.rjust(size) for value, size in zip(text[1:5], wide, strict=True)), text[5]) for text in texts
    ]
    return "\n".join(aligned(numbered, width)) + "\n"
