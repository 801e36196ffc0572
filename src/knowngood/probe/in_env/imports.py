"""Note which modules have bytecode that Python could not keep, because the environment is read-only.

Stdlib only, Python 3.8 and newer. ``probe_api.py`` and ``pytest_launcher.py`` load this module at the end of a probe.
The file holds a path in each line: where Python would have put the bytecode of a module. It is a hint and no record:
what it names is compiled outside, from sources whose hash is known.
"""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 20000  # modules


def note(config: dict[str, Any]) -> None:
    """Write the places of the bytecode of all loaded modules into the file that ``config`` names, if it does."""
    path = config.get("imports")
    if not path:
        return
    places = set()
    for module in list(sys.modules.values())[:_MOST]:
        with contextlib.suppress(Exception):
            place = module.__spec__.cached  # type: ignore[union-attr]
            if isinstance(place, str) and "\n" not in place:
                places.add(place)
    text = "".join(place + "\n" for place in sorted(places)).encode("utf-8", "surrogateescape")
    # The probe may have put anything there, such as a pipe that nobody reads.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        with open(descriptor, "wb") as file:
            file.write(text)
