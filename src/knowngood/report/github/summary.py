"""Render the summary of a CI job: the whole matrix, then each cell that did not pass, the unexpected ones first."""

from collections.abc import Sequence
from datetime import date

from knowngood.model import Cell, Change, JudgedRun, Status
from knowngood.report import diff, explain_markdown, words
from knowngood.report.budget import Part, page
from knowngood.report.explanation import to_look_at
from knowngood.report.markdown import against_metadata
from knowngood.report.markup import inline, joined, paragraph, table
from knowngood.report.recap import briefly
from knowngood.report.summary import cautions, predicted, stale, summary
from knowngood.report.table import columns_of
from knowngood.report.text import count, encoded_size, shorten

MOST = 990_000
"""Bytes: GitHub refuses a summary of more than 1 MiB, and then shows nothing of it."""
_TABLE = 500_000
"""Bytes that the table may take: the explanation of a failure says more than its row."""
_VALUE = 160
"""Columns that a value in the table may take."""
_TITLE = 200
_CAUTIONS = 20
_CAUTION = 400
_WIDTH = 300
"""Columns of a line that replaces an explanation."""


def render(
    judged: JudgedRun, changes: Sequence[Change] = (), *, baseline_name: str = "the baseline", today: date | None = None
) -> str:
    """Return the summary in GitHub-flavored Markdown, ending in a newline, of less than a million bytes.

    ``changes`` are those since a baseline, if there is one. Parts that do not fit are left out whole, explanations of
    expected failures before those of unexpected ones, and the last line names them.
    """
    first = {id(cell) for cell in to_look_at(judged)}
    expected = words.each_once(
        cell for cell in judged.cells if cell.as_expected and cell.verdict.status is not Status.PASS
    )
    notes = [
        f"- {inline(shorten(text, _CAUTION))}"
        for text in (*stale(judged, today), *predicted(judged), *cautions(judged))[:_CAUTIONS]
    ]
    head = [
        f"# {inline(shorten(judged.run.info.title, _TITLE))}",
        f"**{inline(summary(judged))}**",
        "\n".join(notes),
    ]
    parts = [
        *_comparison(changes, baseline_name),
        Part(name="the table", texts=(_matrix(judged, first),)),
        Part(name="the legend", texts=(_legend(judged),)),
        Part(name="what works against its metadata", texts=(joined(against_metadata(judged)),)),
        *(_explained(cell, judged) for cell in to_look_at(judged)),
        *(_folded(_explained(cell, judged)) for cell in expected),
    ]
    return page(head, [part for part in parts if any(part.texts)], most=MOST)


def _comparison(changes: Sequence[Change], baseline_name: str) -> list[Part]:
    if not changes:
        return []
    full = diff.render_markdown(changes, baseline_name=baseline_name).rstrip("\n")
    brief = f"## Compared with a baseline\n\n**{inline(diff.headline(changes))}**"
    return [Part(name="what changed, cell by cell", texts=(full, brief))]


def _matrix(judged: JudgedRun, first: set[int]) -> str:
    """Return the table; of a matrix that is too large for one, the most important rows and how many are missing."""
    # A summary belongs to one run: unlike a page in a repository it may show times.
    kept = columns_of(judged)
    rows = [tuple(shorten(column.values[number], _VALUE) for column in kept) for number in range(len(judged.cells))]
    room, shown = _TABLE, set[int]()
    for number in sorted(range(len(rows)), key=lambda number: _rank(judged.cells[number], first)):
        room -= encoded_size("\n".join(table([""], [rows[number]])))
        if room < 0:
            break
        shown.add(number)
    lines = table([column.header for column in kept], [row for number, row in enumerate(rows) if number in shown])
    missing = len(rows) - len(shown)
    return "\n".join(lines) + (f"\n\n{count(missing, 'more cell')}, not in this table." if missing else "")


def _rank(cell: Cell, first: set[int]) -> int:
    if id(cell) in first:
        return 0 if cell.as_expected is False else 1
    return 3 if cell.verdict.status is Status.PASS else 2


def _legend(judged: JudgedRun) -> str:
    statuses = {cell.verdict.status for cell in judged.cells}
    lines = [f"- **{status}**: {words.MEANING[status]}" for status in Status if status in statuses]
    if any(cell.works_against_metadata for cell in judged.cells):
        lines.append(f"- **{inline(words.AGAINST_METADATA_MARK)}**: {words.AGAINST_METADATA_NOTE}")
    return "\n".join(lines)


def _explained(cell: Cell, judged: JudgedRun) -> Part:
    def full() -> str:
        return explain_markdown.render(cell, judged.run, run_folder=".").rstrip("\n")

    brief = "\n".join(paragraph(line) for line in briefly([cell], _WIDTH))
    # Of a large matrix most cells fit in neither form, and an explanation takes a millisecond.
    texts, longer = ((brief,), full) if brief else ((full(),), None)
    return Part(name=words.subject(cell), texts=texts, longer=longer)


def _folded(part: Part) -> Part:
    def fold(text: str) -> str:
        opened = f"<details>\n<summary>{inline(shorten(part.name, _VALUE))}, as expected</summary>"
        return f"{opened}\n\n{text}\n\n</details>"

    longer = part.longer
    return Part(
        name=part.name,
        texts=tuple(map(fold, part.texts)),
        longer=None if longer is None else lambda: fold(longer()),
    )
