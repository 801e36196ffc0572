"""Give the details of each cell an id to link to: ``combo--probe``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
