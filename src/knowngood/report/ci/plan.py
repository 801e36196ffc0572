"""Render a plan as text, as JSON, as a ``matrix`` of GitHub Actions, and as a child pipeline of GitLab."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Protocol

from knowngood.errors import some
from knowngood.model import Coverage
from knowngood.report.coverage import as_object
from knowngood.report.text import aligned, count, plain, seconds, shorten, size

_WIDEST = 100  # columns of the remark about a combo
_UNPACKED = 3.3
"""Bytes on the disk for a byte of a wheel: the mean of 12 common ones, from 2.4 (pydantic-core) to 4 (transformers)."""
_STATUSES = ("run", "reused", "impossible", "unknown")


class File(Protocol):
    """A file that an environment needs."""

    @property
    def name(self) -> str:
        """Its file name."""
        ...

    @property
    def size(self) -> int | None:
        """Its bytes; None where the index does not say it."""
        ...

    @property
    def kept(self) -> bool:
        """Whether the cache of the installer has it."""
        ...

    @property
    def local(self) -> bool:
        """Whether it is in a folder of this machine."""
        ...

    @property
    def sdist(self) -> bool:
        """Whether a wheel has to be built from it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The forecast of one combo."""

    matrix: str
    combo: str
    status: str
    """``run``, ``reused``, ``impossible`` or ``unknown``."""
    remark: str
    """Its verdicts, its failure, or its estimate."""
    seconds: float
    """How long it takes: what it took in an earlier run, or a guess to divide the work by."""
    estimated: bool
    """Whether an earlier run measured it."""
    lock: Mapping[str, str]
    """Canonical name -> version of each package that it would install."""
    files: tuple[File, ...] | None = None
    """What would be installed; None if it is unknown or nothing has to be built."""

    @property
    def builds(self) -> tuple[str, ...]:
        """The source distributions that a run has to build for it, as far as they are known."""
        return tuple(file.name for file in self.files or () if file.sdist and not file.kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What the combos to run need together; a file that several combos share counts once."""

    download: int
    """Bytes, as far as the sizes are known."""
    download_files: int
    unknown_sizes: int
    """Those of the files whose size the index does not say."""
    kept_files: int
    """Files that are on this machine already."""
    disk: int
    """Bytes, estimated from the files that are not unpacked yet."""
    unresolved: int
    """Combos of which no files are known before they run."""
    seconds: float | None
    """None where no combo ran before."""
    never_ran: int
    """Combos that never ran, which are taken to last as long as the others."""


def needs(rows: Sequence[Row], jobs: int) -> Needs:
    """Return what the combos to run need, ``jobs`` of them at a time."""
    runs = [row for row in rows if row.status == "run"]
    found = {file.name: file for row in runs for file in row.files or ()}
    wanted = [file for file in found.values() if not (file.kept or file.local)]
    unpacked = sum(file.size or 0 for file in found.values() if not file.kept)
    download = sum(file.size or 0 for file in wanted)
    never = sum(not row.estimated for row in runs)
    return Needs(
        download=download,
        download_files=len(wanted),
        unknown_sizes=sum(file.size is None for file in wanted),
        kept_files=len(found) - len(wanted),
        disk=round(unpacked * _UNPACKED),
        unresolved=sum(row.files is None for row in runs),
        seconds=None if runs and never == len(runs) else round(sum(row.seconds for row in runs) / max(1, jobs), 1),
        never_ran=never,
    )


class Job(Protocol):
    """One job of a CI."""

    @property
    def combos(self) -> tuple[str, ...]:
        """The ids of its combos."""
        ...

    @property
    def seconds(self) -> float:
        """How long it takes, estimated from past runs."""
        ...


def render(rows: Sequence[Row], jobs: int, *, free: int) -> str:
    """Return a line for each combo, what they need, and a sum; ``free`` are the bytes that the disk has left."""
    wide = max((len(plain(row.combo)) for row in rows), default=0)
    lines = []
    for row in rows:
        packages = count(len(row.lock), "package") if row.lock and row.status in ("run", "reused") else ""
        remark = shorten(row.remark, _WIDEST)
        lines.append(f"{plain(row.combo):<{wide}}  {row.status:<10}  {packages:<12}  {remark}".rstrip())
    counts = Counter(row.status for row in rows)
    parts = [f"{counts['run']} to run", f"{counts['reused']} reused", f"{counts['impossible']} impossible"]
    parts += [f"{counts['unknown']} unknown"] if counts["unknown"] else []
    wanted = needs(rows, jobs)
    need = [*_wanted(wanted, free), *_built(rows)] if counts["run"] else []
    duration = _duration(wanted, jobs) if counts["run"] else ""
    return "\n".join([*lines, "", *need, f"{count(len(rows), 'combo')}: {', '.join(parts)}{duration}"]) + "\n"


def _built(rows: Sequence[Row]) -> list[str]:
    """Return what has to be built, and for which combos."""
    combos: dict[str, list[str]] = {}
    for row in rows:
        for name in row.builds:
            combos.setdefault(name, []).append(row.combo)
    return [f"build     {plain(name)} for {plain(some(ids))}" for name, ids in sorted(combos.items())]


def _wanted(needs: Needs, free: int) -> list[str]:
    """Return what is downloaded, and how much of the disk it takes."""
    known = needs.download_files - needs.unknown_sizes
    sizes = [f"{size(needs.download)} in {count(known, 'file')}"] if known else []
    sizes += [f"{count(needs.unknown_sizes, 'file')} whose size the index does not say"] if needs.unknown_sizes else []
    kept = f"{count(needs.kept_files, 'file')} on this machine already" if needs.kept_files else ""
    download = "; ".join(filter(None, [" and ".join(sizes), kept, _unresolved(needs)]))
    lines = [f"download  {'' if sizes or not kept else 'nothing: '}{download}"] if download else []
    if not needs.disk and not needs.unknown_sizes:
        return lines
    more = "more than" if needs.unknown_sizes or needs.unresolved else "about"
    estimate = f"{more} {size(needs.disk)}, since wheels unpack to {_UNPACKED} times their size"
    warning = ": NOT ENOUGH" if needs.disk > free else ""
    return [*lines, f"disk      {estimate if needs.disk else 'unknown'} ({size(free)} free{warning})"]


def _unresolved(needs: Needs) -> str:
    return f"unknown for {count(needs.unresolved, 'combo')} that pip resolves while it runs" if needs.unresolved else ""


def _duration(needs: Needs, jobs: int) -> str:
    if needs.seconds is None:
        return "; how long it takes is unknown before the first run"
    guessed = f" ({needs.never_ran} never ran, and count as the mean of the others)" if needs.never_ran else ""
    return f", about {seconds(needs.seconds)} with {jobs} at a time{guessed}"


def render_overview(rows: Sequence[Row], jobs: int, *, width: int) -> str:
    """Return a table with a line for each matrix of ``rows``, and their sum."""
    parts = _by_matrix(rows)
    lines: list[tuple[str, ...]] = [("matrix", "combos", *_STATUSES, "download", "time")]
    for name, part in (*parts.items(), (f"{len(parts)} matrices", rows)):
        wanted, counts = needs(part, jobs), Counter(row.status for row in part)
        numbers = [str(counts[status]) for status in _STATUSES]
        more = "+" if wanted.unknown_sizes or wanted.unresolved else ""
        lines.append((name, str(len(part)), *numbers, f"{size(wanted.download)}{more}", _total(parts, part, jobs)))
    return "\n".join(aligned(lines, width)) + "\n"


def _total(parts: Mapping[str, Sequence[Row]], rows: Sequence[Row], jobs: int) -> str:
    """Return how long ``rows`` take, which are those of one matrix or of all; a plus sign: and what is unknown."""
    own = [part for part in parts.values() if part is rows] or list(parts.values())
    known = [need.seconds for part in own if (need := needs(part, jobs)).seconds is not None]
    if not known:
        return "unknown"
    return f"about {seconds(sum(known))}{'' if len(known) == len(own) else '+'}"


def _by_matrix(rows: Sequence[Row]) -> dict[str, list[Row]]:
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.matrix, []).append(row)
    return parts


def render_json(
    rows: Sequence[Row], jobs: int, *, free: int, covers: Mapping[str, Coverage] = MappingProxyType({})
) -> str:
    """Return the rows, what those of each matrix need, and what all need together, as JSON.

    Matrices that share a file download it once. ``covers`` says how much of its grids the rows of a matrix cover.
    """
    document = {
        "schema": 2,
        "combos": [_row(row) for row in rows],
        "matrices": [
            {"matrix": name, **asdict(needs(part, jobs)), "cover": as_object(covers.get(name))}
            for name, part in _by_matrix(rows).items()
        ],
        "needs": {**asdict(needs(rows, jobs)), "disk_free": free, "jobs": jobs},
    }
    return json.dumps(document, indent=2) + "\n"


def _row(row: Row) -> dict[str, object]:
    files = (
        None
        if row.files is None
        else [
            {"name": it.name, "size": it.size, "kept": it.kept, "local": it.local, "sdist": it.sdist}
            for it in row.files
        ]
    )
    fields = {name: getattr(row, name) for name in ("matrix", "combo", "status", "remark", "seconds", "estimated")}
    return {**fields, "lock": dict(row.lock), "files": files}


def render_github(jobs: Mapping[str, Sequence[Job]]) -> str:
    """Return one line of JSON for ``strategy.matrix`` of GitHub Actions: a matrix, a shard and its combos for each job.

    ``jobs`` are those of each matrix, by its name.
    """
    return json.dumps({"include": _shards(jobs)}, separators=(",", ":")) + "\n"


def render_gitlab(jobs: Mapping[str, Sequence[Job]]) -> str:
    """Return a pipeline of GitLab, in JSON as a subset of YAML: a job for each shard extends ``.knowngood-shard``."""
    pipeline = {
        f"{shard['matrix']} {shard['shard']}": {
            "extends": ".knowngood-shard",
            "variables": {"MATRIX": shard["matrix"], "SHARD": shard["shard"], "COMBOS": shard["combos"]},
        }
        for shard in _shards(jobs)
    }
    return json.dumps(pipeline, indent=2) + "\n"


def _shards(jobs: Mapping[str, Sequence[Job]]) -> list[dict[str, object]]:
    return [
        {
            "matrix": matrix,
            "shard": f"{number}/{len(parts)}",
            "combos": ",".join(job.combos),
            "seconds": round(job.seconds),
        }
        for matrix, parts in jobs.items()
        for number, job in enumerate(parts, start=1)
    ]
