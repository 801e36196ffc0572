"""Where a run is: what each combo is doing now, how many are done, and about how long the rest will take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from knowngood.cli.live.downloads import downloads
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Event,
    FactsReused,
    PhaseStarted,
    Retrying,
    RunStarted,
    StepInstalled,
    StepResolved,
)
from knowngood.model import Phase, Run

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
    """What can be watched of it, relative to the folder of the run."""


class Progress:
    """The state of a run as its events tell it; guard it where several threads look at it.

    ``past`` holds how many seconds combos took in earlier runs, by id; ``resumed`` is what an earlier process recorded
    of this run.
    """

    def __init__(self, past: Mapping[str, float], resumed: Run | None = None) -> None:
        self.active: dict[str, Activity] = {}
        """By combo, in the order they started."""
        self.done: set[str] = set()
        self.downloaded = 0
        """Bytes that steps which are installed have fetched."""
        self._past = dict(past)
        self._waiting: set[str] = set()
        self._spent: dict[str, float] = {}
        """Seconds that each combo was busy: between its lock and its environment it waits for its turn."""
        self._begun: dict[str, float] = {}
        self._reused: set[str] = set()
        self._took: list[float] = []
        self._steps = {facts.combo.id: len(facts.combo.steps) for facts in resumed.combos} if resumed else {}
        for facts in resumed.combos if resumed else ():
            (self.done if facts.finished else self._waiting).add(facts.combo.id)

    def __call__(self, event: Event, now: float) -> None:
        """Take one event in, which happened at ``now`` seconds."""
        match event:
            case RunStarted():
                self._waiting = {combo.id for combo in event.combos}
                self._steps = {combo.id: len(combo.steps) for combo in event.combos}
            case ComboStarted():
                self._do(event.combo, "Starting", "", now)
            case PhaseStarted():
                self._do(event.combo, DOING[event.phase], event.detail, now, event.log)
            case Retrying():
                self._do(event.combo, "Waiting", f"to {event.phase} again", now)
            case StepResolved() if event.step == self._steps.get(event.combo):
                self._pause(event.combo, now)
                self._waiting.add(event.combo)
            case StepInstalled():
                # What is only replayed was fetched in another run: nobody could watch it.
                activity = self.active.get(event.combo)
                if activity is not None and activity.log:
                    self.downloaded += sum(each.size for each in downloads(event.action.output) if each.done)
                    self.active[event.combo] = replace(activity, log="")
            case FactsReused():
                self._reused.add(event.combo)
            case ComboFinished():
                self._pause(event.combo, now)
                self._waiting.discard(event.combo)
                self.done.add(event.combo)
                if event.combo not in self._reused:
                    self._took.append(self._spent.get(event.combo, 0.0))
            case _:
                pass

    @property
    def total(self) -> int:
        """How many combos the run has."""
        return len(self._waiting) + len(self.active) + len(self.done)

    def left(self, now: float) -> float | None:
        """Return about how many seconds are left, as the combos run side by side now; None: nothing to tell it from.

        A combo takes what it took in the past, or else what the ones that are done took on average.
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
