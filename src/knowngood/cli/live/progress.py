"""Keep track of a run while it works: what each combo is doing, how many are done, how long the rest will take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean

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
