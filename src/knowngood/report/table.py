"""Print the result table on a terminal: one row for each cell, in the order of the matrix."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from packaging.requirements import Requirement
from tabulate import tabulate

from knowngood import packages
from knowngood.model import UNDECIDED, Cell, Combo, JudgedRun, RunInfo, Status
from knowngood.report import coverage, words
from knowngood.report.text import columns, count, moment, plain, seconds, shorten, started, wrap

PACKAGE_RANKS = (3, 4, 6, 7, 9, 9)
"""The cause of a failure ranks in between: a reader misses it more than the version of a third package."""
MOST_PACKAGES = len(PACKAGE_RANKS)
MOST_METRICS = 2
VIOLATION = "!"
"""The mark after a version that violates the combo's own pin."""
ABSENT = "-"
VERDICT = "verdict"
"""The header of the column that says what came out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table, as raw text that a renderer escapes."""

    header: str
    values: tuple[str, ...]
    rank: int
    """Columns of rank 0 always stay; of the others, the one with the largest rank is left out first."""
    least: int | None = None
    """The width, in columns of a terminal, that it may be cut to; None: it is never cut."""
    right: bool = False
    """Whether it is aligned to the right."""

    @property
    def width(self) -> int:
        """Its width in columns of a terminal, uncut."""
        return max(columns(line) for text in (self.header, *self.values) for line in text.split("\n"))


def key_packages(judged: JudgedRun) -> tuple[str, ...]:
    """Return the packages that tell the combos of a run apart best, at most six.

    Packages whose installed versions differ come first; among them, and among the others, those that the steps of most
    combos name, and then those that they name in more ways. Chosen packages keep the order of the matrix. A package
    that is installed nowhere is not chosen, unless no other is. What was tested comes before all of them if its
    versions differ, or if the steps name nothing else.
    """
    tested = dict.fromkeys(project.name for cell in judged.cells for project in cell.tested)
    combos: dict[str, set[str]] = {}
    specifiers: dict[str, set[str]] = {}
    for cell in judged.cells:
        for requirement in named(cell.combo):
            name = packages.name_of(requirement)
            combos.setdefault(name, set()).add(cell.combo.id)
            specifiers.setdefault(name, set()).add(str(requirement.specifier))

    names = dict.fromkeys([*tested, *combos])
    versions = {name: {cell.installed[name] for cell in judged.cells if name in cell.installed} for name in names}

    def same(name: str) -> bool:
        return len(versions[name]) < 2

    first = [name for name in tested if not same(name) or not combos.keys() - tested][:MOST_PACKAGES]
    others = [name for name in combos if name not in first]
    candidates = [name for name in others if versions[name]] or ([] if first else others)

    def order(name: str) -> tuple[bool, int, int]:
        return same(name), -len(combos[name]), -len(specifiers[name])

    chosen = sorted(candidates, key=order)[: MOST_PACKAGES - len(first)]
    return (*first, *sorted((name for name in candidates if name in chosen), key=same))


def without_left_out(judged: JudgedRun) -> JudgedRun:
    """Return a judged run without the cells that ``--cover`` left out: of thousands, a sum says more."""
    return replace(judged, cells=tuple(cell for cell in judged.cells if not cell.left_out))


def named(combo: Combo) -> Iterator[Requirement]:
    """Yield the requirements of a combo's steps that name a package, in order."""
    return packages.requirements(text for step in combo.steps for text in step.requirements)


def key_metrics(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the numbers that the probes of most cells report, at most two, in the order they were recorded.

    Among equally frequent numbers rates come first, then durations; and then the last ones recorded, since a probe does
    its real work at the end.
    """
    counts: dict[str, int] = {}
    for cell in cells:
        for name in (name for check in cell.checks for name in check.metrics if _is_number(cell.metrics.get(name))):
            counts[name] = counts.get(name, 0) + 1
    names = list(counts)
    chosen = sorted(names, key=lambda name: (-counts[name], _kind(name), -names.index(name)))[:MOST_METRICS]
    return tuple(name for name in names if name in chosen)


def _kind(metric: str) -> int:
    if metric.endswith("_per_second"):
        return 0
    return 1 if metric.endswith("seconds") else 2


def columns_of(judged: JudgedRun) -> tuple[Column, ...]:
    """Return the columns of the result table, from left to right; every column has a value for each cell."""
    cells = judged.cells
    several_pythons = len({cell.python for cell in cells}) > 1
    several_probes = len({cell.probe for cell in cells}) > 1
    # Where each combo has one probe, the combo alone identifies a row.
    identifies = any(len(cell.combo.probes) > 1 for cell in cells)
    table = [Column(header="combo", values=tuple(cell.combo.id for cell in cells), rank=0, least=12)]
    if several_probes:
        probes = tuple(cell.probe for cell in cells)
        table.append(
            Column(header="probe", values=probes, rank=0 if identifies else 9, least=8 if identifies else None)
        )
    pythons = tuple(cell.python for cell in cells)
    table.append(Column(header="python", values=pythons, rank=2 if several_pythons else 9))
    for rank, name in zip(PACKAGE_RANKS, key_packages(judged), strict=False):
        table.append(Column(header=name, values=tuple(installed(cell, name) for cell in cells), rank=rank))
    table.append(Column(header=VERDICT, values=tuple(words.marked_verdict(cell) for cell in cells), rank=0, least=10))
    ages = tuple(age(cell, judged.run.info) for cell in cells)
    if any(ages):
        table.append(Column(header="reused", values=ages, rank=1, right=True))
    why = tuple(words.why(cell) for cell in cells)
    if any(why):
        table.append(Column(header="why", values=why, rank=5, least=16))
    passing = [cell for cell in cells if cell.verdict.status is Status.PASS]
    for rank, name in enumerate(key_metrics(passing or cells), start=10):
        values = tuple(metric(cell, name) for cell in cells)
        table.append(Column(header=name.replace("_", " "), values=values, rank=rank, right=True))
    # A reused verdict took its time in another run.
    totals = [0.0 if cell.reused else total_seconds(cell) for cell in cells]
    if any(totals):
        times = tuple(seconds(total) if total else ABSENT for total in totals)
        table.append(Column(header="time", values=times, rank=8, right=True))
    return tuple(table)


def installed(cell: Cell, package: str) -> str:
    """Return the installed version of a package, marked where it violates the combo's own pin."""
    version = cell.installed.get(package, ABSENT)
    violated = any(drift.package == package and drift.violates for drift in cell.drift)
    return f"{version} {VIOLATION}" if violated else version


def metric(cell: Cell, name: str) -> str:
    """Return a metric of a cell; a fraction has three significant digits."""
    value = cell.metrics.get(name)
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.0f}" if 100 <= abs(value) < 1e15 else f"{value:.3g}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def total_seconds(cell: Cell) -> float:
    """Return the seconds that a cell took in all; what the cells of a combo share is counted in each of them."""
    spent = cell.seconds
    return spent.resolve + spent.create + spent.install + spent.probe


def age(cell: Cell, info: RunInfo) -> str:
    """Return the age of a reused verdict when its run began: ``3d``, ``5h``, ``12m``; else nothing.

    A verdict of the same run is shared by combos with one lock: then it is ``as COMBO``.
    """
    if cell.reused is None:
        return ""
    if cell.reused.run == info.id:
        return f"as {cell.reused.combo}"
    begun, recorded = started(info), moment(cell.reused.recorded)
    if begun is None or recorded is None:
        return "?"
    elapsed = (begun - recorded).total_seconds()
    days, hours, minutes = int(elapsed // 86400), int(elapsed // 3600), max(0, int(elapsed // 60))
    return f"{days}d" if days > 0 else f"{hours}h" if hours > 0 else f"{minutes}m"


GAP = 2
"""Columns of a terminal between two columns of a table."""
HEADER = 12
"""The longest header that is not broken between its words."""


def fit(table: Sequence[Column], width: int | None) -> tuple[Column, ...]:
    """Return the columns that fit into ``width``, in order, as plain text; all of them when ``width`` is None.

    Columns enter by rank, each if there is room for it. Those of rank 0 always stay, and are cut when even they are
    too wide together: the result fits every width from the sum of their ``least`` on.
    """
    table = [replace(column, header=broken(column.header), values=tuple(map(plain, column.values))) for column in table]
    if width is None:
        return tuple(table)
    kept = [column for column in table if not column.rank]
    for column in sorted((column for column in table if column.rank), key=lambda column: column.rank):
        if sum(map(_floor, [*kept, column])) + GAP * len(kept) <= width:
            kept.append(column)
    return _squeezed([column for column in table if column in kept], width)


def _floor(column: Column) -> int:
    """Return the width that a column needs to enter: a column of rank 0 is not cut to let another one in."""
    return min(column.width, column.least) if column.rank and column.least else column.width


def _squeezed(kept: Sequence[Column], width: int) -> tuple[Column, ...]:
    """Cut the columns that may be cut, those with the largest rank first, until all fit."""
    over = sum(column.width for column in kept) + GAP * (len(kept) - 1) - width
    cut = list(kept)
    for index in sorted(range(len(cut)), key=lambda index: (-cut[index].rank, -cut[index].width)):
        column = cut[index]
        spare = min(over, column.width - (column.least or column.width))
        if spare > 0:
            values = tuple(shorten(value, column.width - spare) for value in column.values)
            cut[index] = replace(column, values=values)
            over -= spare
    return tuple(cut)


def broken(header: str) -> str:
    """Return a header as plain lines of at most twelve columns, broken only after hyphens and at spaces."""
    parts = plain(header).replace("-", "-\0").replace(" ", "\0").split("\0")
    lines = [""]
    for part in parts:
        joint = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if lines[-1] and columns(lines[-1] + joint + part) > HEADER:
            lines.append(part)
        else:
            lines[-1] += joint + part
    return "\n".join(lines)


Paint: TypeAlias = Callable[[str, Cell], str]
"""Colors a text about a cell by what the cell means; it adds no visible character."""


def unpainted(text: str, _: Cell) -> str:
    """Return ``text`` as it is: for files and pipes."""
    return text


def render(
    judged: JudgedRun,
    *,
    width: int | None = None,
    most: int | None = None,
    only_failed: bool = False,
    paint: Paint = unpainted,
) -> str:
    """Return the table and a legend of its marks, ending in a newline.

    Of more than ``most`` rows, those stay that are not as expected, then what was not decided, then other failures;
    a line says what was left out. ``only_failed`` leaves out what passed as it was expected to.

    With ``width`` no line is wider, from 24 columns on, or 36 where combos have several probes: less important columns
    are left out and long texts are cut, but what identifies a row and its verdict always stay.
    """
    judged = without_left_out(judged)
    if not judged.cells:
        return "no cells\n"
    shown = _shown(judged.cells, most, only_failed=only_failed)
    if not shown:
        return "no cell failed\n"
    kept = fit([_rows(column, shown) for column in columns_of(judged)], width)
    # Headers are passed as rows because tabulate makes every column two wider than its header.
    heads = [column.header for column in kept]
    rules = ["-" * column.width for column in kept]
    cells = [judged.cells[index] for index in shown]
    values = [tuple(map(paint, column.values, cells)) if column.header == VERDICT else column.values for column in kept]
    grid = tabulate(
        [heads, rules, *zip(*values, strict=True)],
        tablefmt="plain",
        disable_numparse=True,  # otherwise version 1.10 is printed as 1.1
        colalign=["right" if column.right else "left" for column in kept],
    )
    lines = [line.rstrip() for line in grid.splitlines()]
    return "\n".join([*lines, *_left_out(judged, shown, width), *_legend(judged, kept, width)]) + "\n"


def _shown(cells: Sequence[Cell], most: int | None, *, only_failed: bool) -> Sequence[int]:
    """Return the places of the cells that a table shows, in order."""
    places = [place for place, cell in enumerate(cells) if not (only_failed and _clean(cell))]
    if most is None or len(places) <= most:
        return places
    return sorted(sorted(places, key=lambda place: _rank(cells[place]))[:most])


def _clean(cell: Cell) -> bool:
    return cell.verdict.status is Status.PASS and cell.as_expected is not False


def _rank(cell: Cell) -> int:
    if cell.as_expected is not True:
        return 0 if cell.as_expected is False else 1
    return 3 if _clean(cell) else 2


def _rows(column: Column, places: Sequence[int]) -> Column:
    return replace(column, values=tuple(column.values[place] for place in places))


def _left_out(judged: JudgedRun, shown: Sequence[int], width: int | None) -> list[str]:
    """Return a line about the cells that have no row: how many of each verdict."""
    places = set(shown)
    counts = Counter(words.verdict(cell) for place, cell in enumerate(judged.cells) if place not in places)
    if not counts:
        return []
    listed = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    return wrap(f"{count(counts.total(), 'more cell')} without a row: {plain(listed)}", width or 120, most=2)


def _legend(judged: JudgedRun, kept: Sequence[Column], width: int | None) -> list[str]:
    notes = []
    if any(value.endswith(f" {VIOLATION}") for column in kept for value in column.values):
        notes.append(f"{VIOLATION} the installed version violates the combo's own pin")
    if any(cell.works_against_metadata for cell in judged.cells):
        notes.append(f"{words.AGAINST_METADATA_MARK} {words.AGAINST_METADATA_NOTE}")
    statuses = {cell.verdict.status for cell in judged.cells}
    undecided = [status for status in Status if status in UNDECIDED and status in statuses]
    if undecided:
        notes.append(f"{', '.join(undecided)}: {words.UNTESTED}, {words.UNDECIDED_NOTE}")
    if judged.coverage and judged.coverage.not_run:
        notes.append(coverage.left_out(judged.coverage))
    return ["", *(line for note in notes for line in wrap(note, width or 120, most=4))] if notes else []
