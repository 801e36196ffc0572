"""Run commands under supervisors and return how they ended."""

import json
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from knowngood.model import Action, Ending, Exit
from knowngood.process.helpers import Helper, end_all

_HEAD = _TAIL = 2 * 1024 * 1024  # bytes that a log keeps of the beginning and of the end of an output
_EXCERPT_HEAD, _EXCERPT_TAIL = 4 * 1024, 24 * 1024  # bytes of a log that an action carries


class Processes:
    """Runs commands, from any thread, until ``cancel`` is called.

    ``root`` is the folder that the paths of logs are relative to. ``grace`` is the time in seconds between SIGTERM and
    SIGKILL. ``secrets`` are replaced in every log. Supervisors are reused: an idle one gets the next command.
    """

    def __init__(self, root: Path, *, grace: float = 5.0, secrets: Iterable[str] = ()) -> None:
        self.root = root
        self.grace = grace
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._lock = threading.Lock()
        self._busy: set[Helper] = set()
        self._idle: list[Helper] = []
        self._cancelled = False
        weakref.finalize(self, end_all, self._idle)

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel`` was called; from then on nothing starts."""
        return self._cancelled

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, log: Path, timeout: float | None
    ) -> Action:
        """Run ``argv`` and return how it ended. A command that fails, hangs or cannot start does not raise.

        ``argv[0]`` must be an absolute path. ``env`` is the whole environment. Standard input is empty; both output
        streams go to ``log`` in the order they were written. ``timeout`` is in seconds. Raises ``OSError`` when the log
        cannot be opened.
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
        exit_ = self._supervise(json.dumps(spec).encode() + b"\n")
        seconds = time.monotonic() - started
        self._redact(log)
        return Action(exit=exit_, seconds=seconds, log=str(log.relative_to(self.root)), output=_excerpt(log))

    def cancel(self) -> None:
        """End every running command and start no more. Returns at once; each ``run`` returns as its command ends."""
        with self._lock:
            self._cancelled = True
            end_all(self._idle)
            self._idle.clear()
            busy = list(self._busy)
        for supervisor in busy:
            supervisor.hang_up()

    def _supervise(self, spec: bytes) -> Exit:
        with self._lock:
            if self._cancelled:
                return Exit(ending=Ending.CANCELLED)
            supervisor = self._idle_or_new()
            self._busy.add(supervisor)
        answer = supervisor.ask(spec)
        with self._lock:
            self._busy.discard(supervisor)
            if answer and not self._cancelled:
                self._idle.append(supervisor)
            else:
                supervisor.end()
        if not answer:
            return Exit(ending=Ending.SIGNALLED, signal="SIGKILL", note="another process killed its supervisor")
        result = json.loads(answer)
        return Exit(**(result | {"ending": Ending(result["ending"])}))

    def _idle_or_new(self) -> Helper:
        while self._idle:
            supervisor = self._idle.pop()
            if supervisor.alive:
                return supervisor
            supervisor.end()
        return Helper("supervisor.py")

    def _redact(self, log: Path) -> None:
        if not self._secrets or not log.exists():
            return
        data = clean = log.read_bytes()
        for secret in self._secrets:
            clean = clean.replace(secret, b"***")
        if clean != data:
            log.write_bytes(clean)


def _excerpt(log: Path) -> str:
    """Return the beginning and the end of a log: enough to classify a failure."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= _EXCERPT_HEAD + _EXCERPT_TAIL:
            data = file.read()
        else:
            data = file.read(_EXCERPT_HEAD) + b"\n[...]\n"
            file.seek(size - _EXCERPT_TAIL)
            data += file.read()
    return data.decode("utf-8", "replace")
