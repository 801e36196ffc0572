"""What a run takes over from earlier ones, and leaves to later ones: the cache of verdicts as one run uses it."""

from dataclasses import dataclass

from knowngood.cache.keys import Keys, Surroundings, key
from knowngood.cache.verdicts import KEPT, Entry, Verdicts, now, stripped
from knowngood.judge.verdict import judge_combo
from knowngood.model import UNDECIDED, Reused, Status
from knowngood.run.evaluate import Bench, Evaluation


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Looks up what is known of a combo as soon as its locks are known, and keeps what was found out."""

    bench: Bench
    verdicts: Verdicts
    surroundings: Surroundings
    matrix: str
    run: str
    reads: bool
    """Whether verdicts of earlier runs are taken over."""
    writes: bool
    """Whether what is found out is kept for later runs."""
    shares: bool
    """Whether combos of one key are probed once."""

    def identify(self, evaluation: Evaluation) -> bool:
        """Give a combo whose locks are known its keys; return whether it can be looked up by them."""
        assert evaluation.python is not None
        combo = evaluation.combo
        build = self.surroundings.build(evaluation.facts, evaluation.python)
        settings = self.bench.launcher.settings(combo)
        verdict = self.surroundings.verdict(build, combo, self.bench.probes, settings)
        evaluation.keys = Keys(build=key(build), verdict=key(verdict), ingredients=verdict)
        return True

    def known(self, evaluation: Evaluation) -> Entry | None:
        """Return what an earlier run found out about a combo; None when nothing, or when it is not asked for."""
        return self.verdicts.get(evaluation.keys.verdict) if self.reads and evaluation.keys else None

    def recall(self, evaluation: Evaluation) -> bool:
        """Take over what an earlier run found out; return whether there was anything."""
        entry = self.known(evaluation)
        if entry is None:
            return False
        evaluation.reuse(entry.reused, entry.events)
        return True

    def keep(self, evaluation: Evaluation) -> Entry | None:
        """Keep what was found out of a combo; return it, or None when it says nothing that holds another time."""
        facts, keys = evaluation.facts, evaluation.keys
        cells = judge_combo(facts, self.bench.rules)
        # What was not the same twice, or ended for want of memory, may be another next time.
        unsure = {*UNDECIDED, Status.OOM}
        if keys is None or facts.reused or any(cell.verdict.status in unsure or cell.flaky for cell in cells):
            return None
        entry = Entry(
            reused=Reused(run=self.run, combo=facts.combo.id, recorded=now(), key=keys.verdict),
            matrix=self.matrix,
            statuses={cell.probe: cell.verdict.status.value for cell in cells},
            ingredients=keys.ingredients,
            events=tuple(stripped(event, facts.combo.id) for event in evaluation.found if isinstance(event, KEPT)),
        )
        if self.writes:
            self.verdicts.put(entry)
        return entry

    def prune(self) -> None:
        """Keep the cache below its size."""
        if self.writes:
            self.verdicts.prune()
