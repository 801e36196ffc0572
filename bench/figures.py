"""Define the figures of the benchmark: what each compares, and its limit. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from bench.measure import Sample

Series = Mapping[str, Sequence[Sample]]
"""Name of what was measured -> one sample per round."""

FLOOR = "floor: the probes alone, environments built and compiled"
FIRST = "knowngood, first run ever"
FRESH = "knowngood, fresh build, bytecode store warm"
KEPT = "knowngood, kept environments, every probe run"
UNCHANGED = "knowngood, nothing changed"
UNOPTIMIZED = "knowngood, fresh build, without any optimization"
BARE = "the same resolutions by bare uv"
TOX = "tox -p auto, tox-uv: fresh build"
PLAN = "knowngood plan"
HELP = "knowngood --help"
LIST = "knowngood list"
PAGE_LOAD = "opening a page of 1,000 cells in Chromium"
PAGE_FILTER = "the slowest of four filters on it"
COPY = "a private copy of a project of 5,000 files"
CP = "cp -a of the same files"
FIX = "knowngood fix --no-proof: found, shrunk, confirmed"
FIX_PROVEN = "knowngood fix, with its proof"
EXHAUSTIVE = "every version of the package that has to move"
BISECTION = "bisection of the versions of that package"
FRONTIER = "knowngood frontier"
ROW_EXHAUSTIVE = "every release of the row"
ROW_BISECTION = "bisection of the row"
SIZES = (10, 100, 1000)
"""Combos of the tiny matrices."""


def of_row(method: str, row: str) -> str:
    """Return the name of the series of a method for a row."""
    return f"{method}, {row}"


def sized(what: str, combos: int) -> str:
    """Return the name of the series ``what`` for a matrix of ``combos`` tiny combos."""
    return f"{what}, {combos:,} combos"


LOOP = "the same builds and probes by xargs and bare uv"


class Kind(Enum):
    """How the samples of a round make the value of a figure."""

    RATIO = "x"
    SECONDS = "s"
    BEYOND = "s beyond"
    CPU_PER_CELL = "ms"
    MEMORY = "MiB"
    CELLS = "cells"

    @property
    def unit(self) -> str:
        """The unit of the values; empty for a ratio."""
        return "" if self is Kind.RATIO else self.value.split()[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure; ``of`` and ``against`` are names of series of ``part``, and ``limit`` is the most it may be."""

    part: str
    what: str
    limit: float
    kind: Kind
    of: str
    against: str | None = None
    cells: int = 1

    def values(self, series: Series) -> tuple[float, ...]:
        """Return the value of each round, both sides from the same round; nothing when it was not measured."""
        samples = series.get(self.of, ())
        references = series.get(self.against, ()) if self.against is not None else samples
        return tuple(self._value(sample, reference) for sample, reference in zip(samples, references, strict=False))

    def _value(self, sample: Sample, reference: Sample) -> float:
        match self.kind:
            case Kind.RATIO:
                return sample.seconds / reference.seconds
            case Kind.SECONDS:
                return sample.seconds
            case Kind.BEYOND:
                return sample.seconds - reference.seconds
            case Kind.CPU_PER_CELL:
                return 1000 * (sample.cpu - reference.cpu) / self.cells
            case Kind.CELLS:
                return sample.cells
            case Kind.MEMORY:
                return max(sample.memory, reference.memory) / 2**20

    def met(self, series: Series) -> bool | None:
        """Return whether the median of the values is within the limit; None when it was not measured."""
        values = self.values(series)
        return median(values) <= self.limit if values else None


_LARGEST = SIZES[-1]

FIGURES = (
    Figure(part="six", what="first run ever, over the floor", limit=2.2, kind=Kind.RATIO, of=FIRST, against=FLOOR),
    Figure(part="six", what="first run ever, over tox -p auto", limit=0.75, kind=Kind.RATIO, of=FIRST, against=TOX),
    Figure(
        part="six", what="fresh build, store warm, over the floor", limit=1.15, kind=Kind.RATIO, of=FRESH, against=FLOOR
    ),
    Figure(
        part="six", what="fresh build, store warm, over tox -p auto", limit=0.4, kind=Kind.RATIO, of=FRESH, against=TOX
    ),
    Figure(
        part="six",
        what="kept environments, every probe run, over the floor",
        limit=0.8,
        kind=Kind.RATIO,
        of=KEPT,
        against=FLOOR,
    ),
    Figure(part="six", what="nothing changed, six combos", limit=1.5, kind=Kind.SECONDS, of=UNCHANGED),
    Figure(
        part="six",
        what="nothing changed, six combos, beyond bare uv",
        limit=0.5,
        kind=Kind.BEYOND,
        of=UNCHANGED,
        against=BARE,
    ),
    Figure(
        part="tiny",
        what="nothing changed, 1,000 combos, over bare uv",
        limit=1.3,
        kind=Kind.RATIO,
        of=sized(UNCHANGED, _LARGEST),
        against=sized(BARE, _LARGEST),
    ),
    Figure(
        part="plan",
        what="plan of 100 combos, over bare uv, 4 at a time",
        limit=1.2,
        kind=Kind.RATIO,
        of=PLAN,
        against=BARE,
    ),
    Figure(
        part="tiny",
        what="own CPU per trivial cell",
        limit=60,
        kind=Kind.CPU_PER_CELL,
        of=sized(FIRST, 100),
        against=sized(LOOP, 100),
        cells=100,
    ),
    Figure(
        part="tiny",
        what="memory of the harness, 1,000 combos",
        limit=150,
        kind=Kind.MEMORY,
        of=sized(FIRST, _LARGEST),
        against=sized(UNCHANGED, _LARGEST),
    ),
    Figure(part="start", what="--help", limit=0.25, kind=Kind.SECONDS, of=HELP),
    Figure(part="start", what="list of 100 combos", limit=0.5, kind=Kind.SECONDS, of=LIST),
    Figure(part="fix", what="fix of a light breakage, proof apart", limit=10, kind=Kind.SECONDS, of=FIX),
    Figure(part="fix", what="cells of such a fix beyond the failing one", limit=7, kind=Kind.CELLS, of=FIX),
    Figure(
        part="frontier",
        what="cells of a frontier of 40 releases with an island",
        limit=19,
        kind=Kind.CELLS,
        of=of_row(FRONTIER, "an island"),
    ),
    Figure(part="copy", what="copy of 5,000 files", limit=1.0, kind=Kind.SECONDS, of=COPY),
    Figure(part="copy", what="copy of 5,000 files, over cp -a", limit=1.5, kind=Kind.RATIO, of=COPY, against=CP),
    Figure(part="page", what="opening a page of 1,000 cells", limit=1.0, kind=Kind.SECONDS, of=PAGE_LOAD),
    Figure(part="page", what="filtering a page of 1,000 cells", limit=0.1, kind=Kind.SECONDS, of=PAGE_FILTER),
)


def ratio(samples: Sequence[Sample], references: Sequence[Sample]) -> float:
    """Return the median of the ratios of seconds, each of two samples of the same round."""
    return median(sample.seconds / other.seconds for sample, other in zip(samples, references, strict=True))
