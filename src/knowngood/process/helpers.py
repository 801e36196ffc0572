"""Start the helper scripts of this room as processes and talk to them over pipes. The only module that spawns.

The helpers are ``supervisor.py``, which ``commands.py`` talks to, and ``remover.py``. A helper reads from standard
input, answers on standard output, and exits when its input is closed.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_LONGEST_END = 30.0  # seconds for a helper to end what it runs and exit
_LOOK = 5.0  # seconds without an answer after which it is looked whether a helper is stopped
_LONGEST_REMOVAL = 600.0  # seconds for folders that wait to be deleted


class Helper:
    """A running helper script."""

    def __init__(self, script: str) -> None:
        """Start the file called ``script`` beside this module.

        It runs in a session of its own, with an empty environment and without site-packages.
        """
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", Path(__file__).with_name(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={},
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        self._process = process
        self._answered = True
        self._input = process.stdin
        self._output = process.stdout

    @property
    def alive(self) -> bool:
        """Whether it still runs. Its output ends with it, and it says nothing before it is asked."""
        return self._process.poll() is None and not select.select([self._output], [], [], 0)[0]

    def send(self, data: bytes) -> None:
        """Write ``data`` to the helper. Raises ``OSError`` when it is gone and ``ValueError`` after ``hang_up``."""
        self._input.write(data)

    @property
    def answers(self) -> bool:
        """Whether it answered everything so far."""
        return self._answered

    def ask(self, line: bytes, patience: float) -> bytes:
        """Send one line and return the line that answers it; return nothing when the helper is gone or hung up on.

        A helper that does not answer within ``patience`` seconds, or that stays stopped, is killed, and so is what it
        runs.
        """
        answer, stopped = b"", False
        self._answered = False
        deadline = time.monotonic() + patience
        waiting = select.poll()
        try:
            waiting.register(self._output, select.POLLIN)
            self.send(line)
            while not answer.endswith(b"\n"):
                left = max(0.0, deadline - time.monotonic())
                if not waiting.poll(min(left, _LOOK) * 1000):
                    before, stopped = stopped, self._is_stopped()
                    if left > _LOOK and not (before and stopped):
                        continue
                    self._kill()
                    if not waiting.poll(_LONGEST_END * 1000):
                        return b""
                data = os.read(self._output.fileno(), 65536)
                if not data:
                    return b""
                answer += data
        except (OSError, ValueError):
            return b""
        self._answered = True
        return answer

    def hang_up(self) -> None:
        """Close the helper's input, so that it finishes and exits. May be called from any thread, and twice."""
        self._input.close()

    def end(self, *, wait_for_children: bool = False, begun: float | None = None) -> None:
        """Hang up and return when the helper has exited; with ``wait_for_children``, when its children have as well.

        ``begun`` is when it was hung up on, if that was before.
        """
        self.hang_up()
        if not self._exits(time.monotonic() if begun is None else begun):
            self._kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LONGEST_END)
        if wait_for_children:
            # The pipe ends when the last process that inherited it has exited; one that was stopped never does.
            select.select([self._output], [], [], _LONGEST_REMOVAL)
        self._output.close()

    def _exits(self, begun: float) -> bool:
        """Wait for the helper to exit; return False if it is stopped, as by SIGSTOP, or takes too long."""
        while (elapsed := time.monotonic() - begun) < _LONGEST_END:
            try:
                self._process.wait(max(0.1, _LOOK - elapsed))
            except subprocess.TimeoutExpired:
                if self._is_stopped():
                    return False
            else:
                return True
        return False

    def _is_stopped(self) -> bool:
        """Return whether the helper is stopped, as by SIGSTOP, or the worker that it watches over. Linux only."""
        folder = Path(f"/proc/{self._process.pid}")
        with contextlib.suppress(OSError, IndexError):
            workers = (folder / "task" / folder.name / "children").read_text().split()
            command = (folder / "cmdline").read_bytes()
            for process in (folder, *(Path("/proc", worker) for worker in workers)):
                with contextlib.suppress(OSError, IndexError):
                    state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                    # What a command left running is a child of the helper as well, but is another program.
                    if state == "T" and (process / "cmdline").read_bytes() == command:
                        return True
        return False

    def _kill(self) -> None:
        """Make the helper end, and what it runs with it. It may have been stopped, so it has to continue for that."""
        for number in (signal.SIGCONT, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


def end_all(helpers: Iterable[Helper]) -> None:
    """End several helpers at the same time."""
    ending = list(helpers)
    for helper in ending:
        helper.hang_up()
    begun = time.monotonic()
    for helper in ending:
        helper.end(begun=begun)


def answer_of(command: Sequence[str], *, env: Mapping[str, str], timeout: float) -> str:
    """Run a short command and return what it prints, which is written nowhere else; nothing when it fails.

    ``command[0]`` is searched on the ``PATH`` of ``env``. For a command whose answer is a secret: no log keeps it. The
    command and what it started are killed after ``timeout`` seconds.
    """
    program = shutil.which(command[0], path=env.get("PATH", os.defpath))
    if program is None:
        return ""
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            start_new_session=True,
        )
    except OSError:
        return ""
    try:
        answer, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ""
    return answer.decode("utf-8", "replace") if process.returncode == 0 else ""


class Remover:
    """Deletes folders in the background, so that a run does not wait while tens of thousands of files are unlinked.

    The helper is started for the first folder, and outlives the harness until everything is deleted. Files that cannot
    be deleted stay.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._helper: Helper | None = None

    def remove(self, folder: Path) -> None:
        """Queue ``folder`` for deletion. Returns at once, unless hundreds of folders are waiting already."""
        with self._lock, contextlib.suppress(OSError):
            if self._helper is None:
                self._helper = Helper("remover.py")
            self._helper.send(os.fsencode(folder) + b"\0")

    def close(self, *, wait: bool = True) -> None:
        """Accept no more folders; with ``wait``, return when all are deleted."""
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.end(wait_for_children=wait)
