"""Reuse verdicts: which earlier results count for a combo, and which results later runs may reuse."""

from dataclasses import dataclass
from pathlib import Path

from knowngood.cache.keys import Keys, Surroundings, key, relevant_settings
from knowngood.cache.verdicts import BUILT, KEPT, Entry, Verdicts, now, stripped
from knowngood.events import Event
from knowngood.judge.verdict import judge_combo
from knowngood.model import UNDECIDED, Basis, ComboFacts, Reused, Status
from knowngood.model.recorded import why_not_reused
from knowngood.probe.launch import Launcher
from knowngood.probe.reads import EXISTS, still
from knowngood.run.basis import Bases
from knowngood.run.executors.interface import RunSettings

_UNSURE = frozenset({*UNDECIDED, Status.OOM})
"""Statuses that another run may not confirm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptVerdicts:
    """The cache of verdicts as one run uses it; ``project`` is the folder that files read by probes are relative to."""

    verdicts: Verdicts
    settings: RunSettings
    project: Path

    def find(self, keys: Keys) -> Entry | None:
        """Return what an earlier run recorded under the same key, if everything that its probes read is unchanged.

        None when there is no such result, or when the run reuses nothing.
        """
        if not self.settings.reuses_verdicts or any(why_not_reused(basis, ()) for basis in keys.basis.probes):
            return None
        return self.verdicts.get(keys.verdict, lambda entry: still(entry.reads, self.project))

    def store(self, keys: Keys, facts: ComboFacts, events: tuple[Event, ...]) -> Entry | None:
        """Store the result of a combo and return it; None for a result that may be another next time.

        ``events`` are those since the combo was resolved, without secrets. A result may be another one when it is
        undecided or itself reused, when attempts at a probe differed, when memory ran out, or when not everything that
        a probe read is known.
        """
        cells = judge_combo(facts, self.settings.rules)
        if facts.reused or any(cell.verdict.status in _UNSURE or cell.flaky for cell in cells):
            return None
        reads = _all_reads(keys, facts)
        if reads is None:
            return None
        entry = Entry(
            reused=Reused(run=self.settings.run, combo=facts.combo.id, recorded=now(), key=keys.verdict),
            matrix=self.settings.matrix,
            statuses={cell.probe: cell.verdict.status.value for cell in cells},
            ingredients=keys.ingredients,
            reads=reads,
            events=tuple(stripped(event, facts.combo.id) for event in events if isinstance(event, KEPT)),
        )
        if self.settings.stores_verdicts:
            self.verdicts.put(entry)
        return entry

    def prune(self) -> None:
        """Keep the cache below its size."""
        if self.settings.stores_verdicts:
            self.verdicts.prune()


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictReuse:
    """What finds out on one machine under which key a combo has its verdict, and the verdicts that are kept."""

    kept: KeptVerdicts
    surroundings: Surroundings
    launcher: Launcher
    settings: RunSettings
    bases: Bases

    def keys(self, facts: ComboFacts, python: str) -> Keys:
        """Return the keys of a combo all of whose steps are resolved; ``python`` identifies the build of its Python.

        Raises ``SnapshotError``: the project, which the verdict of a probe depends on, cannot be copied.
        """
        combo = facts.combo
        build = self.surroundings.build(facts, python)
        probes = {probe.id: probe for probe in self.settings.probes}
        settings = self.launcher.settings(combo)
        found = {name: self.bases.of(probes[name]) for name in combo.probes}
        rests = {name: extra for name, (_, extra) in found.items()}
        verdict = self.surroundings.verdict(build, combo, probes, settings, rests)
        basis = Basis(
            key=key(verdict),
            lock=key({"steps": build["steps"]}),
            python=python,
            machine=self.surroundings.machine,
            variables=tuple(relevant_settings(settings, combo)),
            probes=tuple(basis for basis, _ in found.values()),
        )
        return Keys(build=key(build), verdict=basis.key, ingredients=verdict, basis=basis)


def replayed(entry: Entry, combo: str, *, is_built: bool) -> tuple[Event, ...]:
    """Return the events of an earlier result as those of ``combo``.

    Those about how the environment was built are left out when the combo has one of its own.
    """
    events = (event for event in entry.events if not (is_built and isinstance(event, BUILT)))
    return tuple(stripped(event, combo) for event in events)


def _all_reads(keys: Keys, facts: ComboFacts) -> dict[str, str | None] | None:
    """Return what the probes of a combo read; None when that is not known, or when two of them read different things.

    A probe that never ran, because the environment could not be built, read nothing.
    """
    reads: dict[str, str | None] = {}
    for basis in keys.basis.probes:
        attempts = [attempt.transcript for attempt in facts.probes if attempt.probe == basis.probe]
        if why_not_reused(basis, attempts) is not None:
            return None
        for transcript in attempts:
            for path, found in transcript.reads.items():
                before = reads.setdefault(path, found)
                if before != found and EXISTS in (before, found) and None not in (before, found):
                    # One looked whether it is there, the other read it.
                    reads[path] = found if before == EXISTS else before
                elif before != found:
                    return None
    return dict(sorted(reads.items()))
