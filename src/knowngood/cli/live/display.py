"""Show a run in the terminal while it works: a board on a terminal, plain lines in a log."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from knowngood.cli.live.lines import BUSY, Judge, LineRenderer, Note
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Event,
    Folding,
    PhaseStarted,
    Retrying,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
)
from knowngood.install.registry import OUTPUTS
from knowngood.model import InstallerName, Phase
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


DOING: Mapping[Phase, str] = {
    Phase.RESOLVE: "Resolving",
    Phase.CREATE: "Creating",
    Phase.INSTALL: "Installing",
    Phase.DRIFT: "Reading",
    Phase.PROBE: "Probing",
    Phase.COMPARE: "Comparing",
}
"""What a combo does in each phase."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """What one combo is doing, and since when on the clock of the progress."""

    doing: str
    detail: str
    since: float
    log: str = ""
    """The log that the running command writes, relative to the folder of the run."""


class Progress:
    """The progress of a run. It has no lock: guard it where several threads use it.

    ``past`` holds how many seconds combos took in earlier runs, by id.
    """

    def __init__(self, past: Mapping[str, float]) -> None:
        self.active: dict[str, Activity] = {}
        """By combo, in the order they started."""
        self.done: set[str] = set()
        self.downloaded = 0
        """Bytes that the installed steps have downloaded."""
        self._past = dict(past)
        self._waiting: set[str] = set()
        self._spent: dict[str, float] = {}
        """Seconds that each combo was busy. Between its lock and its environment a combo waits and is not busy."""
        self._begun: dict[str, float] = {}
        self._installers: dict[str, InstallerName] = {}
        self._took: list[float] = []
        """Seconds of each combo that this run evaluated."""

    def __call__(self, event: Event, folding: Folding, now: float) -> None:
        """Take in an event that happened at ``now`` seconds."""
        match event:
            case RunStarted() | RunResumed() if folding.run is not None:
                for facts in folding.run.combos:
                    self._installers[facts.combo.id] = facts.combo.installer
                    (self.done if facts.finished else self._waiting).add(facts.combo.id)
            case ComboStarted():
                self._do(event.combo, "Starting", "", now)
            case PhaseStarted():
                self._do(event.combo, DOING[event.phase], event.detail, now, event.log)
            case Retrying():
                self._do(event.combo, "Waiting", f"to {event.phase} again", now)
            case StepResolved() if event.step == len(folding.facts(event.combo).combo.steps):
                self._pause(event.combo, now)
                self._waiting.add(event.combo)
            case StepInstalled():
                # A step without a log is replayed: an earlier run downloaded its files.
                activity = self.active.get(event.combo)
                if activity is not None and activity.log:
                    downloads = self.downloads(event.combo, event.action.output)
                    self.downloaded += sum(download.size for download in downloads if download.done)
                    self.active[event.combo] = replace(activity, log="")
            case ComboFinished():
                self._pause(event.combo, now)
                self._waiting.discard(event.combo)
                self.done.add(event.combo)
                if folding.facts(event.combo).reused is None:
                    self._took.append(self._spent.get(event.combo, 0.0))
            case _:
                pass

    def downloads(self, combo: str, output: str) -> tuple[Download, ...]:
        """Return the files that the installer of ``combo`` reports in ``output``, in the order they were started."""
        return OUTPUTS[self._installers[combo]].downloads(output)

    @property
    def total(self) -> int:
        """How many combos the run has."""
        return len(self._waiting) + len(self.active) + len(self.done)

    def left(self, now: float) -> float | None:
        """Estimate how many seconds are left, with as many combos side by side as now; None without any basis.

        A combo is expected to take what it took in the past, or else the mean of the combos that are done.
        """
        known = self._took or list(self._past.values())
        if not known or not self.active:
            return None
        usual = fmean(known)
        spent = {combo: self._spent.get(combo, 0.0) + now - self._begun[combo] for combo in self.active}
        begun = [max(0.0, self._past.get(combo, usual) - spent[combo]) for combo in self.active]
        waiting = ((self._past.get(combo, usual), self._spent.get(combo, 0.0)) for combo in self._waiting)
        to_come = [max(0.0, whole - part) for whole, part in waiting]
        return max(*begun, *to_come, sum(begun + to_come) / len(self.active))

    def _do(self, combo: str, doing: str, detail: str, now: float, log: str = "") -> None:
        self._waiting.discard(combo)
        self._begun.setdefault(combo, now)
        self.active[combo] = Activity(doing=doing, detail=detail, since=now, log=log)

    def _pause(self, combo: str, now: float) -> None:
        self.active.pop(combo, None)
        self._spent[combo] = self._spent.get(combo, 0.0) + now - self._begun.pop(combo, now)
