"""What Dask calls on a worker: it pickles these functions by their names, so both sides have to have them."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowngood.events import Event, encode
from knowngood.model import Combo
from knowngood.run.executors.hosts import Host
from knowngood.run.executors.worker import SESSIONS, Lock, Reply, Session

if TYPE_CHECKING:
    from distributed import Worker


def open_session(name: str, parcel: bytes) -> Host:
    """Open the session of a run on this worker, unless it is open, and return what kind of host this is."""
    from distributed import get_worker

    return SESSIONS.open(name, pickle.loads(parcel), Path(get_worker().local_directory), dict(os.environ))


def close_session(name: str) -> None:
    """Close the session of a run on this worker."""
    SESSIONS.close(name)


def begin(name: str, combo: Combo, locks: tuple[Lock, ...], asks: bool, topic: str) -> Reply | None:
    """Begin a combo, see ``Session.begin``; None: the session is not open."""
    return _work(name, topic, lambda session, live: session.begin(combo, locks, asks=asks, live=live))


def go_on(name: str, combo: Combo, topic: str) -> Reply | None:
    """Go on with a combo, see ``Session.go_on``; None: it is not there any more."""
    return _work(name, topic, lambda session, live: session.go_on(combo, live=live))


def _work(name: str, topic: str, work: Callable[[Session, Callable[[Event], None]], Reply | None]) -> Reply | None:
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def say(**message: Any) -> None:
        with suppress(Exception):  # the scheduler is gone, and then nobody listens
            worker.log_event(topic, {"key": key, **message})

    def live(event: Event) -> None:
        say(event=encode(event, seq=0, at=datetime.now(UTC), elapsed=0.0).decode())

    try:
        return SESSIONS.use(name, lambda: _is_wanted(worker, str(key)), lambda session: work(session, live))
    finally:
        if not _is_wanted(worker, str(key)):
            say(ended=True)


def _is_wanted(worker: "Worker", key: str) -> bool:
    """Return whether a task still runs for somebody.

    When the client cancels it or is gone, the scheduler releases its key, and the worker learns that at once. Asking
    the worker costs no message.
    """
    from distributed import Status

    task = worker.state.tasks.get(key)
    return worker.status in (Status.running, Status.paused) and task is not None and task.state == "executing"
