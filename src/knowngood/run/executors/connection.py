"""Declare what an engine of distributed computing does for a client, so that others than Dask can be added."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from knowngood.run.executors.dealing import Item
from knowngood.run.executors.hosts import Host


class WorkerLostError(Exception):
    """The engine gave up a task, because its worker died."""


class Connection(Protocol):
    """What an engine of distributed computing does for a client. Safe to use from any thread."""

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        ...

    @property
    def topic(self) -> str:
        """What workers name when they say something."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is there."""
        ...

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the scheduler knows about each worker, by address: ``name``, ``status`` and ``last_seen``.

        Raises ``Exception`` when it does not answer.
        """
        ...

    def listen(self, hear: Callable[[Any], None]) -> None:
        """Call ``hear`` with each message of a worker, from any thread."""
        ...

    def submit(
        self, key: str, worker: str, call: tuple[Callable[..., Any], tuple[Any, ...]], done: Callable[[Any], None]
    ) -> Callable[[], None]:
        """Let a worker call a function; return what cancels that.

        ``done`` is called with the result, from any thread, or with a ``Failed``. It is not called when the worker is
        gone, and perhaps not after a cancellation.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """What stands for the result of a call that has none."""

    error: BaseException
    is_ours: bool = True
    """Whether the call itself failed: a bug of ours. Otherwise the engine did not carry it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a client waits, in seconds."""

    silence: float = 20.0
    """Without a sign of life, after which a worker counts as lost."""
    nobody: float = 600.0
    """For a worker that can take part."""
    only_refused: float = 15.0
    """The same, when all workers were refused."""
    ending: float = 6.0
    """For workers to end what they run when the run is stopped."""


@dataclass(kw_only=True, slots=True)
class Worker:
    """A worker as the client sees it."""

    address: str
    label: str
    """How people tell it from others: by the name that it was given, else by its address."""
    is_ready: bool = False
    is_refused: bool = False
    host: Host | None = None
    attempt: "Attempt | None" = None
    silent: float = 0.0
    """Seconds since its last sign of life."""
    rests_until: float = 0.0
    """When it may get work again, on the monotonic clock."""

    @classmethod
    def seen(cls, address: str, about: Mapping[str, Any]) -> "Worker":
        """Return a worker that the scheduler knows ``about``."""
        name, bare = str(about.get("name", address)), address.partition("://")[2]
        return cls(address=address, label=bare if name == address else f"{name} ({bare})")


@dataclass(kw_only=True, slots=True)
class Attempt:
    """One task of ours on a worker."""

    key: str
    worker: Worker
    cancel: Callable[[], None]
    then: Callable[["Attempt", Any], None]
    """Takes its result."""
    item: Item | None = None
