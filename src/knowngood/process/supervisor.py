"""Run one command at a time: enforce its deadline, cap its log, and end its whole process tree. Stdlib only.

Contract (the other side is ``commands.py``). Run as ``python -I -S supervisor.py`` in a session of its own:

* Standard input: one JSON line per command, ``{argv, env, cwd, log, timeout, grace, head, tail, stays, guard,
  memory}``; sizes in bytes, times in seconds, ``timeout`` and ``memory`` may be null. The pipe stays open. When it
  closes, because the harness cancelled or died, the supervisor ends the command, so even ``kill -9`` of the harness
  leaves no process behind.
* Standard output: one JSON line per command, with the fields of ``model.Exit``. By then no process of the command is
  left, and the next line may come. (Starting Python for every command would take longer than many commands.)
* ``guard`` is empty, or the name of the program in ``argv`` that runs the command in a sandbox: it gets no SIGTERM,
  because the command would be killed with it, and it exits with 128 + N when the command died of signal N.
* What a command with ``stays`` leaves running stays, for the commands that follow, until the line ``{"end": grace}``.
* The command gets an empty standard input. The first ``head`` and the last ``tail`` bytes of its output go to ``log``.

Two processes run this file: one that runs the commands, and its parent, which ends what is left when the other one is
killed. On Linux each is the subreaper of everything below it, so it also finds and ends a grandchild that left the
session and the process group of the command. Elsewhere it ends only the command's process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections import deque

TYPE_CHECKING = False  # importing typing for this would make the start an eighth longer
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_LINGER = 0.2  # seconds for children of an ended command, such as resource trackers, to exit by themselves
_POLL = 0.05  # seconds between two looks at the memory of a command that has a limit
_CANCEL_GRACE = 1.5  # most seconds between SIGTERM and SIGKILL after a cancel, when nobody waits for the result


class Log:
    """Writes the head of an output to a file and keeps the tail in memory until ``close``."""

    def __init__(self, path: str, head: int, tail: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self.head_left = head
        self.tail_size = tail
        self.tail: deque[bytes] = deque()
        self.tail_length = 0
        self.dropped = 0

    def write(self, data: bytes) -> None:
        """Add output."""
        if self.head_left:
            self._put(data[: self.head_left])
            kept = min(self.head_left, len(data))
            self.head_left -= kept
            data = data[kept:]
        if data:
            self.tail.append(data)
            self.tail_length += len(data)
            while self.tail_length - len(self.tail[0]) >= self.tail_size:
                gone = len(self.tail.popleft())
                self.tail_length -= gone
                self.dropped += gone

    def close(self) -> None:
        """Write the tail and close the file."""
        if self.dropped:
            self._put(b"\n[... %d bytes left out ...]\n" % self.dropped)
        for data in self.tail:
            self._put(data)
        os.close(self.file)

    def _put(self, data: bytes) -> None:
        # A full disk must not stop the supervisor: the log is cut short, and the command itself reports the disk.
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self.file, data) :]


class Background:
    """What commands left running that may do so."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.pids: set[int] = set()

    def adopt(self, command: Command) -> None:
        """Let everything that a command left running stay."""
        self.pids.update(descendants())
        self.commands.append(command)

    def end(self, grace: float) -> None:
        """End everything, first with SIGTERM and after ``grace`` seconds with SIGKILL."""
        if not self.commands:
            return
        command, self.pids = self.commands[-1], set()
        for group in self.commands:
            with contextlib.suppress(OSError):
                os.killpg(group.pid, signal.SIGTERM)
        command.end(grace)
        for group in self.commands:
            with contextlib.suppress(OSError):
                os.killpg(group.pid, signal.SIGKILL)
            group.drain(limit=1_000_000)
            group.close()
        self.commands.clear()


class Command:
    """A running command, its descendants and its output."""

    def __init__(self, spec: dict[str, Any], wakeup: int, background: Background) -> None:
        self.wakeup = wakeup
        self.background = background
        self.guard = spec["guard"]
        self.log = Log(spec["log"], spec["head"], spec["tail"])
        self.status: int | None = None
        self.peak_memory = 0
        self.leaked = 0
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        self.output: int | None = read_end
        try:
            os.chdir(spec["cwd"])
            self.pid = os.posix_spawn(
                spec["argv"][0],
                spec["argv"],
                spec["env"],
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, write_end, 1),
                    (os.POSIX_SPAWN_DUP2, write_end, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ],
            )
        except OSError:
            self.close()
            raise
        finally:
            os.close(write_end)

    def close(self) -> None:
        """Close the output pipe and the log."""
        if self.output is not None:
            os.close(self.output)
            self.output = None
        self.log.close()

    def step(self, wait: float) -> bool:
        """Wait up to ``wait`` seconds for output or the end of a child; return whether the harness hung up."""
        hung_up = 0 in self.listen(wait, 0) and not os.read(0, 4096)
        self.reap()
        return hung_up

    def listen(self, wait: float, *inputs: int) -> list[int]:
        """Wait up to ``wait`` seconds for output or the end of a child; return which of ``inputs`` can be read."""
        writing = [command for command in (self, *self.background.commands) if command.output is not None]
        watched = [self.wakeup, *inputs, *(command.output for command in writing if command.output is not None)]
        ready, _, _ = select.select(watched, [], [], max(0.0, wait))
        if self.wakeup in ready:
            os.read(self.wakeup, 4096)
        for command in writing:
            if command.output in ready:
                command.drain(limit=64)
        return [descriptor for descriptor in inputs if descriptor in ready]

    def drain(self, limit: int) -> None:
        """Read the output that is waiting in the pipe, up to ``limit`` pieces of 64 KiB."""
        for _ in range(limit):
            if self.output is None:
                return
            try:
                data = os.read(self.output, 65536)
            except BlockingIOError:
                return
            if not data:
                os.close(self.output)
                self.output = None
                return
            self.log.write(data)

    def reap(self) -> bool:
        """Collect the exit status of every child that ended; return whether any child is left that may not stay."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return not self.background.pids or bool(descendants(self.background.pids))
            self.peak_memory = max(self.peak_memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
            if pid == self.pid:
                self.status = status

    def send(self, number: int) -> int:
        """Send a signal to every descendant; return how many there are."""
        pids = descendants(self.background.pids)
        if self.guard and number == signal.SIGTERM:
            inside = [pid for pid in pids if name_of(pid) != self.guard]
            for pid in inside:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if inside:
                return len(pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        return len(pids)

    def end(self, grace: float) -> None:
        """Send SIGTERM to every descendant, and SIGKILL to those that still run after ``grace`` seconds."""
        self.send(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.reap() and time.monotonic() < deadline:
            self.listen(0.02)
        self.kill()

    def kill(self) -> None:
        """Kill every descendant."""
        # Repeated, because a process can be born between listing the descendants and sending the signal.
        deadline = time.monotonic() + 5
        while self.reap() and time.monotonic() < deadline:
            self.send(signal.SIGKILL)
            self.listen(0.01)

    def kill_leaked(self) -> None:
        """After the command ended, kill the descendants that it left running and count them in ``leaked``."""
        deadline = time.monotonic() + _LINGER
        while self.reap():
            if time.monotonic() >= deadline:
                self.leaked = self.send(signal.SIGKILL)
                self.kill()
                return
            self.listen(0.01)


def descendants(spared: Collection[int] = ()) -> list[int]:
    """Return the pids of all descendants of this process, nearest first, without those that are spared and below."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
                    if fields[0] != b"Z":
                        children.setdefault(int(fields[1]), []).append(int(name))
    pids: list[int] = []
    level = [os.getpid()]
    while level:
        level = [child for parent in level for child in children.get(parent, ()) if child not in spared]
        pids.extend(level)
    return pids


def memory(pids: list[int]) -> int:
    """Return how many bytes processes use together: what they share counts once, for the one that shares the most."""
    own = shared = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as statm:
            fields = statm.read().split()
            own += int(fields[1]) - int(fields[2])
            shared = max(shared, int(fields[2]))
    return (own + shared) * os.sysconf("SC_PAGE_SIZE")


def name_of(pid: int) -> str:
    """Return the name of a process; empty when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
        return comm.read().strip()
    return ""


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since boot; 0 where it does not report it."""
    with contextlib.suppress(OSError), open("/proc/vmstat", "rb") as vmstat:
        for line in vmstat:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def become_subreaper() -> None:
    """Make orphaned descendants our children, so that this process sees and reaps them."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(spec: dict[str, Any], wakeup: int, background: Background) -> dict[str, Any]:
    """Run the command of ``spec`` until it ends, and return the fields of ``model.Exit``."""
    oom_before = oom_kills()
    try:
        command = Command(spec, wakeup, background)
    except OSError as error:
        return {"ending": "not-started", "note": f"{type(error).__name__}: {error}"}
    deadline = None if spec["timeout"] is None else time.monotonic() + spec["timeout"]
    ended_by_us = None
    while command.status is None:
        limit = spec["memory"]
        most = _POLL if limit else 0.5
        left = most if deadline is None else min(most, deadline - time.monotonic())
        if command.step(left):
            ended_by_us = "cancelled"
        elif deadline is not None and time.monotonic() >= deadline and command.status is None:
            ended_by_us = "timed-out"
        elif limit and memory(descendants(background.pids)) > limit:
            ended_by_us = "out-of-memory"
            command.kill()
            break
        if ended_by_us:
            grace = spec["grace"]
            command.end(min(grace, _CANCEL_GRACE) if ended_by_us == "cancelled" else grace)
            break
    if spec["stays"] and not ended_by_us:
        command.drain(limit=64)
        background.adopt(command)
    else:
        command.kill_leaked()
        command.drain(limit=1_000_000)
        command.close()
    result = {"leaked": command.leaked, "dropped_bytes": command.log.dropped, "peak_memory": command.peak_memory}
    if ended_by_us == "out-of-memory":
        note = f"its processes used more than the {spec['memory'] / 2**30:.2f} GiB of memory that it may use"
        return result | {"ending": ended_by_us, "note": note}
    if ended_by_us or command.status is None:
        return result | {"ending": ended_by_us}
    code = os.waitstatus_to_exitcode(command.status)
    if command.guard and code - 128 in set(signal.Signals):
        code = 128 - code
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if name == "SIGKILL" and oom_kills() > oom_before:
            return result | {"ending": "out-of-memory", "note": "the kernel killed it for lack of memory"}
        return result | {"ending": "signalled", "signal": name}
    return result | {"ending": "exited", "code": code}


def watch_over(worker: int) -> None:
    """Wait for the process that runs the commands, and kill what it left: it may have been killed itself.

    SIGTERM to this process kills that one, even if it was stopped.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(worker, signal.SIGKILL))
    os.close(0)
    os.close(1)
    with contextlib.suppress(ChildProcessError):
        while os.wait()[0] != worker:
            pass
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for pid in descendants():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)


def main() -> None:
    """Run the commands named on standard input, one after the other, until it is closed."""
    become_subreaper()
    worker = os.fork()
    if worker:
        watch_over(worker)
        os._exit(0)
    become_subreaper()  # a child does not inherit it
    # The end of a child must wake `select`: its output pipe may stay open in a grandchild.
    wakeup, wake = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    background = Background()
    line = b""
    while data := os.read(0, 65536):
        line += data
        if line.endswith(b"\n"):
            spec = json.loads(line)
            if "end" in spec:
                background.end(spec["end"])
                result = {}
            else:
                result = run(spec, wakeup, background)
            os.write(1, json.dumps(result).encode() + b"\n")
            line = b""
    background.end(_CANCEL_GRACE)


if __name__ == "__main__":
    main()
