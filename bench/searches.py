"""Compare the search for a frontier with exhaustive search and with bisection.

Rows of releases are planted on an index of this machine, with edges and islands where they are known to be. Each method
runs on the same machinery and begins without verdicts, so that cells and seconds can be compared; a method is right
about a release if it says of it what was planted.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from bench import figures
from bench.fixes import bisect, every_version
from bench.measure import Sample
from bench.work import Place, discard
from knowngood.project.project import Project
from knowngood.run import host
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.request import RunRequest
from knowngood.search import frontier
from knowngood.search.ask import Oracle, Says
from knowngood.search.session import opened
from support.index import serve
from support.wheels import build_wheel

LINES = 40
"""Releases of a row, each a release line of its own."""
Verdicts = Mapping[Version, bool]
"""Whether each release works, as far as a method says."""
Method = Callable[[Oracle], Verdicts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a method took for one row, and of how many releases it is right."""

    row: str
    method: str
    cells: int
    seconds: float
    right: int
    releases: int


def rows(lines: int) -> dict[str, frozenset[int]]:
    """Return the places of the releases that work, by the name of the row: ``lines`` releases of a line each."""
    third = lines // 3
    return {
        "one edge": frozenset(range(2 * third)),
        "two edges": frozenset(range(third, 2 * third)),
        "an island": frozenset([*range(third), *range(2 * third, 2 * third + max(3, lines // 8))]),
    }


def by_frontier(oracle: Oracle) -> Verdicts:
    """Search as ``knowngood frontier`` does."""
    found = frontier.find(oracle, "row", oracle.answers[0], bounds=False)
    return {
        version: each.says is Says.WORKS
        for each in found.intervals
        for version in oracle.versions("row")
        if each.low <= version <= each.high
    }


def exhaustively(oracle: Oracle) -> Verdicts:
    """Run every release."""
    every_version(oracle, "row")
    return _asked(oracle)


def by_bisection(oracle: Oracle) -> Verdicts:
    """Halve what lies below the installed release, as if there were one edge: what is older than it works."""
    bisect(oracle, "row")
    asked = _asked(oracle)
    edge = max((version for version, works in asked.items() if works), default=None)
    return {version: edge is not None and version <= edge for version in oracle.versions("row")}


def _asked(oracle: Oracle) -> Verdicts:
    found = ((answer.facts.installed.get("row"), answer.says) for answer in oracle.answers)
    return {Version(version): says is Says.WORKS for version, says in found if version}


METHODS: Mapping[str, Method] = {
    figures.FRONTIER: by_frontier,
    figures.ROW_EXHAUSTIVE: exhaustively,
    figures.ROW_BISECTION: by_bisection,
}


def measure(lines: int, jobs: int, folder: Path, *, env: Mapping[str, str], only: str = "") -> Iterable[Cost]:
    """Yield the cost of each method for each row, or for the row that is called ``only``."""
    chosen = {name: works for name, works in rows(lines).items() if only in ("", name)}
    for number, (name, works) in enumerate(chosen.items()):
        place = folder / f"row{number}"
        (place / "index").mkdir(parents=True)
        for line in range(lines):
            build_wheel(place / "index", "row", f"{line}.0", files={"row.py": f"works = {line in works}\n"})
        truth = {Version(f"{line}.0"): line in works for line in range(lines)}
        with serve(place / "index") as index:
            for method in METHODS:
                yield _cost(name, method, truth, place / method.replace(" ", "-"), index.url, jobs, env)


def _cost(row: str, method: str, truth: Verdicts, place: Path, url: str, jobs: int, outside: Mapping[str, str]) -> Cost:
    file = place / "matrices" / "row.toml"
    file.parent.mkdir(parents=True)
    probe = "import row\nassert row.works"
    file.write_text(
        f"[[probe]]\nid = \"works\"\nsource = '''\n{probe}\n'''\n"
        f'[[combo]]\nid = "newest"\nsteps = [["row"]]\n[index.local]\nurl = "{url}"\n',
        encoding="utf-8",
    )
    project = Project.open("row", start=place)
    env = {**outside, "XDG_CACHE_HOME": str(place / "cache")}
    request = RunRequest(
        project=project,
        combos=(),
        machine=host.here(env, jobs),
        optimizations=ALL_OPTIMIZATIONS - {Optimization.CACHE, Optimization.KEPT},
    )
    began = time.monotonic()
    with opened(request, project.matrix.combos[0], "bench") as oracle:
        oracle.ask_first()
        verdicts = METHODS[method](oracle)
        cells = sum(answer.ran for answer in oracle.answers) - 1  # the combo as it is does not count
    right = sum(verdicts.get(version) is works for version, works in truth.items())
    seconds = time.monotonic() - began
    return Cost(row=row, method=method, cells=cells, seconds=seconds, right=right, releases=len(truth))


def frontiers(place: Place, python: Path, rounds: int, record: Callable[[str, Sample], None]) -> None:
    """Measure each row once in each round by each method; the search runs in this process, and not in ``python``."""
    try:
        for number in range(rounds):
            for cost in measure(LINES, place.jobs, place.below(f"rows{number}").folder, env=place.env):
                sample = Sample(seconds=cost.seconds, cpu=0.0, cells=cost.cells, right=cost.right / cost.releases)
                record(figures.of_row(cost.method, cost.row), sample)
    finally:
        discard(place.folder)
