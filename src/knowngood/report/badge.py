"""Render the badge of a run, a few words and a color: as JSON for shields.io, and as an SVG."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement

from knowngood.model import Cell, JudgedRun
from knowngood.report.ci.outcome import TestOutcome, outcome_of, plain_name
from knowngood.report.summary import is_stale, oldest
from knowngood.report.text import columns, count, document, shorten, started

SCHEMA = 1
"""Version of the format of the endpoint."""

LONGEST_LABEL = 40


class Color(StrEnum):
    """A color of a badge, by its name at shields.io."""

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
    """Return the badge of a run as seen on ``today``; None: on the day of the run itself.

    That of a run that is out of date says how old it is, and has no color.
    """
    message, color = _result(judged)
    day = oldest(judged)
    if today is not None and day is not None and is_stale(judged, today):
        message, color = f"{message}; tested {count((today - day).days, 'day')} ago", Color.NONE
    elif started(judged.run.info) is None:
        message, color = f"{message}; date unknown", Color.NONE
    label = shorten(plain_name(judged.run.info.matrix), LONGEST_LABEL)
    return Badge(label=label, message=message, color=color)


def _result(judged: JudgedRun) -> tuple[str, Color]:
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        if not cell.left_out:
            combos.setdefault(cell.combo.id, []).append(cell)
    left_out = judged.coverage.not_run if judged.coverage else 0
    outcomes = {combo: {outcome_of(cell) for cell in cells} for combo, cells in combos.items()}
    unexpected = sum(TestOutcome.FAILED in found for found in outcomes.values())
    fulfilled = [combo for combo, found in outcomes.items() if found == {TestOutcome.PASSED}]
    against = sum(any(cell.works_against_metadata for cell in combos[combo]) for combo in fulfilled)
    passing = sum(all(cell.known_good for cell in combos[combo]) for combo in fulfilled)
    # The combos of shards that were not merged are undecided as well.
    elsewhere = {combo.id for combo in judged.run.elsewhere} - combos.keys()
    decided = unexpected + len(fulfilled)
    undecided = len(combos) - decided + len(elsewhere)
    if not decided:
        return ("undecided" if undecided else "no combos"), Color.NONE
    total = f"{decided} decided combos" if undecided else count(decided, "combo")
    rest = f"; {against} against metadata" if against else ""
    rest += f"; {undecided} undecided" if undecided else ""
    rest += f"; {left_out} not run" if left_out else ""
    if unexpected:
        return f"{unexpected} of {total} not as expected{rest}", Color.BAD
    if undecided:
        return f"{passing} of {total} pass, as expected{rest}", Color.PARTLY
    if passing == decided:
        return (f"{total} passes" if decided == 1 else f"all {total} pass") + rest, Color.GOOD
    return f"{passing} of {total} pass, as expected{rest}", Color.GOOD


PAINT: Mapping[Color, str] = {
    Color.GOOD: "#2b7a2b",
    Color.PARTLY: "#5c6b00",
    Color.BAD: "#b3261e",
    Color.NONE: "#616161",
}
"""Behind white text: darker than the colors of shields.io, on which white is hard to read."""
LABEL_PAINT = "#3c3c3c"

_HEIGHT, _BASE, _SIZE, _PADDING, _ROUND = 20, 14, 11, 6, 3
"""Pixels: height of the badge, baseline and size of its text, padding beside a text, radius of a corner."""
_NARROW = frozenset(" !'()*,./:;I[]fijlrt|")
_WIDE = frozenset("%@MWmw")
_FONT = "Verdana, DejaVu Sans, Geneva, sans-serif"


def render_svg(judged: JudgedRun, *, today: date | None = None) -> str:
    """Return the badge as an SVG document, ending in a newline; ``today`` is as for ``badge.badge``.

    Each text is fitted to a fixed width, whatever font a viewer shows it in.
    """
    shown = badge(judged, today=today)
    left, right = _room(shown.label), _room(shown.message)
    whole, title = left + right, f"{shown.label}: {shown.message}"
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(whole),
            "height": str(_HEIGHT),
            "viewBox": f"0 0 {whole} {_HEIGHT}",
            "role": "img",
            "aria-label": title,
        },
    )
    SubElement(root, "title").text = title
    box = {"width": str(whole), "height": str(_HEIGHT), "rx": str(_ROUND)}
    SubElement(root, "rect", box | {"fill": PAINT[shown.color]})
    # Only the left corners are round.
    corner, straight = f"{_ROUND} {_ROUND} 0 0 1", _HEIGHT - 2 * _ROUND
    around = f"M{left} 0v{_HEIGHT}H{_ROUND}a{corner} -{_ROUND} -{_ROUND}v-{straight}a{corner} {_ROUND} -{_ROUND}z"
    SubElement(root, "path", {"d": around, "fill": LABEL_PAINT})
    # A screen reader reads the title instead.
    texts = SubElement(
        root, "g", {"fill": "#fff", "font-family": _FONT, "font-size": str(_SIZE), "aria-hidden": "true"}
    )
    for start, room, text in ((0, left, shown.label), (left, right, shown.message)):
        fitted = {"textLength": str(room - 2 * _PADDING), "lengthAdjust": "spacingAndGlyphs"}
        SubElement(texts, "text", {"x": str(start + _PADDING), "y": str(_BASE)} | fitted).text = text
    return document(root)


def _room(text: str) -> int:
    """Return the width of a text in pixels, with its padding."""
    return round(sum(map(_width, text))) + 2 * _PADDING


def _width(letter: str) -> float:
    """Return the approximate width of a letter in Verdana, in pixels."""
    if letter in _NARROW:
        return 4.3
    if letter in _WIDE:
        return 10.5
    return 6.9 if letter.isascii() and not letter.isupper() else 7.7 * max(1, columns(letter))
