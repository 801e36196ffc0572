"""An engine of distributed computing without processes: its workers are threads, with answers of the test."""

import io
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

from knowngood.cache.keys import Keys
from knowngood.cache.verdicts import Entry
from knowngood.events import Event
from knowngood.model import Basis, Combo
from knowngood.run.executors import hosts
from knowngood.run.executors.connection import Failed
from knowngood.run.executors.hosts import Host
from knowngood.run.executors.worker import Reply


def no_files() -> bytes:
    """Return a tar file of nothing."""
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w:gz").close()
    return buffer.getvalue()


NO_FILES = no_files()


def paused(key: str) -> Reply:
    """Return what a worker answers that has resolved a combo, whose key is ``key``."""
    basis = Basis(key=key, lock="l", python="p", machine="m", variables=(), probes=())
    return Reply(events=(), files=NO_FILES, keys=Keys(build="b", verdict=key, ingredients={}, basis=basis))


def finished(*events: Event, entry: Entry | None = None) -> Reply:
    """Return what a worker answers that has evaluated a combo."""
    return Reply(events=events, files=NO_FILES, finished=True, entry=entry)


@dataclass(kw_only=True)
class Threaded:
    """A worker: a thread that carries out one call after the other."""

    host: Host
    greeting: Mapping[str, str] = field(default_factory=lambda: eval(hosts.GREETING))
    begin: Callable[[Combo], Any] = lambda combo: finished()
    go_on: Callable[[Combo], Any] = lambda combo: finished()
    last_seen: float = field(default_factory=time.time)
    is_silent: bool = False
    """Whether it answers nothing any more and is not heard of."""
    begun: list[str] = field(default_factory=list)
    """The combos that it was given."""
    _calls: "SimpleQueue[Callable[[], None]]" = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._work, daemon=True).start()

    def call(self, name: str, arguments: tuple[Any, ...], done: Callable[[Any], None]) -> None:
        """Carry out a call, after those before it."""
        self._calls.put(partial(self._carry_out, name, arguments, done))

    def _carry_out(self, name: str, arguments: tuple[Any, ...], done: Callable[[Any], None]) -> None:
        if self.is_silent:
            return
        try:
            result = self._answer(name, arguments)
        except Exception as error:
            result = Failed(error=error)
        if not self.is_silent:
            done(result)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        match name:
            case "eval":
                return dict(self.greeting)
            case "open_session":
                return self.host
            case "begin":
                self.begun.append(arguments[1].id)
                return self.begin(arguments[1])
            case "go_on":
                return self.go_on(arguments[1])
            case _:
                return None

    def _work(self) -> None:
        while True:
            self._calls.get()()


@dataclass(kw_only=True)
class Loopback:
    """A scheduler that knows ``all``, its workers by address."""

    all: dict[str, Threaded]
    address: str = "tcp://127.0.0.1:1"
    topic: str = "knowngood"
    is_alive: bool = True
    cancelled: list[str] = field(default_factory=list)
    hear: Callable[[Any], None] = lambda message: None

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what it knows about each worker."""
        for worker in self.all.values():
            if not worker.is_silent:
                worker.last_seen = time.time()
        return {
            address: {"name": address, "status": "running", "last_seen": worker.last_seen}
            for address, worker in self.all.items()
        }

    def listen(self, hear: Callable[[Any], None]) -> None:
        """Hand messages of workers to ``hear``."""
        self.hear = hear

    def submit(
        self, key: str, worker: str, call: tuple[Callable[..., Any], tuple[Any, ...]], done: Callable[[Any], None]
    ) -> Callable[[], None]:
        """Let a worker call a function; one that is gone never does."""
        function, arguments = call
        if worker in self.all:
            self.all[worker].call(function.__name__, arguments, done)
        return lambda: self.cancelled.append(key)
