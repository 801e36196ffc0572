"""Define the exit codes and the errors that a user can act on: each has an exit code and a next step."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every ``knowngood`` verb; part of the public interface."""

    AS_EXPECTED = 0
    DIFFERS = 1
    USAGE = 2
    UNDECIDED = 3
    NOTHING_SELECTED = 4
    REFERENCE_FAILED = 5
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


_NAMED = 5  # names that a message gives before it only counts


def some(names: Sequence[str]) -> str:
    """Return ``names`` for a message: the first five, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def similar(word: str, names: Sequence[str]) -> list[str]:
    """Return the names that a user who typed ``word`` may have meant: those that begin so, or the nearest three."""
    lower = {name.lower(): name for name in names}
    begun = [name for key, name in lower.items() if word and key.startswith(word.lower())]
    return begun or [lower[key] for key in difflib.get_close_matches(word.lower()[:100], lower, n=3, cutoff=0.5)]


def similar_or_some(word: str, names: Sequence[str], there: str = "there are") -> str:
    """Return what a user who typed ``word`` may have meant, or else the first five of ``names``, for a message.

    ``there`` is what the names follow then.
    """
    near = similar(word, names)
    if len(near) == 1:
        return f"did you mean {near[0]}?"
    return f"similar: {some(near)}" if near else f"{there}: {some(names)}"


class KnowngoodError(Exception):
    """An error that the user can act on, printed as ``error:``, ``cause:`` and ``next:`` lines without a traceback."""

    exit_code = ExitCode.USAGE

    def __init__(self, what: str, *, cause: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.next_step = next_step


class UsageError(KnowngoodError):
    """The command line asks for something that does not exist."""


class NothingSelectedError(KnowngoodError):
    """The selection has no combo to run, which is never a success."""

    exit_code = ExitCode.NOTHING_SELECTED


class UndecidedError(KnowngoodError):
    """Trouble with the machine or the network before any combo could be judged."""

    exit_code = ExitCode.UNDECIDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with a matrix file."""

    line: int
    """Counted from 1; 0: the whole file."""
    where: str
    """Path of the value, such as ``combo[2].steps[0][1]``."""
    what: str
    hint: str = ""


class MatrixFileError(KnowngoodError):
    """A matrix file that cannot be used, with all its problems at once."""

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{path}: {count}, nothing was run", next_step="fix the file and run again")
        self.path = path
        self.problems = problems
