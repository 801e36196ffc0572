"""A plan as text, as JSON, and as the jobs of a CI: ``matrix`` of GitHub, a child pipeline of GitLab."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from knowngood.report.text import count, plain, seconds, shorten

_LARGEST = 100  # columns of what is said of a combo


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What would become of one combo."""

    combo: str
    status: str
    """``run``, ``reused``, ``impossible`` or ``unknown``."""
    says: str
    seconds: float
    """About how long it takes."""
    lock: Mapping[str, str]
    """Canonical name -> version of what it would install."""


class Job(Protocol):
    """One job of a CI."""

    @property
    def combos(self) -> tuple[str, ...]:
        """The ids of its combos."""
        ...

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        ...


def render(rows: Sequence[Row], jobs: int) -> str:
    """Return one line for each combo and a sum; ``jobs`` is how many combos run at a time."""
    wide = max((len(plain(row.combo)) for row in rows), default=0)
    lines = []
    for row in rows:
        packages = count(len(row.lock), "package") if row.status in ("run", "reused") else ""
        says = shorten(row.says, _LARGEST)
        lines.append(f"{plain(row.combo):<{wide}}  {row.status:<10}  {packages:<12}  {says}".rstrip())
    many = Counter(row.status for row in rows)
    took = sum(row.seconds for row in rows if row.status == "run")
    parts = [f"{many['run']} to run", f"{many['reused']} reused", f"{many['impossible']} impossible"]
    parts += [f"{many['unknown']} unknown"] if many["unknown"] else []
    about = f", about {seconds(took / max(1, jobs))} of work {jobs} at a time" if many["run"] else ""
    return "\n".join([*lines, "", f"{count(len(rows), 'combo')}: {', '.join(parts)}{about}"]) + "\n"


def render_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON."""
    return json.dumps({"schema": 1, "combos": [asdict(row) for row in rows]}, indent=2) + "\n"


def render_github(jobs: Sequence[Job]) -> str:
    """Return one line of JSON for ``strategy.matrix``: a shard and its combos for each job."""
    return json.dumps({"include": _shards(jobs)}, separators=(",", ":")) + "\n"


def render_gitlab(jobs: Sequence[Job]) -> str:
    """Return a pipeline in YAML, of which JSON is a part: a job for each shard that extends ``.knowngood-shard``."""
    pipeline = {
        f"matrix {one['shard']}": {
            "extends": ".knowngood-shard",
            "variables": {"SHARD": one["shard"], "COMBOS": one["combos"]},
        }
        for one in _shards(jobs)
    }
    return json.dumps(pipeline, indent=2) + "\n"


def _shards(jobs: Sequence[Job]) -> list[dict[str, object]]:
    return [
        {"shard": f"{number}/{len(jobs)}", "combos": ",".join(job.combos), "seconds": round(job.seconds)}
        for number, job in enumerate(jobs, start=1)
    ]
