"""Lead one run on the workers of a cluster, whatever engine connects to them.

The client decides everything: each worker has at most one task of ours, sent to it by its address, so that the death
of a worker touches one combo and the engine has nothing to schedule, to steal or to try again. One thread handles what
happens; others put it into its inbox.
"""

import io
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from knowngood.cache.keys import digest_of
from knowngood.cache.verdicts import Entry, Verdicts
from knowngood.errors import UndecidedError
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Emit,
    Event,
    FactsReused,
    HarnessFailed,
    PhaseStarted,
    Retrying,
    TroubleMet,
    WorkerChanged,
    decode,
)
from knowngood.model import Phase, Reason, Trouble
from knowngood.run.executors import dask_worker, hosts
from knowngood.run.executors.connection import Attempt, Connection, Failed, Patience, Worker, WorkerLostError
from knowngood.run.executors.dealing import Dealer, Item, Next
from knowngood.run.executors.hosts import Greeting, Host
from knowngood.run.executors.interface import Site, Task
from knowngood.run.executors.worker import Reply
from knowngood.run.reuse import KeptVerdicts, replayed
from knowngood.run.stop import Stop

_POLL = 0.5  # seconds between two looks at the workers, and more with hundreds of them
_TICK = 0.2  # seconds
_CLOSING = 2.0  # seconds for workers to close their sessions
_REMEMBERED = 2000  # results of a run that equal combos have without asking the disk
_FRESH = 5.0  # seconds since its last sign of life for which a worker can be expected to answer


class Client:
    """One run on a cluster. Everything but ``put`` is called from one thread."""

    def __init__(
        self,
        connection: Connection,
        site: Site,
        tasks: Sequence[Task],
        parcel: bytes,
        *,
        emit: Emit,
        stop: Stop,
        patience: Patience,
    ) -> None:
        self._connection, self._patience = connection, patience
        self._site, self._emit, self._stop = site, emit, stop
        self._settings = tasks[0].settings
        self._parcel = parcel
        self._session = f"{connection.topic}-{digest_of(parcel)[:16]}"
        self._kept = KeptVerdicts(
            verdicts=Verdicts(folder=site.machine.cache_folder / "verdicts"),
            settings=self._settings,
            project=site.project,
        )
        self._asks = self._settings.reuses_verdicts or self._settings.shares_verdicts
        self._dealer = Dealer(tasks)
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._workers: dict[str, Worker] = {}
        self._attempts: dict[str, Attempt] = {}
        self._ending: set[str] = set()
        """The tasks that workers have not ended yet."""
        self._ours, self._source = hosts.greeting(), hosts.source()
        self._count = 0
        self._stored = False
        self._results: dict[str, Entry] = {}
        """The last results by key."""
        self._usable = time.monotonic()
        """When there was a worker that can take part."""
        self._refusals: dict[str, str] = {}
        self._over = threading.Event()

    def work(self) -> None:
        """Evaluate everything, unless the run is stopped."""
        threading.Thread(target=self._poll, daemon=True).start()
        self._connection.listen(lambda message: self._put(partial(self._hear, message)))
        try:
            with self._stop.calls(lambda: self._put(lambda: None)):
                while self._dealer.unfinished and not self._stop.requested:
                    self._handle(_TICK)
                    self._look()
                    self._deal()
        finally:
            self._over.set()
            self._end()
            if self._stored:
                self._kept.prune()

    def _put(self, call: Callable[[], None]) -> None:
        self._inbox.put(call)

    def _handle(self, seconds: float) -> None:
        """Handle what has happened; wait for it at most ``seconds``."""
        try:
            self._inbox.get(timeout=seconds)()
            while True:
                self._inbox.get_nowait()()
        except Empty:
            pass

    # ---- workers

    def _poll(self) -> None:
        """Look at the workers again and again, in a thread: a scheduler that hangs must not stop us."""
        while not self._over.is_set():
            began = time.monotonic()
            try:
                workers = self._connection.workers()
            except Exception:
                self._over.wait(_POLL)
                continue
            self._put(partial(self._seen, workers))
            self._over.wait(max(_POLL, len(workers) / 100, 4 * (time.monotonic() - began)))

    def _seen(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        for address in [address for address in self._workers if address not in workers]:
            self._gone(self._workers.pop(address), "it is gone")
        # The clock of the scheduler may differ from ours.
        now = max((float(about["last_seen"]) for about in workers.values()), default=0.0)
        for address, about in workers.items():
            if about.get("status") not in ("running", "paused"):
                continue
            worker = self._workers.get(address)
            if worker is None:
                worker = Worker.seen(address, about)
                self._workers[address] = worker
                self._greet(worker)
            worker.silent = now - float(about["last_seen"])
            if len(workers) == 1:
                worker.silent = max(0.0, time.time() - float(about["last_seen"]))
            if worker.silent > self._patience.silence and worker.attempt is not None:
                self._gone(worker, f"it has not been heard of for {worker.silent:.0f} s")
                # It is asked again when it is heard of.
                worker.is_ready = False
        self._dealer.forget({worker.host.kind for worker in self._workers.values() if worker.host is not None})

    def _greet(self, worker: Worker) -> None:
        worker.is_ready = False
        self._send(worker, self._greeted, eval, hosts.GREETING)

    def _greeted(self, attempt: Attempt, result: Any) -> None:
        worker = attempt.worker
        if isinstance(result, Failed) or not isinstance(result, dict):
            self._refuse(worker, f"the worker {worker.label} cannot be used: {result}")
            return
        refusal = Greeting(**result).refused(self._ours)
        if refusal is not None:
            self._refuse(worker, refusal)
            return
        self._send(worker, self._opened, dask_worker.open_session, self._session, self._parcel)

    def _opened(self, attempt: Attempt, result: Any) -> None:
        worker = attempt.worker
        if isinstance(result, Failed):
            self._refuse(worker, f"the worker {worker.label} cannot begin: {result.error}")
            return
        host: Host = result
        refusal = host.refused(self._source)
        if refusal is not None:
            self._refuse(worker, refusal)
        else:
            if worker.host is None:
                self._emit(WorkerChanged(worker=worker.label, state="joined", about=str(host)))
            worker.host, worker.is_ready = host, True

    def _refuse(self, worker: Worker, why: str) -> None:
        worker.is_refused = True
        self._refusals[worker.address] = why
        self._emit(WorkerChanged(worker=worker.label, state="refused", about=why))

    def _gone(self, worker: Worker, how: str) -> None:
        """Give up what a worker was doing."""
        attempt, worker.attempt = worker.attempt, None
        if not worker.is_refused and worker.host is not None:
            self._emit(WorkerChanged(worker=worker.label, state="lost", about=how))
        if attempt is None:
            return
        self._drop(attempt)
        item = attempt.item
        if item is None:
            return
        why = f"the worker {worker.label} was lost: {how}"
        if self._dealer.lost(item, worker.address):
            self._emit(Retrying(combo=item.combo, phase=Phase.PROBE, why=why, delay=0.0))
        else:
            self._give_up(item, f"two workers were lost while they evaluated it; of the last, {how}")

    def _give_up(self, item: Item, message: str) -> None:
        trouble = Trouble(phase=Phase.PROBE, reason=Reason.WORKER_LOST, message=message)
        self._emit(TroubleMet(combo=item.combo, trouble=trouble))
        self._finish(item, None)

    def _look(self) -> None:
        """Stop the run when the scheduler is gone; raise ``UndecidedError`` when nobody can take part."""
        if not self._connection.is_alive:
            self._stop(f"the loss of the scheduler at {self._connection.address}")
            return
        now = time.monotonic()
        if any(worker.host is not None for worker in self._workers.values()):
            self._usable = now
            return
        refused = [self._refusals[address] for address in self._workers if address in self._refusals]
        only_refused = bool(refused) and len(refused) == len(self._workers)
        limit = self._patience.only_refused if only_refused else self._patience.nobody
        if now - self._usable > limit:
            raise UndecidedError(
                f"no worker of the scheduler at {self._connection.address} can take part in the run",
                cause="; ".join(dict.fromkeys(refused)) or f"none was there for {limit:.0f} s",
                next_step="start workers with the same Python, knowngood and uv, and run again",
            )

    # ---- tasks

    def _deal(self) -> None:
        now = time.monotonic()
        able = [worker for worker in self._workers.values() if worker.is_ready]
        known = [worker.host for worker in able if worker.host is not None]
        for worker in able:
            if worker.attempt is None and worker.host is not None and worker.rests_until <= now:
                item = self._dealer.next(worker.address, worker.host, known, alone=len(able) == 1)
                if item is not None:
                    self._begin(worker, item)

    def _begin(self, worker: Worker, item: Item) -> None:
        self._emit(ComboStarted(combo=item.combo, host=worker.label))
        begin = dask_worker.begin
        self._send(worker, self._replied, begin, self._session, item.task.combo, item.locks, self._asks, item=item)

    def _send(
        self,
        worker: Worker,
        then: Callable[[Attempt, Any], None],
        function: Callable[..., Any],
        *arguments: Any,
        item: Item | None = None,
    ) -> None:
        self._count += 1
        key = f"{self._session}-{self._count}"
        if item is not None:
            arguments = (*arguments, self._connection.topic)
        cancel = self._connection.submit(
            key, worker.address, (function, arguments), lambda result: self._put(partial(self._done, key, result))
        )
        worker.attempt = Attempt(key=key, worker=worker, cancel=cancel, then=then, item=item)
        self._attempts[key] = worker.attempt

    def _done(self, key: str, result: Any) -> None:
        attempt = self._attempts.pop(key, None)
        if attempt is not None:  # else it was given up
            attempt.worker.attempt = None
            attempt.then(attempt, result)

    def _drop(self, attempt: Attempt) -> None:
        self._attempts.pop(attempt.key, None)
        attempt.cancel()

    def _replied(self, attempt: Attempt, result: Any) -> None:
        worker, item = attempt.worker, attempt.item
        assert item is not None and worker.host is not None
        if isinstance(result, Failed):
            self._failed(attempt, item, result)
        elif not isinstance(result, Reply):  # its session is gone: it has restarted, or was idle for long
            self._dealer.again(item)
            worker.is_ready = False
            self._send(worker, self._opened, dask_worker.open_session, self._session, self._parcel)
        elif result.keys is None and not result.finished:
            worker.rests_until = time.monotonic() + 2.0
            if not self._dealer.moved(item):
                self._give_up(item, f"the worker {worker.label} ended it, as others did before")
        else:
            self._keep_files(item.combo, result.files)
            for event in result.events:
                if not isinstance(event, ComboStarted | PhaseStarted | Retrying | ComboFinished):
                    self._emit(event)
            if result.keys is None:
                self._finish(item, result.entry)
            else:
                self._decide(attempt, item, worker.host.kind, result)

    def _failed(self, attempt: Attempt, item: Item, failed: Failed) -> None:
        if isinstance(failed.error, WorkerLostError):
            attempt.worker.attempt = attempt
            self._gone(attempt.worker, str(failed.error))
        elif failed.is_ours:
            self._emit(HarnessFailed(combo=item.combo, error=f"{type(failed.error).__name__}: {failed.error}"))
            self._finish(item, None)
        else:
            self._dealer.again(item)

    def _decide(self, attempt: Attempt, item: Item, kind: str, reply: Reply) -> None:
        """Reuse a verdict for the key of a combo, let it wait for an equal combo, or let its worker go on."""
        assert reply.keys is not None
        entry = self._kept.find(reply.keys) or self._results.get(reply.keys.verdict)
        following = self._dealer.resolved(item, reply.keys, kind, reply)
        if following is Next.FOLLOW:
            return
        if entry is not None:
            self._replay(item, entry)
            self._finish(item, entry, is_new=False)
        else:
            go_on = dask_worker.go_on
            self._send(attempt.worker, self._replied, go_on, self._session, item.task.combo, item=item)

    def _finish(self, item: Item, entry: Entry | None, *, is_new: bool = True) -> None:
        self._emit(ComboFinished(combo=item.combo))
        if entry is not None and is_new:
            self._note(item, entry)
        for follower in self._dealer.finished(item, entry):
            assert entry is not None, "without a result nobody has it"
            self._replay(follower, entry)
            self._emit(ComboFinished(combo=follower.combo))

    def _note(self, item: Item, entry: Entry) -> None:
        """Keep a result for later runs, and for combos of this run that turn out to be equal."""
        if self._settings.stores_verdicts:
            self._kept.verdicts.put(entry)
            self._stored = True
        if self._settings.shares_verdicts and item.key:
            self._results[item.key] = entry
            if len(self._results) > _REMEMBERED:
                del self._results[next(iter(self._results))]

    def _replay(self, item: Item, entry: Entry) -> None:
        self._emit(FactsReused(combo=item.combo, reused=entry.reused))
        for event in replayed(entry, item.combo, is_built=item.is_built):
            self._emit(event)

    def _keep_files(self, combo: str, files: bytes) -> None:
        folder = self._site.folder / "combos" / combo
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(files)) as archive:
            archive.extractall(folder, filter="data")

    def _hear(self, message: Any) -> None:
        """Take in what a worker says while it works."""
        key = message.get("key", "")
        self._ending.discard(key if message.get("ended") else "")
        attempt = self._attempts.get(key)
        if attempt is None or attempt.item is None or "event" not in message:
            return
        for event in decode([message["event"].encode()]):
            if isinstance(event, PhaseStarted | Retrying) and event.combo == attempt.item.combo:
                self._emit(_placed(event, attempt.worker.label))

    # ---- the end

    def _end(self) -> None:
        """Cancel what runs, wait until workers have ended it, and close the sessions."""
        running = [attempt for attempt in self._attempts.values() if attempt.item is not None]
        alive = self._connection.is_alive
        self._ending = {attempt.key for attempt in running if attempt.worker.silent < _FRESH} if alive else set()
        for attempt in list(self._attempts.values()):
            self._drop(attempt)
        self._wait_for(lambda: not self._ending, self._patience.ending)
        idle = [worker.address for worker in self._workers.values() if worker.is_ready and worker.silent < _FRESH]
        closing = set(idle) if self._connection.is_alive else set()
        for address in list(closing):
            self._connection.submit(
                f"{self._session}-close-{address}",
                address,
                (dask_worker.close_session, (self._session,)),
                lambda result, address=address: self._put(partial(closing.discard, address)),  # type: ignore[misc]
            )
        self._wait_for(lambda: not closing, _CLOSING)

    def _wait_for(self, over: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not over() and time.monotonic() < deadline and self._connection.is_alive:
            self._handle(_TICK)


def _placed(event: Event, label: str) -> Event:
    if isinstance(event, PhaseStarted):
        return replace(event, detail=f"{event.detail} on {label}")
    return event
