"""Show a search while it works: what it tries and why, what it knows so far, and how long it may take."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from knowngood.cli.live.lines import BUSY, Note
from knowngood.report.text import count, plain, seconds
from knowngood.search.ask import Answer, Candidate, Oracle, Says, Watch
from knowngood.search.result import line

_COUNTED = {
    Says.WORKS: "work",
    Says.FAILS: "fail",
    Says.UNSOLVABLE: "have no solution",
    Says.UNKNOWN: "are unknown",
}


def known(oracle: Oracle) -> str:
    """Return what a search knows so far: what the candidates said, and the simplest that works."""
    counts = Counter(answer.says for answer in oracle.answers)
    said = ", ".join(f"{counts[says]} {words}" for says, words in _COUNTED.items() if counts[says])
    works = [answer.candidate.change for answer in oracle.answers if answer.says is Says.WORKS]
    simplest = min(works, key=lambda change: len(change.parts), default=None)
    best = f"; {simplest} works" if simplest else ""
    return f"{len(oracle.answers)} asked{f': {said}' if said else ''}{best}"


def outlook(oracle: Oracle, running: int) -> str:
    """Return how long a search may take, as far as that is known; ``running`` candidates are under way.

    A later answer may bring more candidates into view, or end the search.
    """
    parts = [f"about {seconds(oracle.probe_seconds)} each"] if oracle.probe_seconds else []
    if oracle.more:
        text = f"{oracle.more} more in view"
        if oracle.probe_seconds:
            rounds = -(-(running + oracle.more) // max(1, oracle.jobs))
            text += f", at most about {seconds(rounds * oracle.probe_seconds)} for all"
        parts.append(text)
    left = oracle.budget.seconds_left
    parts += [f"{seconds(left)} of the budget left"] if left is not None else []
    cells = oracle.budget.left if oracle.budget.cells is not None else None
    parts += [f"{count(cells, 'cell')} of the budget left"] if cells is not None else []
    return ", ".join(parts)


@contextmanager
def shown(*, console: Console, is_tty: bool, print_line: Callable[[str], None]) -> Iterator[Watch]:
    """Yield what shows a search: a board on a terminal that can move its cursor, else lines for ``print_line``.

    ``is_tty`` is not taken from the console, because FORCE_COLOR makes a console take a log file for a terminal.
    """
    if not is_tty or console.is_dumb_terminal:
        yield Lines(print_line)
        return
    board = Board(console=console)
    with Live(
        get_renderable=board.render,
        console=console,
        refresh_per_second=4,
        transient=True,
        # The result goes to stdout: the board on stderr must not swallow it.
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield board


class Lines:
    """Prints what is tried and why, and then what came out: for logs and pipes."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line

    def __call__(self, oracle: Oracle, candidates: Sequence[Candidate], answers: Sequence[Answer]) -> None:
        """Print what is asked, before with no answers, and then the answers."""
        if not answers:
            ahead = outlook(oracle, len(candidates))
            self._print(f"{seconds(oracle.elapsed)}, {known(oracle)}{f'; {ahead}' if ahead else ''}; trying")
            for candidate in candidates:
                self._print(f"  {_text(candidate)}")
        for answer in answers:
            self._print(f"  {line(answer)}")


class Board:
    """Shows what is tried, what is known and how long it may take, below a line for each answer."""

    def __init__(self, *, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        """Guards everything below. Never held while printing, because the refreshing thread takes both locks."""
        self._oracle: Oracle | None = None
        self._running: tuple[Candidate, ...] = ()
        self._since = clock()

    def __call__(self, oracle: Oracle, candidates: Sequence[Candidate], answers: Sequence[Answer]) -> None:
        """Take in what is asked, or print the answers above the board."""
        with self._lock:
            self._oracle, self._since = oracle, self._clock()
            self._running = () if answers else tuple(candidates)
        for answer in answers:
            self._console.print(Text(line(answer)), no_wrap=True, overflow="ellipsis")

    def render(self) -> Group:
        """Return the board as it is now."""
        with self._lock:
            oracle, running, took = self._oracle, self._running, self._clock() - self._since
        if oracle is None:
            return Group()
        notes = [Note(word="Trying", style=BUSY, text=_text(candidate), seconds=took) for candidate in running]
        if oracle.resolving:
            notes.append(Note(word="Resolving", style=BUSY, text=count(oracle.resolving, "candidate")))
        notes.append(Note(word="Known", style="bold", text=known(oracle)))
        notes.append(Note(word="Searching", style="bold", text=outlook(oracle, len(running)), seconds=oracle.elapsed))
        return Group(*map(_one_line, notes))


def _text(candidate: Candidate) -> str:
    return plain(f"{candidate.change or 'as it is'} ({candidate.why})")


def _one_line(note: Note) -> Text:
    text = note.line()
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
