"""Shorten a traceback to one frame for each package that it passed through, the innermost first."""

from collections.abc import Iterable

from knowngood.model import Frame
from knowngood.tracebacks import installed_path, standard_path

MOST = 4
"""Frames that are shown: frames of more packages do not help to see who called whom."""

_PROBE_API = "knowngood/probe/in_env/probe_api.py"
_PROBE = ""
"""The owner of the frames of a probe."""


def crossings(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Return the frames, innermost first, at which each package and the probe called another one.

    The frames between them are left out: of the import system and the rest of the standard library.
    """
    own = [frame for frame in frames if not frame.file.endswith(_PROBE_API)]
    owned: list[tuple[str, Frame]] = []
    for frame in reversed(own):
        owner = _owner(frame.file, owned[-1][0] if owned else _PROBE)
        if owner is None:
            continue
        if owned and owned[-1][0] == owner:
            owned.pop()
        owned.append((owner, frame))
    innermost_first = owned[::-1]
    kept = innermost_first[: MOST - 1] if len(innermost_first) > MOST else innermost_first
    kept += [pair for pair in innermost_first if pair[0] == _PROBE and pair not in kept][:1]
    return tuple(frame for _, frame in kept) or tuple(own[:1])


def place(frame: Frame) -> str:
    """Return ``pandas/core/api.py:1 in load``: the path inside ``site-packages``, or else the name of the file."""
    file = frame.file
    file = installed_path(file) or standard_path(file) or (file.rpartition("/")[2] if file.startswith("/") else file)
    # The top level of a module has no function name.
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
    # Code compiled by Cython has a path from its package on, or only a file name: then it belongs to its caller.
    return file.partition("/")[0] if "/" in file else caller
