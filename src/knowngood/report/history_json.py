"""Write ``history.json``, the states of a published matrix, and read it back: strictly, because it is added to.

``history.schema.json`` describes the document. A state lists the cells that differ from those of the state before, so
that a diff of the file shows what changed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from typing import Any, ClassVar

from knowngood.errors import UsageError
from knowngood.model import CellState, History, MovedRelease, State
from knowngood.report.text import encoded_size, strict_json

FILE = "history.json"
"""The name of the file beside a published report."""
SCHEMA = 1
"""Version of the format; it changes when a reader of the old one would be wrong."""
MOST_STATES = 400
MOST_BYTES = 4_000_000
"""Bytes of the file. Of a history that has more, the oldest states are dropped; the last one always stays."""


def render(history: History) -> str:
    """Return the document as strict JSON, ending in a newline."""
    return strict_json(
        {
            "schema": SCHEMA,
            "matrix": history.matrix,
            "dropped": history.dropped,
            "states": list(_state_objects(history.states)),
        }
    )


def bounded(history: History) -> History:
    """Return the history without its oldest states, as many as it has beyond ``MOST_STATES`` and ``MOST_BYTES``."""
    history = _without(history, len(history.states) - MOST_STATES)
    while len(history.states) > 1 and (size := encoded_size(render(history))) > MOST_BYTES:
        beyond = (size - MOST_BYTES) * len(history.states) // size
        history = _without(history, min(max(1, beyond), len(history.states) - 1))
    return history


def _without(history: History, oldest: int) -> History:
    if oldest <= 0:
        return history
    return replace(history, states=history.states[oldest:], dropped=history.dropped + oldest)


def _state_objects(states: Iterable[State]) -> Iterator[dict[str, object]]:
    before: dict[tuple[str, str], CellState] = {}
    for state in states:
        cells = {(cell.combo, cell.probe): cell for cell in state.cells}
        yield {
            "id": state.id,
            "first": state.first,
            "last": state.last,
            "cells": [asdict(cell) for name, cell in cells.items() if before.get(name) != cell],
            "gone": [{"combo": combo, "probe": probe} for combo, probe in before if (combo, probe) not in cells],
            "releases": [asdict(each) for each in state.releases],
            "more_releases": state.more_releases,
        }
        before = cells


def loads(data: bytes, *, name: str) -> History:
    """Return the history in the text of a ``history.json``; ``name`` is what errors call the file.

    Raises ``UsageError`` for anything that this version would not have written: nothing of it may be lost when the
    file is written again.
    """
    from pydantic import ValidationError

    try:
        document: _Document = _adapter().validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise refused(name, ": ".join(filter(None, (where.removeprefix("."), first["msg"])))) from None
    if document.schema != SCHEMA:
        raise refused(name, f"its schema is {document.schema}; this version of knowngood reads schema {SCHEMA}")
    try:
        states = tuple(_states(document.states))
    except ValueError as error:
        raise refused(name, str(error)) from None
    return History(matrix=document.matrix, states=states, dropped=document.dropped)


def refused(name: str, cause: str) -> UsageError:
    """Return the error for a file that cannot be used as a history."""
    return UsageError(
        f"{name} cannot be read as a history, and it was left as it is",
        cause=cause,
        next_step="restore it, for example from git, or move it away: then a new history begins",
    )


_STRICT = {"extra": "forbid", "strict": True}
"""Pydantic applies it to the dataclasses of ``model`` inside as well: they have no settings of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Name:
    __pydantic_config__: ClassVar[Any] = _STRICT
    combo: str
    probe: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    __pydantic_config__: ClassVar[Any] = _STRICT
    id: str
    first: str
    last: str
    cells: tuple[CellState, ...]
    gone: tuple[_Name, ...]
    releases: tuple[MovedRelease, ...]
    more_releases: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    __pydantic_config__: ClassVar[Any] = _STRICT
    schema: int
    matrix: str
    dropped: int
    states: tuple[_State, ...]


@cache
def _adapter() -> Any:  # pydantic's own type would need an import of pydantic, which takes long
    from pydantic import TypeAdapter

    return TypeAdapter(_Document)


_ID = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{8}")
_LOCK = re.compile(r"([0-9a-f]{64})?")


def _states(read: Iterable[_State]) -> Iterator[State]:
    """Yield the states with all of their cells. Raises ``ValueError``: something in them does not fit together."""
    cells: dict[tuple[str, str], CellState] = {}
    ids: set[str] = set()
    before = ""
    for number, state in enumerate(read):
        where = f"states[{number}]"
        if not _ID.fullmatch(state.id) or state.id in ids:
            raise ValueError(f"{where}.id: {state.id!r:.40} is not the id of a state, or another state has it")
        if not before <= _day(state.first, where) <= _day(state.last, where):
            raise ValueError(f"{where}: its days are not in order")
        if state.more_releases < 0:
            raise ValueError(f"{where}.more_releases: it is negative")
        for name in state.gone:
            if cells.pop((name.combo, name.probe), None) is None:
                raise ValueError(f"{where}.gone: the state before has no cell {name.combo!r:.60}")
        for cell in state.cells:
            if not _LOCK.fullmatch(cell.lock):
                raise ValueError(f"{where}: the lock of {cell.combo!r:.60} is not a SHA-256")
            cells[cell.combo, cell.probe] = cell
        ids.add(state.id)
        before = state.last
        yield State(
            id=state.id,
            first=state.first,
            last=state.last,
            cells=tuple(cells.values()),
            releases=state.releases,
            more_releases=state.more_releases,
        )


def _day(text: str, where: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"{where}: {text!r:.40} is not a day such as 2026-11-24")
