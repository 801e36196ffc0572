"""Render ``feed.xml``, an Atom feed of the states of a matrix, or of what changed between a baseline and a run."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement

from knowngood.model import Change, ChangeKind, History, JudgedRun
from knowngood.report import words
from knowngood.report.ci.outcome import message, plain_name
from knowngood.report.diff import packages
from knowngood.report.explanation import to_look_at
from knowngood.report.history import Entry as HistoryEntry
from knowngood.report.history import entries, release
from knowngood.report.summary import cautions, summary
from knowngood.report.text import UNKNOWN, count, document, moment, published_day, started, xml_text

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
"""Cells that are listed for one run or state."""
MOST_STATES = 50
"""States that the feed has."""


def render(judged: JudgedRun, changes: Sequence[Change] = (), *, history: History | None = None, page: str = "") -> str:
    """Return the feed as an Atom 1.0 document, ending in a newline.

    With a ``history`` it has an entry for each of the newest states, with a link to it on the ``page`` beside the feed.
    Otherwise it has one for each of ``changes`` that matters; without changes there was no baseline, and the run itself
    is the one entry. Ids depend on the matrix and the state, or on the run and the cell, so that a feed that is
    rendered again has no new entries.
    """
    info = judged.run.info
    day = published_day(info) or started(info) or UNKNOWN
    feed = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    _add(feed, "id", _id(info.matrix))
    _add(feed, "title", f"{plain_name(info.title)}: what works together")
    _add(feed, "updated", _time(day))
    if page:
        SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": page})
    _add(SubElement(feed, "author"), "name", "knowngood")
    _add(feed, "generator", "knowngood")
    if history is not None and history.states:
        for entry in entries(history)[:MOST_STATES]:
            _add_state(feed, info.matrix, entry, page)
        return document(feed)
    if not changes:
        title = f"{plain_name(info.title)}: run {plain_name(info.id)}"
        _set_content(_entry(feed, _id(info.matrix, info.id), title, _time(day)), _run_lines(judged))
    names = {(cell.combo.id, cell.probe): words.name(cell) for cell in judged.cells}
    for change in (change for kind in ENTRIES for change in changes if change.kind is kind):
        name = names.get((change.combo, change.probe), f"{change.combo} {change.probe}")
        title = f"{plain_name(name)} {ENTRIES[change.kind]} ({change.before} -> {change.after})"
        element = _entry(feed, _id(info.matrix, info.id, change.combo, change.probe, change.kind), title, _time(day))
        SubElement(element, "category", {"term": change.kind})
        _set_content(element, _change_lines(change))
    return document(feed)


def _add_state(feed: Element, matrix: str, entry: HistoryEntry, page: str) -> None:
    # When it began, not when it was last seen: an unchanged publication must not show up as news.
    began = moment(entry.state.first) or UNKNOWN
    title = plain_name(f"{entry.state.first}: {entry.headline}")
    element = _entry(feed, _id(matrix, "state", entry.state.id), title, _time(began))
    if page:
        SubElement(element, "link", {"rel": "alternate", "type": "text/html", "href": f"{page}#{entry.anchor}"})
    cells = [f"{change.name}: {change.in_words} {change.message}" for change in entry.changes[:MOST_CELLS]]
    if (more := len(entry.changes) - MOST_CELLS) > 0:
        cells.append(f"and {count(more, 'more cell')}")
    listed = [release(each) for each in entry.state.releases[:MOST_PACKAGES]]
    more = len(entry.state.releases) - len(listed) + entry.state.more_releases
    moved = [*listed, *([f"and {count(more, 'more package')}"] if more else [])]
    _set_content(element, [entry.verdicts, *cells, f"Packages that differ: {', '.join(moved)}" if moved else ""])


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


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
