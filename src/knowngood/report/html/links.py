"""Link a cell to its details on the page, combo--probe, and to the files that lie beside the page."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from knowngood.model import Cell
from knowngood.report.text import plain

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100
"""Characters kept of a combo or probe; names in a matrix file are shorter anyway."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A cell as the text of a link to its details."""

    text: str
    anchor: str | None
    """None: the page does not have this cell."""


class Anchors:
    """The ids of all cells of a page; no two cells share one, whatever their names are."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.ids: list[str] = []
        """In the order of the cells."""
        self._by_name: dict[tuple[str, str], str] = {}
        used: set[str] = set()
        for cell in cells:
            unique = base = f"{_slug(cell.combo.id)}--{_slug(cell.probe)}"
            number = 1
            while unique in used:
                number += 1
                unique = f"{base}-{number}"
            used.add(unique)
            self.ids.append(unique)
            self._by_name.setdefault((cell.combo.id, cell.probe), unique)

    def of(self, combo: str, probe: str) -> str | None:
        """Return the id of a cell; None if the page does not have it."""
        return self._by_name.get((combo, probe))


def _slug(text: str) -> str:
    return _NOT_IN_IDS.sub("_", plain(text))[:_LONGEST]


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
