"""The diagnosis of a cell in Markdown, as every page of ours has it."""

from collections.abc import Sequence

from knowngood.model import Cell
from knowngood.report import words
from knowngood.report.markup import code, inline, paragraph
from knowngood.report.text import plain


def diagnosis(cell: Cell, evidence: Sequence[str]) -> list[list[str]]:
    """Return the blocks that tell cause, cure and evidence; none for a cell of which nothing was to be found out."""
    found = cell.diagnosis
    if found is None:
        return []
    sure = f" ({found.confidence})" if words.explained(found) else ""
    cures = " ".join(_constraint(cell, constraint) for constraint in found.remedy)
    told = f"**Diagnosis**{sure}: {inline(words.diagnosed(cell))}." + (f" Cure: {cures}." if cures else "")
    reference = f" See {inline(found.reference)}" if found.reference else ""
    return [[told + reference], [f"- {paragraph(one)}" for one in evidence if plain(one)]]


def _constraint(cell: Cell, constraint: str) -> str:
    step = words.step_to_ask(constraint, cell)
    return code(constraint) + (f" in step {step}, too" if step else "")
