"""The supervisors of a harness: started, asked, kept for their next command, and let go."""

import os
import subprocess
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path

Spawned = subprocess.Popen[bytes]
"""A script that runs. It is asked on standard input and answers on standard output; when its input ends it leaves."""


def start(script: str) -> Spawned:
    """Start the script called ``script`` in a session of its own, without environment and without site-packages."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", Path(__file__).with_name(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={},
        start_new_session=True,
    )


def hang_up(process: Spawned) -> None:
    """Tell ``process`` that nothing more will be asked."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()


class Supervisors:
    """Supervisors that wait for their next command; for one thread at a time."""

    def __init__(self) -> None:
        self._idle: list[Spawned] = []
        weakref.finalize(self, dismiss, self._idle)

    def take(self) -> Spawned:
        """Return one that lives and has nothing to do; from now on it is the caller's."""
        while self._idle:
            supervisor = self._idle.pop()
            if supervisor.poll() is None:
                return supervisor
            dismiss([supervisor])
        return start("supervisor.py")

    def give_back(self, supervisor: Spawned) -> None:
        """Take one in again once its command has ended."""
        self._idle.append(supervisor)

    def dismiss_idle(self) -> None:
        """End those that have nothing to do."""
        dismiss(self._idle)
        self._idle.clear()


def ask(supervisor: Spawned, spec: bytes) -> bytes:
    """Hand over a command and return the answer once it ended; nothing when the supervisor was killed."""
    assert supervisor.stdin is not None and supervisor.stdout is not None
    answer = b""
    try:
        supervisor.stdin.write(spec)
        while not answer.endswith(b"\n"):
            data = os.read(supervisor.stdout.fileno(), 65536)
            if not data:
                return b""
            answer += data
    except (OSError, ValueError):  # ValueError: it was hung up on before it was asked
        return b""
    return answer


def dismiss(supervisors: Iterable[Spawned]) -> None:
    """End supervisors: they leave once nothing more can be asked of them."""
    leaving = list(supervisors)
    for supervisor in leaving:
        hang_up(supervisor)
    for supervisor in leaving:
        assert supervisor.stdout is not None
        supervisor.stdout.close()
        supervisor.wait()
