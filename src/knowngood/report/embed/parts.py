"""Build the tables and lists that a page shows of a published report, as raw text that each writer escapes.

Only the first part has the date, and a row depends only on its own cell, so that a new report changes few lines.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import quote

from packaging.utils import canonicalize_name

from knowngood.model import UNDECIDED, Cell, Combo, JudgedRun, Run, Status
from knowngood.report import coverage, words
from knowngood.report.summary import caption, cautions, stale
from knowngood.report.table import VIOLATION, installed, key_packages, named, without_left_out
from knowngood.report.text import count, plain, shorten

_LONGEST = 240
"""Maximum width of a cause, in columns of text."""
_CONFLICTS = 5
"""Conflicts that are listed for one combo."""
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Show(StrEnum):
    """How much of a report a page shows."""

    ALL = "all"
    TABLE = "table"
    DEPENDENCIES = "dependencies"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """A paragraph that says when, where and with which tools the matrix was tested; a link to the report may follow."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A line above what belongs to it; it does not open a section of the page."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A bullet list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table with a header row."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    anchors: tuple[str, ...] = ()
    """For each row the anchor of its evidence in ``matrix.md``, which its first cell links to; empty: no links."""


Part: TypeAlias = Caption | Heading | Items | Table


def parts(
    judged: JudgedRun, show: Show, *, packages: Sequence[str] = (), today: date | None = None
) -> tuple[Part, ...]:
    """Return the parts of a page in order.

    ``packages``, in any spelling, are the version columns in their order; without them ``key_packages`` chooses.
    With ``today``, results that are out of date on that day are said to be.
    """
    judged = without_left_out(judged)
    columns = tuple(map(canonicalize_name, packages)) or key_packages(judged)
    page: list[Part] = [Caption(text=caption(judged))]
    if show is not Show.DEPENDENCIES:
        limits = cautions(judged) if show is Show.ALL else coverage.sentences(judged)
        remarks = (*stale(judged, today), *_legend(judged, columns), *limits)
        page += [_matrix(judged, columns), *([Items(texts=remarks)] if remarks else [])]
    if show is not Show.TABLE:
        for cells in _passing(judged):
            page += [Heading(text=_title(cells[0].combo)), _dependencies(cells[-1], judged.run, columns)]
    if show is Show.ALL:
        if against := _against_metadata(judged):
            page += [Heading(text=f"What {words.AGAINST_METADATA}"), Items(texts=against)]
        failures = tuple(
            _failure(cell) for cell in judged.cells if cell.verdict.status not in {Status.PASS, *UNDECIDED}
        )
        page += [Heading(text="What does not work, and why"), Items(texts=failures)] if failures else []
    return tuple(page)


def anchors(judged: JudgedRun) -> Mapping[str, str]:
    """Return combo -> the anchor that GitHub gives to its heading in ``matrix.md``, encoded as in a URL.

    GitHub numbers a heading whose anchor equals that of a heading above it.
    """
    used: set[str] = set()

    def anchor(heading: str) -> str:
        unique = base = _NOT_IN_ANCHORS.sub("", plain(heading).lower()).replace(" ", "-")
        number = 0
        while unique in used:
            number += 1
            unique = f"{base}-{number}"
        used.add(unique)
        return unique

    anchor(judged.run.info.title)
    return {combo: quote(anchor(combo)) for combo in dict.fromkeys(cell.combo.id for cell in judged.cells)}


def _matrix(judged: JudgedRun, packages: tuple[str, ...]) -> Table:
    several_probes = any(len(cell.combo.probes) > 1 for cell in judged.cells)
    headers = ["combo", *(["probe"] if several_probes else []), "python", *packages, "verdict", "why"]
    rows = [
        (
            cell.combo.id,
            *([cell.probe] if several_probes else []),
            cell.python,
            *(installed(cell, package) for package in packages),
            f"{words.GLYPHS[cell.verdict.status]} {words.marked_verdict(cell)}",
            shorten(words.why(cell), _LONGEST),
        )
        for cell in judged.cells
    ]
    by_combo = anchors(judged)
    return Table(
        headers=tuple(headers), rows=tuple(rows), anchors=tuple(by_combo[cell.combo.id] for cell in judged.cells)
    )


def _legend(judged: JudgedRun, packages: tuple[str, ...]) -> tuple[str, ...]:
    statuses = {cell.verdict.status for cell in judged.cells}
    violated = {drift.package for cell in judged.cells for drift in cell.drift if drift.violates}
    against = any(cell.works_against_metadata for cell in judged.cells)
    return (
        *([f"{words.AGAINST_METADATA_MARK} after a verdict: {words.AGAINST_METADATA_NOTE}"] * against),
        *([f"{VIOLATION} after a version: it violates the combo's own pin"] * bool(violated & {*packages})),
        *(
            f"{words.GLYPHS[status]} {status}: {words.UNTESTED}, {words.UNDECIDED_NOTE}"
            for status in Status
            if status in UNDECIDED and status in statuses
        ),
    )


def _passing(judged: JudgedRun) -> Iterator[list[Cell]]:
    """Yield the cells of each combo that is known good: passed with every probe, and none against its metadata."""
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    for cells in combos.values():
        if all(cell.known_good for cell in cells):
            yield cells


def _against_metadata(judged: JudgedRun) -> tuple[str, ...]:
    """Return a sentence for each combo that works against its metadata."""
    combos = {cell.combo.id: cell for cell in judged.cells if cell.works_against_metadata}
    return tuple(f"{combo}: {'; '.join(words.conflicts(cell, most=_CONFLICTS))}." for combo, cell in combos.items())


def _title(combo: Combo) -> str:
    title = f"{combo.id}, {combo.title}" if combo.title != combo.id else combo.id
    return f"Dependency matrix (tested and working): {title}"


def _dependencies(cell: Cell, run: Run, key: tuple[str, ...]) -> Table:
    """Return what was installed: the packages that the steps name, in their order, then the other ones in ``key``.

    All other packages are only counted, because the report and its locks list them.
    """
    requested: dict[str, list[str]] = {}
    for number, step in enumerate(cell.combo.steps, start=1):
        for requirement in named(replace(cell.combo, steps=(step,))):
            pinned = any(pin.operator == "==" and not pin.version.endswith(".*") for pin in requirement.specifier)
            how = "pinned" if pinned else f"requested as {requirement}"
            requested.setdefault(canonicalize_name(requirement.name), []).append(f"{how} in step {number}")
    own_index = {name: choice.name for choice in run.indexes if choice.used != "default" for name in choice.packages}
    dependency = "dependency of step 1" if len(cell.combo.steps) == 1 else "dependency"
    packages = [package for package in dict.fromkeys([*requested, *key]) if package in cell.installed]
    rows = [("python", cell.python, f"environment created by {cell.combo.installer}")]
    for package in packages:
        notes = [
            *requested.get(package, [dependency]),
            *(f"moved from {drift.before} in step {drift.step}" for drift in cell.drift if drift.package == package),
            *([f"from index {own_index[package]}"] if package in own_index else []),
        ]
        rows.append((package, cell.installed[package], ", ".join(notes)))
    if others := len(cell.installed.keys() - {*packages, "pip"}):
        rows.append((count(others, "other"), "", "listed in the report"))
    return Table(headers=("package", "version", "note"), rows=tuple(rows))


def _failure(cell: Cell) -> str:
    text = f"{words.name(cell)}, {words.verdict(cell)}: {shorten(words.brief_cause(cell), _LONGEST).rstrip('.')}."
    return f"{text} {words.fix_label(cell).capitalize()}: {words.stated_fix(cell)}" if words.fix(cell) else text
