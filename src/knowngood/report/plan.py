"""A plan as text, as JSON, and as the jobs of a CI: ``matrix`` of GitHub, a child pipeline of GitLab."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from knowngood.report.text import count, plain, seconds, shorten

Row = Mapping[str, object]
"""One combo: ``combo, status, says, seconds, lock``; its status is ``run, cached, impossible`` or ``unknown``."""
Job = tuple[tuple[str, ...], float]
"""Its combos, and about how many seconds they take."""

_LARGEST = 100  # columns of what is said of a combo


def render(rows: Sequence[Row], jobs: int) -> str:
    """Return one line for each combo and a sum; ``jobs`` is how many combos run at a time."""
    wide = max((len(plain(str(row["combo"]))) for row in rows), default=0)
    lines = []
    for row in rows:
        packages = count(len(packages_of(row)), "package") if row["status"] in ("run", "cached") else ""
        says = shorten(str(row["says"]), _LARGEST)
        lines.append(f"{plain(str(row['combo'])):<{wide}}  {row['status']!s:<10}  {packages:<12}  {says}".rstrip())
    to_run = [row for row in rows if row["status"] == "run"]
    many = Counter(row["status"] for row in rows)
    took = sum(cost for row in to_run if isinstance(cost := row["seconds"], float))
    parts = [f"{many['run']} to run", f"{many['cached']} known", f"{many['impossible']} impossible"]
    parts += [f"{many['unknown']} unknown"] if many["unknown"] else []
    about = f", about {seconds(took / max(1, jobs))} of work {jobs} at a time" if to_run else ""
    return "\n".join([*lines, "", f"{count(len(rows), 'combo')}: {', '.join(parts)}{about}"]) + "\n"


def packages_of(row: Row) -> Mapping[str, str]:
    """Return what the combo would install: canonical name -> version."""
    lock = row["lock"]
    assert isinstance(lock, Mapping)
    return lock


def render_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON."""
    return json.dumps({"schema": 1, "combos": list(rows)}, indent=2) + "\n"


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
        {"shard": f"{number}/{len(jobs)}", "combos": ",".join(combos), "seconds": round(took)}
        for number, (combos, took) in enumerate(jobs, start=1)
    ]
