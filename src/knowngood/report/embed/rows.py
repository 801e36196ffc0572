"""What a page says about a tested matrix, part by part: raw text, escaped by whoever writes it down.

The date stands in the first part only, and each row depends on nothing but its own cell: diffs are small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from packaging.utils import canonicalize_name

from knowngood.model import UNDECIDED, Cell, Combo, Confidence, JudgedRun, Run, Status
from knowngood.report import words
from knowngood.report.columns import CONTRADICTED, asked_for, installed, named
from knowngood.report.embed.anchors import anchors
from knowngood.report.summary import cautions
from knowngood.report.text import count, shorten

MOST_PACKAGES = 6
"""Columns of versions that a table has unless others are asked for."""
_LONGEST = 240
"""Columns of text that one cause takes at most."""


class Show(StrEnum):
    """How much of it a page wants."""

    ALL = "all"
    TABLE = "table"
    DEPENDENCIES = "dependencies"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """When, where and by what: a paragraph that a link to the report may follow."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A line above what belongs to it; it is no section of the page."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    anchors: tuple[str, ...] = ()
    """For each row where in ``matrix.md`` its evidence is, for a link from its first cell; empty: it has none."""


Part: TypeAlias = Caption | Heading | Items | Table


def parts(judged: JudgedRun, show: Show, *, packages: Sequence[str] = ()) -> tuple[Part, ...]:
    """Return what a page says, in order; ``packages``, in any spelling, are the columns of versions in their order."""
    found: list[Part] = [Caption(text=_caption(judged))]
    shown = tuple(map(canonicalize_name, packages)) or key_packages(judged)
    if show is not Show.DEPENDENCIES:
        remarks = (*_legend(judged, shown), *(cautions(judged) if show is Show.ALL else ()))
        found += [_matrix(judged, shown), *([Items(texts=remarks)] if remarks else [])]
    if show is not Show.TABLE:
        for cells in _passing(judged):
            found += [Heading(text=_titled(cells[0].combo)), _dependencies(cells[-1], judged.run, shown)]
    if show is Show.ALL:
        failing = tuple(_failure(cell) for cell in judged.cells if cell.verdict.status not in {Status.PASS, *UNDECIDED})
        found += [Heading(text="What does not work, and why"), Items(texts=failing)] if failing else []
    return tuple(found)


def key_packages(judged: JudgedRun) -> tuple[str, ...]:
    """Return the packages that the steps of most combos name, at most six; first those whose versions differ.

    Of two that equally many name, the one that is asked for in more ways tells the combos better apart.
    """
    asked = asked_for(judged)

    def same(package: str) -> bool:
        return len({cell.installed[package] for cell in judged.cells if package in cell.installed}) < 2

    def worth(package: str) -> tuple[bool, int, int]:
        combos, ways = asked[package]
        return same(package), -combos, -ways

    chosen = sorted(asked, key=worth)[:MOST_PACKAGES]
    return tuple(sorted((package for package in asked if package in chosen), key=same))


def _caption(judged: JudgedRun) -> str:
    info = judged.run.info
    # What was taken from the cache was found out earlier.
    dates = sorted({info.started[:10], *(cell.reused.recorded[:10] for cell in judged.cells if cell.reused)})
    tools = " and ".join(f"{name} {info.versions[name]}" for name in ("knowngood", "uv") if name in info.versions)
    machine = f"{info.platform} ({info.cpu})" if info.cpu else info.platform
    whole = "" if judged.run.finished and not judged.run.interrupted else ", in a run that was cut short"
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
    return f"Tested on {when} on {machine}{f', by {tools}' if tools else ''}{whole}."


def _matrix(judged: JudgedRun, packages: tuple[str, ...]) -> Table:
    several = any(len(cell.combo.probes) > 1 for cell in judged.cells)
    headers = ["combo", *(["probe"] if several else []), "python", *packages, "verdict", "why"]
    rows = [
        (
            cell.combo.id,
            *([cell.probe] if several else []),
            cell.python,
            *(installed(cell, package) for package in packages),
            f"{words.GLYPHS[cell.verdict.status]} {words.verdict(cell)}",
            shorten(words.why(cell), _LONGEST),
        )
        for cell in judged.cells
    ]
    of = anchors(judged)
    return Table(headers=tuple(headers), rows=tuple(rows), anchors=tuple(of[cell.combo.id] for cell in judged.cells))


def _legend(judged: JudgedRun, packages: tuple[str, ...]) -> tuple[str, ...]:
    statuses = {cell.verdict.status for cell in judged.cells}
    violated = {drift.package for cell in judged.cells for drift in cell.drift if drift.violates}
    return (
        *([f"{CONTRADICTED} behind a version: it violates the combo's own pin"] * bool(violated & {*packages})),
        *(
            f"{words.GLYPHS[status]} {status}: {words.UNDECIDED_NOTE}"
            for status in Status
            if status in UNDECIDED and status in statuses
        ),
    )


def _passing(judged: JudgedRun) -> Iterator[list[Cell]]:
    """Yield the cells of each combo that passed whatever it was probed with."""
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    for cells in combos.values():
        if all(cell.verdict.status is Status.PASS for cell in cells):
            yield cells


def _titled(combo: Combo) -> str:
    title = f"{combo.id}, {combo.title}" if combo.title != combo.id else combo.id
    return f"Dependency matrix (tested and working): {title}"


def _dependencies(cell: Cell, run: Run, key: tuple[str, ...]) -> Table:
    """Return what was installed: what the steps name, in their order, then which of ``key`` that brought in.

    All others are counted only: whoever wants them takes the report or its locks.
    """
    asked: dict[str, list[str]] = {}
    for number, step in enumerate(cell.combo.steps, start=1):
        for requirement in named(replace(cell.combo, steps=(step,))):
            pinned = any(one.operator == "==" and not one.version.endswith(".*") for one in requirement.specifier)
            how = "pinned" if pinned else f"asked for as {requirement}"
            asked.setdefault(canonicalize_name(requirement.name), []).append(f"{how} by step {number}")
    own = {package: choice.name for choice in run.indexes if choice.used != "default" for package in choice.packages}
    brought = "brought in by step 1" if len(cell.combo.steps) == 1 else "brought in"
    shown = [package for package in dict.fromkeys([*asked, *key]) if package in cell.installed]
    rows = [("python", cell.python, f"environment made by {cell.combo.installer}")]
    for package in shown:
        notes = [
            *asked.get(package, [brought]),
            *(f"moved from {drift.before} by step {drift.step}" for drift in cell.drift if drift.package == package),
            *([f"from index {own[package]}"] if package in own else []),
        ]
        rows.append((package, cell.installed[package], ", ".join(notes)))
    if others := len(cell.installed.keys() - {*shown, "pip"}):
        rows.append((count(others, "other"), "", f"{brought}; the report has them all"))
    return Table(headers=("package", "version", "note"), rows=tuple(rows))


def _failure(cell: Cell) -> str:
    told = f"{words.name(cell)}, {words.verdict(cell)}: {shorten(words.brief_cause(cell), _LONGEST).rstrip('.')}."
    if not words.fix(cell):
        return told
    possible = cell.diagnosis is not None and cell.diagnosis.confidence is Confidence.POSSIBLE
    return f"{told} {'Perhaps fixed by' if possible else 'Fix:'} {words.fix(cell)}"
