"""Stop a run on a signal, or when the process that started it is gone."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERVAL = 0.5  # seconds between two polls of the parent


@contextmanager
def stopped_by_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Call ``stop(name)`` on a signal or when the parent process is gone, for as long as the block lasts.

    nox, and many shells of CI runners, die of SIGTERM without passing it on to their children, so the parent is polled.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        stop(signal.Signals(number).name)

    # A shell ignores SIGINT for background jobs, and the run still has to stop on it. But when SIGHUP is ignored, as by
    # nohup, the run is meant to outlive its parent.
    detached = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    watched = [number for number in _WATCHED if not (detached and number is signal.SIGHUP)]
    before = {number: signal.signal(number, handle) for number in watched}
    over = threading.Event()
    if not detached:
        threading.Thread(target=_watch_parent, args=(os.getppid(), stop, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_parent(parent: int, stop: Callable[[str], None], over: threading.Event) -> None:
    # A parent with id 1 is init, as in a container: it does not end before its children.
    while parent != 1 and not over.wait(_INTERVAL):
        if os.getppid() != parent:
            stop("SIGTERM")
            return
