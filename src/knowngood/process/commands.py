"""Runs commands to their end under supervisors, and tells how they ended."""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from knowngood.model import Action, Ending, Exit
from knowngood.process.supervisors import Spawned, Supervisors, ask, dismiss, hang_up

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
        self._running: set[Spawned] = set()
        self._supervisors = Supervisors()
        self._cancelled = False

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
            self._supervisors.dismiss_idle()
            running = list(self._running)
        for supervisor in running:
            hang_up(supervisor)

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
            supervisor = self._supervisors.take()
            self._running.add(supervisor)
        answer = ask(supervisor, spec)
        with self._lock:
            self._running.discard(supervisor)
            if answer and not self._cancelled:
                self._supervisors.give_back(supervisor)
            else:
                dismiss([supervisor])
        if not answer:
            return Exit(ending=Ending.SIGNALLED, signal="SIGKILL", note="its supervisor was killed by somebody else")
        result = json.loads(answer)
        return Exit(**(result | {"ending": Ending(result["ending"])}))


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
