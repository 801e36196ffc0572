"""Render ``badge.json``, a run in a few words and a colour, as an endpoint of shields.io reads it."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from knowngood.model import Cell, JudgedRun, Status
from knowngood.report.ci.outcome import TestOutcome, outcome_of, plain_name
from knowngood.report.text import count, shorten, started

SCHEMA = 1
"""Version of the format of the endpoint."""

FRESH_DAYS = 30
"""The badge of an older run says how old it is, and loses its colour."""

LONGEST_LABEL = 40


class Color(StrEnum):
    """A colour of a badge, by its name at shields.io."""

    GOOD = "green"
    """Everything is decided and as expected."""
    PARTLY = "yellowgreen"
    """Everything that is decided is as expected."""
    BAD = "red"
    """Something is not as expected; never because something is undecided."""
    NONE = "lightgrey"
    """Nothing is decided, or the run is too old."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """The content of a badge: plain text on one line each."""

    label: str
    message: str
    color: Color


def render(judged: JudgedRun, *, today: date | None = None) -> str:
    """Return the badge as JSON in ASCII, ending in a newline; ``today`` is as for ``badge``."""
    shown = badge(judged, today=today)
    document = {"schemaVersion": SCHEMA, "label": shown.label, "message": shown.message, "color": shown.color}
    return json.dumps(document, indent=2) + "\n"


def badge(judged: JudgedRun, *, today: date | None = None) -> Badge:
    """Return the badge of a run as seen on ``today``; None: on the day of the run itself."""
    message, color = _result(judged)
    start = started(judged.run.info)
    age = (today - start.date()).days if today and start else 0
    if age > FRESH_DAYS:
        message, color = f"{message}; tested {count(age, 'day')} ago", Color.NONE
    elif start is None:
        message, color = f"{message}; date unknown", Color.NONE
    label = shorten(plain_name(judged.run.info.matrix), LONGEST_LABEL)
    return Badge(label=label, message=message, color=color)


def _result(judged: JudgedRun) -> tuple[str, Color]:
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    outcomes = {combo: {outcome_of(cell) for cell in cells} for combo, cells in combos.items()}
    unexpected = sum(TestOutcome.FAILED in found for found in outcomes.values())
    fulfilled = [combo for combo, found in outcomes.items() if found == {TestOutcome.PASSED}]
    passing = sum(all(cell.verdict.status is Status.PASS for cell in combos[combo]) for combo in fulfilled)
    # The combos of shards that were not merged are undecided, too.
    elsewhere = {combo.id for combo in judged.run.elsewhere} - combos.keys()
    decided = unexpected + len(fulfilled)
    undecided = len(combos) - decided + len(elsewhere)
    if not decided:
        return ("undecided" if undecided else "no combos"), Color.NONE
    total = f"{decided} decided combos" if undecided else count(decided, "combo")
    rest = f"; {undecided} undecided" if undecided else ""
    if unexpected:
        return f"{unexpected} of {total} not as expected{rest}", Color.BAD
    if undecided:
        return f"{passing} of {total} pass, as expected{rest}", Color.PARTLY
    if passing == decided:
        return f"{total} passes" if decided == 1 else f"all {total} pass", Color.GOOD
    return f"{passing} of {total} pass, as expected", Color.GOOD
