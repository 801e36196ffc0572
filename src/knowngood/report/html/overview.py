"""Prepare the overview: which combos are known good, and why the others fail."""

from collections.abc import Iterable
from dataclasses import dataclass

from knowngood.model import Cell, Confidence, Group, JudgedRun, Status
from knowngood.report import words
from knowngood.report.columns import key_packages
from knowngood.report.html.anchors import Anchors, Link
from knowngood.report.html.badge import Badge, badge
from knowngood.report.text import shorten

MOST_OPEN = 8
"""Entries shown in full; further causes are folded away, and more good combos than this are shown in brief."""
MOST_BRIEF = 24
"""Good combos shown in brief; the results have the others."""
MOST_CAUSES = 100
"""Causes on the page; the results have the others."""
MOST_LINKS = 24
"""Cells listed for one cause; the results have the others."""
_CAUSE = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class GoodCombo:
    """A combo whose cells all passed."""

    link: Link
    title: str
    versions: tuple[tuple[str, str], ...]
    """(package, version) of the packages that tell the combos apart."""
    remark: str
    """What makes it less than clean; empty for most combos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellLink:
    """A link to a cell, with its badge."""

    link: Link
    badge: Badge


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why one cell or several failed."""

    text: str
    fix: str
    """Constraints; empty if none is known."""
    possible: bool
    """Whether the fix is only a guess."""
    unexpected: bool
    """Whether the matrix expected something else for one of the cells."""
    count: int
    cells: tuple[CellLink, ...]
    """The first of its cells."""


def good(judged: JudgedRun, anchors: Anchors) -> tuple[GoodCombo, ...]:
    """Return the combos whose cells all passed, in the order of the matrix."""
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    packages = key_packages(judged)
    return tuple(
        _good(cells[0], packages, anchors)
        for cells in combos.values()
        if all(cell.verdict.status is Status.PASS for cell in cells)
    )


def _good(cell: Cell, packages: Iterable[str], anchors: Anchors) -> GoodCombo:
    combo = cell.combo
    unexpected = "unexpected pass" if cell.as_expected is False else ""
    reused = "reused" if cell.reused else ""
    return GoodCombo(
        link=Link(text=combo.id, anchor=anchors.of(combo.id, cell.probe)),
        title=combo.title if combo.title != combo.id else "",
        versions=tuple((name, cell.installed[name]) for name in packages if name in cell.installed),
        remark=", ".join(filter(None, (unexpected, words.where(cell), words.flaky(cell), reused))),
    )


def causes(groups: Iterable[Group], anchors: Anchors) -> tuple[Cause, ...]:
    """Return the causes: first those with an unexpected cell, otherwise in the order of ``groups``."""
    return tuple(sorted((_cause(group, anchors) for group in groups), key=lambda cause: not cause.unexpected))


def _cause(group: Group, anchors: Anchors) -> Cause:
    diagnoses = [cell.diagnosis for cell in group.cells if cell.diagnosis]
    fixes = {words.fix(cell) for cell in group.cells} - {""}
    return Cause(
        text=shorten(group.cause, _CAUSE),
        # Cells with one cause can need different versions: then only the details of each have its fix.
        fix=fixes.pop() if len(fixes) == 1 else "",
        possible=any(diagnosis.confidence is Confidence.POSSIBLE for diagnosis in diagnoses),
        unexpected=any(cell.as_expected is False for cell in group.cells),
        count=len(group.cells),
        cells=tuple(
            CellLink(
                link=Link(text=words.name(cell), anchor=anchors.of(cell.combo.id, cell.probe)),
                badge=badge(cell),
            )
            for cell in group.cells[:MOST_LINKS]
        ),
    )


def undecided(judged: JudgedRun, anchors: Anchors) -> tuple[CellLink, ...]:
    """Return the undecided cells."""
    return tuple(
        CellLink(link=Link(text=words.name(cell), anchor=anchor), badge=badge(cell))
        for cell, anchor in zip(judged.cells, anchors.ids, strict=True)
        if cell.as_expected is None
    )
