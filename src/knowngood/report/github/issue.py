"""Render the title and the body of the one issue that is open as long as a matrix is not as expected."""

import hashlib
import re
from collections.abc import Sequence

from knowngood.model import Cell, Change, ChangeKind, JudgedRun
from knowngood.report import explanation, words
from knowngood.report.budget import Part, page
from knowngood.report.diff import differing_packages, headline, label
from knowngood.report.markup import code, diagnosis, fence, inline, joined, paragraph, table, unreferenced
from knowngood.report.summary import cautions, summary
from knowngood.report.text import plain, shorten

MOST = 60_000
"""Bytes: GitHub refuses a body of more than 65,536 characters."""
_FLIPPED = (ChangeKind.REGRESSED, ChangeKind.CHANGED_FAIL, ChangeKind.MOVED, ChangeKind.FIXED)
"""The kinds of change that the issue is about, in this order."""
_TITLE = 200
_LINE = 400
_MESSAGE = 2000
_PACKAGES = 60
"""Packages that are listed for one cell."""
_EVIDENCE = 5
_URL = re.compile(r"https?://[^\s<>]{1,2000}")
_NO_SLUG = re.compile(r"[^A-Za-z0-9._-]+")


def mark(judged: JudgedRun) -> str:
    """Return the first line of the body, an invisible comment that identifies the issue of this matrix."""
    return f"<!-- knowngood:issue:{_NO_SLUG.sub('-', judged.run.info.matrix)[:_TITLE]} -->"


def title(judged: JudgedRun, changes: Sequence[Change] = ()) -> str:
    """Return the title, one line of plain text: ``Embeddings: 1 regressed, 6 unchanged``."""
    sums = headline(changes) if changes else summary(judged).partition(": ")[2]
    return unreferenced(shorten(f"{shorten(judged.run.info.title, _TITLE // 2)}: {sums}", _TITLE))


def render(
    judged: JudgedRun, changes: Sequence[Change] = (), *, baseline_name: str = "the baseline", url: str = ""
) -> str:
    """Return the body in GitHub-flavored Markdown, ending in a newline, of at most 60,000 bytes.

    ``changes`` are those of each cell since ``baseline_name``; ``url`` is a web page of this run, and ignored if it is
    not one. Parts that do not fit are left out whole, and the last line names them.
    """
    info = judged.run.info
    flipped = [change for kind in _FLIPPED for change in changes if change.kind is kind]
    changed = {(change.combo, change.probe) for change in flipped}
    cells = {(cell.combo.id, cell.probe): cell for cell in judged.cells}
    others = [cell for key, cell in cells.items() if cell.as_expected is False and key not in changed]
    head = [
        f"{mark(judged)}\n<!-- knowngood:changes:{_digest(flipped, others)} -->",
        f"**{inline(shorten(summary(judged), _LINE))}.**",
        f"Against {code(shorten(baseline_name, _LINE))}: **{inline(headline(changes))}.**" if changes else "",
        _origin(judged, url),
        "\n".join(f"- {inline(shorten(text, _LINE))}" for text in cautions(judged)[:_EVIDENCE]),
    ]
    footer = (
        f"For everything, run {code('nox -s report')}. Each scheduled run of {code(info.matrix)} updates this issue."
    )
    parts = [
        *_overview(flipped),
        *(_changed(change, cells.get((change.combo, change.probe)), judged) for change in flipped),
        *(_unexpected(cell, judged) for cell in others),
        Part(name="how this issue is updated", texts=(footer,)),
    ]
    return page(head, parts, most=MOST)


def _origin(judged: JudgedRun, url: str) -> str:
    info = judged.run.info
    run = f"Run {code(shorten(info.id, _LINE))} of {inline(shorten(info.started[:10], _LINE))}"
    link = f": [the whole report](<{url}>)" if _URL.fullmatch(url) else ""
    return f"{run} on {inline(shorten(info.platform, _LINE))}{link}."


def _overview(flipped: Sequence[Change]) -> list[Part]:
    rows = [
        (shorten(f"{change.combo} {change.probe}", _LINE), label(change.kind), change.before or "", change.after or "")
        for change in flipped
    ]
    lines = ["## What changed", "", *table(("cell", "change", "before", "now"), rows)]
    return [Part(name="the table of changes", texts=("\n".join(lines),))] if rows else []


def _changed(change: Change, cell: Cell | None, judged: JudgedRun) -> Part:
    name = f"{change.combo} {change.probe}"
    blocks = [
        [f"### {inline(shorten(name, _LINE))}: {change.before} → {change.after}"],
        [paragraph(shorten(change.why, _MESSAGE))] if plain(change.why) else [],
        *differing_packages(change, most=_PACKAGES),
        *(_details(cell, judged) if cell and change.kind is not ChangeKind.FIXED else []),
    ]
    return Part(name=name, texts=(joined(blocks), joined(blocks[:2])))


def _unexpected(cell: Cell, judged: JudgedRun) -> Part:
    name = f"{cell.combo.id} {cell.probe}"
    blocks = [
        [f"### {inline(shorten(name, _LINE))}: {inline(shorten(words.verdict(cell), _LINE))}"],
        [paragraph(shorten(words.cause(cell), _MESSAGE))],
        *_details(cell, judged),
    ]
    return Part(name=name, texts=(joined(blocks), joined(blocks[:2])))


def _details(cell: Cell, judged: JudgedRun) -> list[list[str]]:
    return [
        *diagnosis(cell, words.evidence(cell)[:_EVIDENCE]),
        ["Run it again:"],
        fence(explanation.rerun(cell, judged.run)),
    ]


def _digest(flipped: Sequence[Change], others: Sequence[Cell]) -> str:
    """Return a digest that stays equal as long as the issue is about the same cells with the same kinds of change."""
    keys = [f"{change.combo}\0{change.probe}\0{change.kind}" for change in flipped]
    keys += [f"{cell.combo.id}\0{cell.probe}\0{cell.verdict.status}" for cell in others]
    return hashlib.sha256("\n".join(sorted(keys)).encode("utf-8", "replace")).hexdigest()[:16]
