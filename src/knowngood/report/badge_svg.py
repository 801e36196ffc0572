"""Render ``badge.svg``, the badge as a picture with enough contrast, and with a text for screen readers."""

from collections.abc import Mapping
from datetime import date
from xml.etree.ElementTree import Element, SubElement

from knowngood.model import JudgedRun
from knowngood.report.badge import Color, badge
from knowngood.report.text import columns
from knowngood.report.xml import document

PAINT: Mapping[Color, str] = {
    Color.GOOD: "#2b7a2b",
    Color.PARTLY: "#5c6b00",
    Color.BAD: "#b3261e",
    Color.NONE: "#616161",
}
"""Behind white text: darker than the colours of shields.io, on which white is hard to read."""
LABEL_PAINT = "#3c3c3c"

_HEIGHT, _BASE, _SIZE, _PADDING, _ROUND = 20, 14, 11, 6, 3
"""Pixels: height of the badge, baseline and size of its text, padding beside a text, radius of a corner."""
_NARROW = frozenset(" !'()*,./:;I[]fijlrt|")
_WIDE = frozenset("%@MWmw")
_FONT = "Verdana, DejaVu Sans, Geneva, sans-serif"


def render(judged: JudgedRun, *, today: date | None = None) -> str:
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
