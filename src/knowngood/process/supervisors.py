"""The supervisors of a harness: started, asked, kept for their next command, and let go."""

import os
import weakref
from collections.abc import Iterable

from knowngood.process.spawn import Spawned, hang_up, start


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
