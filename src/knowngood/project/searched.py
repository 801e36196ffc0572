"""Keep what searches found beside their runs, and read it for reports."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from knowngood.model import Searched
from knowngood.process.files import LARGEST, read_regular, write_atomically

_FILE = "search.json"
"""The name of the file in the folder of the run of a search."""


def keep(folder: Path, searched: Searched) -> None:
    """Write what a search found into the folder of its run. Raises ``OSError``."""
    write_atomically(folder / _FILE, json.dumps(asdict(searched), indent=1).encode() + b"\n")


def found_in(folder: Path) -> tuple[Searched, ...]:
    """Return what the searches whose runs are in ``folder`` found, of each subject the newest that was not cut short.

    A search that was cut short counts where there is no other. Files that cannot be read are passed over.
    """
    found: dict[tuple[str, str, tuple[str, ...]], Searched] = {}
    for file in sorted(folder.glob(f"*/{_FILE}")):
        searched = _read(file)
        if searched is None or searched.run != file.parent.name:
            continue
        before = found.get(searched.subject)
        if before is None or searched.complete or not before.complete:
            found[searched.subject] = searched
    return tuple(found[subject] for subject in sorted(found))


def _read(file: Path) -> Searched | None:
    try:
        searched: Searched = _adapter().validate_json(read_regular(file, LARGEST))
    except ValueError:
        return None
    return searched


@cache
def _adapter() -> Any:  # pydantic takes long to import, and most runs have no search beside them
    from pydantic import TypeAdapter

    return TypeAdapter(Searched)
