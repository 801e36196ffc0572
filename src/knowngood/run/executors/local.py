"""Evaluate the combos of a run on this machine, several at a time.

The combos of a wave are resolved first; while it is evaluated, those of the next waves are resolved. Combos with the
same key are grouped, and the first of a group is evaluated for all. Some combos are built while others are probed and
others closed, each stage in a thread pool of its own.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf
from typing import TypeVar

from knowngood.cache.verdicts import Entry
from knowngood.events import Emit
from knowngood.model import Combo
from knowngood.run.context import RunContext, prepare
from knowngood.run.evaluate import Pause, Stage, Stages, evaluate
from knowngood.run.executors.interface import Site, Task
from knowngood.run.stop import Stop

Distributions = frozenset[tuple[str, str]]
"""(canonical name, version) pairs of a lock."""

_CONSIDERED = 64
"""Combos. When thousands wait, the best of the first ones is good enough, and quick to find."""


def queue(combos: Iterable[Combo], first: str | None, past: Mapping[str, float]) -> list[Combo]:
    """Return ``combos`` in the order to start them: the one called ``first``, then those that took longest.

    A long one that starts last would keep all others waiting. ``past`` holds seconds by id; a combo that is not in it
    may be long, so it comes early. Combos that took as long keep their order.
    """
    return sorted(combos, key=lambda combo: (combo.id != first, -past.get(combo.id, inf)))


def pick(waiting: Iterable[Distributions], compiling: Iterable[Distributions], compiled: Distributions) -> int:
    """Return the position of the combo to continue with: the one that shares least with those that compile now.

    What is in ``compiled`` is not compiled again. Among combos that share as little, pick the one with most to compile
    itself, because others wait for its bytecode; among those, the first.
    """
    busy = frozenset[tuple[str, str]]().union(*compiling) - compiled
    candidates = list(islice(waiting, _CONSIDERED))
    return min(
        range(len(candidates)),
        key=lambda position: (len(candidates[position] & busy), -len(candidates[position] - compiled)),
    )


T = TypeVar("T")

RESOLVERS = 4
"""Combos that are resolved at a time, however few processors there are: resolving is mostly waiting for the index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalExecutor:
    """Evaluates tasks on this machine."""

    site: Site
    wave: int = 64
    """How many combos are resolved before the first is built: thousands would keep the first verdict waiting."""

    def execute(self, tasks: Sequence[Task], emit: Emit, stop: Stop) -> None:
        """Evaluate ``tasks``, see ``Executor``."""
        if not tasks:
            return
        with prepare(
            tasks[0].settings,
            machine=self.site.machine,
            folder=self.site.folder,
            environments=self.site.environments,
            stop=stop,
            project=self.site.project,
            routes=self.site.routes,
            secrets=self.site.secrets,
        ) as context:
            if _Pipeline(context, jobs=self.site.machine.jobs, emit=emit).evaluate(tasks, self.wave):
                # Only a cache that something was added to can have grown too large.
                context.reuse.kept.prune()
                context.builds.kept.prune()
                if context.bytecode is not None:
                    context.bytecode.store.prune()


@dataclass(kw_only=True, slots=True)
class _Work:
    """A combo between two stages, and the combos that wait for its result."""

    stages: Stages
    pause: Pause
    shares: bool
    """Whether combos with the same key wait for its result."""
    followers: "list[_Work]" = field(default_factory=list)

    @property
    def key(self) -> str:
        """What combos have in common that are evaluated once."""
        keys = self.pause.keys
        return keys.verdict if self.shares and keys else self.pause.facts.combo.id

    @property
    def distributions(self) -> Distributions:
        """What is installed, as far as it is resolved."""
        return frozenset(pin for step in self.pause.facts.steps for pin in step.resolved.items())

    @property
    def is_built(self) -> bool:
        """Whether its next stage is the probe."""
        return self.pause.next is Stage.PROBE

    def advance(self) -> None:
        """Carry out the next stage."""
        self.pause = next(self.stages, self.pause)

    def finish(self, entry: Entry | None = None) -> Entry | None:
        """Carry out all stages that are left and return the result; reuse ``entry`` instead of building."""
        try:
            self.stages.send(entry)
            while True:
                next(self.stages)
        except StopIteration as end:
            result: Entry | None = end.value
            return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pools:
    """The threads that probe and close combos, and what waits for them."""

    probers: ThreadPoolExecutor
    closers: ThreadPoolExecutor
    futures: list[Future[None]] = field(default_factory=list)
    built: list[_Work] = field(default_factory=list)
    """The combos that wait to be probed."""


class _Pipeline:
    """Advances combos through their stages."""

    def __init__(self, context: RunContext, *, jobs: int, emit: Emit) -> None:
        self._context = context
        self._jobs = jobs
        self._emit = emit
        self._lock = threading.Lock()
        self._waiting: list[_Work] = []
        self._begun: list[_Work] = []
        """The combos whose bytecode is not in the store yet."""
        self._probing: list[_Work] = []
        """Those of them that are being imported."""
        self._compiled: Distributions = frozenset()
        self._ahead = threading.Semaphore(2 * jobs)
        self._results: dict[str, Entry | None] = {}
        """The results that other combos may reuse, by key; None: it is stored among the verdicts."""

    def evaluate(self, tasks: Sequence[Task], wave: int) -> bool:
        """Evaluate every task, unless the run is stopped. Raises what ``emit`` raised.

        The first wave has ``wave`` tasks, and each one after it four times as many. Returns whether any combo had to be
        built.
        """
        anything, taken = False, 0
        with ThreadPoolExecutor(max_workers=max(self._jobs, RESOLVERS)) as pool:
            resolved = pool.map(partial(self._safely, self._resolve), tasks)
            while taken < len(tasks):
                works = [work for work in islice(resolved, wave) if work is not None]
                anything |= self._evaluate([work for work in works if not self._is_known(work)])
                taken, wave = taken + wave, wave * 4
        return anything

    def _evaluate(self, works: list[_Work]) -> bool:
        groups = _grouped(works)
        anything = bool(groups)
        while groups:
            self._build_and_probe(groups)
            # If the first combo of a group gave no result that can be reused, evaluate each of the others.
            groups = [follower for work in groups for follower in work.followers]
        return anything

    def _is_known(self, work: _Work) -> bool:
        """Return whether an earlier wave had a combo with the same key, whose result this one then has."""
        if work.key not in self._results:
            return False
        # Thousands of results take too much memory, so those that are on the disk are read again.
        kept = self._context.reuse.kept
        entry = self._results[work.key] or kept.verdicts.get(
            work.key, lambda entry: entry.reused.run == kept.settings.run
        )
        if entry is not None:
            self._safely(work.finish, entry)
        return entry is not None

    def _resolve(self, task: Task) -> _Work | None:
        """Resolve a combo; return None when that or an earlier result was all there is to do."""
        stages = evaluate(task, self._context, self._emit)
        pause = next(stages, None)
        if pause is None:
            return None
        work = _Work(stages=stages, pause=pause, shares=task.settings.shares_verdicts)
        if pause.next is Stage.CLOSE or pause.entry is not None:
            work.finish()
            return None
        return work

    def _build_and_probe(self, groups: list[_Work]) -> None:
        if self._context.bytecode is not None:
            self._compiled |= self._context.bytecode.store.distributions()
        self._waiting = list(groups)
        pool = partial(ThreadPoolExecutor, max_workers=self._jobs)
        # Closing a failed combo waits for the index: the next probe must not wait for that.
        with pool() as closers, pool() as probers, pool() as builders:
            pools = _Pools(probers=probers, closers=closers)
            building = [builders.submit(self._safely, self._build, pools) for _ in groups]
        for future in (*building, *pools.futures):
            future.result()

    def _build(self, pools: _Pools) -> None:
        self._ahead.acquire()
        try:
            with self._lock:
                work = self._waiting.pop(self._pick(self._waiting, self._begun))
                self._begun.append(work)
            work.advance()
        except BaseException:
            self._ahead.release()
            raise
        with self._lock:
            pools.built.append(work)
        pools.futures.append(pools.probers.submit(self._safely, self._probe, pools))

    def _pick(self, works: Iterable[_Work], others: Iterable[_Work]) -> int:
        return pick((work.distributions for work in works), (work.distributions for work in others), self._compiled)

    def _probe(self, pools: _Pools) -> None:
        with self._lock:
            work = pools.built.pop(self._pick(pools.built, self._probing))
            self._probing.append(work)
        try:
            if work.is_built:
                work.advance()
        finally:
            with self._lock:
                self._begun.remove(work)
                self._probing.remove(work)
                self._compiled |= work.distributions
            pools.futures.append(pools.closers.submit(self._safely, self._close, work))

    def _close(self, work: _Work) -> None:
        try:
            entry = work.finish()
            if entry is not None:
                if work.shares:
                    stored = self._context.reuse.kept.settings.stores_verdicts
                    self._results[entry.reused.key] = None if stored else entry
                followers, work.followers = work.followers, []
                for follower in followers:
                    follower.finish(entry)
        finally:
            self._ahead.release()

    def _safely(self, stage: Callable[..., T], *arguments: object) -> T:
        """Stop the run when its events cannot be recorded: without a log nothing is worth finding out."""
        try:
            return stage(*arguments)
        except BaseException:
            self._context.stop("unwritable log")
            raise


def _grouped(works: Iterable[_Work]) -> list[_Work]:
    """Return the first combo of each key, with the others as its followers."""
    groups: dict[str, _Work] = {}
    for work in works:
        first = groups.setdefault(work.key, work)
        if first is not work:
            first.followers.append(work)
    return list(groups.values())
