"""``badge.svg``: the badge as a picture, readable by screen readers, and with enough contrast for everybody else."""

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
"""Behind white text: darker than those of shields.io, on which white is hard to read."""
LABEL_PAINT = "#3c3c3c"

_HEIGHT, _BASE, _SIZE, _PADDING, _ROUND = 20, 14, 11, 6, 3
"""Pixels: of the badge, of the line that its text stands on, of a letter, beside a text, of a corner."""
_NARROW = frozenset(" !'()*,./:;I[]fijlrt|")
_WIDE = frozenset("%@MWmw")
_FONT = "Verdana, DejaVu Sans, Geneva, sans-serif"


def render(judged: JudgedRun, *, today: date | None = None) -> str:
    """Return the badge as an SVG document, ending in a newline; ``today`` is as for ``badge.badge``.

    Each text is fitted to the width that is set aside for it, whatever font it is shown in.
    """
    shown = badge(judged, today=today)
    left, right = _room(shown.label), _room(shown.message)
    whole, told = left + right, f"{shown.label}: {shown.message}"
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(whole),
            "height": str(_HEIGHT),
            "viewBox": f"0 0 {whole} {_HEIGHT}",
            "role": "img",
            "aria-label": told,
        },
    )
    SubElement(root, "title").text = told
    box = {"width": str(whole), "height": str(_HEIGHT), "rx": str(_ROUND)}
    SubElement(root, "rect", box | {"fill": PAINT[shown.color]})
    # Round on its left side only.
    corner, straight = f"{_ROUND} {_ROUND} 0 0 1", _HEIGHT - 2 * _ROUND
    around = f"M{left} 0v{_HEIGHT}H{_ROUND}a{corner} -{_ROUND} -{_ROUND}v-{straight}a{corner} {_ROUND} -{_ROUND}z"
    SubElement(root, "path", {"d": around, "fill": LABEL_PAINT})
    # A screen reader says the title instead.
    texts = SubElement(
        root, "g", {"fill": "#fff", "font-family": _FONT, "font-size": str(_SIZE), "aria-hidden": "true"}
    )
    for start, room, text in ((0, left, shown.label), (left, right, shown.message)):
        fitted = {"textLength": str(room - 2 * _PADDING), "lengthAdjust": "spacingAndGlyphs"}
        SubElement(texts, "text", {"x": str(start + _PADDING), "y": str(_BASE)} | fitted).text = text
    return document(root)


def _room(text: str) -> int:
    """Return the pixels to set aside for a text, those beside it too."""
    return round(sum(map(_width, text))) + 2 * _PADDING


def _width(letter: str) -> float:
    """Return about how many pixels a letter takes in Verdana."""
    if letter in _NARROW:
        return 4.3
    if letter in _WIDE:
        return 10.5
    return 6.9 if letter.isascii() and not letter.isupper() else 7.7 * max(1, columns(letter))
