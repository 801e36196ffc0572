"""What answers within seconds: the combos that are known to be good, and why the others are not."""

from collections.abc import Iterable
from dataclasses import dataclass

from knowngood.model import Cell, Group, JudgedRun, Status
from knowngood.report import words
from knowngood.report.columns import key_packages
from knowngood.report.html.anchors import Anchors, Link
from knowngood.report.html.badge import Sign, sign
from knowngood.report.text import shorten

MOST_OPEN = 8
"""Entries that are told at length; what is beyond them is told in brief or folded away."""
MOST_BRIEF = 24
"""Good combos that are told in brief; the list of all cells has the others."""
MOST_CAUSES = 100
"""Causes that are told at all; the list of all cells has the others."""
MOST_LINKS = 24
"""Cells that are named below one cause; the list of all cells has the others."""
_CAUSE = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """A combo of which every cell passed as expected."""

    link: Link
    title: str
    versions: tuple[tuple[str, str], ...]
    """(package, version) of the packages that tell the combos apart."""
    remark: str
    """What makes it less than clean; empty for most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What several cells, or one, failed for."""

    text: str
    fix: str
    """Constraints; empty when none is known."""
    perhaps: bool
    """Whether the fix is only a guess."""
    surprise: bool
    """Whether one of its cells was expected to be otherwise."""
    count: int
    links: tuple[tuple[Link, Sign], ...]
    """Its first cells."""


def good(judged: JudgedRun, anchors: Anchors) -> tuple[Good, ...]:
    """Return the combos that passed whole, in the order of the matrix."""
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    packages = key_packages(judged)
    return tuple(
        _good(cells[0], packages, anchors)
        for cells in combos.values()
        if all(cell.verdict.status is Status.PASS for cell in cells)
    )


def _good(cell: Cell, packages: Iterable[str], anchors: Anchors) -> Good:
    combo = cell.combo
    reused = "proven earlier" if cell.reused else ""
    noticed = ", ".join(filter(None, (words.where(cell), words.flaky(cell), reused)))
    return Good(
        link=Link(text=combo.id, anchor=anchors.of(combo.id, cell.probe)),
        title=combo.title if combo.title != combo.id else "",
        versions=tuple((name, cell.installed[name]) for name in packages if name in cell.installed),
        remark=f"not as expected{', ' if noticed else ''}{noticed}" if cell.as_expected is False else noticed,
    )


def causes(groups: Iterable[Group], anchors: Anchors) -> tuple[Cause, ...]:
    """Return the causes, what nobody expected first, else as they come: the largest first."""
    found = [_cause(group, anchors) for group in groups]
    return tuple(sorted(found, key=lambda cause: not cause.surprise))


def _cause(group: Group, anchors: Anchors) -> Cause:
    diagnoses = [cell.diagnosis for cell in group.cells if cell.diagnosis]
    fixes = {words.fix(cell) for cell in group.cells} - {""}
    return Cause(
        text=shorten(group.cause, _CAUSE),
        # Cells with one cause can need different versions: then only each of them can tell.
        fix=fixes.pop() if len(fixes) == 1 else "",
        perhaps=any(diagnosis.confidence == "possible" for diagnosis in diagnoses),
        surprise=any(cell.as_expected is False for cell in group.cells),
        count=len(group.cells),
        links=tuple(
            (Link(text=words.name(cell), anchor=anchors.of(cell.combo.id, cell.probe)), sign(cell))
            for cell in group.cells[:MOST_LINKS]
        ),
    )


def undecided(judged: JudgedRun, anchors: Anchors) -> tuple[tuple[Link, Sign], ...]:
    """Return the cells of which nothing can be said."""
    return tuple(
        (Link(text=words.name(cell), anchor=anchor), sign(cell))
        for cell, anchor in zip(judged.cells, anchors.ids, strict=True)
        if cell.as_expected is None
    )
