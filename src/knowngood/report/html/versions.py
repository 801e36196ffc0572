"""Prepare the view by package: which tested versions of each package work, as ranges, and what decides the others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from knowngood import packages
from knowngood.model import UNDECIDED, Cell, JudgedRun, Status
from knowngood.report.table import key_packages, named
from knowngood.report.text import count

PYTHON = "python"
MOST_RANGES = 40
"""Ranges listed for one package; the results have the others."""
_MOST_NAMED = 3
"""Ranges or combos named in one condition."""
_TONES = {True: "good", False: "bad", None: "warn"}
_GLYPHS = {True: "\u2713", False: "\u2717", None: "\u00b1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Neighboring tested versions of a package with the same result."""

    glyph: str
    tone: str
    text: str
    """``2.1.2`` or ``2.1.2 to 2.5.1``."""
    result: str
    """``works``, ``does not work``, or under which condition it works."""
    numbers: str
    """How many of the cells with these versions pass, and how many versions were tested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package, and the ranges of its tested versions, the oldest first."""

    name: str
    ranges: tuple[Range, ...]
    more: int
    """How many ranges are left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tested:
    """One version of a package and the decided cells that have it."""

    version: str
    passed: tuple[Cell, ...]
    failed: tuple[Cell, ...]

    @property
    def works(self) -> bool | None:
        """Whether all of its cells pass; None: only some of them."""
        return None if self.passed and self.failed else bool(self.passed)


def by_package(judged: JudgedRun) -> tuple[Package, ...]:
    """Return each package that tells the combos apart, and Python, if at least two of its versions were tested.

    A cell works if it passed, even if its numbers differ from those of the reference. Undecided cells do not count.
    """
    cells = [cell for cell in judged.cells if cell.verdict.status not in UNDECIDED]
    versions = {name: [_version(cell, name) for cell in cells] for name in (PYTHON, *key_packages(judged))}
    varying = {name: texts for name, texts in versions.items() if len({*texts} - {""}) > 1}
    return tuple(_package(name, cells, varying) for name in varying)


def _version(cell: Cell, name: str) -> str:
    """Return the installed version, or what a combo that was never installed asked for; empty if neither is known."""
    if name == PYTHON:
        return cell.python
    if cell.installed:
        return cell.installed.get(name, "")
    return dict(cell.combo.versions).get(name) or next(_pinned(cell, name), "")


def _pinned(cell: Cell, name: str) -> Iterator[str]:
    for requirement in named(cell.combo):
        if packages.name_of(requirement) == name and packages.is_exact(requirement.specifier):
            yield next(iter(requirement.specifier)).version


def _works(cell: Cell) -> bool:
    return cell.verdict.status in (Status.PASS, Status.MOVED)


def _package(name: str, cells: Sequence[Cell], versions: Mapping[str, Sequence[str]]) -> Package:
    passed: dict[str, list[Cell]] = {}
    failed: dict[str, list[Cell]] = {}
    for cell, version in zip(cells, versions[name], strict=True):
        (passed if _works(cell) else failed).setdefault(version, []).append(cell)
    tested = [
        _Tested(version=version, passed=tuple(passed.get(version, ())), failed=tuple(failed.get(version, ())))
        for version in _ordered({*versions[name]} - {""})
    ]
    others = {other: _ordered({*texts} - {""}) for other, texts in versions.items() if other != name}
    ranges: list[Range] = []
    for result, neighbors in _neighbors([(each, _condition(each, others)) for each in tested]):
        ranges.append(_range(result, neighbors))
    return Package(name=name, ranges=tuple(ranges[:MOST_RANGES]), more=max(0, len(ranges) - MOST_RANGES))


def _ordered(versions: Collection[str]) -> list[str]:
    def place(text: str) -> tuple[bool, object, str]:
        parsed = packages.version(text)
        return (parsed is None, parsed or 0, text)

    return sorted(versions, key=place)


def _neighbors(tested: Sequence[tuple[_Tested, str]]) -> Iterator[tuple[str, list[_Tested]]]:
    """Yield each longest row of versions with the same result, and the result."""
    row: list[_Tested] = []
    last = ""
    for each, result in tested:
        if row and (result != last or each.works != row[0].works):
            yield last, row
            row = []
        row.append(each)
        last = result
    if row:
        yield last, row


def _range(result: str, tested: Sequence[_Tested]) -> Range:
    works = tested[0].works
    passed = sum(len(each.passed) for each in tested)
    total = passed + sum(len(each.failed) for each in tested)
    first, last = tested[0].version, tested[-1].version
    numbers = f"{passed} of {count(total, 'cell')}"
    return Range(
        glyph=_GLYPHS[works],
        tone=_TONES[works],
        text=first if first == last else f"{first} to {last}",
        result=result,
        numbers=numbers if len(tested) < 3 else f"{numbers}, {len(tested)} versions tested",
    )


def _condition(tested: _Tested, others: Mapping[str, Sequence[str]]) -> str:
    """Return whether a version works, or with which versions of another package it does."""
    if tested.works is not None:
        return "works" if tested.works else "does not work"
    for other, versions in others.items():
        working = {_version(cell, other) for cell in tested.passed}
        failing = {_version(cell, other) for cell in tested.failed}
        if not working & failing and "" not in working:
            ranges = list(_rows_of(working, [version for version in versions if version in working | failing]))
            if len(ranges) <= _MOST_NAMED:
                return f"works with {other} {', '.join(ranges)}"
    combos = list(dict.fromkeys(cell.combo.id for cell in tested.passed))
    if len(combos) <= _MOST_NAMED:
        return f"works in {', '.join(combos)}"
    return f"works in {count(len(combos), 'combo')}, not in all"


def _rows_of(chosen: Collection[str], versions: Sequence[str]) -> Iterator[str]:
    """Yield the chosen versions as ranges of neighbors among ``versions``."""
    row: list[str] = []
    for version in versions:
        if version in chosen:
            row.append(version)
        elif row:
            yield row[0] if len(row) == 1 else f"{row[0]} to {row[-1]}"
            row = []
    if row:
        yield row[0] if len(row) == 1 else f"{row[0]} to {row[-1]}"
