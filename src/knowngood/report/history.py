"""Put the history of a matrix into words, for the page, ``matrix.md`` and the feed: what each state changed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowngood.model import CellState, History, MovedRelease, State, Status
from knowngood.report.text import count

MOST_NAMED = 3
"""Cells and releases that one line names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The verdict of a cell before a state or in it."""

    status: Status
    as_expected: bool | None

    def __str__(self) -> str:
        return f"{self.status}{'' if self.as_expected is not False else ', unexpected'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CellChange:
    """A cell whose verdict differs from that in the state before."""

    name: str
    """The combo, with the probe where the combo has several."""
    combo: str
    before: Verdict | None
    """None: there was no such cell."""
    after: Verdict | None
    """None: it is no longer there."""
    message: str = ""

    @property
    def in_words(self) -> str:
        """The change in words: ``pass -> fail``, ``new: pass``, ``gone``."""
        if self.before is None:
            return f"new: {self.after}"
        return f"{self.before} -> {self.after}" if self.after is not None else "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A state and what it changed."""

    state: State
    changes: tuple[CellChange, ...]
    """The verdicts that differ, regressions first."""
    locks: int
    """How many cells have another lock and the same verdict."""
    is_first: bool
    """Whether no state before it is known."""

    @property
    def anchor(self) -> str:
        """The anchor of the state on the page."""
        return f"state-{self.state.id}"

    @property
    def days(self) -> str:
        """The days of the state: ``2026-11-01 to 2026-11-24``, or the only one."""
        return " to ".join(dict.fromkeys((self.state.first, self.state.last)))

    @property
    def verdicts(self) -> str:
        """The verdicts of the state, counted: ``5 pass, 2 fail; 1 not as expected``."""
        statuses = Counter(cell.status for cell in self.state.cells)
        counts = ", ".join(f"{statuses[status]} {status}" for status in Status if statuses[status])
        unexpected = sum(cell.as_expected is False for cell in self.state.cells)
        return (counts or "no cells") + (f"; {unexpected} not as expected" if unexpected else "")

    @property
    def headline(self) -> str:
        """What changed, in a line: ``modern: pass -> fail, and 2 more verdicts``."""
        if self.is_first:
            return "the first state that is kept"
        named = ", ".join(f"{change.name}: {change.in_words}" for change in self.changes[:MOST_NAMED])
        more = len(self.changes) - MOST_NAMED
        verdicts = named + (f", and {count(more, 'more verdict')}" if more > 0 else "")
        if verdicts or not self.locks:
            return verdicts or "the same statuses, for other reasons"
        files = "" if self.state.releases else ": other files of the same releases"
        return f"no verdict changed, {count(self.locks, 'lock')} did{files}"

    @property
    def releases(self) -> str:
        """The releases that moved, in a line: ``numpy 2.3.4 -> 2.3.5, and 2 more``; empty for none."""
        listed = self.state.releases[:MOST_NAMED]
        named = ", ".join(map(release, listed))
        more = len(self.state.releases) - len(listed) + self.state.more_releases
        return named + (f", and {more} more" if more > 0 else "")


def release(moved: MovedRelease) -> str:
    """Return a moved release in words: ``numpy 2.3.4 -> 2.3.5``."""
    return f"{moved.package} {moved.before or 'absent'} -> {moved.after or 'absent'}"


def entries(history: History) -> tuple[Entry, ...]:
    """Return the states with what each changed, the newest first."""
    pairs = zip((None, *history.states[:-1]), history.states, strict=True)
    return tuple(reversed([_entry(before, state) for before, state in pairs]))


def _entry(before: State | None, state: State) -> Entry:
    old, new = _by_name(before), _by_name(state)
    return Entry(
        state=state,
        changes=tuple(sorted(_changes(old, new), key=_importance)) if before is not None else (),
        locks=sum(
            name in old and old[name].lock != cell.lock and _verdict(old[name]) == _verdict(cell)
            for name, cell in new.items()
        ),
        is_first=before is None,
    )


def _by_name(state: State | None) -> dict[str, CellState]:
    cells = state.cells if state is not None else ()
    probes = Counter(cell.combo for cell in cells)
    return {(f"{cell.combo} {cell.probe}" if probes[cell.combo] > 1 else cell.combo): cell for cell in cells}


def _changes(old: dict[str, CellState], new: dict[str, CellState]) -> Iterator[CellChange]:
    for name in {**new, **old}:
        before, after = old.get(name), new.get(name)
        verdicts = [_verdict(cell) if cell is not None else None for cell in (before, after)]
        cell = after or before
        if verdicts[0] != verdicts[1] and cell is not None:
            yield CellChange(
                name=name,
                combo=cell.combo,
                before=verdicts[0],
                after=verdicts[1],
                message=after.message if after else "",
            )


def _verdict(cell: CellState) -> Verdict:
    return Verdict(status=cell.status, as_expected=cell.as_expected)


def _importance(change: CellChange) -> int:
    """Return the place of a change: what is not as expected, then what fails, then the rest."""
    if change.after is None:
        return 3
    return 0 if change.after.as_expected is False else 1 if change.after.status is not Status.PASS else 2


def sentence(history: History) -> str:
    """Return the history in a sentence: ``3 states from 2026-11-01 to 2026-11-24``; empty without states."""
    if not history.states:
        return ""
    days = " to ".join(dict.fromkeys((history.states[0].first, history.states[-1].last)))
    older = f"; {count(history.dropped, 'older state')} dropped" if history.dropped else ""
    return f"{count(len(history.states), 'state')} from {days}{older}"


def combos(states: Sequence[State]) -> tuple[str, ...]:
    """Return the combos of the last state, in its order, then those of earlier states that are gone."""
    names = [cell.combo for state in reversed(states) for cell in state.cells]
    return tuple(dict.fromkeys(names))
