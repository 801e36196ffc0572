"""Where in ``matrix.md`` the evidence of a combo is: the ids that GitHub gives to the headings of that page."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from knowngood.model import JudgedRun
from knowngood.report.text import plain

_DROPPED = re.compile(r"[^\w\- ]")


def anchors(judged: JudgedRun) -> Mapping[str, str]:
    """Return combo -> anchor, encoded as in a URL.

    A heading that comes to the same as one above it has a number behind it.
    """
    taken: set[str] = set()

    def anchor(heading: str) -> str:
        found = base = _DROPPED.sub("", plain(heading).lower()).replace(" ", "-")
        number = 0
        while found in taken:
            number += 1
            found = f"{base}-{number}"
        taken.add(found)
        return found

    anchor(judged.run.info.title)
    return {combo: quote(anchor(combo)) for combo in dict.fromkeys(cell.combo.id for cell in judged.cells)}
