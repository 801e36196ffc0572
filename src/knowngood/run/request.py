"""Say which combos to run, and how."""

from collections.abc import Callable
from dataclasses import dataclass

from knowngood.events import cleaned
from knowngood.model import Combo, Cover, Isolation
from knowngood.project.project import Project
from knowngood.project.runs import RecordedRun, Runs
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, MakeExecutor, Optimization
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
    cover: Cover | None = None
    """What ``--cover`` left out of the selection; None: nothing."""
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
    isolation: Isolation | None = None
    """Whether probes run in a sandbox; None: as the matrix says."""
    min_free: int | None = None
    """Bytes of the disk that stay free; None: as the matrix says."""
    optimizations: frozenset[Optimization] = ALL_OPTIMIZATIONS
    run_id: str | None = None
    """The id of the run, if it is a new one; by default one that sorts by time."""
    kept: Runs | None = None
    """Where the run is kept; by default among the runs of the project."""
    into: RecordedRun | None = None
    """A run that the combos are added to: a search finds its candidates one after the other."""

    tries_fixes: bool = True
    """Whether a fix that a diagnosis offers is tried once; a search tries them itself."""
    executor: MakeExecutor | None = None
    """What evaluates the combos; None: this machine."""

    @property
    def runs(self) -> Runs:
        """Where the run is kept."""
        return self.kept or self.project.runs

    def earlier(self, clean: Callable[[str], str]) -> RecordedRun | None:
        """Return the run that this one continues; None when it is a new one.

        ``clean`` is what records pass: a step whose URL has a password is recorded without it.
        """
        if self.into is not None or not self.resume or self.fresh or self.fresh_probes:
            return self.into
        return self.runs.unfinished(self.project.matrix.digest, lambda: cleaned(self.combos, clean))
