"""Show a run in the terminal while it works: a board on a terminal, plain lines in a log."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from knowngood.cli.live.lines import BUSY, Judge, LineRenderer, Note
from knowngood.cli.live.progress import Progress
from knowngood.events import Event, Folding, RunResumed, RunStarted
from knowngood.model.installer_output import Download
from knowngood.process.files import read_end
from knowngood.report.text import seconds, size

_WATCHED = 65536  # characters of the log of a running command

Choice = Literal["auto", "board", "lines", "none"]
"""What a user can choose with ``--progress``."""


class Display(Protocol):
    """A sink of the events of a run, as a context that closes what it has open."""

    def __call__(self, event: Event, folding: Folding) -> None:
        """Show an event, which ``folding`` contains already."""

    def __enter__(self) -> Self:
        """Begin to show the run."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clean up, also after an exception."""


def choose(
    progress: Choice,
    *,
    console: Console,
    is_tty: bool,
    judge: Judge,
    past: Mapping[str, float],
    runs: Path = Path(),
) -> Display:
    """Return the display for ``progress``; ``auto`` is a board on a terminal that can move its cursor, else lines.

    ``is_tty`` is not taken from the console, because FORCE_COLOR makes a console take a log file for a terminal.
    ``past`` holds how many seconds combos took in earlier runs, by id; ``runs`` is the folder of all runs of the
    matrix, where the board reads the logs of running commands.
    """
    if progress == "auto":
        progress = "board" if is_tty and not console.is_dumb_terminal else "lines"
    match progress:
        case "board":
            return Board(console=console, judge=judge, past=past, runs=runs)
        case "lines":
            return Lines(console=console, judge=judge)
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

    def __call__(self, event: Event, folding: Folding) -> None:
        """Ignore an event."""


class Lines(_Context):
    """Prints a plain line for each thing that ended. Lines are never cut or moved: they are for logs and pipes."""

    def __init__(self, *, console: Console, judge: Judge) -> None:
        self._console = console
        self._lines = LineRenderer(judge)
        self._lock = threading.Lock()

    def __call__(self, event: Event, folding: Folding) -> None:
        """Print the lines of an event."""
        with self._lock:
            for note in self._lines(event, folding):
                self._console.print(note.line(), soft_wrap=True)


class Board(_Context):
    """Shows what every active combo is doing and how far the run is, below a line for each finished cell."""

    def __init__(
        self,
        *,
        console: Console,
        judge: Judge,
        past: Mapping[str, float],
        runs: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._lines = LineRenderer(judge)
        self._clock = clock
        self._runs = self._folder = runs
        self._lock = threading.Lock()
        """Guards everything below. Never held while printing, because the refreshing thread takes both locks."""
        self._progress = Progress(past)
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

    def __call__(self, event: Event, folding: Folding) -> None:
        """Take an event in, and print the lines of a finished cell above the board."""
        with self._lock:
            if isinstance(event, RunStarted | RunResumed):
                self._folder = self._runs / folding.info.id
            self._progress(event, folding, self._clock())
            notes = self._lines(event, folding)
        for note in (note for note in notes if not note.routine):
            self._console.print(note.line(), no_wrap=True, overflow="ellipsis")

    def render(self) -> Group:
        """Return the board as it is now."""
        with self._lock:
            now = self._clock()
            progress = self._progress
            active = list(progress.active.items())
            shown = active[: max(1, self._console.height - 3)]
            under_way = {
                combo: progress.downloads(combo, self._read(activity.log)) for combo, activity in shown if activity.log
            }
            notes = [
                Note(
                    word=activity.doing,
                    style=BUSY,
                    text=f"{combo} {_unfinished(under_way.get(combo, ())) or activity.detail}",
                    seconds=now - activity.since,
                )
                for combo, activity in shown
            ]
            finished = (download for files in under_way.values() for download in files if download.done)
            downloaded = sum(download.size for download in finished)
            notes.append(self._summary(now, hidden=len(active) - len(shown), downloaded=downloaded))
            return Group(*map(_one_line, notes))

    def _read(self, log: str) -> str:
        """Return the end of what a running command has written to its log."""
        return read_end(self._folder / log, _WATCHED).decode("utf-8", "replace")

    def _summary(self, now: float, *, hidden: int, downloaded: int) -> Note:
        progress = self._progress
        parts = [f"{len(progress.done)}/{progress.total} done"]
        if hidden:
            parts.append(f"{hidden} more running")
        if total := progress.downloaded + downloaded:
            parts.append(f"{size(total)} downloaded")
        if (left := progress.left(now)) and left >= 1:
            parts.append(f"about {seconds(left)} left")
        return Note(word="Running", style="bold", text=", ".join(parts), seconds=now - self._began)


def _unfinished(files: tuple[Download, ...]) -> str:
    """Return which of the files are still being downloaded; an empty string when all are there."""
    names = [f"{download.name} ({size(download.size)})" for download in files if not download.done]
    return f"downloads {', '.join(names)}" if names else ""


def _one_line(note: Note) -> Text:
    line = note.line()
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
