"""Run knowngood on the command line, with a state and caches of its own."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Sample, measure
from bench.work import Place, discard


class Ours:
    """Runs ``matrix`` with the knowngood installed in ``python``, and keeps its state below the folder of ``place``."""

    def __init__(self, place: Place, python: Path, matrix: Path) -> None:
        self._place = place
        self._cli = [str(python), "-m", "knowngood"]
        self._matrix = matrix
        self._state, self._cache = place.folder / "state", place.folder / "cache"
        self._env = {**place.env, "XDG_CACHE_HOME": str(self._cache)}

    def clean(self) -> None:
        """Discard state and caches, so that the next run is the first ever."""
        for folder in (self._state, self._cache):
            discard(folder)

    def without_environments(self) -> None:
        """Discard the kept environments, so that the next run has none to replace."""
        discard(self._state / "environments")

    def run(self, *options: str, watch_memory: bool = False) -> Sample:
        """Run all combos. An exit code other than 0, for an unexpected verdict, ends the benchmark."""
        folders = ["--state-dir", str(self._state), "--report-dir", str(self._place.folder / "report")]
        fixed = ["--jobs", str(self._place.jobs), *folders, "--progress", "none"]
        sample = self._measure("run", [*fixed, *options], watch_memory=watch_memory)
        # Replaced environments are deleted in the background, even after the run: wait before the next measurement.
        while list(self._state.glob("environments/*/.trash-*")):
            time.sleep(0.05)
        return sample

    def plan(self, jobs: int) -> Sample:
        """Resolve all combos, some of which may have no solution."""
        fixed = ["--jobs", str(jobs), "--state-dir", str(self._state)]
        return self._measure("plan", fixed, accepted=(0, 1))

    def list(self) -> Sample:
        """List all combos."""
        return self._measure("list", [])

    def help(self) -> Sample:
        """Print the help."""
        log = self._place.folder / "help.log"
        return measure([*self._cli, "--help"], env=self._env, cwd=self._place.folder, log=log)

    def _measure(
        self, verb: str, options: Sequence[str], *, accepted: Sequence[int] = (0,), watch_memory: bool = False
    ) -> Sample:
        return measure(
            [*self._cli, verb, str(self._matrix), *options],
            env=self._env,
            cwd=self._place.folder,
            log=self._place.folder / f"{verb}.log",
            accepted=accepted,
            watch_memory=watch_memory,
        )
