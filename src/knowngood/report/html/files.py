"""Link a cell to the files that lie beside the page: its lock, the locks of its steps, and the log of its command."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from knowngood.model import Cell

RUN = "../"
"""The folder of the run, where a report that is written into the run's own folder ``report`` finds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLink:
    """A file that the page links to."""

    label: str
    address: str
    """Relative to the page, quoted for a link."""


def lock_of(combo: str) -> str:
    """Return the path of the lock of a combo that passed, relative to its report."""
    return f"locks/{combo}.txt"


def candidates(cell: Cell) -> tuple[tuple[str, str], ...]:
    """Return a label and a path for each file that a cell may have, relative to its report."""
    combo = cell.combo.id
    steps = range(1, len(cell.combo.steps) + 1)
    return (
        ("lock with hashes", lock_of(combo)),
        *((f"lock of step {step}", f"{RUN}combos/{combo}/step{step}.lock") for step in steps),
        *([("log", f"{RUN}{cell.log}")] if cell.log else []),
    )


def links(cell: Cell, files: Collection[str]) -> tuple[FileLink, ...]:
    """Return a link to each file of a cell that is among ``files``, the paths of all files beside the page."""
    return tuple(
        FileLink(label=label, address=quote(path)) for label, path in candidates(cell) if files and path in files
    )
