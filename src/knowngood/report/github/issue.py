"""The one issue that lives as long as a matrix is not what it was: its title and its body, written anew each time."""

import hashlib
import re
from collections.abc import Sequence

from knowngood.model import Cell, Change, ChangeKind, JudgedRun
from knowngood.report import explanation, words
from knowngood.report.diff import headline
from knowngood.report.github.budget import Part, page
from knowngood.report.markup import code, diagnosis, fence, inline, paragraph, table
from knowngood.report.summary import cautions, summary
from knowngood.report.text import count, plain, shorten

MOST = 60_000
"""Bytes: GitHub refuses a body of more than 65,536 characters."""
_FLIPPED = (ChangeKind.REGRESSED, ChangeKind.CHANGED_FAIL, ChangeKind.MOVED, ChangeKind.FIXED)
"""The changes that are told, in this order."""
_TITLE = 200
_LINE = 400
_SAID = 2000
_PACKAGES = 60
"""Distributions that are told of one cell."""
_EVIDENCE = 5
_URL = re.compile(r"https?://[^\s<>]{1,2000}")
_NO_SLUG = re.compile(r"[^A-Za-z0-9._-]+")


def mark(judged: JudgedRun) -> str:
    """Return the first line of the body, by which the issue of this matrix is found again; it does not show."""
    return f"<!-- knowngood:issue:{_NO_SLUG.sub('-', judged.run.info.matrix)[:_TITLE]} -->"


def title(judged: JudgedRun, changes: Sequence[Change] = ()) -> str:
    """Return the title, one line of plain text: ``Embeddings: 1 regressed, 6 unchanged``."""
    told = headline(changes) if changes else summary(judged).partition(": ")[2]
    text = shorten(f"{shorten(judged.run.info.title, _TITLE // 2)}: {told}", _TITLE)
    # As in the body: whoever is named like a package shall not hear of it.
    return re.sub(r"(?<=[@#])(?=\w)", "\u2060", text)


def render(
    judged: JudgedRun, changes: Sequence[Change] = (), *, baseline_name: str = "the baseline", url: str = ""
) -> str:
    """Return the body in GitHub-flavoured Markdown, ending in a newline, of at most 60,000 bytes.

    ``changes`` are what became of each cell since ``baseline_name``; ``url`` is where this run can be looked at, if
    it is one of the web. What does not fit is left out whole, and said.
    """
    info = judged.run.info
    flipped = [change for kind in _FLIPPED for change in changes if change.kind is kind]
    told = {(change.combo, change.probe) for change in flipped}
    cells = {(cell.combo.id, cell.probe): cell for cell in judged.cells}
    others = [cell for key, cell in cells.items() if cell.as_expected is False and key not in told]
    head = [
        f"{mark(judged)}\n<!-- knowngood:changes:{_digest(flipped, others)} -->",
        f"**{inline(shorten(summary(judged), _LINE))}.**",
        f"Against {code(shorten(baseline_name, _LINE))}: **{inline(headline(changes))}.**" if changes else "",
        _facts(judged, url),
        "\n".join(f"- {inline(shorten(text, _LINE))}" for text in cautions(judged)[:_EVIDENCE]),
    ]
    parts = [
        *_overview(flipped),
        *(_changed(change, cells.get((change.combo, change.probe)), judged) for change in flipped),
        *(_unexpected(cell, judged) for cell in others),
        Part(
            name="how this issue lives",
            texts=(f"All of it: {code('nox -s report')}. Written anew by each scheduled run of {code(info.matrix)}.",),
        ),
    ]
    return page(head, parts, most=MOST)


def _facts(judged: JudgedRun, url: str) -> str:
    info = judged.run.info
    where = f"Run {code(shorten(info.id, _LINE))} of {inline(shorten(info.started[:10], _LINE))}"
    link = f": [all that it says](<{url}>)" if _URL.fullmatch(url) else ""
    return f"{where} on {inline(shorten(info.platform, _LINE))}{link}."


def _overview(flipped: Sequence[Change]) -> list[Part]:
    rows = [
        (shorten(f"{change.combo} {change.probe}", _LINE), change.kind, change.before or "", change.after or "")
        for change in flipped
    ]
    lines = ["## What flipped", "", *table(("cell", "change", "before", "now"), rows)]
    return [Part(name="the table of what flipped", texts=("\n".join(lines),))] if rows else []


def _changed(change: Change, cell: Cell | None, judged: JudgedRun) -> Part:
    name = f"{change.combo} {change.probe}"
    blocks = [
        [f"### {inline(shorten(name, _LINE))}: {change.before} → {change.after}"],
        [paragraph(shorten(change.why, _SAID))] if plain(change.why) else [],
        *_moved(change),
        *(_rest(cell, judged) if cell and change.kind is not ChangeKind.FIXED else []),
    ]
    return Part(name=name, texts=(_joined(blocks), _joined(blocks[:2])))


def _unexpected(cell: Cell, judged: JudgedRun) -> Part:
    name = f"{cell.combo.id} {cell.probe}"
    blocks = [
        [f"### {inline(shorten(name, _LINE))}: {inline(shorten(words.verdict(cell), _LINE))}"],
        [paragraph(shorten(words.cause(cell), _SAID))],
        *_rest(cell, judged),
    ]
    return Part(name=name, texts=(_joined(blocks), _joined(blocks[:2])))


def _moved(change: Change) -> list[list[str]]:
    """Return which distributions are others than in the baseline."""
    if not change.packages:
        return []
    rows = [(package, before or "absent", after or "absent") for package, before, after in change.packages[:_PACKAGES]]
    more = len(change.packages) - len(rows)
    return [
        ["Installed otherwise:"],
        table(("distribution", "before", "now"), rows),
        [f"and {count(more, 'distribution')} more"] if more else [],
    ]


def _rest(cell: Cell, judged: JudgedRun) -> list[list[str]]:
    return [
        *diagnosis(cell, words.evidence(cell)[:_EVIDENCE]),
        ["Run it again:"],
        fence(explanation.rerun(cell, judged.run)),
    ]


def _joined(blocks: Sequence[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _digest(flipped: Sequence[Change], others: Sequence[Cell]) -> str:
    """Return what is equal as long as the same cells are in the issue for the same kind of change."""
    told = [f"{change.combo}\0{change.probe}\0{change.kind}" for change in flipped]
    told += [f"{cell.combo.id}\0{cell.probe}\0{cell.verdict.status}" for cell in others]
    return hashlib.sha256("\n".join(sorted(told)).encode("utf-8", "replace")).hexdigest()[:16]
