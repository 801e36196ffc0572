"""What a table of cells shows: its columns as text, each with how much a reader would miss it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.model import Cell, Combo, JudgedRun, Status
from knowngood.report import words
from knowngood.report.text import columns, seconds

PACKAGE_RANKS = (3, 4, 6, 7)
"""The cause of a failure comes between: it is missed more than the versions of a third package."""
MAX_PACKAGES = len(PACKAGE_RANKS)
MAX_METRICS = 2
CONTRADICTED = "!"
"""Behind a version that the combo's own pin rules out."""
ABSENT = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table: raw text, escaped by whoever prints it."""

    header: str
    values: tuple[str, ...]
    rank: int
    """How much it is missed: 0 always stays, the largest goes first."""
    least: int | None = None
    """Columns of a terminal that are enough for it; None: it is never cut."""
    right: bool = False

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes as it is."""
        return max(columns(line) for text in (self.header, *self.values) for line in text.split("\n"))


def key_packages(judged: JudgedRun) -> tuple[str, ...]:
    """Return the packages that most combos name themselves, at most four, in the order of the matrix.

    Of two that equally many name, the one that is asked for in more ways tells the combos better apart.
    """
    asked = asked_for(judged)
    chosen = sorted(asked, key=asked.__getitem__, reverse=True)[:MAX_PACKAGES]
    return tuple(name for name in asked if name in chosen)


def asked_for(judged: JudgedRun) -> Mapping[str, tuple[int, int]]:
    """Return, for each package that steps name, how many combos do and in how many ways, in the order of the matrix."""
    combos: dict[str, set[str]] = {}
    ways: dict[str, set[str]] = {}
    for cell in judged.cells:
        for requirement in named(cell.combo):
            name = packages.name_of(requirement)
            combos.setdefault(name, set()).add(cell.combo.id)
            ways.setdefault(name, set()).add(str(requirement.specifier))
    return {name: (len(combos[name]), len(ways[name])) for name in combos}


def named(combo: Combo) -> Iterator[Requirement]:
    """Yield the requirements of a combo's steps that name a package, in order."""
    return packages.requirements(text for step in combo.steps for text in step)


def key_metrics(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the numbers that the probes of most cells tell, at most two, in the order they were recorded.

    Of equals rates come first, then durations; and of those what was recorded last, as the real work comes last.
    """
    counts: dict[str, int] = {}
    for cell in cells:
        for name in (name for check in cell.checks for name in check.metrics if _is_number(cell.metrics.get(name))):
            counts[name] = counts.get(name, 0) + 1
    names = list(counts)
    chosen = sorted(names, key=lambda name: (-counts[name], _worth(name), -names.index(name)))[:MAX_METRICS]
    return tuple(name for name in names if name in chosen)


def _worth(metric: str) -> int:
    if metric.endswith("_per_second"):
        return 0
    return 1 if metric.endswith("seconds") else 2


def columns_of(judged: JudgedRun) -> tuple[Column, ...]:
    """Return the columns of the result table, from left to right; every column has a value for each cell."""
    cells = judged.cells
    several_pythons = len({cell.python for cell in cells}) > 1
    several_probes = len({cell.probe for cell in cells}) > 1
    # Where each combo has a probe of its own, the combo tells which.
    needed = any(len(cell.combo.probes) > 1 for cell in cells)
    found = [Column(header="combo", values=tuple(cell.combo.id for cell in cells), rank=0, least=12)]
    if several_probes:
        found.append(Column(header="probe", values=tuple(cell.probe for cell in cells), rank=1 if needed else 9))
    found.append(
        Column(header="python", values=tuple(cell.python for cell in cells), rank=2 if several_pythons else 9),
    )
    for rank, name in zip(PACKAGE_RANKS, key_packages(judged), strict=False):
        found.append(Column(header=name, values=tuple(installed(cell, name) for cell in cells), rank=rank))
    found.append(Column(header="verdict", values=tuple(words.verdict(cell) for cell in cells), rank=0, least=10))
    ages = tuple(words.age(cell, judged.run.info) for cell in cells)
    if any(ages):
        found.append(Column(header="cached", values=ages, rank=1, right=True))
    why = tuple(words.why(cell) for cell in cells)
    if any(why):
        found.append(Column(header="why", values=why, rank=5, least=16))
    passing = [cell for cell in cells if cell.verdict.status is Status.PASS]
    for rank, name in enumerate(key_metrics(passing or cells), start=10):
        values = tuple(metric(cell, name) for cell in cells)
        found.append(Column(header=name.replace("_", " "), values=values, rank=rank, right=True))
    # A reused verdict took its time in another run.
    totals = [0.0 if cell.reused else words.total_seconds(cell) for cell in cells]
    if any(totals):
        spent = tuple(seconds(total) if total else ABSENT for total in totals)
        found.append(Column(header="time", values=spent, rank=8, right=True))
    return tuple(found)


def installed(cell: Cell, package: str) -> str:
    """Return the installed version of a package, marked where the combo's own pin rules it out."""
    version = cell.installed.get(package, ABSENT)
    violated = any(drift.package == package and drift.violates for drift in cell.drift)
    return f"{version} {CONTRADICTED}" if violated else version


def metric(cell: Cell, name: str) -> str:
    """Return a metric of a cell in at most three significant digits past the whole ones."""
    value = cell.metrics.get(name)
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.0f}" if 100 <= abs(value) < 1e15 else f"{value:.3g}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
