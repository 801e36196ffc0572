"""Run the combos of one matrix, and show its events on standard error meanwhile."""

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from knowngood.cli.fixing import fix_failures
from knowngood.cli.prepare import MatrixRun
from knowngood.run.stop import Stop

if TYPE_CHECKING:
    from knowngood.cli.live.display import Display
    from knowngood.model import JudgedRun
    from knowngood.project.baseline import Comparison


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came out of running a matrix."""

    matrix_run: MatrixRun
    judged: "JudgedRun"
    comparison: "Comparison | None"
    """What changed against the baseline, if there is one."""
    elapsed: float
    """Seconds."""

    @property
    def has_finished_combos(self) -> bool:
        """Whether there is anything that a later run could go on with."""
        return any(facts.finished for facts in self.judged.run.combos)


def execute(matrix_run: MatrixRun, stop: Stop) -> Outcome:
    """Run the combos of a matrix, judge the run, compare it with the baseline, and fix failures if that is asked."""
    from knowngood.run import engine

    started = time.monotonic()
    with _display(matrix_run) as display:
        run = engine.execute(matrix_run.request, [display], stop=stop)
    judged = matrix_run.project.judge(run)
    comparison = matrix_run.project.baseline.compare(judged, matrix_run.before) if matrix_run.before else None
    if matrix_run.options.fix is not None:
        judged = fix_failures(matrix_run.request, judged, matrix_run.options.fix, stop)
    return Outcome(matrix_run=matrix_run, judged=judged, comparison=comparison, elapsed=time.monotonic() - started)


def _display(matrix_run: MatrixRun) -> "Display":
    """Return what shows the events of a run."""
    from rich.console import Console

    from knowngood.cli.live import display
    from knowngood.judge.verdict import judge_combo

    return display.choose(
        matrix_run.options.progress,
        console=Console(stderr=True),
        is_tty=sys.stderr.isatty(),
        judge=lambda facts, info: judge_combo(facts, matrix_run.project.rules, day=info.day),
        past=matrix_run.project.runs.past_seconds(),
        runs=matrix_run.project.runs.folder,
    )
