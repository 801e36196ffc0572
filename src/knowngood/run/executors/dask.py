"""Connect to a Dask cluster, and evaluate the combos of runs on its workers."""

import ipaddress
import logging
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from knowngood import strict_json
from knowngood.errors import UndecidedError, UsageError
from knowngood.events import Emit
from knowngood.run.executors.client import Client
from knowngood.run.executors.connection import Failed, Patience, WorkerLostError
from knowngood.run.executors.interface import Site, Task
from knowngood.run.executors.parcel import pack
from knowngood.run.stop import Stop

_CONNECT = 10.0  # seconds for the scheduler to answer
_FETCH = 60.0  # seconds for a result to arrive that a worker has
_COLLECTORS = 8  # results that are fetched at a time


class DaskCluster:
    """A connection to a Dask scheduler at ``address``, as a context."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.topic = f"knowngood-{uuid4().hex}"
        self._client: Any = None
        self._collectors = ThreadPoolExecutor(_COLLECTORS, thread_name_prefix="knowngood-results")

    def __enter__(self) -> Self:
        """Connect. Raises ``UsageError`` without Dask, and ``UndecidedError`` when no scheduler answers."""
        try:
            import dask
            from distributed import Client as DaskClient
        except ImportError as error:
            raise UsageError(
                "Dask is not installed", cause=str(error), next_step="pip install 'knowngood[dask]'"
            ) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        # A parcel is large, and sent on purpose.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
        # One that cannot connect prints a traceback when it is deleted. Ours is closed at the end of the context.
        make: Any = type("Client", (DaskClient,), {"__del__": lambda self: None})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # which versions of its own libraries a worker has is its own concern
                self._client = make(self.address, timeout=_CONNECT, set_as_default=False, name="knowngood")
        except (OSError, ValueError, TypeError) as error:
            raise UndecidedError(
                f"no Dask scheduler answers at {self.address}",
                cause=str(error).partition("\n")[0] or type(error).__name__,
                next_step="start one: dask scheduler --host 127.0.0.1 --port 0 --scheduler-file scheduler.json",
            ) from None
        return self

    def __exit__(self, *error: object) -> None:
        self._collectors.shutdown(wait=False, cancel_futures=True)
        with suppress(Exception):  # the scheduler is gone
            self._client.close(timeout=2)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self._client.status == "running")

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the scheduler knows about each worker, see ``Connection``."""
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def listen(self, hear: Callable[[Any], None]) -> None:
        """Call ``hear`` with each message of a worker."""
        self._client.subscribe_topic(self.topic, lambda event: hear(event[1]))

    def submit(
        self, key: str, worker: str, call: tuple[Callable[..., Any], tuple[Any, ...]], done: Callable[[Any], None]
    ) -> Callable[[], None]:
        """Let a worker call a function, see ``Connection``."""
        function, arguments = call
        future = self._client.submit(
            function, *arguments, key=key, workers=[worker], allow_other_workers=False, pure=False, retries=0
        )
        future.add_done_callback(lambda future: self._collect(future, done))
        return partial(future.cancel, force=True)

    def _collect(self, future: Any, done: Callable[[Any], None]) -> None:
        # In a thread: a worker may stop at any moment, also when it has a result that was not fetched.
        with suppress(RuntimeError):  # the pool is closed
            self._collectors.submit(lambda: done(_result(future)))

    def executor(self, site: Site, patience: Patience | None = None) -> "DaskExecutor":
        """Return what evaluates the tasks of a run that was started at ``site``."""
        return DaskExecutor(cluster=self, site=site, patience=patience or Patience())


def _result(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result(timeout=_FETCH)
    except KilledWorker:
        return Failed(error=WorkerLostError("it died again and again"))
    except TimeoutError:
        return Failed(error=WorkerLostError("it does not send its result"))
    except Exception as error:
        return Failed(error=error, is_ours=future.status == "error")
    except BaseException as error:  # cancelled
        return Failed(error=error, is_ours=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DaskExecutor:
    """Evaluates the tasks of a run on the workers of a cluster."""

    cluster: DaskCluster
    site: Site
    patience: Patience = field(default_factory=Patience)

    def execute(self, tasks: Sequence[Task], emit: Emit, stop: Stop) -> None:
        """Evaluate ``tasks``, see ``Executor``.

        Raises ``UndecidedError`` when no worker can take part, and what ``pack`` raises.
        """
        if not tasks:
            return
        settings = replace(tasks[0].settings, remote=True)
        parcel = pickle.dumps(pack(self.site, settings, [task.combo for task in tasks]))
        Client(self.cluster, self.site, tasks, parcel, emit=emit, stop=stop, patience=self.patience).work()


def scheduler_address(text: str, *, insecure: bool) -> str:
    """Return the address of a scheduler that ``text``, an address or a scheduler file, leads to.

    Raises ``UsageError``: it leads to none, or to one that any program of the network may use. Only ``tls://`` asks for
    a certificate, and only this machine reaches a loopback address; ``insecure`` takes all others, too.
    """
    address = text if "://" in text else _in_file(Path(text))
    scheme, _, place = address.partition("://")
    host = (urlsplit(address).hostname or "").lower()
    if not host:
        raise UsageError(
            f"invalid address of a scheduler: {address!r}", next_step="write it as tls://HOST:PORT, or name its file"
        )
    if scheme != "tls" and not insecure and not _is_loopback(host):
        raise UsageError(
            f"the scheduler at {address} does not ask who uses it",
            cause="any program that reaches it can run any program on its workers",
            next_step=f"use tls://{place}, or add --insecure in a network that only you can reach",
        )
    return address


def _in_file(file: Path) -> str:
    try:
        return str(strict_json.loads(file.read_bytes())["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--scheduler {file} is neither an address nor a scheduler file",
            cause=f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else str(error.strerror),
            next_step="name the file that `dask scheduler --scheduler-file FILE` writes, or write tls://HOST:PORT",
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
