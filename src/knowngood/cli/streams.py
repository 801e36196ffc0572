"""Keep a closed stream, a full disk or `| head` from ending a command: replace standard output and standard error."""

import errno
import io
import os
import sys
from collections.abc import Callable
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
