"""Extend the history of a matrix by what a run found: by a new state, or by a day where nothing changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from knowngood.judge.changes import compare, snapshots
from knowngood.model import Cell, CellState, History, JudgedRun, MovedRelease, Rebuilt, State, Status

MOST_RELEASES = 50
"""Moved releases that a state lists."""
_MESSAGE = 200
"""Characters of a message that a state keeps."""
_DIGITS = 8


def extended(
    history: History | None, now: JudgedRun, *, day: str, before: JudgedRun | None, before_day: str
) -> History:
    """Return the history with what a complete run of ``day`` found.

    ``before`` is the report that was published last, and ``before_day`` its day. A history that begins now begins with
    it. A run that is older than the last state changes nothing.
    """
    if history is None or not history.states:
        states = (_state(before, before_day, None, None),) if before is not None and _has_locks(before) else ()
        history = History(matrix=now.run.info.matrix, states=states)
    last = history.states[-1] if history.states else None
    if last is not None and day < last.last:
        return history
    if last is not None and _identities(last.cells) == _identities(cell_states(now)):
        return replace(history, states=(*history.states[:-1], replace(last, last=day)))
    return replace(history, states=(*history.states, _state(now, day, last, before)))


def _has_locks(judged: JudgedRun) -> bool:
    """Return whether a report names the locks of what passed: one of an older version of knowngood does not."""
    return all(cell.lock for cell in judged.cells if cell.verdict.status is Status.PASS)


def cell_states(judged: JudgedRun) -> tuple[CellState, ...]:
    """Return the state of each cell of a run, without those that ``--cover`` left out."""
    return tuple(_cell_state(cell) for cell in judged.cells if not cell.left_out)


def _cell_state(cell: Cell) -> CellState:
    return CellState(
        combo=cell.combo.id,
        probe=cell.probe,
        status=cell.verdict.status,
        phase=cell.verdict.phase,
        reason=cell.verdict.reason,
        as_expected=cell.as_expected,
        lock=cell.lock,
        message="" if cell.verdict.status is Status.PASS else cell.message.strip().split("\n")[0][:_MESSAGE],
    )


def _identities(cells: tuple[CellState, ...]) -> Mapping[tuple[str, str], tuple[object, ...]]:
    return {(cell.combo, cell.probe): cell.identity for cell in cells}


def _state(judged: JudgedRun, day: str, last: State | None, before: JudgedRun | None) -> State:
    cells = cell_states(judged)
    # The report beside a history may be of another state, for example after a merge of two branches.
    known = last is not None and before is not None and _identities(cell_states(before)) == _identities(last.cells)
    releases = _releases(before, judged) if known and before is not None else ()
    text = repr((last.id if last else "", day, sorted(map(repr, _identities(cells).items()))))
    return State(
        id=f"{day}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:_DIGITS]}",
        first=day,
        last=day,
        cells=cells,
        releases=releases[:MOST_RELEASES],
        more_releases=len(releases[MOST_RELEASES:]),
    )


def _releases(before: JudgedRun, now: JudgedRun) -> tuple[MovedRelease, ...]:
    """Return the packages that differ, those of most combos first."""
    combos: dict[tuple[str, str | None, str | None], dict[str, None]] = {}
    for change in compare(snapshots(before), snapshots(now)):
        for package in (*change.packages, *map(_rebuilt, change.rebuilt)):
            combos.setdefault(package, {})[change.combo] = None
    ordered = sorted(combos.items(), key=lambda item: (-len(item[1]), item[0][0]))
    return tuple(
        MovedRelease(package=package, before=old, after=new, combos=tuple(names))
        for (package, old, new), names in ordered
    )


def _rebuilt(rebuilt: Rebuilt) -> tuple[str, str, str]:
    """Return a distribution that has the version of before, with what tells its two builds apart."""
    what = "tree" if rebuilt.from_source else "files"
    before, after = (f"{rebuilt.version} ({what} {digest})" for digest in (rebuilt.before, rebuilt.after))
    return rebuilt.package, before, after
