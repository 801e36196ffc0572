"""Render ``matrix.md``, the tested matrix as a page for docs and repositories, with diffs that stay small."""

from collections.abc import Sequence
from datetime import date

from knowngood.model import Cell, History, JudgedRun, Searched, Status
from knowngood.report import words
from knowngood.report.coverage import left_out, values
from knowngood.report.explain_markdown import conflicts, tests
from knowngood.report.history import entries, sentence
from knowngood.report.markup import code, diagnosis, fence, inline, joined, paragraph, table
from knowngood.report.searches import markdown
from knowngood.report.summary import caption, cautions, stale, summary
from knowngood.report.table import VIOLATION, columns_of, metric, without_left_out
from knowngood.report.text import count, size

MOST_STATES = 10
"""States in the table of the history."""


def render(
    judged: JudgedRun,
    *,
    searches: Sequence[Searched] = (),
    history: History | None = None,
    page: str = "",
    today: date | None = None,
) -> str:
    """Return the page in GitHub-flavored Markdown, ending in a newline: caption, table, legend, one part per combo.

    ``page`` is the page beside it that shows the same run, for links to the states of the history; empty: none.
    """
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        if not cell.left_out:
            combos.setdefault(cell.combo.id, []).append(cell)
    sizes = {facts.combo.id: facts.environment_bytes for facts in judged.run.combos}
    blocks = [
        [f"# {inline(judged.run.info.title)}"],
        [inline(caption(judged)), *_origins(judged)],
        [f"{inline(summary(judged))}."],
        [f"- {inline(caution)}" for caution in (*stale(judged, today), *cautions(judged))],
        _matrix(judged),
        _legend(judged),
        *against_metadata(judged),
        *_coverage(judged),
        *(block for combo, cells in combos.items() for block in _combo(cells, sizes.get(combo))),
        *markdown(searches, judged),
        *_history(history, page),
    ]
    return joined(blocks) + "\n"


def _origins(judged: JudgedRun) -> list[str]:
    """Return a line for each index that was used as the matrix asks; a caution names each of the others."""
    return [
        f"From {code(choice.used)}: {', '.join(map(inline, choice.packages)) or 'all other packages'}."
        for choice in judged.run.indexes
        if choice.used == choice.asked
    ]


def _matrix(judged: JudgedRun) -> list[str]:
    # Times and metrics differ from run to run: they would make every line of the table a diff.
    kept = [column for column in columns_of(without_left_out(judged)) if not column.right]
    return table([column.header for column in kept], zip(*(column.values for column in kept), strict=True))


def _legend(judged: JudgedRun) -> list[str]:
    statuses = {cell.verdict.status for cell in judged.cells}
    lines = [f"- **{status}**: {words.MEANING[status]}" for status in Status if status in statuses]
    if any(drift.violates for cell in judged.cells for drift in cell.drift):
        lines.append(f"- **{VIOLATION}** after a version: it violates the combo's own pin")
    if any(cell.works_against_metadata for cell in judged.cells):
        lines.append(f"- **{inline(words.AGAINST_METADATA_MARK)}** after a verdict: {words.AGAINST_METADATA_NOTE}")
    return lines


def against_metadata(judged: JudgedRun) -> list[list[str]]:
    """Return a list of the combos that work against their metadata, each with its conflicts."""
    combos = {cell.combo.id: cell for cell in judged.cells if cell.works_against_metadata}
    lines = [f"- {inline(combo)}: {inline('; '.join(words.conflicts(cell)))}" for combo, cell in combos.items()]
    return [[f"**{words.AGAINST_METADATA.capitalize()}**, and therefore not known good:"], lines] if lines else []


def _coverage(judged: JudgedRun) -> list[list[str]]:
    """Return the pairs of values that cannot be installed together, and the combos that ``--cover`` left out."""
    if judged.coverage is None:
        return []
    known = [f"- {inline(values(proven))}: {inline(proven.why)}" for proven in judged.coverage.unsolvable]
    names = dict.fromkeys(cell.combo.id for cell in judged.cells if cell.left_out)
    return [
        *([["**Unsolvable together:**"], known] if known else []),
        *([[f"**{left_out(judged.coverage)}:** {', '.join(map(inline, names))}"]] if names else []),
    ]


def _history(history: History | None, page: str) -> list[list[str]]:
    """Return the newest states as a table: their days, their verdicts, what changed, and which releases moved."""
    if history is None or not history.states:
        return []
    rows = [
        (
            f"[{entry.days}]({page}#{entry.anchor})" if page else entry.days,
            *(inline(text) for text in (entry.verdicts, entry.headline, entry.releases)),
        )
        for entry in entries(history)[:MOST_STATES]
    ]
    lines = [
        f"| {' | '.join(text or ' ' for text in row)} |" for row in (("days", "verdicts", "changed", "releases"), *rows)
    ]
    return [["## History"], [f"{sentence(history)}."], [lines[0], "| --- | --- | --- | --- |", *lines[1:]]]


def _combo(cells: Sequence[Cell], environment_bytes: int | None) -> list[list[str]]:
    combo, last = cells[0].combo, cells[-1]
    steps = [f"{number}. {' '.join(map(code, step.lines))}" for number, step in enumerate(combo.steps, start=1)]
    facts = [f"Python {inline(last.python)}", str(combo.installer), count(len(steps), "step")]
    if environment_bytes is not None:
        facts.append(size(environment_bytes))
    return [
        [f"## {inline(combo.id)}"],
        [paragraph(combo.title)] if combo.title != combo.id else [],
        [f"{', '.join(facts)}:"],
        steps,
        *_drift(last),
        *conflicts(last),
        *(block for cell in cells for block in _cell(cell)),
        _installed(last),
    ]


def _drift(cell: Cell) -> list[list[str]]:
    headers = ("step", "package", "before", "after", "violates")
    rows = [
        (str(drift.step), drift.package, drift.before, drift.after or "removed", drift.violates or "")
        for drift in sorted(cell.drift, key=lambda drift: (drift.step, drift.package))
    ]
    return [["Drift, packages that a later step changed:"], table(headers, rows)] if rows else []


def _cell(cell: Cell) -> list[list[str]]:
    verdict, expect = cell.verdict, cell.expect
    headline = f"**{inline(cell.probe)}: {inline(words.verdict(cell))}**"
    if verdict.status is not Status.PASS:
        headline += f" in {verdict.phase} ({verdict.reason})"
    if cell.check:
        headline += f", check {code(cell.check)}"
    if expect.status is not Status.PASS:
        headline += f"; declared as {inline(words.expectation(expect))}"
    rows = [(name.replace("_", " "), metric(cell, name)) for name in sorted(cell.metrics)]
    return [
        [headline],
        fence(cell.message) if cell.message else [],
        *tests(cell),
        *diagnosis(cell, words.evidence(cell)),
        _notes(cell),
        table(("metric", "value"), rows) if rows else [],
    ]


def _notes(cell: Cell) -> list[str]:
    """Return what was observed beside the verdict, as a list."""
    lines = [f"- {paragraph(cell.known)}"] if cell.known else []
    if cell.reused:
        imported = f", imported from {inline(cell.reused.archive)}" if cell.reused.archive else ""
        recorded, combo = inline(cell.reused.recorded[:10]), inline(cell.reused.combo)
        lines.append(f"- reused: recorded on {recorded} for {combo}{imported}")
    lines += [f"- flaky: {inline(words.flaky(cell))}"] if cell.flaky else []
    lines += [f"- tested: {inline(text)}" for text in words.tested(cell)]
    lines += [f"- yanked: {inline(text)}" for text in words.yanked(cell)]
    lines += [f"- {cell.combo.resolution}: {inline(words.highest(cell))}"] if cell.highest else []
    lines += [f"- also observed: {code(warning)}" for warning in words.some(cell.warnings)]
    lines += [f"- predicted: {inline(cell.predicted)}"] if cell.predicted else []
    # A verdict about the numbers says them itself.
    numbers = cell.numbers.says if cell.numbers and cell.numbers.says != cell.message else ""
    return [*lines, *([f"- numbers: {inline(numbers)}"] if numbers else [])]


def _installed(cell: Cell) -> list[str]:
    if not cell.installed:
        return []
    lines = fence("\n".join(f"{name}=={version}" for name, version in sorted(cell.installed.items())))
    return [
        "<details>",
        f"<summary>{count(len(cell.installed), 'package')} installed</summary>",
        "",
        *lines,
        "",
        "</details>",
    ]
