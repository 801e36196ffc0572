"""Reuse verdicts: which earlier results count for a combo, and which results later runs may reuse."""

from dataclasses import dataclass

from knowngood.cache.keys import Keys, Surroundings, key
from knowngood.cache.verdicts import KEPT, Entry, Verdicts, now, stripped
from knowngood.events import Event
from knowngood.judge.verdict import judge_combo
from knowngood.model import UNDECIDED, ComboFacts, Reused, Status
from knowngood.probe.launch import Launcher
from knowngood.run.executors.interface import RunSettings

_UNSURE = frozenset({*UNDECIDED, Status.OOM})
"""Statuses that another run may not confirm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictReuse:
    """The cache of verdicts as one run uses it on one machine."""

    verdicts: Verdicts
    surroundings: Surroundings
    launcher: Launcher
    settings: RunSettings

    def keys(self, facts: ComboFacts, python: str) -> Keys:
        """Return the keys of a combo all of whose steps are resolved; ``python`` identifies the build of its Python."""
        combo = facts.combo
        build = self.surroundings.build(facts, python)
        probes = {probe.id: probe for probe in self.settings.probes}
        verdict = self.surroundings.verdict(build, combo, probes, self.launcher.settings(combo))
        return Keys(build=key(build), verdict=key(verdict), ingredients=verdict)

    def find(self, keys: Keys) -> Entry | None:
        """Return what an earlier run recorded under the same key; None when nothing, or when the run reuses nothing."""
        return self.verdicts.get(keys.verdict) if self.settings.reuses_verdicts else None

    def store(self, keys: Keys, facts: ComboFacts, events: tuple[Event, ...]) -> Entry | None:
        """Store the result of a combo and return it; None for a result that may be another next time.

        ``events`` are those since the combo was resolved. A result may be another one when it is undecided or itself
        reused, when attempts at a probe differed, or when memory ran out.
        """
        cells = judge_combo(facts, self.settings.rules)
        if facts.reused or any(cell.verdict.status in _UNSURE or cell.flaky for cell in cells):
            return None
        entry = Entry(
            reused=Reused(run=self.settings.run, combo=facts.combo.id, recorded=now(), key=keys.verdict),
            matrix=self.settings.matrix,
            statuses={cell.probe: cell.verdict.status.value for cell in cells},
            ingredients=keys.ingredients,
            events=tuple(stripped(event, facts.combo.id) for event in events if isinstance(event, KEPT)),
        )
        if self.settings.stores_verdicts:
            self.verdicts.put(entry)
        return entry

    def prune(self) -> None:
        """Keep the cache below its size."""
        if self.settings.stores_verdicts:
            self.verdicts.prune()
