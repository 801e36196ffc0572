"""Render ``feed.xml``, an Atom feed of what changed between a baseline and a run."""

import json
from collections.abc import Iterable, Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement

from knowngood.model import Change, ChangeKind, JudgedRun
from knowngood.report import words
from knowngood.report.ci.outcome import message, plain_name
from knowngood.report.diff import packages
from knowngood.report.explanation import to_look_at
from knowngood.report.summary import cautions, summary
from knowngood.report.text import UNKNOWN, count, document, published_day, started, xml_text

ENTRIES = {
    ChangeKind.REGRESSED: "regressed",
    ChangeKind.CHANGED_FAIL: "fails for another cause",
    ChangeKind.MOVED: "passes with other numbers",
    ChangeKind.FIXED: "is fixed",
    ChangeKind.INCONCLUSIVE: f"is inconclusive, {words.UNDECIDED_NOTE}",
}
"""The changes that are entries, in this order, and how their titles put them."""

MOST_PACKAGES = 20
"""Packages that are listed for one change."""
MOST_CELLS = 20
"""Cells that are listed for one run."""


def render(judged: JudgedRun, changes: Sequence[Change] = ()) -> str:
    """Return the feed as an Atom 1.0 document, ending in a newline: an entry for each of ``changes`` that matters.

    Without changes there was no baseline: then the run itself is the one entry. Ids depend on the matrix, the run and
    the cell alone, so that a feed that is rendered again has no new entries.
    """
    info = judged.run.info
    updated = (published_day(info) or started(info) or UNKNOWN).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    _add(feed, "id", _id(info.matrix))
    _add(feed, "title", f"{plain_name(info.title)}: what works together")
    _add(feed, "updated", updated)
    _add(SubElement(feed, "author"), "name", "knowngood")
    _add(feed, "generator", "knowngood")
    if not changes:
        entry = _entry(feed, _id(info.matrix, info.id), f"{plain_name(info.title)}: run {plain_name(info.id)}", updated)
        _set_content(entry, _run_lines(judged))
    names = {(cell.combo.id, cell.probe): words.name(cell) for cell in judged.cells}
    for change in (change for kind in ENTRIES for change in changes if change.kind is kind):
        name = names.get((change.combo, change.probe), f"{change.combo} {change.probe}")
        title = f"{plain_name(name)} {ENTRIES[change.kind]} ({change.before} -> {change.after})"
        entry = _entry(feed, _id(info.matrix, info.id, change.combo, change.probe, change.kind), title, updated)
        SubElement(entry, "category", {"term": change.kind})
        _set_content(entry, _change_lines(change))
    return document(feed)


def _id(*parts: str) -> str:
    # As JSON, which also escapes half of a surrogate pair.
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'knowngood:{json.dumps(parts)}')}"


def _entry(feed: Element, name: str, title: str, updated: str) -> Element:
    entry = SubElement(feed, "entry")
    _add(entry, "id", name)
    _add(entry, "title", title)
    _add(entry, "updated", updated)
    return entry


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _set_content(entry: Element, lines: Iterable[str]) -> None:
    """Add ``lines`` as the content of an entry; readers may join them, so each ends in a full stop."""
    sentences = (xml_text(line).rstrip(".") for line in lines)
    SubElement(entry, "content", {"type": "text"}).text = "\n".join(f"{text}." for text in sentences if text)


def _run_lines(judged: JudgedRun) -> list[str]:
    cells = to_look_at(judged)
    listed = [f"{words.name(cell)}: {message(cell)}" for cell in cells[:MOST_CELLS]]
    lines, more = [summary(judged), *cautions(judged), *listed], len(cells) - MOST_CELLS
    return [*lines, f"and {count(more, 'more cell')}"] if more > 0 else lines


def _change_lines(change: Change) -> list[str]:
    lines = [f"{name} {before} -> {now}" for name, before, now in packages(change)]
    more = len(lines) - MOST_PACKAGES
    listed = [*lines[:MOST_PACKAGES], f"and {count(more, 'more package')}"] if more > 0 else lines
    return [change.why, *([f"Packages that differ: {', '.join(listed)}"] if listed else [])]
