"""Draw seconds over combos, both on logarithmic scales, as an SVG for light and dark pages. Pure."""

import math
from collections.abc import Mapping
from html import escape

Points = tuple[tuple[int, float], ...]
"""(combos, seconds) pairs, in order of combos."""

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 62, 56  # margins of the plot; the legend is in the top one

_STYLE = """
.page { fill: #ffffff } .grid { stroke: #d8dee4 } text { fill: #1f2328; font: 13px system-ui, sans-serif }
.l0 { --c: #0550ae } .l1 { --c: #bc4c00 } .l2 { --c: #1a7f37 } .l3 { --c: #8250df }
@media (prefers-color-scheme: dark) {
.page { fill: #161b22 } .grid { stroke: #3d444d } text { fill: #e6edf3 }
.l0 { --c: #6cb6ff } .l1 { --c: #f69d50 } .l2 { --c: #6bc46d } .l3 { --c: #dcbdfb }
}
.line { fill: none; stroke: var(--c); stroke-width: 2.5 } .mark { fill: var(--c) }
"""
_DASHES = ("", "7 4", "2 4", "10 3 2 3")  # make the lines distinct without colors


def render(lines: Mapping[str, Points], title: str) -> str:
    """Return the SVG with one curve for each of ``lines``, and their names in the legend.

    Raises ``ValueError`` without points, and for more than four lines.
    """
    sizes = [size for points in lines.values() for size, _ in points]
    seconds = [value for points in lines.values() for _, value in points]
    if not sizes or len(lines) > len(_DASHES):
        raise ValueError("a plot needs one to four lines with points")
    x = _Scale(min(sizes), max(sizes), _LEFT, _WIDTH - _RIGHT)
    y = _Scale(min(seconds), max(seconds), _HEIGHT - _BOTTOM, _TOP)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
    ]
    for decade in x.decades():
        at = x(decade)
        drawn += [
            f'<path class="grid" d="M{at} {_TOP}V{_HEIGHT - _BOTTOM}"/>',
            f'<text x="{at}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{decade:,.0f}</text>',
        ]
    for decade in y.decades():
        at = y(decade)
        drawn += [
            f'<path class="grid" d="M{_LEFT} {at}H{_WIDTH - _RIGHT}"/>',
            f'<text x="{_LEFT - 10}" y="{at + 4:.1f}" text-anchor="end">{decade:g}</text>',
        ]
    for index, (name, points) in enumerate(lines.items()):
        drawn += _line(index, name, [(x(size), y(value)) for size, value in points])
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    drawn += [
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 14}" text-anchor="middle">combos</text>',
        f'<text transform="translate(20 {middle}) rotate(-90)" text-anchor="middle">seconds</text>',
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


class _Scale:
    """Maps the decades around ``least`` and ``most`` to coordinates from ``start`` to ``end``."""

    def __init__(self, least: float, most: float, start: float, end: float) -> None:
        self._first = math.floor(math.log10(least))
        self._last = max(math.ceil(math.log10(most)), self._first + 1)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self._first) / (self._last - self._first)
        return round(self._start + share * (self._end - self._start), 1)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self._first, self._last + 1)]


def _line(index: int, name: str, points: list[tuple[float, float]]) -> list[str]:
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    dash = f' stroke-dasharray="{_DASHES[index]}"' if _DASHES[index] else ""
    left, top = _LEFT + index % 2 * 320, 22 + index // 2 * 20
    return [
        f'<g class="l{index}">',
        f'<path class="line"{dash} d="{path}"/>',
        *(f'<circle class="mark" cx="{x}" cy="{y}" r="4"/>' for x, y in points),
        f'<path class="line"{dash} d="M{left} {top}h34"/>',
        f'<text x="{left + 42}" y="{top + 4}">{escape(name)}</text>',
        "</g>",
    ]
