"""What tells a run to stop: signals, and the death of the process that started it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERVAL = 0.5  # seconds between two looks at the parent


@contextmanager
def stopped_by_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Call ``stop(name)`` when a signal asks us to end or our parent is gone, for as long as the block lasts.

    nox dies of SIGTERM without a word to its child, and so do many shells of CI runners; hence the look at the parent.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        stop(signal.Signals(number).name)

    # A shell switches SIGINT off for background jobs, and a run is still stopped by it. But who switched SIGHUP off, as
    # nohup does, means the run to outlive its parent.
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
    # Started by init itself, as in a container: there is nobody to outlive.
    while parent != 1 and not over.wait(_INTERVAL):
        if os.getppid() != parent:
            stop("SIGTERM")
            return
