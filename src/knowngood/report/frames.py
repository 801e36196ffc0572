"""A traceback in few lines: one frame for each package that it passed through, the innermost first."""

import re
from collections.abc import Iterable, Sequence

from knowngood.model import Frame, Raised

MOST = 4
"""Frames that are told: more than these packages do not help to see who called whom."""

_INSTALLED = re.compile(r".*(?:site|dist)-packages/")
_STANDARD = re.compile(r".*/lib/(?:python|pypy)\d[\w.]*/")
_OURS = "knowngood/probe/in_env/probe_api.py"
_LONG_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/:'\"(),;]+/){3,}(?=[^\s/:'\"(),;]+)")
_DUMPED = re.compile(r'^ +File "(?P<file>[^"\n]+)", line (?P<line>\d{1,9}) in (?P<function>.+)$', re.MULTILINE)
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


def of_exception(raised: Sequence[Raised]) -> tuple[Frame, ...]:
    """Return all frames of an exception and of what it led to, innermost first; ``raised`` has the root cause first."""
    return tuple(frame for one in raised for frame in reversed(one.frames))


def of_dump(output: str) -> tuple[Frame, ...]:
    """Return the frames of the last stack that was dumped when a process died or hung, innermost first."""
    _, found, dump = output.rpartition("most recent call first")
    dumped = _DUMPED.finditer(dump) if found else ()
    return tuple(Frame(file=one["file"], line=int(one["line"]), function=one["function"]) for one in dumped)


def place(frame: Frame) -> str:
    """Return ``pandas/core/api.py:1 in load``: inside what is installed, or else just the name of the file."""
    file = frame.file
    if inside := _INSTALLED.match(file) or _STANDARD.match(file):
        file = file[inside.end() :]
    elif file.startswith("/"):
        file = file.rpartition("/")[2]
    # At the top of a module there is no function to name.
    return f"{file}:{frame.line}" + ("" if frame.function in ("<module>", "") else f" in {frame.function}")


def shortened(text: str) -> str:
    """Return ``text`` with long absolute paths cut: where an environment was on this machine tells a reader nothing."""
    return _LONG_PATH.sub(lambda found: found[0].rpartition("-packages/")[2] if "-packages/" in found[0] else "", text)


def _owner(file: str, caller: str) -> str | None:
    """Return the top package that ``file`` belongs to, or the probe; None for the standard library."""
    if installed := _INSTALLED.match(file):
        return file[installed.end() :].partition("/")[0].partition(".")[0]
    if file.startswith("<") or _STANDARD.match(file):
        return None
    if file.startswith("/"):
        return _PROBE
    # Compiled by Cython, code tells its place from its package on, or only its file: then it is its importer's.
    return file.partition("/")[0] if "/" in file else caller
