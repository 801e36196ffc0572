"""The ids that the details of cells are linked by: ``combo--probe``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from knowngood.model import Cell
from knowngood.report.text import plain

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_MOST = 100
"""Characters of a combo or probe that are kept: only what is not from a matrix file has more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A cell as the text of a link to its details."""

    text: str
    anchor: str | None
    """None: this page has no such cell."""


class Anchors:
    """The ids of all cells of a page; no two cells share one, whatever their names are."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.ids: list[str] = []
        """In the order of the cells."""
        self._of: dict[tuple[str, str], str] = {}
        taken: set[str] = set()
        for cell in cells:
            found = base = f"{_slug(cell.combo.id)}--{_slug(cell.probe)}"
            number = 1
            while found in taken:
                number += 1
                found = f"{base}-{number}"
            taken.add(found)
            self.ids.append(found)
            self._of.setdefault((cell.combo.id, cell.probe), found)

    def of(self, combo: str, probe: str) -> str | None:
        """Return the id of a cell; None where the page has none."""
        return self._of.get((combo, probe))


def _slug(text: str) -> str:
    return _UNFIT.sub("_", plain(text))[:_MOST]
