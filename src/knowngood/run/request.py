"""Say which combos to run and how, and what that means for an executor: tasks, indexes, secrets."""

from dataclasses import dataclass

from knowngood.events import CombosAdded, Event, RunResumed, RunStarted
from knowngood.install import index, registry
from knowngood.install.loopback import token
from knowngood.model import Combo, ComboFacts, Run, RunInfo
from knowngood.model.reusable import why_not_reused
from knowngood.probe import reads
from knowngood.probe.settings import secrets
from knowngood.project.project import Project
from knowngood.project.runs import RecordedRun, Runs
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization, RunSettings, Task, without_credentials
from knowngood.run.executors.local import queue
from knowngood.run.host import Machine


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """Which combos to run, and how."""

    project: Project
    """It gives the matrix, and keeps the run and its environments."""
    combos: tuple[Combo, ...]
    """Combos of the matrix, or others that use its probes, assets and indexes."""
    machine: Machine
    command: str = ""
    """The command that runs the same matrix again, for the report."""
    shard: str = ""
    """``2/8`` when the combos are only that part of a selection."""
    elsewhere: tuple[Combo, ...] = ()
    """The combos of the selection that other shards run."""
    resume: bool = True
    """Whether to continue an unfinished run of the same combos, if there is one."""
    fresh: bool = False
    """Whether to start over: continue no run, reuse no verdict and no environment of an earlier run."""
    fresh_probes: bool = False
    """Whether to run every probe, in the environments that earlier runs left."""
    keep: bool = False
    """Whether all environments stay, for a closer look."""
    offline: bool = False
    """Whether packages only come from folders of this machine, and from what uv has kept."""
    optimizations: frozenset[Optimization] = ALL_OPTIMIZATIONS
    run_id: str | None = None
    """The id of the run, if it is a new one; by default one that sorts by time."""
    kept: Runs | None = None
    """Where the run is kept; by default among the runs of the project."""
    into: RecordedRun | None = None
    """A run that the combos are added to: a search finds out one after the other what it has to ask."""

    @property
    def runs(self) -> Runs:
        """Where the run is kept."""
        return self.kept or self.project.runs

    def check_folders(self) -> None:
        """Raise ``UsageError`` when packages come from a folder that does not exist."""
        index.check_folders(self.project.matrix.indexes, self.project.matrix.project)

    def earlier(self) -> RecordedRun | None:
        """Return the run that this one continues; None when it is a new one."""
        if self.into is not None or not self.resume or self.fresh or self.fresh_probes:
            return self.into
        return self.runs.unfinished(self.project.matrix.digest, self.combos)

    def beginning(self, info: RunInfo, begun: Run | None) -> tuple[Event, ...]:
        """Return the first events of a run, or those with which ``begun``, an earlier run, continues."""
        if begun is None:
            order = tuple(combo.id for combo in self.project.matrix.combos)
            return (RunStarted(info=info, combos=self.combos, elsewhere=self.elsewhere, order=order),)
        return (RunResumed(), *([CombosAdded(combos=self.combos)] if self.into is not None else []))

    def routes(self) -> index.Routes:
        """Return which index packages come from. An index that has a fallback is asked whether it is up."""
        matrix, access = self.project.matrix, registry.access(self.machine.outside)
        return index.decide(matrix.indexes, project=matrix.project, access=access, offline=self.offline)

    def secrets(self) -> tuple[str, ...]:
        """Return what logs must not show, the longest first."""
        matrix, outside = self.project.matrix, self.machine.outside
        both = {*registry.secrets(matrix.indexes, outside), *secrets(outside, matrix.probes)}
        return tuple(sorted({*both, token(self.machine.cache_folder)}, key=len, reverse=True))

    def settings(self, run: str, routes: index.Routes) -> RunSettings:
        """Return what all combos of a run are evaluated by; ``run`` is its id."""
        return RunSettings(
            run=run,
            matrix=self.project.matrix.id,
            probes=self.project.matrix.probes,
            assets=self.project.matrix.assets,
            routes=without_credentials(routes),
            rules=self.project.rules,
            pythons=tuple(dict.fromkeys(combo.python for combo in self.combos)),
            optimizations=self.optimizations,
            fresh=self.fresh,
            fresh_probes=self.fresh_probes,
            keep=self.keep,
        )

    def tasks(self, run: Run, routes: index.Routes) -> list[Task]:
        """Return a task for each combo that is not finished, the most urgent first.

        A combo of a resumed run is not finished, either, if something that its verdicts rest on may have changed since.
        """
        settings = self.settings(run.info.id, routes)
        finished = {facts.combo.id for facts in run.combos if facts.finished and _stands(facts, self.project)}
        # The reference comes first: when it fails, no other combo is to blame.
        combos = queue(self.combos, self.project.matrix.reference, self.runs.past_seconds())
        return [Task(combo=combo, settings=settings) for combo in combos if combo.id not in finished]


def _stands(facts: ComboFacts, project: Project) -> bool:
    """Return whether the facts of a finished combo rest on nothing outside of its lock, or on what is still the same.

    What rests on the tree of the project is evaluated again: the cache of verdicts knows whether it changed.
    """
    if any(step.sources for step in facts.combo.steps):
        return False
    for basis in facts.basis.probes if facts.basis else ():
        attempts = [attempt.transcript for attempt in facts.probes if attempt.probe == basis.probe]
        if basis.files is not None or why_not_reused(basis, attempts) is not None:
            return False
        if not all(reads.still(transcript.reads, project.folder) for transcript in attempts):
            return False
    return True
