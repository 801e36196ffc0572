"""Combos on their way: all locks first, then some are built while others are probed; equal ones wait for the first."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf

from knowngood.cache.verdicts import Entry
from knowngood.model import Combo
from knowngood.run.evaluate import Bench, Evaluation
from knowngood.run.forecast import Forecast
from knowngood.run.reuse import Memory

Distributions = frozenset[tuple[str, str]]
"""(canonical name, version) pairs of a lock."""

_LOOKED_AT = 64
"""Combos; of thousands that wait, the choice among the first of them is good enough, and takes no time."""


def queue(combos: Iterable[Combo], first: str | None, past: Mapping[str, float]) -> list[Combo]:
    """Return ``combos`` in the order to begin them: the one called ``first``, then what took longest in the past.

    For one that is long and begun last everything else would wait. ``past`` holds seconds by id; one that is not in it
    may be long. Among equals the order stays.
    """
    return sorted(combos, key=lambda combo: (combo.id != first, -past.get(combo.id, inf)))


def pick(waiting: Iterable[Distributions], compiling: Iterable[Distributions], compiled: Distributions) -> int:
    """Return the position of the combo to go on with: the one that shares least with those that are compiling now.

    ``compiled`` needs no compiling any more. Among those that share as little, the one that has most to compile itself
    is taken: others wait for its bytecode. Among equals it is the first.
    """
    busy = frozenset[tuple[str, str]]().union(*compiling) - compiled
    looked_at = list(islice(waiting, _LOOKED_AT))
    return min(range(len(looked_at)), key=lambda one: (len(looked_at[one] & busy), -len(looked_at[one] - compiled)))


_RESOLVERS = 4
"""Combos that are resolved at a time, whatever the cores: where the index has to be asked, resolving is waiting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """A combo to be built and probed, and those that take over what becomes of it."""

    evaluation: Evaluation
    followers: list[Evaluation] = field(default_factory=list)

    @property
    def distributions(self) -> Distributions:
        steps = self.evaluation.facts.steps
        return frozenset(each for step in steps for each in step.resolved.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rooms:
    """Where combos are probed, and where what comes after that is done."""

    probers: ThreadPoolExecutor
    closers: ThreadPoolExecutor
    futures: list[Future[bool]] = field(default_factory=list)
    built: list[tuple[_Work, bool]] = field(default_factory=list)
    """What waits to be probed, and whether its environment came about."""


class Pipeline:
    """Carries evaluations through their stages. ``abandon`` is called when events cannot be told any more."""

    def __init__(self, *, bench: Bench, memory: Memory, jobs: int, abandon: Callable[[str], None]) -> None:
        self._bench = bench
        self._memory = memory
        self._jobs = jobs
        self._abandon = abandon
        self._lock = threading.Lock()
        self._waiting: list[_Work] = []
        self._begun: list[_Work] = []
        """Those whose bytecode is not known yet; ``_probing`` are those of them that are being imported."""
        self._probing: list[_Work] = []
        self._compiled: Distributions = frozenset()
        self._ahead = threading.Semaphore(2 * jobs)

    def carry_out(self, evaluations: Sequence[Evaluation]) -> bool:
        """Bring every evaluation to its end, unless the run is stopped. Raises what the sink of events raised.

        Returns whether there was more to do than to resolve.
        """
        with ThreadPoolExecutor(max_workers=self._resolvers) as pool:
            locked = list(pool.map(partial(self._safely, self._resolve), evaluations))
        left = [evaluation for evaluation, open_ in zip(evaluations, locked, strict=True) if open_]
        work = self._grouped(left)
        anything = bool(work)
        while work:
            self._build_and_probe(work)
            # Where the first of several equal ones found out nothing that holds, each of them tries for itself.
            work = [_Work(evaluation=one) for each in work for one in each.followers]
        return anything

    def foresee(self, evaluations: Sequence[Evaluation]) -> tuple[Forecast, ...]:
        """Resolve, and tell what is known of each combo already; nothing is built."""
        with ThreadPoolExecutor(max_workers=self._resolvers) as pool:
            return tuple(pool.map(self._forecast, evaluations))

    @property
    def _resolvers(self) -> int:
        return max(self._jobs, _RESOLVERS)

    def _forecast(self, evaluation: Evaluation) -> Forecast:
        ahead = not self._bench.stop.requested and evaluation.attempt(evaluation.resolve)
        known = None
        if ahead and evaluation.resolves_ahead and evaluation.attempt(partial(self._memory.identify, evaluation)):
            known = self._memory.known(evaluation)
        return Forecast(facts=evaluation.facts, possible=ahead, known=known)

    def _resolve(self, evaluation: Evaluation) -> bool:
        """Return whether there is more to do than to resolve."""
        if self._bench.stop.requested:
            return False
        ahead = evaluation.attempt(evaluation.resolve)
        if ahead and evaluation.resolves_ahead:
            ahead = evaluation.attempt(partial(self._memory.identify, evaluation))
            ahead = ahead and not self._memory.recall(evaluation)
        if not ahead:
            evaluation.attempt(evaluation.investigate)
            evaluation.finish()
        return ahead

    def _grouped(self, evaluations: Sequence[Evaluation]) -> list[_Work]:
        work: dict[str, _Work] = {}
        for evaluation in evaluations:
            shares = self._memory.shares and evaluation.keys is not None
            key = evaluation.keys.verdict if shares and evaluation.keys else evaluation.combo.id
            if key in work:
                work[key].followers.append(evaluation)
            else:
                work[key] = _Work(evaluation=evaluation)
        return list(work.values())

    def _build_and_probe(self, work: list[_Work]) -> None:
        if self._bench.seeding is not None:
            self._compiled |= self._bench.seeding.store.known()
        self._waiting = list(work)
        pool = partial(ThreadPoolExecutor, max_workers=self._jobs)
        # What is looked up about a failure waits for the index: the next probe does not wait for it.
        with pool() as closers, pool() as probers, pool() as builders:
            rooms = _Rooms(probers=probers, closers=closers)
            building = [builders.submit(self._safely, self._build, rooms) for _ in work]
        for future in (*building, *rooms.futures):
            future.result()

    def _build(self, rooms: _Rooms) -> bool:
        self._ahead.acquire()
        with self._lock:
            work = self._waiting.pop(self._pick(self._waiting, self._begun))
            self._begun.append(work)
        evaluation = work.evaluation
        if self._bench.stop.requested:
            self._ahead.release()
            return False
        try:
            built = evaluation.attempt(evaluation.build)
        except BaseException:
            self._ahead.release()
            raise
        with self._lock:
            rooms.built.append((work, built))
        rooms.futures.append(rooms.probers.submit(self._safely, self._probe, rooms))
        return True

    def _pick(self, works: Iterable[_Work], others: Iterable[_Work]) -> int:
        return pick((each.distributions for each in works), (each.distributions for each in others), self._compiled)

    def _probe(self, rooms: _Rooms) -> bool:
        with self._lock:
            work, built = rooms.built.pop(self._pick((work for work, _ in rooms.built), self._probing))
            self._probing.append(work)
        evaluation = work.evaluation
        try:
            if built and not self._bench.stop.requested and not self._recalled_late(evaluation):
                evaluation.attempt(evaluation.probe)
        finally:
            with self._lock:
                self._begun.remove(work)
                self._probing.remove(work)
                self._compiled |= work.distributions
            rooms.futures.append(rooms.closers.submit(self._safely, self._close, work))
        return True

    def _close(self, work: _Work) -> bool:
        evaluation = work.evaluation
        try:
            evaluation.attempt(evaluation.investigate)
            evaluation.finish()
            entry = self._memory.keep(evaluation) if not self._bench.stop.requested else None
            if entry is not None:
                self._follow(work, entry)
        finally:
            self._ahead.release()
        return True

    def _recalled_late(self, evaluation: Evaluation) -> bool:
        """Look up a combo whose lock was not known before it was built."""
        return (
            not evaluation.resolves_ahead
            and evaluation.attempt(partial(self._memory.identify, evaluation))
            and self._memory.recall(evaluation)
        )

    def _follow(self, work: _Work, entry: Entry) -> None:
        for follower in work.followers:
            follower.reuse(entry.reused, entry.events)
            follower.finish()
        work.followers.clear()

    def _safely(self, stage: Callable[..., bool], *arguments: object) -> bool:
        """Stop the run when its events cannot be told: without a log there is no truth to go on for."""
        try:
            return stage(*arguments)
        except BaseException:
            self._abandon("unwritable log")
            raise
