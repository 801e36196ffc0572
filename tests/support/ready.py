"""Run the command line in processes that are forked from one that has imported it already.

Each command is a process of its own, with its own environment variables, folder, streams, signals and exit code, as if
it had been started by a shell. Only what every process does alike happens once: the start of the interpreter, the
imports, compiling templates and models. It is most of the time of a short command. A command whose subject is the
start itself is to be started for real.

This file is both sides: the tests import it, and it is also the script of the process that forks.
"""

import atexit
import contextlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

STREAMS = 3
READ_AT_START = ("PYTHON", "LANG", "LC_")
"""The prefixes of variables that an interpreter reads when it starts, so that a forked one would miss them."""
NOT_IMPORTED = (
    "knowngood.__main__",
    "knowngood.nox",
    "knowngood.probe.in_env",
    "knowngood.run.executors.dask_worker",
    "knowngood.sphinx",
)
"""What verbs do not import, or only one of them, and then it takes long."""
IMPORTED_LATER = ("markdown_it", "pydantic", "regex", "rich.console", "rich.live", "tomli_w", "urllib3", "yaml")
"""What verbs import inside of functions."""
_BEFORE = dict(os.environ)
"""The variables of the tests, before any test changes them; those of the process that forks."""


def run(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run ``knowngood`` with ``arguments`` as ``subprocess.run`` would with ``capture_output`` and ``text``."""
    with contextlib.ExitStack() as opened:
        pipes = [os.pipe() for _ in range(STREAMS)]
        for pipe in pipes:
            opened.callback(os.close, pipe[0])
        readers = [reader for reader, _ in pipes]
        try:
            _server().ask(
                {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)},
                [0, *(writer for _, writer in pipes)],
            )
        finally:
            for _, writer in pipes:
                os.close(writer)
        out, err, status = _read(readers, timeout)
    started, *ended = status.split()
    if not ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(started), signal.SIGKILL)
        raise subprocess.TimeoutExpired(["knowngood", *arguments], timeout, output=out, stderr=err)
    return subprocess.CompletedProcess(["knowngood", *arguments], int(ended[0]), _text(out), _text(err))


def can_run(environment: Mapping[str, str]) -> bool:
    """Return whether a forked process would heed all of these variables as a started one would."""
    return _read_at_start(environment) == _read_at_start(_BEFORE)


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


def _text(output: bytes) -> str:
    return TextIOWrapper(BytesIO(output)).read()


def _read(readers: Sequence[int], timeout: float) -> list[bytes]:
    """Read from several pipes until all are closed, or for ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    output = dict.fromkeys(readers, b"")
    with selectors.DefaultSelector() as waiting:
        for reader in readers:
            waiting.register(reader, selectors.EVENT_READ)
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                data = os.read(key.fd, 65536)
                output[key.fd] += data
                if not data:
                    waiting.unregister(key.fd)
    return [output[reader] for reader in readers]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Server:
    """The process that forks, as the tests see it."""

    process: "subprocess.Popen[bytes]"
    control: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: Mapping[str, Any], descriptors: list[int]) -> None:
        """Ask for a command that has ``descriptors`` as its streams; the last one is for its id and exit code."""
        data = json.dumps(request).encode()
        with self.lock:
            socket.send_fds(self.control, [len(data).to_bytes(4, "big")], descriptors)
            self.control.sendall(data)

    def end(self) -> None:
        """Hang up, so that it ends."""
        self.control.close()
        self.process.wait()


_servers: list[_Server] = []
_starting = threading.Lock()


def _server() -> _Server:
    """Return the server of this process, which is started when it is first needed."""
    with _starting:
        if not _servers:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, __file__, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=_BEFORE,
                )
            _servers.append(_Server(process=process, control=ours))
            atexit.register(_servers[0].end)
        return _servers[0]


def _serve(control: socket.socket) -> dict[str, Any]:
    """Fork a process for each request. Return the request in the forked process, and never in this one."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(waker)
    answers: dict[int, int] = {}
    with selectors.DefaultSelector() as waiting:
        waiting.register(control, selectors.EVENT_READ)
        waiting.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in waiting.select()]
            if woken in ready:
                os.read(woken, 4096)
                _bury(answers)
            if control not in ready:
                continue
            size, descriptors, *_ = socket.recv_fds(control, 4, STREAMS + 1)
            if not size:
                sys.exit()
            request = b""
            while len(request) < int.from_bytes(size, "big"):
                request += control.recv(1 << 16)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors[:STREAMS]):
                    os.dup2(descriptor, number)
                for descriptor in (*descriptors, *answers.values(), woken, waker):
                    os.close(descriptor)
                control.close()
                break
            for descriptor in descriptors[:STREAMS]:
                os.close(descriptor)
            answers[pid] = descriptors[-1]
            os.write(answers[pid], b"%d " % pid)
    found: dict[str, Any] = json.loads(request)
    return found


def _bury(answers: dict[int, int]) -> None:
    """Report the exit code of every process that has ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            answer = answers.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(answer, b"%d" % os.waitstatus_to_exitcode(status))
            os.close(answer)


def _import_everything() -> None:
    """Import what the verbs import, so that a forked process has it."""
    package = import_module("knowngood")
    for module in pkgutil.walk_packages(package.__path__, "knowngood.", onerror=print):
        if not module.name.startswith(NOT_IMPORTED):
            import_module(module.name)
    for name in IMPORTED_LATER:
        import_module(name)


def _prepare_what_is_kept() -> None:
    """Compile what a verb compiles once per process, when it first needs it."""
    import_module("knowngood.events.kinds")._codec()
    import_module("knowngood.report.matrix_reader")._adapter()
    import_module("knowngood.project.searched")._adapter()
    import_module("knowngood.project.signatures")._ours()
    templates = import_module("knowngood.report.html.page")._environment()
    for name in templates.list_templates():
        if name.endswith(".jinja"):
            templates.get_template(name)


def _main() -> None:
    import gc

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _import_everything()
    _prepare_what_is_kept()
    gc.collect()
    gc.freeze()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    start = import_module("knowngood.__main__")
    sys.path[0] = request["folder"]
    sys.argv = [str(start.__file__), *request["arguments"]]
    start.main()


if __name__ == "__main__":
    _main()
