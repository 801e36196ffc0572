"""Define what a probe records while it runs: checks, exceptions, numbers, and what it read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_LINE = 1000
"""Characters of a line. A longer one loses its middle."""
LONGEST_TEXT = 64 * 1024
"""Characters of a text. A longer one loses its middle as well."""
GAP = " [...] "
"""What stands where something was left out."""


def shortened(text: str) -> str:
    """Return ``text`` with at most ``LONGEST_TEXT`` characters, and at most ``LONGEST_LINE`` in a line.

    Beginnings and ends stay: a message begins with what is wrong, and an output ends with it.
    """
    if len(text) <= LONGEST_LINE:
        return text
    if len(text) > LONGEST_TEXT:
        half = (LONGEST_TEXT - len(GAP)) // 2
        text = text[:half] + GAP + text[-half:]
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    half = (LONGEST_LINE - len(GAP)) // 2
    for line in text.split("\n"):
        yield line if len(line) <= LONGEST_LINE else line[:half] + GAP + line[-half:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One line of a traceback."""

    file: str
    line: int
    function: str
    text: str = ""
    values: tuple[str, ...] = ()
    """Where the values in its line come from, if that was recorded: ``NAME=MODULE:CLASS``, ``NAME=MODULE:``."""

    def __post_init__(self) -> None:
        for name in ("file", "function", "text"):
            object.__setattr__(self, name, shortened(getattr(self, name)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """An exception: its type, its message and its frames, innermost last."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    owners: tuple[str, ...] = ()
    """Of a missing attribute, the classes that could have had it, ``MODULE:CLASS``, or the module, ``MODULE:``; the
    nearest first. Empty: not recorded, or another error."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", shortened(self.type))
        object.__setattr__(self, "message", shortened(self.message))


class Outcome(StrEnum):
    """The outcome of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    OPEN = "open"
    """It began and never finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Array:
    """Numbers that a probe recorded: ``data`` is base64 of little-endian values in C order."""

    dtype: str
    """As the probe's library names it, such as ``float32``."""
    shape: tuple[int, ...]
    encoding: str
    """``f4`` or ``f8``: how ``data`` stores each value."""
    data: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One named check of a probe, from its transcript."""

    name: str
    outcome: Outcome
    seconds: float | None = None
    message: str = ""
    raised: tuple[Raised, ...] = ()
    """The exception and its causes, the root cause first."""
    metrics: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    warned_by: Mapping[str, str] = field(default_factory=dict)
    """Warning -> the file whose code it is about, where that is known."""

    # Read by pydantic: a log or an imported result with an infinite duration is not one that we wrote.
    __pydantic_config__ = {"allow_inf_nan": False}  # noqa: RUF012

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))
        object.__setattr__(self, "warnings", tuple(map(shortened, self.warnings)))


class ProblemKind(StrEnum):
    """What kept a probe from testing what it should test."""

    COLLECTION = "collection"
    """Tests could not be collected: a test module or a conftest.py raised an exception."""
    NO_TESTS = "no-tests"
    """There was no test to run."""
    USAGE = "usage"
    """pytest refused its arguments or its configuration."""
    PLUGIN = "plugin"
    """pytest or one of its plugins could not be loaded."""
    INTERNAL = "internal"
    """pytest itself, or a plugin inside it, failed."""
    WORKER = "worker"
    """A worker of pytest-xdist died."""
    SHADOWED = "shadowed"
    """The tests imported the sources of the project, not the installed project."""
    MISSING = "missing"
    """The command, or pytest, does not exist in the environment."""
    SETUP = "setup"
    """A setup command failed, so the probe did not run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a probe could not test what it should test."""

    kind: ProblemKind
    message: str
    raised: tuple[Raised, ...] = ()
    """The exception behind it and its causes, the root cause first; empty: there is none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What a probe recorded, whole or cut short."""

    checks: tuple[Check, ...] = ()
    """In the order they began. Of thousands of tests, those that passed are only counted."""
    left_out: int = 0
    """How many tests passed that are not among the checks."""
    hello: bool = False
    """Whether it started: then Python works in this environment."""
    bye: bool = False
    """Whether it ran to its end."""
    bad_lines: int = 0
    """How many lines were not a record of this cell."""
    loaded: tuple[str, ...] = ()
    """Top-level modules that had been imported at its end."""
    asked: tuple[str, ...] = ()
    """Distributions whose metadata or entry points were read, ``NAME-VERSION`` as their folder has it."""
    collected: int | None = None
    """How many tests pytest collected; None: it was another kind of probe, or did not get so far."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Module of the project -> file that it was imported from."""
    problem: Problem | None = None
    """What kept it from testing what it should test."""
    watched: bool = False
    """Whether everything that the script opened with Python is in ``reads``."""
    reads: Mapping[str, str | None] = field(default_factory=dict)
    """Path, relative to the project or absolute -> what it read there: the SHA-256 of a file, ``names:`` and a SHA-256
    for the names in a folder, ``exists`` for a mere look, or None: there was nothing."""
    spawned: tuple[str, ...] = ()
    """Programs that the script started, which nobody watches."""
    connected: bool = False
    """Whether the script opened a connection."""

    @property
    def open_check(self) -> str | None:
        """The innermost check that began and never finished."""
        open_checks = [check.name for check in self.checks if check.outcome is Outcome.OPEN]
        return open_checks[-1] if open_checks else None
