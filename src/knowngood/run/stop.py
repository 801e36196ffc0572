"""End a run early: a request that a signal handler, another thread or a sink can make."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """A request to end a run early. Call it with the name of a signal or another short reason.

    It may be called from any thread, from a signal handler, and more than once: the first reason counts. One request
    can end several runs, for instance all those of a search.
    """

    def __init__(self) -> None:
        self._reason: str | None = None
        self._requested = threading.Event()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def __call__(self, reason: str) -> None:
        """Request the end. Returns at once."""
        self._reason = self._reason or reason
        # In a thread: a signal handler may have interrupted the very code that holds one of the locks.
        threading.Thread(target=self._act, daemon=True).start()

    @property
    def reason(self) -> str | None:
        """Why the end was requested; None while it was not."""
        return self._reason

    @property
    def requested(self) -> bool:
        """Whether nothing new may begin."""
        return self._reason is not None

    def wait(self, seconds: float) -> bool:
        """Wait for the request, at most ``seconds``; return whether it was made."""
        return self.requested or self._requested.wait(seconds)

    @contextmanager
    def after(self, seconds: float | None, reason: str) -> Iterator[None]:
        """Request the end for ``reason`` once ``seconds`` have passed, unless the block ends before; None: never."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self, (reason,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def calls(self, action: Callable[[], None]) -> Iterator[None]:
        """Call ``action`` as soon as the end is requested, as long as the block lasts."""
        with self._lock:
            self._actions.append(action)
        if self.requested:
            action()
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)

    def _act(self) -> None:
        self._requested.set()
        with self._lock:
            for action in self._actions:
                action()
