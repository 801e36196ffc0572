"""Where a run is: what each combo is doing now, how many are done, and about how long the rest will take."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from knowngood.events import ComboFinished, ComboStarted, Event, PhaseStarted, Retrying, RunStarted
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


class Progress:
    """The state of a run as its events tell it; guard it where several threads look at it.

    ``past`` holds how many seconds combos took in earlier runs, by id; ``resumed`` is what an earlier process recorded
    of this run.
    """

    def __init__(self, past: Mapping[str, float], resumed: Run | None = None) -> None:
        self.active: dict[str, Activity] = {}
        """By combo, in the order they started."""
        self.done: set[str] = set()
        self._past = dict(past)
        self._waiting: set[str] = set()
        self._started: dict[str, float] = {}
        self._took: list[float] = []
        for facts in resumed.combos if resumed else ():
            (self.done if facts.finished else self._waiting).add(facts.combo.id)

    def __call__(self, event: Event, now: float) -> None:
        """Take one event in, which happened at ``now`` seconds."""
        match event:
            case RunStarted():
                self._waiting = {combo.id for combo in event.combos}
            case ComboStarted():
                self._waiting.discard(event.combo)
                self._started[event.combo] = now
                self._do(event.combo, "Starting", "", now)
            case PhaseStarted():
                self._do(event.combo, DOING[event.phase], event.detail, now)
            case Retrying():
                self._do(event.combo, "Waiting", f"to {event.phase} again", now)
            case ComboFinished():
                self.active.pop(event.combo, None)
                self.done.add(event.combo)
                self._took.append(now - self._started.get(event.combo, now))
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
        begun = [max(0.0, self._past.get(combo, usual) - (now - self._started[combo])) for combo in self.active]
        to_come = [self._past.get(combo, usual) for combo in self._waiting]
        return max(*begun, *to_come, sum(begun + to_come) / len(self.active))

    def _do(self, combo: str, doing: str, detail: str, now: float) -> None:
        self._started.setdefault(combo, now)
        self.active[combo] = Activity(doing=doing, detail=detail, since=now)
