"""``feed.xml``: what changed between a baseline and a run, as an Atom feed that one can subscribe to."""

import json
from collections.abc import Iterable, Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement

from knowngood.model import Change, ChangeKind, JudgedRun
from knowngood.report import words
from knowngood.report.ci.outcome import message, plain_name
from knowngood.report.explanation import unlike
from knowngood.report.summary import cautions, summary
from knowngood.report.text import UNKNOWN, count, published_day, started
from knowngood.report.xml import document, xml_text

TOLD = {
    ChangeKind.REGRESSED: "it regressed",
    ChangeKind.CHANGED_FAIL: "it fails for another cause",
    ChangeKind.MOVED: "it passes with other numbers",
    ChangeKind.FIXED: "it is fixed",
    ChangeKind.INCONCLUSIVE: f"it is inconclusive, which {words.UNDECIDED_NOTE}",
}
"""The changes that are entries, in this order."""

MOST_PACKAGES = 20
"""Distributions that are told of one change."""
MOST_CELLS = 20
"""Cells that are told of one run."""


def render(judged: JudgedRun, changes: Sequence[Change] = ()) -> str:
    """Return the feed as an Atom 1.0 document, ending in a newline: an entry for each of ``changes`` that matters.

    Without any changes there was no baseline: then the run itself is the one entry. Ids depend on the matrix, the run
    and the cell alone, so that a feed that is made again has no new entries.
    """
    info = judged.run.info
    updated = (published_day(info) or started(info) or UNKNOWN).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    _said(feed, "id", _id(info.matrix))
    _said(feed, "title", f"{plain_name(info.title)}: what works together")
    _said(feed, "updated", updated)
    _said(SubElement(feed, "author"), "name", "knowngood")
    _said(feed, "generator", "knowngood")
    if not changes:
        entry = _entry(feed, _id(info.matrix, info.id), f"{plain_name(info.title)}: run {plain_name(info.id)}", updated)
        _content(entry, _run_lines(judged))
    names = {(cell.combo.id, cell.probe): words.name(cell) for cell in judged.cells}
    for change in (change for kind in TOLD for change in changes if change.kind is kind):
        name = names.get((change.combo, change.probe), f"{change.combo} {change.probe}")
        title = f"{plain_name(name)}: {TOLD[change.kind]} ({change.before} -> {change.after})"
        entry = _entry(feed, _id(info.matrix, info.id, change.combo, change.probe, change.kind), title, updated)
        SubElement(entry, "category", {"term": change.kind})
        _content(entry, _change_lines(change))
    return document(feed)


def _id(*parts: str) -> str:
    # Of any text, half of a surrogate pair too.
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'knowngood:{json.dumps(parts)}')}"


def _entry(feed: Element, name: str, title: str, updated: str) -> Element:
    entry = SubElement(feed, "entry")
    _said(entry, "id", name)
    _said(entry, "title", title)
    _said(entry, "updated", updated)
    return entry


def _said(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _content(entry: Element, lines: Iterable[str]) -> None:
    """Add ``lines`` as the content of an entry; readers may show them in one line, so each ends in a stop."""
    told = (xml_text(line).rstrip(".") for line in lines)
    SubElement(entry, "content", {"type": "text"}).text = "\n".join(f"{line}." for line in told if line)


def _run_lines(judged: JudgedRun) -> list[str]:
    cells = unlike(judged)
    told = [f"{words.name(cell)}: {message(cell)}" for cell in cells[:MOST_CELLS]]
    lines, more = [summary(judged), *cautions(judged), *told], len(cells) - MOST_CELLS
    return [*lines, f"and {count(more, 'more cell')}"] if more > 0 else lines


def _change_lines(change: Change) -> list[str]:
    lines = [f"{name} {before or 'absent'} -> {after or 'absent'}" for name, before, after in change.packages]
    more = len(lines) - MOST_PACKAGES
    kept = [*lines[:MOST_PACKAGES], f"and {count(more, 'distribution')} more"] if more > 0 else lines
    return [change.why, *([f"Installed otherwise: {', '.join(kept)}"] if kept else [])]
