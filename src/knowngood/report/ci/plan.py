"""Render a plan as text, as JSON, as a ``matrix`` of GitHub Actions, and as a child pipeline of GitLab."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from knowngood.report.text import count, plain, seconds, shorten

_WIDEST = 100  # columns of the remark about a combo


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The forecast of one combo."""

    combo: str
    status: str
    """``run``, ``reused``, ``impossible`` or ``unknown``."""
    remark: str
    """Its verdicts, its failure, or its estimate."""
    seconds: float
    """How long it takes: an estimate from past runs, or a guess to divide the work by."""
    estimated: bool
    """Whether there are past runs to estimate from."""
    lock: Mapping[str, str]
    """Canonical name -> version of each package that it would install."""


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


def render(rows: Sequence[Row], jobs: int) -> str:
    """Return one line for each combo, and a sum; ``jobs`` combos run at a time."""
    wide = max((len(plain(row.combo)) for row in rows), default=0)
    lines = []
    for row in rows:
        packages = count(len(row.lock), "package") if row.status in ("run", "reused") else ""
        remark = shorten(row.remark, _WIDEST)
        lines.append(f"{plain(row.combo):<{wide}}  {row.status:<10}  {packages:<12}  {remark}".rstrip())
    counts = Counter(row.status for row in rows)
    work = sum(row.seconds for row in rows if row.status == "run")
    parts = [f"{counts['run']} to run", f"{counts['reused']} reused", f"{counts['impossible']} impossible"]
    parts += [f"{counts['unknown']} unknown"] if counts["unknown"] else []
    estimate = f", about {seconds(work / max(1, jobs))} with {jobs} at a time"
    if not all(row.estimated for row in rows):
        estimate = "; how long it takes is unknown before the first run"
    estimate = estimate if counts["run"] else ""
    return "\n".join([*lines, "", f"{count(len(rows), 'combo')}: {', '.join(parts)}{estimate}"]) + "\n"


def render_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON."""
    return json.dumps({"schema": 2, "combos": [asdict(row) for row in rows]}, indent=2) + "\n"


def render_github(jobs: Sequence[Job]) -> str:
    """Return one line of JSON for ``strategy.matrix`` of GitHub Actions: a shard and its combos for each job."""
    return json.dumps({"include": _shards(jobs)}, separators=(",", ":")) + "\n"


def render_gitlab(jobs: Sequence[Job]) -> str:
    """Return a pipeline of GitLab, in JSON as a subset of YAML: a job for each shard extends ``.knowngood-shard``."""
    pipeline = {
        f"matrix {shard['shard']}": {
            "extends": ".knowngood-shard",
            "variables": {"SHARD": shard["shard"], "COMBOS": shard["combos"]},
        }
        for shard in _shards(jobs)
    }
    return json.dumps(pipeline, indent=2) + "\n"


def _shards(jobs: Sequence[Job]) -> list[dict[str, object]]:
    return [
        {"shard": f"{number}/{len(jobs)}", "combos": ",".join(job.combos), "seconds": round(job.seconds)}
        for number, job in enumerate(jobs, start=1)
    ]
