"""Evaluate combos on a worker: an engine of distributed computing calls these functions there, and nothing else.

A worker unpacks the parcel of a run once and keeps it as a session. The machine that started the run asks it to begin
a combo, decides whether there is a verdict for the key that it reports, and asks it to go on. A session ends what runs
when nobody waits for the result any more, and lets go of its processes when it has nothing to do.
"""

import io
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from knowngood.cache.keys import Keys
from knowngood.cache.verdicts import Entry
from knowngood.events import Event, PhaseStarted, Retrying
from knowngood.install import registry
from knowngood.install.interface import Resolution
from knowngood.install.loopback import token
from knowngood.model import Combo, Index
from knowngood.model import Step as DeclaredStep
from knowngood.probe.settings import secrets
from knowngood.process.files import read_regular, walk
from knowngood.process.remover import remove_tree
from knowngood.run import host
from knowngood.run.context import Resolved, Resolver, RunContext, prepare
from knowngood.run.evaluate import Stage, Stages, evaluate
from knowngood.run.executors.hosts import Host, describe
from knowngood.run.executors.interface import Task
from knowngood.run.executors.parcel import Parcel
from knowngood.run.stop import Stop

_TICK = 0.1  # seconds between two looks at whether somebody still waits
_IDLE = 1.5  # seconds without work after which a session lets go of its processes
_FORGOTTEN = 900.0  # seconds without work after which a session is deleted
_LARGEST = 8 * 2**20  # bytes of a file that is sent back

Live = Callable[[Event], None]
"""Takes what a combo begins to do, for people who watch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What a resolver answered for the steps up to one of them, with the files that their installation needs."""

    resolver: Resolver
    steps: tuple[DeclaredStep, ...]
    resolution: Resolution
    files: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """How far a worker came with a combo."""

    events: tuple[Event, ...]
    """The facts since the last reply."""
    files: bytes
    """A tar file of the folder of the combo: locks and logs."""
    finished: bool = False
    """Whether it is evaluated. Otherwise the worker waits for ``go_on``, if it has ``keys``; else it was ended."""
    keys: Keys | None = None
    """Under which key a verdict of this combo is looked up before the worker goes on."""
    locks: tuple[Lock, ...] = ()
    """What any worker of the same kind can continue from."""
    entry: Entry | None = None
    """The result, if others may reuse it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    """A combo that is being evaluated."""

    combo: str
    task: Task
    stages: Stages
    events: list[Event]
    """Everything that has happened."""


def _nobody_watches(event: Event) -> None:
    """Ignore what happens."""


class Session:
    """The parcel of one run on this worker, and what evaluates the run's combos, one at a time."""

    def __init__(self, parcel: Parcel, folder: Path, outside: dict[str, str]) -> None:
        self._parcel = parcel
        self._folder = folder
        self._machine = host.here(outside)
        self._project, self._given = parcel.unpack(folder / "parcel")
        self._open = ExitStack()
        self._context: RunContext | None = None
        self._stop = Stop()
        self._suspended: _Begun | None = None
        self._live: Live = _nobody_watches
        self._lock = threading.Lock()
        self.last = time.monotonic()
        """When it last had work."""
        self.wanted: Callable[[], bool] | None = None
        """Whether somebody waits for what runs; None: nothing runs."""

    def stopped(self) -> bool:
        """Return whether what ran was ended: the session is of no more use."""
        return self._stop.requested

    def watch(self) -> None:
        """End what runs if nobody waits for it; let go of the processes if nothing has run for a while."""
        wanted = self.wanted
        if wanted is not None:
            if not wanted() and not self._stop.requested:
                self._stop("nobody waits")
        elif time.monotonic() - self.last > _IDLE and self._lock.acquire(blocking=False):
            try:
                self._rest()
            finally:
                self._lock.release()

    def begin(self, combo: Combo, locks: tuple[Lock, ...], *, asks: bool, live: Live) -> Reply:
        """Begin to evaluate a combo, up to where its key is known; with ``asks=False`` to its end.

        ``locks`` are those that another worker of the same kind has got for it.
        """
        task = Task(combo=combo, settings=self._parcel.settings)
        with self._lock:
            self._live = live
            self._abandon()
            context = self._ready()
            self._take_in(context, combo.id, locks)
            events: list[Event] = []

            def emit(event: Event) -> None:
                if isinstance(event, PhaseStarted | Retrying):
                    self._live(event)
                events.append(event)

            begun = _Begun(combo=combo.id, task=task, stages=evaluate(task, context, emit), events=events)
            return self._advance(begun, asks=asks)

    def go_on(self, combo: Combo, *, live: Live) -> Reply | None:
        """Evaluate the rest of the combo that was begun last; None: it is not there any more."""
        with self._lock:
            suspended, self._suspended = self._suspended, None
            if suspended is None or suspended.combo != combo.id or self._context is None:
                return None
            self._live = live
            return self._advance(suspended, asks=False)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._rest()
            remove_tree(self._folder)

    def _advance(self, begun: "_Begun", *, asks: bool) -> Reply:
        known, result = len(begun.events), None
        try:
            while True:
                pause = next(begun.stages)
                if asks and pause.next is not Stage.CLOSE and pause.keys is not None and not self._stop.requested:
                    self._suspended = begun
                    locks = self._locks(begun)
                    return Reply(
                        events=tuple(begun.events), files=self._pack(begun.combo), keys=pause.keys, locks=locks
                    )
        except StopIteration as end:
            result = end.value
        finished = not self._stop.requested
        return Reply(events=tuple(begun.events[known:]), files=self._pack(begun.combo), finished=finished, entry=result)

    def _ready(self) -> RunContext:
        if self._context is None:
            settings, outside = self._parcel.settings, self._machine.outside
            indexes = [Index(name=route.name, url=route.url) for route in settings.routes.own]
            if settings.routes.default is not None:
                indexes.append(Index(name=settings.routes.default_name, url=settings.routes.default))
            hidden = {*registry.secrets(indexes, outside), *secrets(outside, settings.probes)}
            hidden.add(token(self._machine.cache_folder))
            self._context = self._open.enter_context(
                prepare(
                    settings,
                    machine=self._machine,
                    folder=self._folder / "run",
                    environments=self._folder / "environments",
                    stop=self._stop,
                    project=self._project,
                    secrets=tuple(sorted(hidden, key=len, reverse=True)),
                    given=self._given,
                )
            )
        return self._context

    def _abandon(self) -> None:
        suspended, self._suspended = self._suspended, None
        if self._context is not None:
            _clear(self._context.processes.root / "combos")
        if suspended is not None:
            suspended.stages.close()

    def _rest(self) -> None:
        self._abandon()
        if self._context is not None:
            # Idle supervisors must not wait for the garbage collector.
            self._context.processes.cancel()
            self._context = None
            self._open.close()

    def _take_in(self, context: RunContext, combo: str, locks: tuple[Lock, ...]) -> None:
        """Take in what another worker of the same kind has resolved."""
        for number, lock in enumerate(locks):
            folder = self._folder / "locks" / combo / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in lock.files:
                (folder / name).write_bytes(data)
            files = tuple(folder / name for name, _ in lock.files)
            context.resolutions.add(lock.resolver, lock.steps, Resolved(resolution=lock.resolution, files=files))

    def _locks(self, begun: _Begun) -> tuple[Lock, ...]:
        """Return what was resolved of a combo, if it is the same on other machines: without paths of this one."""
        assert self._context is not None, "it was open when the combo began"
        if any(step.sources for step in begun.task.combo.steps):
            return ()
        return tuple(
            Lock(
                resolver=resolver,
                steps=steps,
                resolution=answer.resolution,
                files=tuple((file.name, read_regular(file, _LARGEST)) for file in answer.files if file.is_file()),
            )
            for resolver, steps, answer in self._context.resolutions.known(begun.task.combo.steps)
        )

    def _pack(self, combo: str) -> bytes:
        """Return the folder of a combo as a tar file, without its environment and without secrets of this machine."""
        assert self._context is not None, "it was open when the combo began"
        folder, clean = self._context.folder(combo), self._context.processes.redactor
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            for place, folders, names in walk(folder):
                if "env" in folders:
                    folders.remove("env")
                for path in (Path(place) / name for name in names):
                    with suppress(OSError):
                        if path.is_symlink() or path.stat().st_size > _LARGEST:
                            continue
                        data = read_regular(path, _LARGEST)
                        data = data if path.suffix == ".lock" else clean(data)
                        member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                        member.size, member.mtime = len(data), int(path.stat().st_mtime)
                        archive.addfile(member, io.BytesIO(data))
        return buffer.getvalue()


def _clear(folder: Path) -> None:
    """Delete what combos wrote, which has been sent, but for what later combos with equal steps take from them."""
    for place, folders, names in reversed(list(walk(folder))):
        for path in (Path(place) / name for name in names):
            if path.suffix not in (".lock", ".install"):
                path.unlink(missing_ok=True)
        for name in folders:
            with suppress(OSError):  # it holds a lock, or is a link
                (Path(place) / name).rmdir()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """The sessions of this worker, by name. Safe to use from any thread."""

    _all: dict[str, Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _keepers: list[threading.Thread] = field(default_factory=list)

    def open(self, name: str, parcel: Parcel, folder: Path, outside: dict[str, str]) -> Host:
        """Open the session ``name`` below ``folder``, unless it is open; return what kind of host this is."""
        with self._lock:
            session = self._all.get(name)
        if session is None:
            place = Path(tempfile.mkdtemp(prefix="knowngood-", dir=folder))
            session = Session(parcel, place, outside)
            with self._lock:
                self._all[name] = session
                if not self._keepers:
                    self._keepers.append(threading.Thread(target=self._keep, name="knowngood-sessions", daemon=True))
                    self._keepers[0].start()
        return describe(outside, parcel.settings.pythons)

    def use(self, name: str, wanted: Callable[[], bool], work: Callable[[Session], Reply | None]) -> Reply | None:
        """Let a session work as long as ``wanted`` is true; None: it is not open, or has lost what it had begun."""
        with self._lock:
            session = self._all.get(name)
        if session is None or session.stopped():
            return None
        session.wanted = wanted
        try:
            return work(session)
        finally:
            session.wanted, session.last = None, time.monotonic()
            if session.stopped():
                self.close(name)

    def close(self, name: str) -> None:
        """Close the session ``name``, if it is open."""
        with self._lock:
            session = self._all.pop(name, None)
        if session is not None:
            session.close()

    def _keep(self) -> None:
        while True:
            time.sleep(_TICK)
            with self._lock:
                sessions = list(self._all.items())
            for name, session in sessions:
                session.watch()
                if session.wanted is None and time.monotonic() - session.last > _FORGOTTEN:
                    self.close(name)


SESSIONS = Sessions()
"""Those of this process. A worker process works for many runs, one after the other or side by side."""
