"""Describe this machine and the tools that take part in a run: the same combo may give another result elsewhere."""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from secrets import token_hex

from platformdirs import user_cache_path

from knowngood import __version__
from knowngood.install import registry
from knowngood.install.uv.installer import binary
from knowngood.model import Matrix, RunInfo

_MEMORY_PER_JOB = 4 * 2**30  # bytes; a torch environment being built and probed stays below it


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """The machine that combos are evaluated on."""

    outside: Mapping[str, str]
    """The environment variables of the harness. Only some of them reach installers and probes."""
    uv: Path
    python: Path
    """The interpreter of the harness."""
    cache_folder: Path
    """The folder for what all runs of a user share: assets, verdicts, bytecode."""
    jobs: int
    """Combos that are evaluated at a time."""
    cores: int
    """Processors that the run may use."""


def here(outside: Mapping[str, str], jobs: int | None = None) -> Machine:
    """Return the description of this machine.

    ``outside`` is the environment of the harness, such as ``os.environ``. ``jobs`` combos are evaluated at a time, by
    default as many as processors and memory allow.
    """
    return Machine(
        outside=outside,
        uv=binary(),
        python=Path(sys.executable),
        cache_folder=cache_folder(),
        jobs=jobs or _default_jobs(),
        cores=cores(),
    )


def cache_folder() -> Path:
    """Return the folder for what all runs of this user share."""
    return user_cache_path("knowngood")


def describe(
    matrix: Matrix, *, command: str = "", shard: str = "", isolation: str = "", run_id: str | None = None
) -> RunInfo:
    """Return what a run that begins now is: its id, the matrix, this machine and the tools that take part.

    ``command`` runs the same matrix again, and ``isolation`` says how probes are kept apart.
    """
    now = datetime.now(UTC)
    return RunInfo(
        # Ids sort by time, even when two runs start in the same second.
        id=run_id or f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}{token_hex(2)}",
        started=now.isoformat(timespec="seconds"),
        matrix=matrix.id,
        title=matrix.title,
        digest=matrix.digest,
        reference=matrix.reference,
        platform=machine(),
        cpu=_cpu(),
        cores=cores(),
        python=platform.python_version(),
        versions=versions(),
        command=command or f"knowngood run {matrix.id}",
        isolation=isolation,
        stale_after=matrix.stale_after,
        shard=shard,
        selections=matrix.selections,
    )


def versions() -> dict[str, str]:
    """Return the versions of the tools that take part in a run, by name."""
    return {"knowngood": __version__, **registry.versions()}


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _default_jobs() -> int:
    """Return how many combos to evaluate at a time, limited by processors and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores(), memory // _MEMORY_PER_JOB))


def machine() -> str:
    """Return the operating system, the architecture and the C library, as reports show them."""
    return f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()) or 'libc unknown'}"


def cpu_flags() -> str:
    """Return the instruction sets of the processor, sorted. Numeric libraries choose their code by them."""
    return " ".join(sorted((_processor("flags") or _processor("Features") or platform.processor()).split()))


_LEVELS = (
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("x86-64-v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
    ("x86-64-v2", {"cx16", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
)
"""The levels that compilers know, the highest first, each with the instruction sets that it adds to the one below."""


def cpu_level() -> str:
    """Return the level of the processor, such as ``x86-64-v3``; elsewhere the architecture."""
    architecture, flags = platform.machine(), set(cpu_flags().split())
    if architecture not in ("x86_64", "AMD64"):
        return architecture
    return next((level for level, needed in _LEVELS if needed <= flags), "x86-64-v1")


def _cpu() -> str:
    return _processor("model name") or platform.processor() or platform.machine()


@cache
def _processor(field: str) -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == field:
                return " ".join(value.split())
    return ""
