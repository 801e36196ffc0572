"""A traceback in few lines: one frame for each package that it passed through, the innermost first."""

from collections.abc import Iterable

from knowngood.model import Frame
from knowngood.tracebacks import installed_path, standard_path

MOST = 4
"""Frames that are told: more than these packages do not help to see who called whom."""

_OURS = "knowngood/probe/in_env/probe_api.py"
_PROBE = ""


def crossings(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Return of ``frames``, innermost first, where each package was left, and where the probe itself was.

    What lies between the packages, the machinery of imports and the rest of the standard library, is left out.
    """
    given = [frame for frame in frames if not frame.file.endswith(_OURS)]
    found: list[tuple[str, Frame]] = []
    for frame in reversed(given):
        owner = _owner(frame.file, found[-1][0] if found else _PROBE)
        if owner is None:
            continue
        if found and found[-1][0] == owner:
            found.pop()
        found.append((owner, frame))
    inner = found[::-1]
    kept = inner[: MOST - 1] if len(inner) > MOST else inner
    kept += [one for one in inner if one[0] == _PROBE and one not in kept][:1]
    return tuple(frame for _, frame in kept) or tuple(given[:1])


def place(frame: Frame) -> str:
    """Return ``pandas/core/api.py:1 in load``: inside what is installed, or else just the name of the file."""
    file = frame.file
    file = installed_path(file) or standard_path(file) or (file.rpartition("/")[2] if file.startswith("/") else file)
    # At the top of a module there is no function to name.
    return f"{file}:{frame.line}" + ("" if frame.function in ("<module>", "") else f" in {frame.function}")


def _owner(file: str, caller: str) -> str | None:
    """Return the top package that ``file`` belongs to, or the probe; None for the standard library."""
    inside = installed_path(file)
    if inside is not None:
        return inside.partition("/")[0].partition(".")[0]
    if file.startswith("<") or standard_path(file) is not None:
        return None
    if file.startswith("/"):
        return _PROBE
    # Compiled by Cython, code tells its place from its package on, or only its file: then it is its importer's.
    return file.partition("/")[0] if "/" in file else caller
