"""What people would rather look than read, as geometry that the page draws as SVG, each with its text alternative.

Lengths along a plot are in percent of its width, so that it fits a phone and its text stays as large as the page's.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowngood.model import Cell, JudgedRun
from knowngood.report import words
from knowngood.report.html.badge import tone
from knowngood.report.text import brief, shorten, size

MOST_ROWS = 20
"""Rows of one plot: of more, the largest are drawn."""
MOST_TIMES = 6
"""Kinds of durations that are drawn, in the order in which the probes record them."""
ROW = 34
"""Pixels that a row is high."""
_LABEL = 44
_FOREVER = 1e9
"""Seconds that nothing takes."""
DECADES = (-9, 0)
"""Powers of ten at the ends of a logarithmic scale: what is smaller is noise of single precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One row: a label, a value, and how far it reaches."""

    glyph: str
    label: str
    value: str
    percent: str
    tone: str
    top: int
    """Pixels from the top of the plot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """Bars below a title."""

    key: str
    """Tells its ids apart from those of the other plots."""
    title: str
    note: str
    """How to read it, or what is not drawn."""
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[str, str], ...]
    """(percent, label) of lines across; only where the scale is not from nought."""
    height: int
    says: str
    """All of it in words."""


def plots(judged: JudgedRun) -> tuple[Plot, ...]:
    """Return the plots that there are data for: distances from the reference, durations, sizes of environments."""
    cells = judged.cells
    compared = [cell for cell in cells if cell.numbers and cell.numbers.finite]
    away = [cell for cell in compared if cell.combo.id != judged.run.info.reference]
    found = []
    if away:
        found.append(_logarithmic("cosine", "Cosine distance from the reference", compared, _cosine_distance))
        found.append(_logarithmic("difference", "Largest difference of a component", compared, _difference))
    for number, name in enumerate(_durations(cells)):
        timed = [(cell, value) for cell in cells if (value := _number(cell, name)) is not None]
        found.append(_linear(f"time-{number}", _title(name), timed, brief))
    sizes = {facts.combo.id: facts.environment_bytes for facts in judged.run.combos}
    sized: dict[str, tuple[Cell, float]] = {}
    for cell in cells:
        if measured := sizes.get(cell.combo.id):
            sized.setdefault(cell.combo.id, (cell, float(measured)))
    if len(sized) > 1:
        found.append(_linear("size", "Size of the environment", list(sized.values()), lambda value: size(round(value))))
    return tuple(found)


def _durations(cells: Sequence[Cell]) -> list[str]:
    """Return the durations that at least two cells tell, in the order they were recorded."""
    names = [
        name
        for cell in cells
        for check in cell.checks
        for name in check.metrics
        if name.endswith("seconds") and _number(cell, name) is not None
    ]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1][:MOST_TIMES]


def _title(name: str) -> str:
    """Return ``Torch import`` for ``torch_import_seconds``."""
    return (name.removesuffix("seconds").replace("_", " ").strip() or "time").capitalize()


def _number(cell: Cell, name: str) -> float | None:
    value = cell.metrics.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither nan nor an integer beyond all floats has a place on a plot.
    return float(value) if 0 <= value < _FOREVER else None


def _cosine_distance(cell: Cell) -> float:
    return max(0.0, 1 - cell.numbers.cosine) if cell.numbers else 0.0


def _difference(cell: Cell) -> float:
    return abs(cell.numbers.difference) if cell.numbers else 0.0


def _linear(key: str, title: str, values: Sequence[tuple[Cell, float]], told: Callable[[float], str]) -> Plot:
    kept, note = _kept(values)
    most = max((value for _, value in kept), default=0.0) or 1.0
    rows = [(cell, value / most, told(value), tone(cell.verdict.status)) for cell, value in kept]
    return _plot(key, title, note, rows, ())


def _logarithmic(key: str, title: str, cells: Sequence[Cell], measure: Callable[[Cell], float]) -> Plot:
    """Return a plot with a logarithmic scale, the same for all runs, so that harmless noise does not look large.

    A bar is in the tone of a warning where it is beyond the tolerance, whatever became of the cell otherwise.
    """
    low, high = DECADES
    kept, note = _kept([(cell, measure(cell)) for cell in cells])
    rows = []
    for cell, value in kept:
        reach = (math.log10(value) - low) / (high - low) if value > 0 else 0.0
        moved = cell.numbers is not None and cell.numbers.moved
        rows.append((cell, reach, f"{value:.1e}" if value else "0", "warn" if moved else "good"))
    ticks = tuple((_percent((at - low) / (high - low)), f"1e{at}") for at in range(low + 2, high, 2))
    return _plot(key, title, " ".join(filter(None, ("Logarithmic scale.", note))), rows, ticks)


def _kept(values: Sequence[tuple[Cell, float]]) -> tuple[Sequence[tuple[Cell, float]], str]:
    if len(values) <= MOST_ROWS:
        return values, ""
    largest = sorted(values, key=lambda one: -one[1])[:MOST_ROWS]
    return largest, f"The {MOST_ROWS} largest of {len(values)}."


def _plot(
    key: str, title: str, note: str, rows: Sequence[tuple[Cell, float, str, str]], ticks: tuple[tuple[str, str], ...]
) -> Plot:
    bars = tuple(
        Bar(
            glyph=words.GLYPHS[cell.verdict.status],
            label=shorten(words.name(cell), _LABEL),
            value=value,
            percent=_percent(reach),
            tone=colour,
            top=number * ROW,
        )
        for number, (cell, reach, value, colour) in enumerate(rows)
    )
    return Plot(
        key=key,
        title=title,
        note=note,
        bars=bars,
        ticks=ticks,
        height=len(bars) * ROW + (16 if ticks else 0),
        says="; ".join(f"{bar.label} {bar.value}" for bar in bars),
    )


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.1f}%"
