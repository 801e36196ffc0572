"""Run a command and measure it. The only module of the benchmark that starts processes."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.02  # seconds between two readings of the memory of a process

_REMOVED = re.compile(r"(PYTHON|PIP_|UV_|VIRTUAL_ENV|CONDA|NOX_|TOX_|KNOWNGOOD_|KG_|OMP_|MKL_|XDG_CACHE_HOME)")
"""Variables that change what a tool does; PYTHONDONTWRITEBYTECODE alone doubles the work of all tools."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The cost of one command."""

    seconds: float
    """Elapsed time."""
    cpu: float
    """Seconds of processor time, user and system, of the command and of the descendants that were waited for."""
    memory: int = 0
    """Peak memory of the command itself, without its children, in bytes; 0 where it was not measured."""
    cells: int = 0
    """How many candidates a search ran beyond the combo that fails; 0 for anything else."""
    right: float | None = None
    """Of which share of the releases a search is right, 0 to 1; None for anything else."""


class CommandError(Exception):
    """A command of the benchmark failed, so the measurement cannot be trusted."""


def environment(outside: Mapping[str, str], *, uv_cache: Path, settings: Path, tools: Path) -> dict[str, str]:
    """Return the environment variables of everything that is measured.

    ``outside`` is the caller's environment, ``uv_cache`` holds the wheels, ``settings`` is the folder of user settings,
    and ``tools`` is the folder of the programs to find first.
    """
    kept = {name: value for name, value in outside.items() if not _REMOVED.match(name)}
    fixed = {"UV_CACHE_DIR": str(uv_cache), "XDG_CONFIG_HOME": str(settings), "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    return kept | fixed | {"PATH": f"{tools}{os.pathsep}{outside.get('PATH', os.defpath)}"}


def measure(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    accepted: Sequence[int] = (0,),
    watch_memory: bool = False,
) -> Sample:
    """Run ``command`` and return its cost; its output goes to ``log``.

    Raises ``CommandError``, with the end of the log, for any exit code that is not ``accepted``.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Write what earlier commands left in memory first, so that this command does not pay for it.
    os.sync()
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        with _MemoryWatch(process.pid) if watch_memory else _NoWatch() as watch:
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accepted:
        end = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise CommandError(f"exit code {process.returncode}: {' '.join(map(str, command))}\n{end}")
    return Sample(seconds=seconds, cpu=usage.ru_utime + usage.ru_stime, memory=watch.peak)


def ask(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> str:
    """Return what ``command`` prints, errors included, whatever its exit code."""
    answer = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return answer.stdout


class _NoWatch:
    """Measures no memory."""

    peak = 0

    def __enter__(self) -> "_NoWatch":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _MemoryWatch(_NoWatch):
    """Polls the peak memory of a process, which the kernel reports only while the process exists."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._ended.wait(_POLL):
            try:
                peak = re.search(r"^VmHWM:\s+(\d+) kB$", self._status.read_text(encoding="ascii"), re.MULTILINE)
            except OSError:
                return
            if peak:
                self.peak = max(self.peak, int(peak[1]) * 1024)
