"""Run commands under supervisors and return how they ended."""

import json
import re
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EISDIR
from os import strerror
from pathlib import Path

from knowngood.model import Action, Ending, Exit
from knowngood.process.files import is_regular, read_regular
from knowngood.process.helpers import Helper, end_all
from knowngood.process.redaction import Redactor

_HEAD = _TAIL = 2 * 1024 * 1024  # bytes that a log keeps of the beginning and of the end of an output
_EXCERPT_HEAD, _EXCERPT_TAIL = 4 * 1024, 24 * 1024  # bytes of a log that an action carries
_GAP = re.compile(rb"\n\[\.\.\. [0-9]+ bytes left out \.\.\.\]\n")  # as a supervisor writes it
_LARGEST_LOG = 2 * (_HEAD + _TAIL)  # bytes; anything longer is not what a supervisor wrote
_SLACK = 60.0  # seconds after its deadline by which a command must have ended; then its supervisor is stuck
_LAST_SECONDS = 10.0  # that a command may take which runs although everything else was cancelled


class Processes:
    """Runs commands, from any thread, until ``cancel`` is called.

    ``root`` is the folder that the paths of logs are relative to. ``grace`` is the time in seconds between SIGTERM and
    SIGKILL. ``secrets`` are replaced in every log. Supervisors are reused: an idle one gets the next command.
    """

    def __init__(self, root: Path, *, grace: float = 5.0, secrets: Iterable[str] = ()) -> None:
        self.root = root
        self.grace = grace
        self.redactor = Redactor(secrets)
        """The filter that every log and record passes before it is written."""
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
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        timeout: float,
        guard: str = "",
        memory: int | None = None,
    ) -> Action:
        """Run ``argv`` and return how it ended. A command that fails, hangs or cannot start does not raise.

        ``argv[0]`` must be an absolute path. ``env`` is the whole environment. Standard input is empty; both output
        streams go to ``log`` in the order they were written. ``timeout`` is in seconds. ``guard`` is the name of the
        program in ``argv`` that runs the command in a sandbox, and ``memory`` how many bytes its processes may use
        together. Raises ``OSError`` when the log cannot be opened.
        """
        with self._supervisor() as supervisor:
            return self.ask(supervisor, argv, env=env, cwd=cwd, log=log, timeout=timeout, guard=guard, memory=memory)

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Yield what runs commands one after the other. What they leave running is ended at the end of the block."""
        with self._supervisor() as supervisor:
            session = Session(self, supervisor)
            try:
                yield session
            finally:
                session.close()

    def ask(
        self,
        supervisor: Helper | None,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        timeout: float,
        stays: bool = False,
        guard: str = "",
        memory: int | None = None,
    ) -> Action:
        """Let ``supervisor`` run a command as ``run`` does; None: everything was cancelled before it started.

        ``stays``: what the command leaves running stays until the session ends. ``guard`` is the name of the program
        that runs it in a sandbox.
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
            "stays": stays,
            "guard": guard,
            "memory": memory,
        }
        started = time.monotonic()
        exit_ = Exit(ending=Ending.CANCELLED)
        if supervisor is not None:
            patience = timeout + self.grace + _SLACK
            answer = supervisor.ask(json.dumps(spec).encode() + b"\n", patience)
            if answer or not self._cancelled:
                exit_ = _exit(answer)
        seconds = time.monotonic() - started
        self.redact(log)
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

    @contextmanager
    def _supervisor(self) -> Iterator[Helper | None]:
        """Yield a supervisor; None when everything was cancelled. It is reused if it still answers afterwards."""
        with self._lock:
            if self._cancelled:
                supervisor = None
            else:
                supervisor = self._idle_or_new()
                self._busy.add(supervisor)
        try:
            yield supervisor
        finally:
            if supervisor is not None:
                with self._lock:
                    self._busy.discard(supervisor)
                    if supervisor.answers and not self._cancelled:
                        self._idle.append(supervisor)
                    else:
                        supervisor.end()

    def _idle_or_new(self) -> Helper:
        while self._idle:
            supervisor = self._idle.pop()
            if supervisor.alive:
                return supervisor
            supervisor.end()
        return Helper("supervisor.py")

    def redact(self, log: Path) -> None:
        """Replace the secrets in a log, also one that is torn where the supervisor left something out."""
        data = read_regular(log, _LARGEST_LOG)
        begin, gap, end = data.partition(match[0]) if (match := _GAP.search(data)) else (data, b"", b"")
        clean = self.redactor.before_cut(begin) + gap + self.redactor.after_cut(end) if gap else self.redactor(data)
        if clean != data:
            log.write_bytes(clean)


class Session:
    """Runs commands one after the other under one supervisor; see ``Processes.session``."""

    def __init__(self, processes: Processes, supervisor: Helper | None) -> None:
        self._processes = processes
        self._supervisor = supervisor
        self._logs: list[Path] = []

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        timeout: float,
        stays: bool = False,
        always: bool = False,
        guard: str = "",
        memory: int | None = None,
    ) -> Action:
        """Run a command as ``Processes.run`` does. ``stays``: what it leaves running stays until the session ends.

        ``always``: it runs even when everything was cancelled, but then not for long.
        """
        self._logs.append(log)
        supervisor = self._supervisor
        if always and self._processes.cancelled:
            supervisor, timeout = Helper("supervisor.py"), min(timeout, _LAST_SECONDS)
        try:
            return self._processes.ask(
                supervisor,
                argv,
                env=env,
                cwd=cwd,
                log=log,
                timeout=timeout,
                stays=stays,
                guard=guard,
                memory=memory,
            )
        finally:
            if supervisor is not None and supervisor is not self._supervisor:
                supervisor.end()

    def close(self) -> None:
        """End what the commands left running."""
        if self._supervisor is not None and not self._processes.cancelled:
            self._supervisor.ask(json.dumps({"end": self._processes.grace}).encode() + b"\n", _SLACK)
        for log in self._logs:
            self._processes.redact(log)  # what stayed wrote on


def _exit(answer: bytes) -> Exit:
    if not answer:
        return Exit(ending=Ending.SIGNALLED, signal="SIGKILL", note="another process killed or stopped its supervisor")
    result = json.loads(answer)
    return Exit(**(result | {"ending": Ending(result["ending"])}))


def _excerpt(log: Path) -> str:
    """Return the beginning and the end of a log: enough to classify a failure."""
    if log.is_dir():
        raise IsADirectoryError(EISDIR, strerror(EISDIR), str(log))
    if not is_regular(log) or log.stat().st_size > _LARGEST_LOG:
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
