"""Count how often each promise was tried and held, and write the table of them into the docs."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Promise(Enum):
    """A promise, and the seconds that it may take, if it is one about time."""

    RECORDED = "A combo that was finished when a run was killed stays finished", None
    RESUMED = "The same command finishes a killed run, and runs finished combos no second time", None
    SAME = "A run that was disturbed and continued has the verdicts of one that was not", None
    GONE = "No process outlives a run, however it ended", 4.0
    CTRL_C = "Ctrl-C, once or twice, at any moment, exits 130 without a traceback", 7.0
    TERMINATED = "SIGTERM exits 143 without a traceback", 7.0
    SUPERVISOR = "A run ends although its supervisors are killed, and holds that against no version", 30.0
    STOPPED = "A run ends although its supervisors are stopped, and holds that against no version", 40.0
    PAUSED = "A run that was paused (SIGSTOP, SIGCONT) ends with the right verdicts", None
    TOGETHER = "Runs of one project at the same time end with the right verdicts and whole logs", None
    DISK = "A full disk is held against no version, and the next run passes", None
    SINKS = "A stream or a report folder that cannot be written stops no run", None
    INDEX = "A broken index is held against no version, with uv and with pip", None
    SLOW_INDEX = "A slow index changes no verdict, with uv and with pip", None

    def __init__(self, sentence: str, limit: float | None) -> None:
        self.sentence = sentence
        self.limit = limit


@dataclass
class _Count:
    tried: int = 0
    held: int = 0
    worst: float = 0.0


@dataclass
class Tally:
    """What was tried so far. Safe to use from any thread.

    ``patience`` is how many times its limit each promise may take: more than 1 where other work runs beside.
    """

    patience: float = 1.0
    _counts: dict[Promise, _Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, promise: Promise, *, held: bool, seconds: float = 0.0) -> bool:
        """Count a try that took ``seconds``; return whether the promise held, which needs its limit to hold, too."""
        held = held and (promise.limit is None or seconds <= promise.limit * self.patience)
        with self._lock:
            count = self._counts.setdefault(promise, _Count())
            count.tried += 1
            count.held += held
            count.worst = max(count.worst, seconds)
        return held

    @property
    def all_held(self) -> bool:
        """Whether no promise was broken."""
        return all(count.held == count.tried for count in self._counts.values())

    def table(self) -> str:
        """Return the promises as a table in Markdown, those that were not tried included."""
        return (
            "\n".join(["| promise | tried | held | worst time |", "| --- | ---: | ---: | ---: |", *self._rows()]) + "\n"
        )

    def _rows(self) -> Iterator[str]:
        for promise in Promise:
            count = self._counts.get(promise, _Count())
            limit = "" if promise.limit is None else f" of {promise.limit:.0f} s"
            worst = f"{count.worst:.1f} s{limit}" if count.worst else ""
            yield f"| {promise.sentence} | {count.tried} | {count.held} | {worst} |"


def publish(page: Path, text: str, *, name: str = "soak") -> None:
    """Replace what ``page`` has between the two markers called ``name``. Raises ``ValueError``: it has none."""
    before = page.read_text(encoding="utf-8")
    after, count = re.subn(
        rf"(?<=<!-- {name}:begin -->\n).*?(?=<!-- {name}:end -->)", lambda _: f"\n{text}\n", before, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{page} has no place for the table")
    page.write_text(after, encoding="utf-8")
