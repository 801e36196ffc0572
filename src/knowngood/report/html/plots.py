"""Prepare what the page draws: bar charts of numbers, durations and sizes, and maps of a matrix with axes.

Charts are SVG, described in words. Lengths along a chart are percentages of its width, so that it fits a phone and its
text is as large as the page's. A map has one axis down and one across; there is one for each value of the other axes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from knowngood.model import Cell, JudgedRun
from knowngood.report import words
from knowngood.report.html.links import Anchors
from knowngood.report.html.rows import Badge, badge, tone
from knowngood.report.text import brief, shorten, size

MOST_ROWS = 20
"""Bars of one chart; if there are more values, it has the largest."""
MOST_TIMES = 6
"""Kinds of durations with a chart, in the order in which the probes record them."""
ROW = 34
"""Height of a row in pixels."""
_TICKS = 16
"""Height of the labels of the ticks in pixels."""
_LABEL = 44
_FOREVER = 1e9
"""Seconds that nothing takes."""
DECADES = (-9, 0)
"""Powers of ten at the ends of a logarithmic scale: smaller values are noise of single precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One row: a label, a value, and the length of the bar."""

    glyph: str
    label: str
    value: str
    percent: str
    tone: str
    top: int
    """Pixels from the top of the chart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A labeled line across the bars."""

    percent: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A bar chart."""

    key: str
    """Tells its ids apart from those of the other charts."""
    title: str
    note: str
    """How to read it, or what it leaves out."""
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    """Empty for a scale that starts at zero."""
    height: int
    description: str
    """The whole chart in words."""

    @property
    def bars_height(self) -> int:
        """The height without the labels of the ticks, in pixels."""
        return self.height - _TICKS if self.ticks else self.height


@dataclass(frozen=True, kw_only=True, slots=True)
class _Value:
    """What a bar shows."""

    cell: Cell
    share: float
    """Its length, from 0 to 1."""
    text: str
    tone: str


def plots(judged: JudgedRun) -> tuple[Plot, ...]:
    """Return the charts that the run has data for: distances from the reference, durations, sizes of environments."""
    cells = judged.cells
    compared = [cell for cell in cells if cell.numbers and cell.numbers.finite]
    charts = []
    if any(cell.combo.id != judged.run.info.reference for cell in compared):
        charts.append(_logarithmic("cosine", "Cosine distance from the reference", compared, _cosine_distance))
        charts.append(_logarithmic("difference", "Largest difference of a component", compared, _difference))
    for number, name in enumerate(_durations(cells)):
        timed = [(cell, value) for cell in cells if (value := _duration(cell, name)) is not None]
        charts.append(_linear(f"time-{number}", _title(name), timed, brief))
    sizes = {facts.combo.id: facts.environment_bytes for facts in judged.run.combos}
    sized: dict[str, tuple[Cell, float]] = {}
    for cell in cells:
        if environment_bytes := sizes.get(cell.combo.id):
            sized.setdefault(cell.combo.id, (cell, float(environment_bytes)))
    if len(sized) > 1:
        charts.append(_linear("size", "Size of the environment", [*sized.values()], lambda value: size(round(value))))
    return tuple(charts)


def _durations(cells: Sequence[Cell]) -> list[str]:
    """Return the durations that at least two cells recorded, in the order in which they were recorded."""
    names = [
        name
        for cell in cells
        for check in cell.checks
        for name in check.metrics
        if name.endswith("seconds") and _duration(cell, name) is not None
    ]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1][:MOST_TIMES]


def _title(name: str) -> str:
    """Return ``Torch import`` for ``torch_import_seconds``."""
    return (name.removesuffix("seconds").replace("_", " ").strip() or "time").capitalize()


def _duration(cell: Cell, name: str) -> float | None:
    value = cell.metrics.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A chart has no place for NaN, nor for an integer that is larger than any float.
    return float(value) if 0 <= value < _FOREVER else None


def _cosine_distance(cell: Cell) -> float:
    return max(0.0, 1 - cell.numbers.cosine) if cell.numbers else 0.0


def _difference(cell: Cell) -> float:
    return abs(cell.numbers.difference) if cell.numbers else 0.0


def _linear(key: str, title: str, values: Sequence[tuple[Cell, float]], describe: Callable[[float], str]) -> Plot:
    kept, note = _largest(values)
    most = max((value for _, value in kept), default=0.0) or 1.0
    bars = [
        _Value(cell=cell, share=value / most, text=describe(value), tone=tone(cell.verdict.status))
        for cell, value in kept
    ]
    return _plot(key, title, note, bars, ())


def _logarithmic(key: str, title: str, cells: Sequence[Cell], measure: Callable[[Cell], float]) -> Plot:
    """Return a chart with the same logarithmic scale for all runs, so that harmless noise does not look large.

    A bar beyond the tolerance has the tone of a warning, whatever the verdict of its cell is.
    """
    low, high = DECADES
    kept, note = _largest([(cell, measure(cell)) for cell in cells])
    bars = [
        _Value(
            cell=cell,
            share=(math.log10(value) - low) / (high - low) if value > 0 else 0.0,
            text=f"{value:.1e}" if value else "0",
            tone="warn" if cell.numbers is not None and cell.numbers.moved else "good",
        )
        for cell, value in kept
    ]
    ticks = tuple(
        Tick(percent=_percent((power - low) / (high - low)), label=f"1e{power}") for power in range(low + 2, high, 2)
    )
    return _plot(key, title, " ".join(filter(None, ("Logarithmic scale.", note))), bars, ticks)


def _largest(values: Sequence[tuple[Cell, float]]) -> tuple[Sequence[tuple[Cell, float]], str]:
    """Return the values that a chart has room for, and a note if that is not all of them."""
    if len(values) <= MOST_ROWS:
        return values, ""
    largest = sorted(values, key=lambda pair: -pair[1])[:MOST_ROWS]
    return largest, f"The {MOST_ROWS} largest of {len(values)}."


def _plot(key: str, title: str, note: str, values: Sequence[_Value], ticks: tuple[Tick, ...]) -> Plot:
    bars = tuple(
        Bar(
            glyph=words.GLYPHS[value.cell.verdict.status],
            label=shorten(words.name(value.cell), _LABEL),
            value=value.text,
            percent=_percent(value.share),
            tone=value.tone,
            top=number * ROW,
        )
        for number, value in enumerate(values)
    )
    return Plot(
        key=key,
        title=title,
        note=note,
        bars=bars,
        ticks=ticks,
        height=len(bars) * ROW + (_TICKS if ticks else 0),
        description="; ".join(f"{bar.label} {bar.value}" for bar in bars),
    )


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.1f}%"


MOST_MAPS = 12
"""With more maps than this, the list of results is easier to read."""
MOST_ACROSS = 40
MOST_WORDS = 8
"""Columns of a map whose squares have room for words; in more, each is a glyph that has the words as its title."""
_PROBE = "probe"
_NOT_PACKAGES = ("python", "order", "installer", "resolution", "as-of", "extras", "with")
"""Axes that make a map each rather than span one; so do variables, ``env.NAME``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    """The result of one probe at a point of a map."""

    anchor: str
    badge: Badge
    probe: str
    """Empty where all cells of the map have one probe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapRow:
    """One row of a map."""

    label: str
    points: tuple[tuple[Square, ...], ...]
    """A square for each probe; none: not tested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """One table of squares."""

    facet: str
    """What its squares have in common besides the two axes, such as ``python 3.12``; empty for the only map."""
    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[MapRow, ...]

    @property
    def compact(self) -> bool:
        """Whether a square is a glyph without words."""
        return len(self.columns) > MOST_WORDS


def maps(cells: Sequence[Cell], anchors: Anchors) -> tuple[Map, ...]:
    """Return the maps of a run, grid by grid; none of a grid unless at least two axes vary, or with too many values."""
    exact = _exact(cells)
    placed = [
        ({**_labels(cell, exact), _PROBE: cell.probe}, cell, anchor)
        for cell, anchor in zip(cells, anchors.ids, strict=True)
        if cell.combo.axes
    ]
    grids = dict.fromkeys(cell.combo.grid for _, cell, _ in placed)
    return tuple(made for grid in grids for made in _maps([place for place in placed if place[1].combo.grid == grid]))


def _exact(cells: Sequence[Cell]) -> dict[tuple[int | None, str, str], set[str]]:
    """Return the exact versions that each value of an axis became, by grid, axis and value."""
    exact: dict[tuple[int | None, str, str], set[str]] = {}
    for cell in cells:
        versions = dict(cell.combo.versions)
        for axis, value in cell.combo.axes:
            exact.setdefault((cell.combo.grid, axis, value), set()).update({versions[axis]} if axis in versions else ())
    return exact


def _labels(cell: Cell, exact: Mapping[tuple[int | None, str, str], set[str]]) -> dict[str, str]:
    """Return what each axis of a combo is called: its value, and the version that it became if there is only one."""
    labels = {}
    for axis, value in cell.combo.axes:
        versions = exact[cell.combo.grid, axis, value]
        labels[axis] = f"{value} ({next(iter(versions))})" if len(versions) == 1 else value
    return labels


def _is_setting(axis: str) -> bool:
    return axis in _NOT_PACKAGES or axis.startswith("env.")


def _maps(placed: Sequence[tuple[dict[str, str], Cell, str]]) -> tuple[Map, ...]:
    """Return the maps of one grid."""
    values: dict[str, dict[str, None]] = {}
    for point, _, _ in placed:
        for axis, value in point.items():
            values.setdefault(axis, {})[value] = None
    varying = [axis for axis in values if len(values[axis]) > 1]
    spanning = sorted((axis for axis in varying if axis != _PROBE), key=_is_setting)[:2]
    if len(spanning) < 2:
        return ()
    down, across = spanning
    if len(values[across]) > len(values[down]) and len(values[across]) > MOST_ACROSS:
        down, across = across, down
    facets = [axis for axis in varying if axis not in spanning and axis != _PROBE]
    by_facet: dict[str, dict[tuple[str | None, str | None], list[Square]]] = {}
    for point, cell, anchor in placed:
        facet = ", ".join(f"{axis} {point[axis]}" for axis in facets if axis in point)
        square = Square(anchor=anchor, badge=badge(cell), probe=cell.probe if _PROBE in varying else "")
        by_facet.setdefault(facet, {}).setdefault((point.get(down), point.get(across)), []).append(square)
    if len(by_facet) > MOST_MAPS or len(values[across]) > MOST_ACROSS:
        return ()
    return tuple(
        Map(
            facet=facet,
            down=down,
            across=across,
            columns=tuple(values[across]),
            rows=tuple(
                MapRow(label=row, points=tuple(tuple(squares.get((row, column), ())) for column in values[across]))
                for row in values[down]
            ),
        )
        for facet, squares in by_facet.items()
    )
