"""knowngood by its command line, with a state and caches of its own."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Sample, ask, measure
from bench.work import Place, discard


class Ours:
    """Runs ``matrix`` again and again; all that is kept between runs is below the folder of ``place``."""

    def __init__(self, place: Place, python: Path, matrix: Path) -> None:
        """``python`` has knowngood installed."""
        self._place = place
        self._cli = [str(python), "-m", "knowngood"]
        self._matrix = matrix
        self._kept = (place.folder / "state", place.folder / "cache")
        self._env = {**place.env, "XDG_CACHE_HOME": str(self._kept[1])}

    def clean(self) -> None:
        """Forget everything: the next run is the first ever."""
        for folder in self._kept:
            discard(folder)

    def without_environments(self) -> None:
        """Forget the environments: there is none that the next run would have to replace."""
        discard(self._kept[0] / "environments")

    def knows(self, verb: str, option: str = "") -> bool:
        """Return whether this version has ``verb``, and ``option`` in it."""
        said = ask([*self._cli, verb, "--help"], env=self._env, cwd=self._place.folder)
        return "Usage:" in said and "No such command" not in said and option in said

    def run(self, *options: str, watch_memory: bool = False) -> Sample:
        """Run all combos; an exit code other than 0 says that a combo did not do what its matrix expects."""
        state, report = str(self._kept[0]), str(self._place.folder / "report")
        fixed = ["--jobs", str(self._place.jobs), "--state-dir", state, "--report-dir", report, "--progress", "none"]
        sample = self._measure("run", [*fixed, *options], watch_memory=watch_memory)
        # Environments that were replaced are deleted beside and after the run: not beside what is measured next.
        while list(self._kept[0].glob("environments/*/.trash-*")):
            time.sleep(0.05)
        return sample

    def plan(self, jobs: int) -> Sample:
        """Resolve all combos; some may have no solution."""
        fixed = ["--jobs", str(jobs), "--state-dir", str(self._kept[0])]
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
