"""Recap a run on a terminal: its sum, then each cell that is not a clean pass, the unexpected ones first."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from knowngood.model import UNDECIDED, Cell, JudgedRun, Matrix, Reason, Run, RunInfo, Score, Status
from knowngood.report import coverage, explanation, words
from knowngood.report.publication import stable
from knowngood.report.text import (
    aligned,
    compact,
    count,
    labeled,
    plain,
    published_day,
    seconds,
    section,
    shorten,
    wrap,
)


def summary(judged: JudgedRun, *, elapsed: float | None = None) -> str:
    """Return the sum of a run: ``7 combos, 7 cells in 1m32s: 2 pass, 5 fail as expected; 0 not as expected``."""
    cells = [cell for cell in judged.cells if not cell.left_out]
    duration = f" in {seconds(elapsed)}" if elapsed is not None else ""
    head = f"{count(len({cell.combo.id for cell in cells}), 'combo')}, {count(len(cells), 'cell')}{duration}"
    expected = Counter(cell.verdict.status for cell in cells if cell.as_expected)
    undecided = Counter(cell.verdict.status for cell in cells if cell.as_expected is None)
    counts = [
        f"{expected[status]} {status}" + ("" if status is Status.PASS else " as expected")
        for status in Status
        if expected[status] or status is Status.PASS
    ]
    unexpected = sum(cell.as_expected is False for cell in cells)
    parts = [", ".join(counts), f"{unexpected} {'NOT' if unexpected else 'not'} as expected"]
    if against := sum(cell.works_against_metadata for cell in cells):
        parts.append(f"{against} {'works against its' if against == 1 else 'work against their'} metadata")
    if reused := sum(cell.reused is not None for cell in cells):
        parts.append(f"{reused} reused")
    if undecided:
        listed = ", ".join(f"{undecided[status]} {status}" for status in Status if undecided[status])
        parts.append(f"{listed} (undecided)")
    return f"{head}: {'; '.join(parts)}"


def caption(judged: JudgedRun) -> str:
    """Return when and where a run was tested, and with what, as a sentence.

    Such as ``Tested on 2026-11-24 with Python 3.11.7 on Linux-6.1.0 (AMD EPYC 7B13), by knowngood 0.1.0 and uv 0.9.``
    """
    info, run = judged.run.info, judged.run
    with_pythons = f" with Python {', '.join(pythons(judged))}" if pythons(judged) else ""
    on_machine = f"{info.platform} ({info.cpu})" if info.cpu else info.platform
    by_tools = f", by {' and '.join(tools(info))}" if tools(info) else ""
    incomplete = "" if run.finished and not run.interrupted else ", in a run that was cut short"
    return f"Tested on {' to '.join(days(judged))}{with_pythons} on {on_machine}{by_tools}{incomplete}."


def days(judged: JudgedRun) -> tuple[str, ...]:
    """Return the first and the last day on which the verdicts of a run were found, or the only one, as ISO 8601."""
    info = judged.run.info
    last = {info.id} if published_day(info) else set()
    recorded = {cell.reused.recorded[:10] for cell in judged.cells if cell.reused}
    ordered = sorted({info.started[:10], *last, *recorded})
    return tuple(dict.fromkeys([ordered[0], ordered[-1]]))


def pythons(judged: JudgedRun) -> tuple[str, ...]:
    """Return the Pythons that ran, and a requested one, such as 3.11, only if no 3.11.x ran."""
    versions = dict.fromkeys(cell.python for cell in judged.cells)
    return tuple(version for version in versions if not any(other.startswith(f"{version}.") for other in versions))


def tools(info: RunInfo) -> tuple[str, ...]:
    """Return the tools that a run depends on most, each with its version."""
    return tuple(f"{name} {info.versions[name]}" for name in ("knowngood", "uv") if name in info.versions)


def cautions(judged: JudgedRun) -> tuple[str, ...]:
    """Return what limits a run, a sentence each: cut short, reference not passed, another index, unreadable lines."""
    run = judged.run
    sentences = coverage.sentences(judged)
    if run.elsewhere:
        sentences.append(f"incomplete run: {count(len(run.elsewhere), 'combo')} of other shards are missing")
    elif run.interrupted or not run.finished:
        why = f"interrupted by {run.interrupted}" if run.interrupted else "its event log has no end"
        sentences.append(f"incomplete run: {why}")
    reference = [cell for cell in judged.cells if cell.combo.id == run.info.reference]
    if reference and all(cell.verdict.status in UNDECIDED for cell in reference):
        sentences.append(f"the reference combo {run.info.reference} was not decided: no numbers were compared with it")
    elif any(cell.verdict.status is not Status.PASS for cell in reference):
        sentences.append(f"the reference combo {run.info.reference} did not pass: no numbers were compared with it")
    for choice in run.indexes:
        if choice.used != choice.asked:
            packages = ", ".join(choice.packages) or "all packages"
            used = "the default index" if choice.used == "default" else choice.used
            sentences.append(f"index {choice.name} was not used: {packages} came from {used} ({choice.why})")
    if unread := run.bad_lines + run.unknown_events:
        sentences.append(f"{count(unread, 'line')} of the event log could not be read by this version")
    return tuple(sentences)


def predicted(judged: JudgedRun) -> tuple[str, ...]:
    """Return how well the static scan predicted failures, in one line; nothing if it had nothing to say."""
    scores = [cell.score for cell in judged.cells]
    hits, misses, alarms = (scores.count(score) for score in (Score.HIT, Score.MISS, Score.FALSE_ALARM))
    if not hits + misses + alarms:
        return ()
    return (f"static scan: {count(hits, 'failure')} predicted, {misses} missed, {count(alarms, 'false alarm')}",)


LABEL = 15
"""Columns that the label before a line of a cell takes: ``drift          torch 2.1.2 -> ...``."""
MOST_LINES = 4
"""Lines that the message of a cell may take; its log has the rest."""


MOST_AGAINST = 20
"""Combos that work against their metadata, of those that are listed."""
MOST_CONFLICTS = 3
"""Conflicts that are listed for one cell."""


def render(judged: JudgedRun, *, run_folder: str, elapsed: float | None = None, width: int = 100) -> str:
    """Return the recap, ending in a newline.

    ``run_folder`` is put before the log of each cell. ``elapsed`` is the seconds that the whole run took, if known.
    Text keeps within ``width``, but paths and commands, which are copied, are never cut.
    """
    unexpected = [cell for cell in judged.cells if cell.as_expected is False]
    undecided = judged.undecided
    untested = [cell for cell in undecided if cell.verdict.status is not Status.NOT_RUN]
    not_run = [cell for cell in undecided if cell.verdict.status is Status.NOT_RUN]
    passed = [cell for cell in judged.cells if cell.as_expected and cell.verdict.status is Status.PASS]
    noted = [(words.name(cell), text, "") for cell in passed if (text := "; ".join(_observed(cell)))]

    def full(cells: Sequence[Cell]) -> list[str]:
        return [
            line
            for same in _alike(cells)
            for line in _full(same[0], judged.run, plain(run_folder), width - 2, same=same[1:])
        ]

    head = [summary(judged, elapsed=elapsed), *cautions(judged), *predicted(judged)]
    sections = [
        [line for text in head for line in wrap(text, width, most=MOST_LINES)],
        section("Not as expected:", full(unexpected), width),
        section(
            f"{words.UNTESTED.capitalize()} ({words.UNDECIDED_NOTE}):",
            full(untested) + _not_run(not_run, width - 2),
            width,
        ),
        section("As expected:", briefly([cell for cell in judged.cells if cell.as_expected], width), width),
        section("Passed, but:", compact(noted, width), width),
        section(f"{words.AGAINST_METADATA.capitalize()} (not known good):", _against_metadata(judged, width), width),
        section("By cause:", _by_cause(judged, width - 2), width),
        section("Unsolvable together:", coverage.unsolvable(judged.coverage, width - 2), width),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _against_metadata(judged: JudgedRun, width: int) -> list[str]:
    """Return a line for each combo that works against its metadata: its first conflict, and how many more."""
    combos = {cell.combo.id: cell.conflicts for cell in judged.cells if cell.works_against_metadata}
    rows = [
        (combo, words.conflict(conflicts[0]), f"and {len(conflicts) - 1} more" if len(conflicts) > 1 else "")
        for combo, conflicts in combos.items()
    ]
    more = len(rows) - MOST_AGAINST
    return [*compact(rows[:MOST_AGAINST], width), *([f"and {count(more, 'more combo')}"] if more > 0 else [])]


def _by_cause(judged: JudgedRun, width: int) -> list[str]:
    """Return a line for each cause that several cells share: how many, why, and which."""
    shared = [group for group in judged.groups if len(group.cells) > 1]
    return [
        shorten(f"{len(group.cells):>3}  {plain(group.cause)}  ({', '.join(map(_name, group.cells))})", width)
        for group in shared
    ]


def briefly(cells: Sequence[Cell], width: int) -> list[str]:
    """Return one line for each of ``cells`` that did not pass: where, why, and the fix."""
    failed = words.each_once(cell for cell in cells if cell.verdict.status is not Status.PASS)
    return compact([(words.subject(cell), _brief(cell), words.end(cell)) for cell in failed], width)


def _brief(cell: Cell) -> str:
    # The reason of a known issue was written for readers who meet it again.
    cause = f", {cell.known}" if cell.known and not cell.unmet else f": {words.brief_cause(cell)}"
    # For a violated pin, the failed check is only a consequence.
    at = f" at {cell.check}" if cell.check and cell.verdict.reason is not Reason.PIN_VIOLATED else ""
    return f"{cell.verdict.status}{at}{cause}"


def _alike(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the cells in order, together where several combos ended before their probes with the same message."""
    groups: dict[Hashable, list[Cell]] = {}
    for cell in words.each_once(cells):
        verdict, diagnosis = cell.verdict, cell.diagnosis
        shared = verdict.phase in words.BEFORE_PROBES
        cause = (stable(cell.message), diagnosis.why if diagnosis else "", words.fix(cell), words.verdict(cell))
        groups.setdefault((verdict, cause) if shared else (cell.combo.id, cell.probe), []).append(cell)
    return list(groups.values())


def _full(cell: Cell, run: Run, run_folder: str, width: int, *, same: Sequence[Cell] = ()) -> list[str]:
    """Return everything that a reader needs to act on one cell; ``same`` are others with the same failure."""
    place = f"{cell.verdict.phase}: {cell.check}" if cell.check else str(cell.verdict.phase)
    at = "" if cell.verdict.status is Status.PASS else f" ({plain(place)})"
    more = f" and {count(len(same), 'more combo')}" if same else ""
    numbers = cell.numbers.says if cell.numbers and cell.numbers.says != cell.message else ""
    room = width - LABEL - 2

    def paragraph(label: str, text: str) -> list[str]:
        return labeled(label, wrap(text, room, most=MOST_LINES), width=LABEL)

    def listed(label: str, texts: Sequence[str]) -> list[str]:
        return labeled(label, [shorten(text, room) for text in texts], width=LABEL)

    return [
        f"{plain(words.verdict(cell))}  {plain(words.subject(cell))}{more}{at}",
        *paragraph("combos", ", ".join(map(words.subject, [cell, *same])) if same else ""),
        *paragraph("why", words.cause(cell)),
        *paragraph("cause", _diagnosed(cell)),
        *paragraph(words.fix_label(cell), words.stated_fix(cell)),
        *paragraph("declared", _declared(cell)),
        *listed("drift", _drift(cell)),
        *listed("conflict", words.conflicts(cell, most=MOST_CONFLICTS)),
        *listed("also observed", _observed(cell)),
        *paragraph("numbers", numbers),
        *labeled("log", [f"{run_folder}/{plain(cell.log)}"] if cell.log else [], width=LABEL),
        *labeled("rerun", [explanation.rerun(cell, run)], width=LABEL),
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
    """Return what was observed of a cell beside its verdict."""
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
