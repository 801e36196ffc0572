"""What came to an end in a run, as one line each for whoever watches: resolved, installed, passed, failed."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from knowngood.events import (
    ComboFinished,
    Event,
    IndexChosen,
    Interrupted,
    PhaseStarted,
    Retrying,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
    add,
)
from knowngood.model import UNDECIDED, Cell, ComboFacts, IndexChoice, Phase, Run, Status
from knowngood.report import words
from knowngood.report.lines import ended
from knowngood.report.text import count, plain, shorten

Judge = Callable[[ComboFacts], tuple[Cell, ...]]
"""How a finished combo becomes cells with a verdict."""

MESSAGE = 160
"""Columns that the text of one line may take; the recap and the log have all of it."""
GOOD, BAD, ODD, BUSY = "bold green", "bold red", "yellow", "cyan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One line: a status word, how long it took, and what it is about."""

    word: str
    style: str
    text: str
    seconds: float | None = None
    routine: bool = False
    """Worth a line in a log, but not one on a board that shows it anyway while it happens."""

    def line(self) -> Text:
        """Return the line, its word right-aligned in twelve columns; the text goes in as text, never as markup."""
        took = f"[{self.seconds:6.1f}s]" if self.seconds is not None else " " * len("[   0.0s]")
        text = shorten(self.text, MESSAGE)
        return Text.assemble((f"{plain(self.word):>12}", self.style), " ", (took, "dim"), " ", text)


class Narrator:
    """Folds the events of a run and returns what each of them brought to an end.

    ``resumed`` is what an earlier process recorded of the run, if this one goes on with it.
    """

    def __init__(self, judge: Judge, resumed: Run | None = None) -> None:
        self._judge = judge
        self._facts = {facts.combo.id: facts for facts in resumed.combos} if resumed else {}
        self._installing: set[str] = set()
        """Combos whose steps are installed just now: of others it is only told again."""

    def __call__(self, event: Event) -> list[Note]:
        """Take one event in and return the lines it is worth; most are worth none.

        A step that failed is worth none either: the verdict that follows tells it better.
        """
        match event:
            case RunStarted():
                self._facts = {combo.id: ComboFacts(combo=combo) for combo in event.combos}
            case IndexChosen(choice=choice):
                return [_index(choice)] if choice.used != choice.asked else []
            case Interrupted():
                return [Note(word="Stopped", style=ODD, text=f"{event.signal}: what had not ended is not run")]
            case RunResumed() | RunFinished():
                return []
            case _ if event.combo in self._facts:
                facts = self._facts[event.combo] = add(self._facts[event.combo], event)
                return self._of_combo(event, facts)
            case _:
                pass
        return []

    def _of_combo(self, event: Event, facts: ComboFacts) -> list[Note]:
        combo = facts.combo
        match event:
            case StepResolved(action=action) if action.exit.ok:
                text = f"{combo.id} {_step(event.step, facts)}: {count(len(event.resolved), 'package')}"
                return [Note(word="Resolved", style=BUSY, text=text, seconds=action.seconds, routine=True)]
            case PhaseStarted(phase=Phase.INSTALL, log=""):
                text = f"{combo.id}: its environment of an earlier run"
                return [Note(word="Kept", style=BUSY, text=text, routine=True)]
            case PhaseStarted(phase=Phase.INSTALL):
                self._installing.add(combo.id)
                return []
            case StepInstalled(action=action) if action.exit.ok and combo.id in self._installing:
                text = f"{combo.id} {_step(event.step, facts)}"
                return [Note(word="Installed", style=BUSY, text=text, seconds=action.seconds, routine=True)]
            case Retrying():
                text = f"{combo.id} {event.phase}: {event.why}"
                return [Note(word="Retrying", style=ODD, text=text)]
            case ComboFinished():
                return [verdict(cell) for cell in self._judge(facts)]
            case _:
                return []


def verdict(cell: Cell) -> Note:
    """Return the verdict of a cell with its cause and its fix; a clean pass needs none."""
    status = cell.verdict.status
    if cell.as_expected is False:
        style, expected = BAD, words.verdict(cell).removeprefix(status.upper())
    elif status is Status.PASS:
        style, expected = GOOD, ""
    else:
        style, expected = ODD, "" if status in UNDECIDED else " (expected)"
    why = words.where(cell) if status is Status.PASS and cell.as_expected else words.brief_cause(cell)
    known = f" (cached, {cell.reused.recorded[:10]})" if cell.reused else ""
    text = f"{cell.combo.id} {cell.probe}{expected}{known}{f': {why}' if why else ''}"
    # What fixes it is worth more than the end of a long message.
    return Note(
        word=status.upper(),
        style=style,
        text=ended(text, words.end(cell), MESSAGE),
        seconds=None if cell.reused else words.total_seconds(cell),
    )


def _index(choice: IndexChoice) -> Note:
    used = "the default index" if choice.used == "default" else choice.used
    return Note(word="Index", style=ODD, text=f"{choice.name} not used, but {used}: {choice.why}")


def _step(number: int, facts: ComboFacts) -> str:
    return f"step {number}/{len(facts.combo.steps)}"
