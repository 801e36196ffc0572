"""The verb ``run``: build and probe the combos of matrices, report what came out, and publish it on request."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from knowngood.cli.fix import EXPECTED, UNEXPECTED
from knowngood.cli.matrices import note_unset, open_all, refuse, takes_matrices
from knowngood.cli.options import (
    PATH,
    complete_runs,
    cover_option,
    detail_options,
    isolation_option,
    jobs_option,
    offline_option,
    only_option,
    parse_duration,
    parse_size,
    repeated,
    shard_option,
    signatures_option,
    state_option,
    where_options,
)
from knowngood.run.executors.interface import Optimization


class _Run(click.Command):
    """A command whose ``--fix`` may have a value after ``=``, and never takes the next word for its value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        own = [f"--fix={UNEXPECTED}" if argument == "--fix" else argument for argument in args[:end]]
        return super().parse_args(ctx, [*own, *args[end:]])


@click.command(cls=_Run, short_help="Build and probe the combos of a matrix.")
@takes_matrices
@only_option
@cover_option
@click.option(
    "--last-failed",
    is_flag=True,
    help="Run only the combos that were not as expected in the last run; reuse no verdict.",
)
@shard_option
@click.option(
    "--deal",
    metavar="ID,...",
    help="The combos of this shard, as `plan --format github` assigns them.  [default: every N-th]",
)
@click.option(
    "--report-dir", type=PATH, metavar="FOLDER", help="Where the report goes.  [default: the folder of the run]"
)
@click.option("--publish", is_flag=True, help="Publish the report in reports/MATRIX, red or green.")
@click.option("--accept", is_flag=True, help="Make this run the baseline, red or green.")
@click.option(
    "--baseline",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to compare with: the start of its id, or its path.  [default: the baseline of the matrix]",
)
@click.option(
    "--budget", callback=parse_duration, metavar="TIME", help="Stop after 90s, 15m or 1.5h; run again to continue."
)
@click.option(
    "--fix",
    type=click.Choice([UNEXPECTED, EXPECTED]),
    metavar="[=all]",
    help="Search for a fix for every unexpected failure, as `fix` does; with =all, for expected ones as well.",
)
@jobs_option
@where_options
@offline_option
@isolation_option
@click.option(
    "--min-free",
    metavar="SIZE",
    callback=parse_size,
    help="How much of the disk stays free: 500m or 2g; with less, combos are infra.  [default: as the matrix says]",
)
@click.option("--keep", is_flag=True, help="Keep the environments, and print where they are.")
@click.option("--fresh", is_flag=True, help="Start over: reuse no verdict and no environment, and do not resume.")
@click.option("--fresh-probes", is_flag=True, help="Run every probe again; environments of earlier runs are reused.")
@click.option(
    "--no-optimization",
    metavar="NAME",
    type=click.Choice(["all", *(optimization.value for optimization in Optimization)]),
    multiple=True,
    help=f"Disable an optimization, to rule it out as a cause: all, {', '.join(Optimization)}. Repeatable.",
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "board", "lines", "none"]),
    default="auto",
    show_default=True,
    help="What standard error shows during the run: a live board, plain lines for logs, or nothing.",
)
@detail_options
@signatures_option
@state_option
@click.pass_obj
def run(
    environ: Mapping[str, str],
    /,
    names: tuple[str, ...],
    everything: bool,
    budget: tuple[str, float] | None,
    signatures: Path | None,
    state_dir: Path | None,
    **options: Any,
) -> None:
    """Build and probe the combos of MATRIX, print the table and write a report.

    MATRIX is a matrix file, or the name of one in matrices/. You may omit it if there is only one. Several are run one
    after the other: each has its own table and report, and the output ends with an overview. The exit code is the most
    severe one.

    With --cover 2, only some combos of a grid run: together they have every pair of values that can be installed. The
    others are not-run with the reason not-covered. Combos outside a grid always run.

    Every combo is resolved again. If its lock, its probes and this machine are the same as in an earlier run, the
    verdict is reused, and the table says so. A run that was interrupted within the last 24 hours is resumed.

    With --budget, the run stops when the time is up, even while combos are being built or probed. These and the rest
    are not-run, and the exit code is 3, or 1 if a finished combo is not as expected. Run the same command again to
    continue.

    With --fix, knowngood searches for the smallest change that fixes each failure, until the budget is spent. Verified
    fixes are shown in the table and the report, and are reused with the verdict.

    With --executor dask, the workers of a Dask cluster evaluate the combos, each worker one at a time. Everything else
    is the same as on one machine.

    The report is written below .knowngood/, and nothing else in the project changes unless you ask for it: --publish
    updates the report in reports/MATRIX, and --accept updates the baseline that runs are compared with. Both need a
    complete run, in which every combo was decided, passed or failed.
    """
    from knowngood.cli.prepare import MatrixRun, RunOptions, covered_runs
    from knowngood.cli.runs import run_all
    from knowngood.cli.streams import stopped_by_signals
    from knowngood.run.stop import Stop

    chosen = RunOptions(environ=environ, repeated=repeated(state_dir, signatures), **options)
    projects = open_all(names, everything=everything, state_dir=state_dir, signatures=signatures)
    refuse(chosen.for_one_matrix, "run", projects)
    note_unset(projects, environ)
    chosen.where.check(*chosen.for_this_machine)
    stop = Stop()
    text, seconds = budget or ("", None)
    with chosen.where.opened() as executor:
        runs = [MatrixRun.prepare(project, chosen, executor) for project in projects]
        with stopped_by_signals(stop), stop.after(seconds, f"the budget of {text}"):
            code = run_all(covered_runs(runs, stop), stop)
    sys.exit(code)
