"""Read tracebacks and stack dumps in the output of programs, and shorten the paths in them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from knowngood.model import Frame, Raised

_LONG_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/:'\"(),;]+/){3,}(?=[^\s/:'\"(),;]+)")
_INSTALLED = re.compile(r"\A.*(?:site|dist)-packages/")
_STANDARD = re.compile(r"\A.*/lib/(?:python|pypy)\d[\w.]*/")

_BLOCK = re.compile(
    r"Traceback \(most recent call last\):\n(?P<frames>(?:[ \t].*\n)+)(?P<type>[\w.]+)(?:: (?P<message>.*))?$",
    re.MULTILINE,
)
_FRAME = re.compile(r'^[ \t]+File "(?P<file>[^"\n]+)", line (?P<line>\d{1,9}), in (?P<function>.+)$', re.MULTILINE)
_PYTEST = re.compile(r"^E[ \t]+(?P<type>[\w.]*(?:Error|Exception|Failure)): (?P<message>.+)$", re.MULTILINE)
_PYTEST_FRAME = re.compile(r"^(?P<file>\S*site-packages/\S+\.py):(?P<line>\d{1,9}): ", re.MULTILINE)
_PYTEST_PREFIX = re.compile(r"^INTERNALERROR> ", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

_DUMP = "most recent call first"
_DUMPED_FRAME = re.compile(r'^ +File "(?P<file>[^"\n]+)", line (?P<line>\d{1,9}) in (?P<function>.+)$', re.MULTILINE)
_EXTENSIONS = re.compile(r"^Extension modules: (?P<names>.+?) \(total: \d+\)", re.MULTILINE)


def shorten_paths(text: str) -> str:
    """Return ``text`` with long absolute paths cut to what is inside ``site-packages``, or else to ``.../NAME``.

    Where an environment was on this machine says nothing to a reader.
    """
    return _LONG_PATH.sub(_shortened, text)


def _shortened(path: re.Match[str]) -> str:
    inside = installed_path(path[0])
    return ".../" if inside is None else inside


def installed_path(file: str) -> str | None:
    """Return the part of ``file`` that is inside ``site-packages``; None for a file that is not."""
    folder = _INSTALLED.match(file)
    return file[folder.end() :] if folder else None


def standard_path(file: str) -> str | None:
    """Return the part of ``file`` that is inside the standard library; None for a file that is not."""
    folder = _STANDARD.match(file)
    return file[folder.end() :] if folder and installed_path(file) is None else None


def frames_of(raised: Sequence[Raised]) -> tuple[Frame, ...]:
    """Return all frames of an exception and of what it led to, innermost first; ``raised`` has the root cause first.

    The frames of a cause end where it was raised; those of what it led to show how the program got there.
    """
    return tuple(frame for exception in raised for frame in reversed(exception.frames))


def last_exception(output: str) -> tuple[Raised, ...]:
    """Return the last exception that ``output`` shows, with its frames; empty when it shows none.

    Understands what Python and pytest print.
    """
    text = _PYTEST_PREFIX.sub("", _ANSI.sub("", output).replace("\r\n", "\n"))
    blocks = list(_BLOCK.finditer(text))
    if blocks:
        last = blocks[-1]
        return (_raised(last["type"], last["message"] or "", _FRAME.finditer(last["frames"])),)
    failure = _PYTEST.search(text)
    if failure is None:
        return ()
    return (_raised(failure["type"], failure["message"], _PYTEST_FRAME.finditer(text)),)


def _raised(kind: str, message: str, frames: Iterable[re.Match[str]]) -> Raised:
    return Raised(type=kind if "." in kind else f"builtins.{kind}", message=message, frames=tuple(map(_frame, frames)))


def _frame(line: re.Match[str]) -> Frame:
    return Frame(file=line["file"], line=int(line["line"]), function=line.groupdict().get("function") or "")


def dumped_stacks(output: str) -> tuple[tuple[Frame, ...], ...]:
    """Return the stack of each thread that was dumped when a process died or hung, in order, innermost frame first."""
    _, *dumps = output.split(_DUMP)
    return tuple(tuple(map(_frame, _DUMPED_FRAME.finditer(dump))) for dump in dumps)


def dumped_frames(output: str) -> tuple[Frame, ...]:
    """Return the frames of the last stack that was dumped, innermost first; empty when there is none."""
    stacks = dumped_stacks(output)
    return stacks[-1] if stacks else ()


def loaded_extensions(output: str) -> Iterator[str]:
    """Yield the dotted names of the extension modules that a crash report lists as loaded."""
    listed = _EXTENSIONS.search(output)
    return iter(listed["names"].split(", ") if listed else ())
