"""Choose the columns of a table of cells, each as text and with a rank that says how much a reader would miss it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.model import Cell, Combo, JudgedRun, RunInfo, Status
from knowngood.report import words
from knowngood.report.text import columns, moment, seconds, started

PACKAGE_RANKS = (3, 4, 6, 7, 9, 9)
"""The cause of a failure ranks in between: a reader misses it more than the version of a third package."""
MOST_PACKAGES = len(PACKAGE_RANKS)
MOST_METRICS = 2
VIOLATION = "!"
"""The mark behind a version that violates the combo's own pin."""
ABSENT = "-"


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
    that is installed nowhere is not chosen, unless no other is.
    """
    combos: dict[str, set[str]] = {}
    specifiers: dict[str, set[str]] = {}
    for cell in judged.cells:
        for requirement in named(cell.combo):
            name = packages.name_of(requirement)
            combos.setdefault(name, set()).add(cell.combo.id)
            specifiers.setdefault(name, set()).add(str(requirement.specifier))

    versions = {name: {cell.installed[name] for cell in judged.cells if name in cell.installed} for name in combos}
    candidates = [name for name in combos if versions[name]] or list(combos)

    def same(name: str) -> bool:
        return len(versions[name]) < 2

    def order(name: str) -> tuple[bool, int, int]:
        return same(name), -len(combos[name]), -len(specifiers[name])

    chosen = sorted(candidates, key=order)[:MOST_PACKAGES]
    return tuple(sorted((name for name in candidates if name in chosen), key=same))


def named(combo: Combo) -> Iterator[Requirement]:
    """Yield the requirements of a combo's steps that name a package, in order."""
    return packages.requirements(text for step in combo.steps for text in step)


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
    table.append(Column(header="verdict", values=tuple(words.verdict(cell) for cell in cells), rank=0, least=10))
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
