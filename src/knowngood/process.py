"""The only module that spawns: commands, under a supervisor that ends whole process trees, and what deletes folders."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from knowngood.model import Action, Ending, Exit

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_REMOVER = Path(__file__).with_name("remover.py")
_HEAD = _TAIL = 2 * 1024 * 1024  # what a log keeps of its beginning and its end, bytes
_SHOWN_HEAD, _SHOWN_TAIL = 4 * 1024, 24 * 1024  # what an action carries of its log, bytes


class Processes:
    """Runs commands, from any thread, until ``cancel`` ends them all.

    ``root`` is the folder that the paths of logs are relative to; ``grace`` is the time in seconds that a command gets
    between SIGTERM and SIGKILL. ``secrets`` are taken out of every log.
    """

    def __init__(self, root: Path, *, grace: float = 5.0, secrets: Iterable[str] = ()) -> None:
        self.root = root
        self._secrets = tuple(secret.encode() for secret in secrets)
        self.grace = grace
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._idle: list[subprocess.Popen[bytes]] = []
        """Supervisors that wait for their next command."""
        self._cancelled = False
        weakref.finalize(self, _dismiss, self._idle)

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called: nothing starts any more."""
        return self._cancelled

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, log: Path, timeout: float | None
    ) -> Action:
        """Run ``argv`` to its end, however it ends, and return what is known of it. Never raises for the command.

        ``argv[0]`` must be an absolute path. ``env`` is the whole environment. Standard input is empty; both output
        streams go to ``log`` in the order they were written.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [str(argument) for argument in argv],
            "env": dict(env),
            "cwd": str(cwd),
            "log": str(log),
            "timeout": timeout,
            "grace": self.grace,
            "head": _HEAD,
            "tail": _TAIL,
        }
        started = time.monotonic()
        ended = self._supervise(json.dumps(spec).encode() + b"\n")
        seconds = time.monotonic() - started
        self._redact(log)
        return Action(exit=ended, seconds=seconds, log=str(log.relative_to(self.root)), output=_excerpt(log))

    def cancel(self) -> None:
        """End everything that runs and start nothing more. Returns at once; ``run`` returns as its command ends."""
        with self._lock:
            self._cancelled = True
            _dismiss(self._idle)
            running = list(self._running)
        for supervisor in running:
            _hang_up(supervisor)

    def _redact(self, log: Path) -> None:
        if not self._secrets or not log.exists():
            return
        data = clean = log.read_bytes()
        for secret in self._secrets:
            clean = clean.replace(secret, b"***")
        if clean != data:
            log.write_bytes(clean)

    def _supervise(self, spec: bytes) -> Exit:
        with self._lock:
            if self._cancelled:
                return Exit(ending=Ending.CANCELLED)
            supervisor = self._waiting() or _start(_SUPERVISOR)
            self._running.add(supervisor)
        answer = _ask(supervisor, spec)
        with self._lock:
            self._running.discard(supervisor)
            if answer and not self._cancelled:
                self._idle.append(supervisor)
            else:
                _dismiss([supervisor])
        if not answer:
            return Exit(ending=Ending.SIGNALLED, signal="SIGKILL", note="its supervisor was killed by somebody else")
        result = json.loads(answer)
        return Exit(**(result | {"ending": Ending(result["ending"])}))

    def _waiting(self) -> subprocess.Popen[bytes] | None:
        """Return an idle supervisor that still lives."""
        while self._idle:
            supervisor = self._idle.pop()
            if supervisor.poll() is None:
                return supervisor
            _dismiss([supervisor])
        return None


class Remover:
    """Deletes folders in a process of its own, so that nobody waits while tens of thousands of files go.

    It goes on when the harness is done, for as long as that takes. What it could not delete stays.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def remove(self, folder: Path) -> None:
        """Have ``folder`` deleted. Returns at once, unless hundreds wait already."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is None:
                self._process = _start(_REMOVER)
            assert self._process.stdin is not None
            self._process.stdin.write(os.fsencode(folder) + b"\0")

    def close(self, *, wait: bool = True) -> None:
        """Say that nothing more will come; with ``wait`` return when everything is gone."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdout is not None
        _hang_up(process)
        process.wait()
        if wait:
            process.stdout.read()
        process.stdout.close()


def _start(script: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={},
        start_new_session=True,
    )


def _ask(supervisor: subprocess.Popen[bytes], spec: bytes) -> bytes:
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


def _dismiss(supervisors: list[subprocess.Popen[bytes]]) -> None:
    """End supervisors: they leave once nothing more can be asked of them."""
    for supervisor in supervisors:
        _hang_up(supervisor)
    while supervisors:
        supervisor = supervisors.pop()
        assert supervisor.stdout is not None
        supervisor.stdout.close()
        supervisor.wait()


def _hang_up(supervisor: subprocess.Popen[bytes]) -> None:
    if supervisor.stdin is not None and not supervisor.stdin.closed:
        supervisor.stdin.close()


def _excerpt(log: Path) -> str:
    """Return the beginning and the end of a log, enough to tell what happened."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= _SHOWN_HEAD + _SHOWN_TAIL:
            data = file.read()
        else:
            data = file.read(_SHOWN_HEAD) + b"\n[...]\n"
            file.seek(size - _SHOWN_TAIL)
            data += file.read()
    return data.decode("utf-8", "replace")
