"""Fit a text into a number of bytes by leaving details out: a large page opens at once, and GitHub has limits."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from knowngood.report.markup import inline
from knowngood.report.text import count, encoded_size, first_fitting, shorten

BUDGET = 1_000_000
"""Maximum size of a page in bytes."""
SAMPLE = 50
"""Cells from which the size of a larger page is estimated, so that not every level has to be rendered in full."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """How much a page says about a cell beyond its verdict, cause and fix, which are never left out."""

    excerpt: int = 6000
    """Characters from the end of its output."""
    message: int = 4000
    """Characters of each message."""
    evidence: int = 50
    """Facts from the evidence of a diagnosis."""
    tests: int = 20
    """Failing tests that are named for one cause; how many more there are is never left out."""
    issue: bool = True
    """The text for an issue about a failure."""
    locks: bool = True
    """The lock of each install step."""
    installed: bool = True
    """All installed packages, not only those that the combo names."""
    steps: bool = True
    """The requirements of each install step."""
    passed: bool = True
    """Each check that passed, with its time and metrics."""
    records: bool = True
    """Titles, metrics, all numbers, timing, the log, and the command that runs the cell again."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the page leaves out, in words; empty at the first level."""
        whole = Level()
        omissions = [
            (self.excerpt == 0, "the output of commands"),
            (0 < self.excerpt < whole.excerpt, f"all but the last {self.excerpt} characters of the output of commands"),
            (self.message < whole.message, f"all but the first {self.message} characters of messages"),
            (self.evidence < whole.evidence, f"all but the {self.evidence} strongest facts of each diagnosis"),
            (not self.issue, "texts for issues"),
            (not self.locks, "the locks of the install steps"),
            (not self.installed, "packages that no combo names"),
            (not self.steps, "the install steps"),
            (not self.passed, "the checks that passed"),
            (not self.records, "titles, metrics, logs and timing"),
        ]
        return tuple(text for applies, text in omissions if applies)


LEVELS = (
    Level(),
    Level(excerpt=1500, message=2000),
    Level(excerpt=600, message=1000, issue=False, locks=False),
    Level(excerpt=0, issue=False, message=600, tests=10, locks=False, installed=False, evidence=6),
    Level(excerpt=0, issue=False, message=400, tests=5, locks=False, installed=False, evidence=4, passed=False),
    Level(
        excerpt=0,
        issue=False,
        message=240,
        tests=3,
        locks=False,
        installed=False,
        evidence=2,
        passed=False,
        records=False,
    ),
    Level(
        excerpt=0,
        issue=False,
        message=240,
        tests=3,
        locks=False,
        installed=False,
        evidence=1,
        passed=False,
        records=False,
        steps=False,
    ),
)
"""From the most to the fewest details."""


def fit(render: Callable[[Level, int], str], cells: int) -> str:
    """Return a page of ``cells`` cells at the first level that keeps it within the budget, or else at the last level.

    ``render(level, step)`` returns the page with every ``step``-th cell.
    """
    *levels, last = LEVELS[_start(render, cells) :]
    fitting = first_fitting((render(level, 1) for level in levels), BUDGET)
    return render(last, 1) if fitting is None else fitting


def _start(render: Callable[[Level, int], str], cells: int) -> int:
    """Return the number of the first level that seems to keep the page within the budget, estimated from a sample."""
    if cells <= SAMPLE:
        return 0
    step = cells // SAMPLE
    sampled = len(range(0, cells, step))
    for number, level in enumerate(LEVELS):
        # Every `cells`-th cell is one cell.
        one, sample = (encoded_size(render(level, every)) for every in (cells, step))
        if one + (sample - one) / (sampled - 1) * cells <= BUDGET:
            return number
    return len(LEVELS) - 1


_NOTE = 2000
"""Bytes that are kept free for the sentence about the parts that were left out."""
_NAMED = 10
_NAME = 60
_GAP = 2
"""Bytes of the blank line between two blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a page, shown whole or not at all."""

    name: str
    """Its name in the sentence about the parts that were left out; raw text."""
    texts: tuple[str, ...]
    """Markdown, the best first: the page shows the first of them that fits."""
    longer: Callable[[], str] | None = None
    """Returns Markdown that is better than all of ``texts``; called only where one of them fits."""


def page(head: Iterable[str], parts: Iterable[Part], *, most: int) -> str:
    """Return blocks of Markdown as a page of at most ``most`` bytes, ending in a newline.

    ``head`` is always shown, and small. ``parts`` come in the order of their importance: each is shown if it fits into
    the room that those before it left. The last block names the parts that were left out.
    """
    blocks = [block for block in head if block]
    room = most - _NOTE - sum(encoded_size(block) + _GAP for block in blocks)
    left_out = []
    for part in parts:
        fitting = first_fitting(part.texts, room - _GAP)
        if fitting is None:
            left_out.append(part.name)
            continue
        if part.longer is not None:
            fitting = first_fitting((part.longer(),), room - _GAP) or fitting
        blocks.append(fitting)
        room -= encoded_size(fitting) + _GAP
    return "\n\n".join([*blocks, *_omission(left_out)]) + "\n"


def _omission(left_out: Sequence[str]) -> list[str]:
    if not left_out:
        return []
    names = ", ".join(inline(shorten(name, _NAME)) for name in left_out[:_NAMED])
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return [f"**{count(len(left_out), 'part')} left out**, because GitHub limits the size of a page: {names}{more}."]
