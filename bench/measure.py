"""Runs one command to its end and tells what it took; the only module of the benchmark that spawns."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.02  # seconds between two looks at the memory of a process

_FORGOTTEN = re.compile(r"(PYTHON|PIP_|UV_|VIRTUAL_ENV|CONDA|NOX_|TOX_|KNOWNGOOD_|KG_|OMP_|MKL_|XDG_CACHE_HOME)")
"""Variables that would change what a tool does: above all PYTHONDONTWRITEBYTECODE, which doubles the work of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What one command took."""

    seconds: float
    """By the clock on the wall."""
    cpu: float
    """Seconds of processor time, user and system, of the command and of all below it that it waited for."""
    memory: int = 0
    """The most bytes that the command itself held in memory, without its children; 0 where nobody looked."""


class CommandError(Exception):
    """A command of the benchmark did not do what it should: nothing that was measured can be trusted."""


def environment(outside: Mapping[str, str], *, uv_cache: Path, settings: Path, tools: Path) -> dict[str, str]:
    """Return the environment of everything that is measured.

    ``uv_cache`` holds the wheels, ``settings`` is a folder of settings of users, and ``tools`` a folder of programs.
    """
    kept = {name: value for name, value in outside.items() if not _FORGOTTEN.match(name)}
    ours = {"UV_CACHE_DIR": str(uv_cache), "XDG_CONFIG_HOME": str(settings), "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    return kept | ours | {"PATH": f"{tools}{os.pathsep}{outside.get('PATH', os.defpath)}"}


def measure(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    accepted: Sequence[int] = (0,),
    watch_memory: bool = False,
) -> Sample:
    """Run ``command`` and return what it took; what it says goes to ``log``.

    Raises ``CommandError``, with the end of the log, for any exit code that is not ``accepted``.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Pages that others still have to write, such as of a folder deleted just before, are not to be paid here.
    os.sync()
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        with _Watch(process.pid) if watch_memory else _Nobody() as watch:
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accepted:
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise CommandError(f"ended with {process.returncode}: {' '.join(map(str, command))}\n{said}")
    return Sample(seconds=seconds, cpu=usage.ru_utime + usage.ru_stime, memory=watch.most)


def ask(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> str:
    """Return what ``command`` prints, errors included, however it ends."""
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


class _Nobody:
    """Looks at no memory."""

    most = 0

    def __enter__(self) -> "_Nobody":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Watch(_Nobody):
    """Reads, again and again, the most memory that a process had so far: the kernel keeps it only while it lives."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_POLL):
            try:
                found = re.search(r"^VmHWM:\s+(\d+) kB$", self._status.read_text(encoding="ascii"), re.MULTILINE)
            except OSError:
                return
            if found:
                self.most = max(self.most, int(found[1]) * 1024)
