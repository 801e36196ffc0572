"""Compare the search for a frontier with exhaustive search and with bisection: ``python bench/searches.py --help``.

Rows of releases are planted on an index of this machine, with edges and islands where they are known to be. Each method
runs on the same machinery and begins without verdicts, so that cells and seconds can be compared; a method is right
about a release if it says of it what was planted.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from packaging.version import Version  # noqa: E402
from tabulate import tabulate  # noqa: E402

from bench.fixes import bisect, every_version  # noqa: E402
from knowngood.project.project import Project  # noqa: E402
from knowngood.run import host  # noqa: E402
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization  # noqa: E402
from knowngood.run.request import RunRequest  # noqa: E402
from knowngood.search import frontier  # noqa: E402
from knowngood.search.ask import Oracle, Says  # noqa: E402
from knowngood.search.session import opened  # noqa: E402
from support.index import serve  # noqa: E402
from support.wheels import build_wheel  # noqa: E402

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
    "knowngood frontier": by_frontier,
    "exhaustive": exhaustively,
    "bisection": by_bisection,
}


def measure(lines: int, jobs: int, folder: Path, *, only: str = "") -> Iterable[Cost]:
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
                yield _cost(name, method, truth, place / method.replace(" ", "-"), index.url, jobs)


def _cost(row: str, method: str, truth: Verdicts, place: Path, url: str, jobs: int) -> Cost:
    file = place / "matrices" / "row.toml"
    file.parent.mkdir(parents=True)
    probe = "import row\nassert row.works"
    file.write_text(
        f"[[probe]]\nid = \"works\"\nsource = '''\n{probe}\n'''\n"
        f'[[combo]]\nid = "newest"\nsteps = [["row"]]\n[index.local]\nurl = "{url}"\n',
        encoding="utf-8",
    )
    project = Project.open("row", start=place)
    env = {**os.environ, "XDG_CACHE_HOME": str(place / "cache")}
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


def table(costs: Iterable[Cost]) -> str:
    """Return the costs as a table."""
    return tabulate(
        [
            [cost.row, cost.method, cost.cells, f"{cost.seconds:.1f}", f"{cost.right} of {cost.releases}"]
            for cost in costs
        ],
        headers=["row", "method", "cells", "seconds", "right about"],
        tablefmt="github",
        disable_numparse=True,
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Compare ways to find out which releases of a package work.")
    parser.add_argument("--lines", type=int, default=40, help="releases of a row, from 9 on (default: 40)")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time (default: 2)")
    options = parser.parse_args()
    if options.lines < 9:
        parser.error(f"--lines {options.lines}: a row with an island has at least 9 releases")
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
        print(table(measure(options.lines, options.jobs, Path(folder))))


if __name__ == "__main__":
    main()
