"""Search for the fixes of light breakages: by knowngood, by trying every version, and by bisection."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import figures
from bench.measure import Sample, measure
from bench.work import Place, discard
from knowngood.model import Combo
from knowngood.project.project import Project
from knowngood.run import host
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.request import RunRequest
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change
from knowngood.search.session import opened

MATRIX = Path(__file__).parent / "matrices" / "fix.toml"

Method = Callable[[Oracle, str], None]
"""Searches for a version of a package that works; which package, it gets as an argument."""


def fixes(place: Place, python: Path, rounds: int, record: Callable[[str, Sample], None]) -> None:
    """Measure each breakage once in each round: by knowngood without and with its proof, and by the two others.

    Every search begins without verdicts and environments, from a warm cache of wheels. The others know the package
    that has to move, which knowngood has to find out.
    """
    project = Project.open(str(MATRIX))
    warm = place.below("warm")
    try:
        for number in range(rounds):
            for combo in project.matrix.combos:
                if number == 0:
                    _fix(warm, python, combo.id)
                sample, found = _fix(place.below(f"ours{number}-{combo.id}"), python, combo.id)
                proof = sum(tried["ran"] for tried in found["tried"] if tried["why"] == "is it cheaper?")
                record(figures.FIX_PROVEN, sample)
                bare, short = _fix(place.below(f"short{number}-{combo.id}"), python, combo.id, "--no-proof")
                record(figures.FIX, bare)
                print(f"{combo.id}: {found['class']}, {found['fix']}, {short['cells']} cells and {proof} of the proof")
                package = found["bounds"][0]["package"]
                for name, method in ((figures.EXHAUSTIVE, every_version), (figures.BISECTION, bisect)):
                    own = place.below(f"{method.__name__}{number}-{combo.id}")
                    record(name, _by(method, own, combo, package))
    finally:
        discard(place.folder)


def _fix(place: Place, python: Path, combo: str, *options: str) -> tuple[Sample, dict[str, Any]]:
    """Run ``knowngood fix`` with a state and a cache of its own; return its cost, and what it found."""
    place.folder.mkdir(parents=True, exist_ok=True)
    own = ["--matrix", str(MATRIX), "--state-dir", str(place.folder / "state"), "--jobs", str(place.jobs)]
    output = place.folder / "found.json"
    text = ["/bin/sh", "-c", '"$@" > "$0"', str(output), str(python), "-m", "knowngood", "fix", combo, *own, *options]
    env = {**place.env, "XDG_CACHE_HOME": str(place.folder / "cache")}
    sample = measure([*text, "--format", "json"], env=env, cwd=place.folder, log=place.folder / "log.txt")
    found = json.loads(output.read_text(encoding="utf-8"))
    return Sample(seconds=sample.seconds, cpu=sample.cpu, memory=sample.memory, cells=found["cells"] - 1), found


def _by(method: Method, place: Place, combo: Combo, package: str) -> Sample:
    """Search by a method on the same machinery; the cell of the combo as it is does not count."""
    project = Project.open(str(MATRIX), state_dir=place.folder / "state")
    machine = host.here(place.env, place.jobs)
    own = ALL_OPTIMIZATIONS - {Optimization.CACHE, Optimization.KEPT}
    request = RunRequest(project=project, combos=(), machine=machine, optimizations=own)
    began = time.monotonic()
    with opened(request, combo, "bench") as oracle:
        oracle.ask_first()
        method(oracle, package)
    ran = sum(answer.ran for answer in oracle.answers) - 1
    return Sample(seconds=time.monotonic() - began, cpu=0.0, cells=ran)


def every_version(oracle: Oracle, package: str) -> None:
    """Run every version of a package."""
    changes = [_exactly(package, str(version)) for version in oracle.versions(package)]
    for start in range(0, len(changes), oracle.jobs):
        _ask(oracle, changes[start : start + oracle.jobs])


def bisect(oracle: Oracle, package: str) -> None:
    """Halve what lies between the oldest version and the installed one, as if everything older worked."""
    installed = oracle.before[package]
    row = [str(version) for version in oracle.versions(package)]
    row = row[: row.index(installed)] if installed in row else row
    low, high = 0, len(row)
    while low < high:
        middle = (low + high) // 2
        if _ask(oracle, [_exactly(package, row[middle])])[0].says is Says.WORKS:
            low = middle + 1
        else:
            high = middle


def _exactly(package: str, version: str) -> Change:
    return Change(requirements=(f"{package}=={version}",))


def _ask(oracle: Oracle, changes: Sequence[Change]) -> tuple[Answer, ...]:
    return oracle.ask([Candidate(change=change, why="the benchmark") for change in changes])
