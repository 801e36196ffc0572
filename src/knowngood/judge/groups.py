"""Many red cells with one cause, shown under that cause."""

from collections.abc import Hashable, Iterable

from knowngood.judge.fingerprint import fingerprint_of, normalised
from knowngood.model import Cell, Group, Status


def groups(cells: Iterable[Cell]) -> tuple[Group, ...]:
    """Return the cells that did not pass, grouped by cause: the largest group first, else in the order of the cells."""
    found: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if cell.verdict.status is not Status.PASS:
            found.setdefault(_key(cell), []).append(cell)
    return tuple(
        Group(cause=_cause(members[0]), cells=tuple(members))
        for members in sorted(found.values(), key=len, reverse=True)
    )


def _key(cell: Cell) -> Hashable:
    diagnosis = cell.diagnosis
    if diagnosis and (diagnosis.culprit or diagnosis.conflicts_with or diagnosis.signature):
        # Two packages can disagree about more than one thing.
        return diagnosis.culprit, diagnosis.conflicts_with, diagnosis.signature or normalised(diagnosis.why)
    return fingerprint_of(cell)


def _cause(cell: Cell) -> str:
    if cell.diagnosis is not None:
        return cell.diagnosis.why
    # A verdict without words still has its reason.
    return cell.message or str(cell.verdict.reason).replace("-", " ")
