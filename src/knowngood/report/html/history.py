"""Prepare the history of a matrix for the page: a strip of days for each combo, and the list of states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from knowngood.model import CellState, History, JudgedRun, State, Status
from knowngood.report.history import CellChange, Entry, combos, entries, release, sentence
from knowngood.report.html.links import Anchors, Link
from knowngood.report.html.rows import Badge, status_badge, tone
from knowngood.report.text import count, shorten

MOST_ENTRIES = 100
"""States in the list; ``history.json`` has the others."""
MOST_OPEN = 5
"""Entries of the list that are not folded away."""
MOST_LINES = 12
"""Verdicts and releases listed for one state."""
MOST_STRIPS = 30
"""Combos up to which each has a strip; of more combos, only those whose verdict changed have one."""
MOST_SEGMENTS = 1000
"""Parts of all strips together."""
_SPOKEN = 8
"""Verdicts of one strip that its text names."""
_MESSAGE = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Consecutive days on which a combo had one verdict, or one verdict and one lock."""

    start: int
    """Days since the first day of the history."""
    days: int
    tone: str
    is_low: bool
    """Whether it is drawn low, so that a failure does not differ by its color alone."""
    text: str
    anchor: str
    """The state that it begins with; empty when the list does not have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """The days of a combo."""

    link: Link
    segments: tuple[Segment, ...]
    text: str
    """The strip in words."""
    badge: Badge | None
    """The verdict in the last state; None: the combo is gone."""
    since: str
    """The day from which on the combo has that verdict."""
    anchor: str
    """The state of that day; empty when the list does not have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A state in the list."""

    anchor: str
    days: str
    verdicts: str
    headline: str
    changes: tuple[tuple[Link, str, str], ...]
    """(cell, change in words, message) of the first verdicts that changed."""
    releases: tuple[tuple[str, str], ...]
    """(release in words, combos) of the first releases that moved."""
    more: str
    """What is not listed; empty: everything is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The history as the page shows it."""

    sentence: str
    first: str
    last: str
    days: int
    strips: tuple[Strip, ...]
    steady: str
    """How many combos have no strip, because their verdict never changed; empty: all have one."""
    listed: tuple[Item, ...]
    older: str
    """How many states the list does not have; empty: it has all."""
    most_open: int = MOST_OPEN


def view(history: History | None, judged: JudgedRun, anchors: Anchors) -> View | None:
    """Return the history as the page of a run shows it; None without one."""
    if history is None or not history.states:
        return None
    states = history.states
    listed = entries(history)
    shown = {entry.state.id: entry.anchor for entry in listed[:MOST_ENTRIES]}
    timelines = _timelines(states)
    changed = {combo for combo, line in timelines.items() if len(_merged(line, by_lock=False)) > 1}
    chosen = [combo for combo in timelines if len(timelines) <= MOST_STRIPS or combo in changed]
    probes = {cell.combo.id: cell.probe for cell in reversed(judged.cells)}
    links = {
        combo: Link(text=combo, anchor=anchors.of(combo, probes[combo]) if combo in probes else None)
        for combo in timelines
    }
    strips = tuple(_strips({combo: timelines[combo] for combo in chosen}, links, states, shown))
    left_out, older = len(timelines) - len(strips), len(listed) - MOST_ENTRIES
    return View(
        sentence=sentence(history),
        first=states[0].first,
        last=states[-1].last,
        days=_days(states[0].first, states[-1].last) + 1,
        strips=strips,
        steady=f"{count(left_out, 'other combo')} without a strip" if left_out else "",
        listed=tuple(_item(entry, links) for entry in listed[:MOST_ENTRIES]),
        older=f"{count(older, 'older state')} in history.json" if older > 0 else "",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    """A combo in one state."""

    state: State
    status: Status | None
    """The worst of its cells; None: it has none."""
    as_expected: bool | None
    lock: str

    @property
    def verdict(self) -> tuple[Status | None, bool]:
        return self.status, self.as_expected is False

    @property
    def words(self) -> str:
        if self.status is None:
            return "not in the matrix"
        return f"{self.status}{', unexpected' if self.as_expected is False else ''}"


def _timelines(states: Sequence[State]) -> dict[str, tuple[_Point, ...]]:
    """Return what each combo was in each state."""
    by_state = [_by_combo(state) for state in states]
    return {
        combo: tuple(_point(state, cells.get(combo, ())) for state, cells in zip(states, by_state, strict=True))
        for combo in combos(states)
    }


def _by_combo(state: State) -> dict[str, list[CellState]]:
    cells: dict[str, list[CellState]] = {}
    for cell in state.cells:
        cells.setdefault(cell.combo, []).append(cell)
    return cells


def _point(state: State, cells: Sequence[CellState]) -> _Point:
    if not cells:
        return _Point(state=state, status=None, as_expected=None, lock="")
    worst = min(cells, key=lambda cell: (cell.as_expected is not False, cell.status is Status.PASS))
    return _Point(state=state, status=worst.status, as_expected=worst.as_expected, lock=worst.lock)


def _merged(points: Sequence[_Point], *, by_lock: bool) -> list[list[_Point]]:
    """Return runs of consecutive points with one verdict, and with ``by_lock`` one lock."""
    return [list(run) for _, run in groupby(points, lambda point: (point.verdict, point.lock if by_lock else ""))]


def _strips(
    timelines: dict[str, tuple[_Point, ...]], links: dict[str, Link], states: Sequence[State], shown: dict[str, str]
) -> Iterator[Strip]:
    by_lock = sum(len(_merged(line, by_lock=True)) for line in timelines.values()) <= MOST_SEGMENTS
    room = MOST_SEGMENTS
    for combo, line in timelines.items():
        runs, verdicts = _merged(line, by_lock=by_lock), _merged(line, by_lock=False)
        room -= len(runs)
        if room < 0:
            return
        now = verdicts[-1][0]
        yield Strip(
            link=links[combo],
            segments=tuple(_segment(run, states[0].first, shown) for run in runs if run[0].status is not None),
            text=_spoken(combo, verdicts),
            badge=_badge(now),
            since=now.state.first,
            anchor=shown.get(now.state.id, ""),
        )


def _segment(run: Sequence[_Point], origin: str, shown: dict[str, str]) -> Segment:
    first, last = run[0].state.first, run[-1].state.last
    status = run[0].status
    assert status is not None, "days without the combo have no segment"
    return Segment(
        start=_days(origin, first),
        days=_days(first, last) + 1,
        tone=tone(status),
        is_low=status is not Status.PASS,
        text=f"{' to '.join(dict.fromkeys((first, last)))}: {run[0].words}",
        anchor=shown.get(run[0].state.id, ""),
    )


def _spoken(combo: str, verdicts: Sequence[Sequence[_Point]]) -> str:
    parts = [f"{run[0].words} from {run[0].state.first} to {run[-1].state.last}" for run in verdicts[-_SPOKEN:]]
    earlier = f"{count(len(verdicts) - _SPOKEN, 'earlier change')}; " if len(verdicts) > _SPOKEN else ""
    return f"{combo}: {earlier}{'; '.join(parts)}"


def _badge(point: _Point) -> Badge | None:
    if point.status is None:
        return None
    badge = status_badge(point.status)
    unexpected = point.as_expected is False
    return Badge(
        glyph=badge.glyph,
        tone=badge.tone,
        text=point.status.upper()
        if unexpected
        else f"{badge.text}{'' if point.status is Status.PASS else ' (expected)'}",
        short=badge.short,
        unexpected=unexpected,
    )


def _item(entry: Entry, links: dict[str, Link]) -> Item:
    releases = entry.state.releases[:MOST_LINES]
    changes = entry.changes[:MOST_LINES]
    verdicts = len(entry.changes) - len(changes)
    others = len(entry.state.releases) - len(releases) + entry.state.more_releases
    more = [
        *([count(verdicts, "more verdict")] if verdicts else []),
        *([count(others, "more release")] if others else []),
    ]
    return Item(
        anchor=entry.anchor,
        days=entry.days,
        verdicts=entry.verdicts,
        headline=entry.headline,
        changes=tuple((_link(change, links), change.in_words, shorten(change.message, _MESSAGE)) for change in changes),
        releases=tuple((release(each), _names(each.combos)) for each in releases),
        more=", ".join(more),
    )


def _link(change: CellChange, links: dict[str, Link]) -> Link:
    known = links.get(change.combo)
    return Link(text=change.name, anchor=known.anchor if known else None)


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_LINES
    return ", ".join(names[:MOST_LINES]) + (f" and {more} more" if more > 0 else "")


def _days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days
