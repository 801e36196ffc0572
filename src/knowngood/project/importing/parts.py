"""Define what a reader returns: the cells of a matrix, the indexes they need, and what it could not read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from knowngood.declare.named_files import ProjectFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file to import."""

    path: str
    """Relative to the project, with forward slashes."""
    text: str
    files: ProjectFiles
    """The other files of the project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something in a file that was not imported, and why; or something that the file does not say."""

    line: int
    """Counted from 1; 0: the whole file."""
    what: str
    is_note: bool = False
    """Whether everything was imported, and the user may want to add something."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a step, as it is written after ``pip install``."""

    text: str
    at: int = field(default=0, compare=False)
    """The line of the file that it comes from."""


Step = tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How a file tests what it installs: with pytest, or with another command."""

    words: tuple[str, ...]
    """The arguments of pytest, or the whole command."""
    pytest: bool = True
    python_options: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()
    """Names and globs of the variables of the shell that reach it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One environment that a file describes."""

    name: str
    """What names it in the file, without its Python."""
    steps: tuple[Step, ...]
    python: str | None = None
    """None: the file does not say."""
    probes: tuple[Probe, ...] = ()
    """Empty: the file does not say how to test it."""
    env: tuple[tuple[str, str], ...] = ()
    installer: str | None = None
    group: str = ""
    """What names it together with the others that it may be in a grid with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """An index that packages come from."""

    url: str
    packages: tuple[str, ...] = ()
    """Empty: all packages without another index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What a reader made of a file."""

    cells: tuple[Cell, ...] = ()
    indexes: tuple[Index, ...] = ()
    remarks: tuple[Remark, ...] = ()


class Remarks:
    """Collects what cannot be imported, each once."""

    def __init__(self) -> None:
        self._remarks: dict[Remark, None] = {}

    def add(self, line: int, what: str) -> None:
        """Add a remark about a line of the file."""
        self._remarks.setdefault(Remark(line=line, what=" ".join(what.split())))

    def add_once(self, line: int, what: str) -> None:
        """Add a remark unless there is one about the same line."""
        if not any(remark.line == line for remark in self._remarks):
            self.add(line, what)

    def note(self, line: int, what: str) -> None:
        """Add what the file does not say."""
        self._remarks.setdefault(Remark(line=line, what=" ".join(what.split()), is_note=True))

    def merge(self, remarks: Iterable[Remark]) -> None:
        """Add remarks that another reader made."""
        self._remarks.update(dict.fromkeys(remarks))

    def all(self) -> tuple[Remark, ...]:
        """Return the remarks in the order of the file."""
        return tuple(sorted(self._remarks, key=lambda remark: remark.line))


def step(texts: Iterable[str], at: int = 0) -> Step:
    """Return a step with these lines, all from one line of the file."""
    return tuple(Line(text, at) for text in texts)
