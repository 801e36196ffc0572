"""Watches over one command at a time so that it ends, its log stays small, and nothing outlives it. Stdlib only.

Contract (the other side is ``supervisors.py``). Run as ``python -I -S supervisor.py`` in a session of its own:

* standard input: for each command one JSON line ``{argv, env, cwd, log, timeout, grace, head, tail}``; sizes in bytes,
  times in seconds, ``timeout`` may be null. The pipe stays open. When it closes, because the harness cancelled or died,
  the command is ended. So even ``kill -9`` of the harness leaves nothing behind.
* standard output: for each command one JSON line with the fields of ``model.Exit``. Nothing of it is left then, and the
  next line may come: starting Python anew for every command would cost more than many of them take.
* the command gets an empty standard input, and its output goes to ``log``: its first ``head`` and last ``tail`` bytes.

On Linux this process is the subreaper of everything below it: a grandchild that left its session and process group
is still found and ended. Elsewhere only the command's process group is.
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

TYPE_CHECKING = False  # to import typing for this would make the start an eighth longer
if TYPE_CHECKING:
    from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_LEAVING = 0.2  # seconds that helpers of an ended command (resource trackers and such) get to leave by themselves
_CANCEL_GRACE = 1.5  # seconds between SIGTERM and SIGKILL at most, once nobody waits for the result any more


class Log:
    """Keeps the head of what is written in the file and the tail in memory until ``close``."""

    def __init__(self, path: str, head: int, tail: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self.head_left = head
        self.tail_size = tail
        self.tail: deque[bytes] = deque()
        self.tail_length = 0
        self.dropped = 0

    def write(self, data: bytes) -> None:
        """Take in some output."""
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
        # A full disk must not end the watch: the log is cut short, and the install itself reports the disk.
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self.file, data) :]


class Watch:
    """The command, its descendants and its output."""

    def __init__(self, spec: dict[str, Any], woken: int) -> None:
        self.woken = woken
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
        """Let go of the output and of the log."""
        if self.output is not None:
            os.close(self.output)
            self.output = None
        self.log.close()

    def step(self, wait: float) -> bool:
        """Take in output and ended children for up to ``wait`` seconds; return whether the harness hung up."""
        hung_up = 0 in self.listen(wait, 0) and not os.read(0, 4096)
        self.reap()
        return hung_up

    def listen(self, wait: float, *also: int) -> list[int]:
        """Wait for output or the end of a child; return which of ``also`` are ready."""
        watched = [self.woken, *also] if self.output is None else [self.woken, self.output, *also]
        ready, _, _ = select.select(watched, [], [], max(0.0, wait))
        if self.woken in ready:
            os.read(self.woken, 4096)
        if self.output in ready:
            self.drain(limit=64)
        return [one for one in also if one in ready]

    def drain(self, limit: int) -> None:
        """Take in what has been written, up to ``limit`` pieces of 64 KiB."""
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
        """Collect every child that ended; return whether any is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.peak_memory = max(self.peak_memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
            if pid == self.pid:
                self.status = status

    def send(self, number: int) -> int:
        """Send a signal to everything below us; return how many got it."""
        pids = descendants()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        return len(pids)

    def end(self, grace: float) -> None:
        """Ask everything to stop, and stop what has not after ``grace`` seconds."""
        self.send(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.reap() and time.monotonic() < deadline:
            self.listen(0.02)
        self.kill()

    def kill(self) -> None:
        """End everything below us, now."""
        # Repeated: a process can be born between the look and the signal.
        deadline = time.monotonic() + 5
        while self.reap() and time.monotonic() < deadline:
            self.send(signal.SIGKILL)
            self.listen(0.01)

    def clear(self) -> None:
        """After the command ended: end whatever it left running."""
        deadline = time.monotonic() + _LEAVING
        while self.reap():
            if time.monotonic() >= deadline:
                self.leaked = self.send(signal.SIGKILL)
                self.kill()
                return
            self.listen(0.01)


def descendants() -> list[int]:
    """Pids of everything below this process, nearest first."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
                    if fields[0] != b"Z":
                        children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    level = [os.getpid()]
    while level:
        level = [child for parent in level for child in children.get(parent, ())]
        found.extend(level)
    return found


def oom_kills() -> int:
    """How many processes the kernel has ended for want of memory since it started; 0 where it does not say."""
    with contextlib.suppress(OSError), open("/proc/vmstat", "rb") as vmstat:
        for line in vmstat:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def become_subreaper() -> None:
    """Have orphans below us become our children, so that they are seen and reaped."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def watch(spec: dict[str, Any], woken: int) -> dict[str, Any]:
    """Run the command of ``spec`` to its end, however it ends, and return the result as a dict."""
    oom_before = oom_kills()
    try:
        command = Watch(spec, woken)
    except OSError as error:
        return {"ending": "not-started", "note": f"{type(error).__name__}: {error}"}
    deadline = None if spec["timeout"] is None else time.monotonic() + spec["timeout"]
    ended_by_us = None
    while command.status is None:
        left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
        if command.step(left):
            ended_by_us = "cancelled"
        elif deadline is not None and time.monotonic() >= deadline and command.status is None:
            ended_by_us = "timed-out"
        if ended_by_us:
            grace = spec["grace"]
            command.end(min(grace, _CANCEL_GRACE) if ended_by_us == "cancelled" else grace)
            break
    command.clear()
    if command.output is not None:
        command.drain(limit=1_000_000)
    command.close()
    result = {"leaked": command.leaked, "dropped_bytes": command.log.dropped, "peak_memory": command.peak_memory}
    if ended_by_us or command.status is None:
        return result | {"ending": ended_by_us}
    code = os.waitstatus_to_exitcode(command.status)
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if name == "SIGKILL" and oom_kills() > oom_before:
            return result | {"ending": "out-of-memory", "note": "the kernel ended it for want of memory"}
        return result | {"ending": "signalled", "signal": name}
    return result | {"ending": "exited", "code": code}


def main() -> None:
    """Read what to do, do it, and say how it ended, until nothing more is to be done."""
    become_subreaper()
    # A child that ends must wake the wait in `select`, since its pipe may stay open in a grandchild.
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    line = b""
    while data := os.read(0, 65536):
        line += data
        if line.endswith(b"\n"):
            os.write(1, json.dumps(watch(json.loads(line), woken)).encode() + b"\n")
            line = b""


if __name__ == "__main__":
    main()
