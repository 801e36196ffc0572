"""Paths in what programs say, shortened: where an environment was on this machine tells a reader nothing."""

import re
from collections.abc import Iterator

from knowngood.model import Frame, Raised

_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/:'\"(),;]+/){3,}(?=[^\s/:'\"(),;]+)")


def shorten_paths(text: str) -> str:
    """Return ``text`` with long absolute paths cut to what is inside ``site-packages``, or else to their file name."""
    return _PATH.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    _, inside, rest = found[0].rpartition("site-packages/")
    return rest if inside else ".../"


_BLOCK = re.compile(
    r"Traceback \(most recent call last\):\n(?P<frames>(?:[ \t]+.*\n)+)(?P<type>[\w.]+)(?:: (?P<message>.*))?$",
    re.MULTILINE,
)
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)
_PYTEST = re.compile(r"^E\s+(?P<type>[\w.]*(?:Error|Exception|Failure)): (?P<message>.+)$", re.MULTILINE)
_PYTEST_FRAME = re.compile(r"^(?P<file>\S*site-packages/\S+\.py):(?P<line>\d+): ", re.MULTILINE)
_PREFIX = re.compile(r"^INTERNALERROR> ", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def told(output: str) -> tuple[Raised, ...]:
    """Return the last exception that ``output`` tells of, with its frames; empty when there is none."""
    text = _PREFIX.sub("", _ANSI.sub("", output).replace("\r\n", "\n"))
    blocks = list(_BLOCK.finditer(text))
    if blocks:
        last = blocks[-1]
        return (_raised(last["type"], last["message"] or "", _FRAME.finditer(last["frames"])),)
    found = _PYTEST.search(text)
    if found is None:
        return ()
    return (_raised(found["type"], found["message"], _PYTEST_FRAME.finditer(text)),)


def _raised(kind: str, message: str, frames: Iterator[re.Match[str]]) -> Raised:
    known = tuple(
        Frame(file=one["file"], line=int(one["line"]), function=one.groupdict().get("function") or "") for one in frames
    )
    return Raised(type=kind if "." in kind else f"builtins.{kind}", message=message, frames=known)
