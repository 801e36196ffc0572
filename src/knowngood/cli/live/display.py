"""The live terminal, a sink of events: a board where someone watches, plain lines where a log is kept."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from knowngood.cli.live.downloads import Download, downloads
from knowngood.cli.live.lines import BUSY, Judge, Narrator, Note
from knowngood.cli.live.progress import Progress
from knowngood.events import Event
from knowngood.model import Run
from knowngood.report.text import seconds, size

_WATCHED = 65536  # characters of the log of a running command

Choice = Literal["auto", "board", "lines", "none"]
"""What a user can ask for."""


class Sink(Protocol):
    """Whatever wants to see the events of a run while it goes on; a context that closes what it has open."""

    def __call__(self, event: Event) -> None:
        """Take one event in."""

    def __enter__(self) -> Self:
        """Open the sink."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sink, whatever happened."""


def choose(
    progress: Choice,
    *,
    console: Console,
    is_tty: bool,
    judge: Judge,
    past: Mapping[str, float],
    folder: Path = Path(),
    resumed: Run | None = None,
) -> Sink:
    """Return the sink that fits: for ``auto`` a board on a terminal that can move its cursor, else plain lines.

    ``is_tty`` is asked apart from the console, because FORCE_COLOR makes a console take a log file for a terminal.
    ``past`` holds how many seconds combos took in earlier runs, by id; ``folder`` is that of the run, whose logs can be
    watched; ``resumed`` is what an earlier process recorded of the run that goes on.
    """
    if progress == "auto":
        progress = "board" if is_tty and not console.is_dumb_terminal else "lines"
    match progress:
        case "board":
            return Board(console=console, judge=judge, past=past, folder=folder, resumed=resumed)
        case "lines":
            return Lines(console=console, judge=judge, resumed=resumed)
        case "none":
            return Silence()


class _Context:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Silence(_Context):
    """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Take one event in."""


class Lines(_Context):
    """One plain line for each thing that came to an end, never cut and never moved, for logs and pipes."""

    def __init__(self, *, console: Console, judge: Judge, resumed: Run | None = None) -> None:
        self._console = console
        self._narrate = Narrator(judge, resumed)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take one event in and print what it is worth."""
        with self._lock:
            for note in self._narrate(event):
                self._console.print(note.line(), soft_wrap=True)


class Board(_Context):
    """What every active combo is doing now and how far the run is, below a line for each cell that is done."""

    def __init__(
        self,
        *,
        console: Console,
        judge: Judge,
        past: Mapping[str, float],
        folder: Path = Path(),
        resumed: Run | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._narrate = Narrator(judge, resumed)
        self._clock = clock
        self._folder = folder
        self._lock = threading.Lock()
        """Guards everything below; never held while printing, because the refreshing thread takes both locks."""
        self._progress = Progress(past, resumed)
        self._began = clock()
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=8,
            transient=True,
            # The table goes to stdout: the board on stderr must not swallow it.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take one event in: a cell that is done is printed above the board."""
        with self._lock:
            self._progress(event, self._clock())
            notes = self._narrate(event)
        for note in (note for note in notes if not note.routine):
            self._console.print(note.line(), no_wrap=True, overflow="ellipsis")

    def render(self) -> Group:
        """Return the board as it is now."""
        with self._lock:
            now = self._clock()
            active = list(self._progress.active.items())
            shown = active[: max(1, self._console.height - 3)]
            fetching = {combo: downloads(self._peek(each.log)) for combo, each in shown if each.log}
            notes = [
                Note(
                    word=each.doing,
                    style=BUSY,
                    text=f"{combo} {_fetching(fetching.get(combo, ())) or each.detail}",
                    seconds=now - each.since,
                )
                for combo, each in shown
            ]
            fetched = sum(each.size for several in fetching.values() for each in several if each.done)
            notes.append(self._sum(now, hidden=len(active) - len(shown), fetched=fetched))
            return Group(*map(_one_line, notes))

    def _peek(self, log: str) -> str:
        """Return what a command that is still running has said so far."""
        try:
            return (self._folder / log).read_text(encoding="utf-8", errors="replace")[-_WATCHED:]
        except OSError:
            return ""

    def _sum(self, now: float, *, hidden: int, fetched: int) -> Note:
        progress = self._progress
        parts = [f"{len(progress.done)}/{progress.total} done"]
        if hidden:
            parts.append(f"{hidden} more running")
        if total := progress.downloaded + fetched:
            parts.append(f"{size(total)} downloaded")
        if (left := progress.left(now)) and left >= 1:
            parts.append(f"about {seconds(left)} left")
        return Note(word="Running", style="bold", text=", ".join(parts), seconds=now - self._began)


def _fetching(several: tuple[Download, ...]) -> str:
    """Return what is being downloaded; nothing when all is there."""
    under_way = [f"{each.name} ({size(each.size)})" for each in several if not each.done]
    return f"downloads {', '.join(under_way)}" if under_way else ""


def _one_line(note: Note) -> Text:
    line = note.line()
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
