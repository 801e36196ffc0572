"""Define the seam between a run and the machines that evaluate its combos: tasks in, events out.

A task says which optimizations it may use: ways to be fast that must not change a verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from knowngood.events import Emit
from knowngood.install.index import Routes
from knowngood.judge.evidence import Rules
from knowngood.model import Asset, Combo, Probe
from knowngood.packages import bare_url
from knowngood.run.host import Machine
from knowngood.run.stop import Stop


class Optimization(StrEnum):
    """One way to be faster."""

    BYTECODE = "bytecode"
    """Link the bytecode that earlier environments compiled."""
    CACHE = "cache"
    """Reuse the verdicts of earlier runs for the same lock, probe and machine."""
    KEPT = "kept"
    """Reuse the environments of earlier runs."""
    SHARING = "sharing"
    """Probe combos with the same lock once."""


ALL_OPTIMIZATIONS = frozenset(Optimization)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What all tasks of a run have in common. It can be pickled, and holds neither credentials nor open handles."""

    run: str
    """The id of the run."""
    matrix: str
    """The id of the matrix."""
    probes: tuple[Probe, ...]
    assets: tuple[Asset, ...]
    routes: Routes
    """Which index packages come from. A machine that needs credentials for it has them in its own environment."""
    rules: Rules
    """How the output of installers is read; also decides what is looked up after a failure."""
    pythons: tuple[str, ...] = ()
    """The Pythons of all combos of the run, as declared."""
    optimizations: frozenset[Optimization] = ALL_OPTIMIZATIONS
    fresh: bool = False
    """Whether no verdict and no environment of an earlier run is reused."""
    fresh_probes: bool = False
    """Whether every probe runs, in the environments that earlier runs left."""
    keep: bool = False
    """Whether all environments stay."""
    remote: bool = False
    """Whether another machine looks verdicts up and keeps them; then no environment outlives its combo, either."""
    sandboxed: bool = False
    """Whether probes run in a sandbox."""
    min_free: int = 0
    """Bytes of the disk that stay free."""
    confines_builds: bool = False
    """Whether builds run in a sandbox."""
    tries_fixes: bool = True
    """Whether a fix that a diagnosis offers is tried once."""
    build_network: bool = False
    """Whether builds in a sandbox may use the network."""

    @property
    def reuses_verdicts(self) -> bool:
        """Whether verdicts of earlier runs are reused. An environment can only be kept where one is built."""
        again = self.fresh or self.fresh_probes or self.keep
        return Optimization.CACHE in self.optimizations and not (again or self.remote)

    @property
    def stores_verdicts(self) -> bool:
        """Whether later runs can reuse the verdicts of this one."""
        return Optimization.CACHE in self.optimizations and not self.remote

    @property
    def shares_verdicts(self) -> bool:
        """Whether combos of this run with the same key are evaluated once."""
        return Optimization.SHARING in self.optimizations and not (self.fresh_probes or self.keep)

    @property
    def pools_environments(self) -> bool:
        """Whether environments can outlive the run."""
        return (Optimization.KEPT in self.optimizations or self.keep) and not self.remote

    @property
    def reuses_environments(self) -> bool:
        """Whether unchanged environments of earlier runs are probed again."""
        return Optimization.KEPT in self.optimizations and not self.fresh


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One combo to evaluate. Together with a description of the machine it is all that a worker needs."""

    combo: Combo
    settings: RunSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The machine that a run was started on, and where the run is on it."""

    machine: Machine
    project: Path
    """The folder that paths in the matrix are relative to."""
    folder: Path
    """The folder of the run."""
    environments: Path
    """Where environments stay for the next run."""
    routes: Routes
    """The routes of the run, with credentials."""
    secrets: tuple[str, ...] = ()
    """What must not appear in a log."""


class Executor(Protocol):
    """Evaluates the tasks of a run, in any order and on any machine."""

    def execute(self, tasks: Sequence[Task], emit: Emit, stop: Stop) -> None:
        """Evaluate ``tasks``, the most urgent first, and return when nothing is running.

        ``emit`` takes the events of each combo in order, from any thread. A combo that ``stop`` cuts short gets no
        ``combo-finished``. Raises what ``emit`` raises, after everything that runs was ended.
        """


MakeExecutor = Callable[[Site], Executor]
"""Returns what evaluates the tasks of a run that was started at a site."""


def without_credentials(routes: Routes) -> Routes:
    """Return ``routes`` with user, password and query removed from every URL."""
    default = None if routes.default is None else bare_url(routes.default)
    return replace(routes, default=default, own=tuple(replace(route, url=bare_url(route.url)) for route in routes.own))
