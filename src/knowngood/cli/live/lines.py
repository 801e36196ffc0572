"""Turn the events of a run into lines for people: resolved, installed, retrying, passed, failed."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from knowngood.events import (
    ComboFinished,
    Event,
    Folding,
    IndexChosen,
    Interrupted,
    PhaseStarted,
    Retrying,
    RunResumed,
    StepInstalled,
    StepResolved,
    WorkerChanged,
)
from knowngood.model import UNDECIDED, Cell, ComboFacts, IndexChoice, Phase, Run, RunInfo, Status
from knowngood.report import words
from knowngood.report.table import total_seconds
from knowngood.report.text import count, ended, plain, shorten

Judge = Callable[[ComboFacts, RunInfo], tuple[Cell, ...]]
"""How a finished combo of a run becomes cells with a verdict."""

MESSAGE = 160
"""Columns that the text of one line may take; the recap and the log have all of it."""
GOOD, BAD, ODD, BUSY = "bold green", "bold red", "yellow", "cyan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One line: a status word, a duration, and a text."""

    word: str
    style: str
    text: str
    seconds: float | None = None
    routine: bool = False
    """Whether a board leaves it out: the board shows it while it happens."""

    def line(self) -> Text:
        """Return the line, its word right-aligned in twelve columns; markup in the text is not interpreted."""
        duration = f"[{self.seconds:6.1f}s]" if self.seconds is not None else " " * len("[   0.0s]")
        text = shorten(self.text, MESSAGE)
        return Text.assemble((f"{plain(self.word):>12}", self.style), " ", (duration, "dim"), " ", text)


class LineRenderer:
    """Returns the lines for each event of a run."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._installing: set[str] = set()
        """Combos whose steps are being installed; for others the events of an earlier run are replayed."""

    def __call__(self, event: Event, folding: Folding) -> list[Note]:
        """Return the lines for ``event``; most events have none.

        A step that failed has none either: the verdict that follows says more.
        """
        match event:
            case RunResumed() if folding.run is not None:
                return [_resumed(folding.run)]
            case IndexChosen(choice=choice):
                return [_index(choice)] if choice.used != choice.asked else []
            case WorkerChanged():
                style = BUSY if event.state == "joined" else ODD
                return [Note(word=event.state.title(), style=style, text=f"{event.worker}: {event.about}")]
            case Interrupted():
                text = f"by {event.signal}: unfinished combos are marked not-run"
                return [Note(word="Interrupted", style=ODD, text=text)]
            case Retrying():
                return [Note(word="Retrying", style=ODD, text=f"{event.combo} {event.phase}: {event.why}")]
            case StepResolved(action=action) if action.exit.ok:
                facts = folding.facts(event.combo)
                text = f"{event.combo} {_step(event.step, facts)}: {count(len(event.resolved), 'package')}"
                return [Note(word="Resolved", style=BUSY, text=text, seconds=action.seconds, routine=True)]
            case PhaseStarted(phase=Phase.INSTALL, log=""):
                text = f"{event.combo}: the environment of an earlier run"
                return [Note(word="Reusing", style=BUSY, text=text, routine=True)]
            case PhaseStarted(phase=Phase.INSTALL):
                self._installing.add(event.combo)
                return []
            case StepInstalled(action=action) if action.exit.ok and event.combo in self._installing:
                text = f"{event.combo} {_step(event.step, folding.facts(event.combo))}"
                return [Note(word="Installed", style=BUSY, text=text, seconds=action.seconds, routine=True)]
            case ComboFinished():
                return [verdict(cell) for cell in self._judge(folding.facts(event.combo), folding.info)]
            case _:
                return []


def verdict(cell: Cell) -> Note:
    """Return the line for a judged cell: its verdict and, unless it is a clean pass, its cause and its fix."""
    status = cell.verdict.status
    word, expected = status.upper(), ""
    if cell.as_expected is False:
        style = BAD
        word, parenthesis, declared = words.verdict(cell).partition(" (")
        expected = parenthesis + declared
    elif status is Status.PASS:
        style = GOOD
    else:
        style, expected = ODD, "" if status in UNDECIDED else " (expected)"
    cause = words.where(cell) if status is Status.PASS and cell.as_expected else words.brief_cause(cell)
    reused = f" (reused, {cell.reused.recorded[:10]})" if cell.reused else ""
    text = f"{cell.combo.id} {cell.probe}{expected}{reused}{f': {cause}' if cause else ''}"
    # A long message is cut so that the fix after it still fits.
    return Note(
        word=word,
        style=style,
        text=ended(text, words.end(cell), MESSAGE),
        seconds=None if cell.reused else total_seconds(cell),
    )


def _resumed(run: Run) -> Note:
    done = sum(facts.finished for facts in run.combos)
    text = f"run {run.info.id}: {done} of {len(run.combos)} combos are done (--fresh starts over)"
    return Note(word="Resuming", style=BUSY, text=text)


def _index(choice: IndexChoice) -> Note:
    used = "the default index" if choice.used == "default" else choice.used
    return Note(word="Index", style=ODD, text=f"{used} instead of {choice.name} ({choice.why})")


def _step(number: int, facts: ComboFacts) -> str:
    return f"step {number}/{len(facts.combo.steps)}"
