"""Protect a command from its surroundings: closed streams and full disks do not end it, and signals stop its run."""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO


class Stream(io.FileIO):
    """The raw file of a standard stream. From its first failure on, what is written to it is dropped."""

    def __init__(self, descriptor: int) -> None:
        self.failure: OSError | None = None
        """Why writing failed; None if it never did."""
        self._closed_before = False
        try:
            os.fstat(descriptor)
        except OSError:
            # Without this the next file that is opened, such as an event log, would get its number.
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            self._closed_before = True
        super().__init__(descriptor, "wb", closefd=False)

    def write(self, data: Any, /) -> int:
        """Write ``data``, or drop it."""
        try:
            if self.failure is None and self._closed_before:
                raise OSError(errno.EBADF, "it is closed")
            if self.failure is None:
                return super().write(data)
        except OSError as error:
            self.failure = error
        return len(memoryview(data).cast("B"))

    @property
    def lost(self) -> str:
        """Why output was lost; empty when none was, or when the reader left early."""
        return "" if self.failure is None or self.failure.errno == errno.EPIPE else str(self.failure.strerror)


def guarded(run: Callable[[], object], *, prints_data: bool) -> int:
    """Call ``run``, which exits, with streams that do not fail it, and return the exit code.

    One line on the other stream says which one failed. ``prints_data``: standard output is what the user asked for, so
    that a loss there is an error (exit code 2), and nothing of ours may be added to it.
    """
    out, err = Stream(1), Stream(2)
    sys.stdout = _text(out, sys.stdout)
    sys.stderr = _text(err, sys.stderr)
    code = _exit_code(run)
    sys.stdout.flush()
    if out.lost:
        sys.stderr.write(f"error: standard output could not be written: {out.lost}\n")
    sys.stderr.flush()
    if err.lost and not prints_data:
        sys.stdout.write(f"error: standard error could not be written: {err.lost}\n")
        sys.stdout.flush()
    return code or (2 if out.lost and prints_data else 0)


def _exit_code(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as exiting:
        code = exiting.code
        return code if isinstance(code, int) else int(code is not None)
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130
    return 0


def _text(raw: Stream, before: TextIO | None) -> io.TextIOWrapper:
    encoding, errors = (before.encoding, before.errors) if before is not None else ("utf-8", "backslashreplace")
    buffered = raw.isatty() or raw.fileno() == 2
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=buffered)


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
