"""The verb ``run``: build and probe combos, report what came out, and publish or accept it on request."""

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import (
    PATH,
    jobs_option,
    offline_option,
    only_option,
    parse_shard,
    shard_option,
    signatures_option,
    state_option,
    takes_matrices,
)
from knowngood.cli.output import find_baseline, print_comparison, print_error, print_run
from knowngood.errors import ExitCode, KnowngoodError, UsageError, some
from knowngood.project.files import check_writable, near
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization

if TYPE_CHECKING:
    from knowngood.cli.live.display import Choice
    from knowngood.model import Combo, JudgedRun, Run
    from knowngood.project.baseline import Comparison
    from knowngood.project.project import Project
    from knowngood.run.engine import RunRequest


@click.command(short_help="Build and probe the combos of a matrix.")
@takes_matrices
@only_option
@shard_option
@click.option("--deal", metavar="ID,...", help="Combos in this shard, as listed by `plan`.  [default: every N-th]")
@click.option("--report-dir", type=PATH, metavar="FOLDER", help="Write the report here instead.")
@click.option("--publish", is_flag=True, help="Publish the report in reports/MATRIX, red or green.")
@click.option("--accept", is_flag=True, help="Make this run the baseline, red or green.")
@click.option("--baseline", metavar="RUN", help="Run to compare with.  [default: the baseline of the matrix]")
@jobs_option
@offline_option
@click.option("--keep", is_flag=True, help="Keep all environments, for a closer look.")
@click.option("--fresh", is_flag=True, help="Start over: reuse no verdict and no environment, and do not resume.")
@click.option("--fresh-probes", is_flag=True, help="Run every probe again; environments of earlier runs are reused.")
@click.option(
    "--no-optimization",
    metavar="NAME",
    type=click.Choice(["all", *(optimization.value for optimization in Optimization)]),
    multiple=True,
    help=f"Disable an optimization, to rule it out as a cause: all, {', '.join(Optimization)}. Repeatable.",
)
@click.option("--progress", type=click.Choice(["auto", "board", "lines", "none"]), default="auto", show_default=True)
@signatures_option
@state_option
@click.pass_obj
def run(
    environ: Mapping[str, str],
    matrix: str | None,
    only: tuple[str, ...],
    shard: str | None,
    deal: str | None,
    report_dir: Path | None,
    publish: bool,
    accept: bool,
    baseline: str | None,
    jobs: int | None,
    offline: bool,
    keep: bool,
    fresh: bool,
    fresh_probes: bool,
    no_optimization: tuple[str, ...],
    progress: "Choice",
    signatures: Path | None,
    state_dir: Path | None,
) -> ExitCode:
    """Build and probe the combos of MATRIX, print the table and write a report.

    MATRIX is a matrix file, or the name of one in matrices/. It can be left out when there is only one. Several are run
    one after the other, and the gravest of their exit codes counts.

    Every combo is resolved again. Where its lock, its probes and this machine are the same as in an earlier run, the
    verdict is reused, and the table says so. A run that was interrupted within the last 24 hours is resumed.

    The report is written below .knowngood/, and nothing else in the project changes unless you ask for it: --publish
    updates the report in reports/MATRIX, and --accept updates the baseline that runs are compared with. Both need a
    complete run, in which every combo was decided, passed or failed.
    """
    from knowngood.judge.verdict import exit_code
    from knowngood.project.project import Project
    from knowngood.run import host
    from knowngood.run.engine import RunRequest

    project = Project.open(matrix, state_dir=state_dir, signatures=signatures)
    combos, elsewhere = _choose(project, only, shard, deal, publishes=publish or accept)
    _check_folders(project, report_dir, publishes=publish or accept)
    compared = find_baseline(project, baseline)
    request = RunRequest(
        project=project,
        combos=combos,
        elsewhere=elsewhere,
        machine=host.here(environ, jobs),
        command=f"knowngood run {shlex.quote(matrix or str(project.matrix.path))}",
        shard=shard or "",
        keep=keep,
        offline=offline,
        fresh=fresh,
        fresh_probes=fresh_probes,
        optimizations=_optimizations(no_optimization),
    )
    started = time.monotonic()
    judged = project.judge(_execute(request, progress))
    folder = project.runs.new(judged.run.info.id).folder
    comparison = project.baseline.compare(judged, compared) if compared else None
    print_run(judged, folder, environ, elapsed=time.monotonic() - started)
    if comparison:
        click.echo()
        print_comparison(comparison)
    _write_report(judged, comparison, folder, report_dir)
    _print_next_steps(request, judged, folder)
    if not accept and baseline is None:
        _print_how_to_accept(project, judged, comparison, matrix)
    published = _publish(project, judged, comparison, folder, publish=publish, accept=accept)
    return exit_code(judged) or (ExitCode.AS_EXPECTED if published else ExitCode.USAGE)


def _check_folders(project: "Project", report_dir: Path | None, *, publishes: bool) -> None:
    """Raise ``UsageError`` when what the run is asked to write could not be written after it."""
    if report_dir is not None:
        check_writable(report_dir, next_step="name another folder with --report-dir, or leave it out")
    if publishes:
        folder = project.publication.folder
        check_writable(folder, next_step=f"make {near(folder)} a folder that you may write to, or leave the option out")
    check_writable(project.runs.folder, next_step="name another folder for runs with --state-dir")


def _choose(
    project: "Project", only: tuple[str, ...], shard: str | None, deal: str | None, *, publishes: bool
) -> "tuple[tuple[Combo, ...], tuple[Combo, ...]]":
    """Return the combos to run, and those of the selection that other shards run."""
    from knowngood.declare.select import choose, divide

    part = parse_shard(shard)
    if deal is not None and part is None:
        raise UsageError("--deal needs --shard", next_step="copy both from `knowngood plan`: --shard 1/2 --deal ...")
    selected = choose(project.matrix.combos, only=only)
    combos = divide(selected, part, deal) if part else selected
    if combos != project.matrix.combos and publishes:
        raise UsageError(
            "only a run of all combos can be published or become the baseline",
            next_step="leave out --publish and --accept, or else --only and --shard",
        )
    return combos, tuple(combo for combo in selected if combo not in combos)


def _optimizations(disabled: tuple[str, ...]) -> frozenset[Optimization]:
    """Return the optimizations that are left when the user disables some, or ``all``."""
    return frozenset() if "all" in disabled else ALL_OPTIMIZATIONS - set(map(Optimization, disabled))


def _execute(request: "RunRequest", progress: "Choice") -> "Run":
    """Execute a request, show its events on standard error, and stop it on a signal."""
    from rich.console import Console

    from knowngood.cli.live import display
    from knowngood.cli.signals import stopped_by_signals
    from knowngood.judge.findings import day_of
    from knowngood.judge.verdict import judge_combo
    from knowngood.run.engine import execute
    from knowngood.run.stop import Stop

    shown = display.choose(
        progress,
        console=Console(stderr=True),
        is_tty=sys.stderr.isatty(),
        judge=lambda facts, info: judge_combo(facts, request.project.rules, day=day_of(info)),
        past=request.project.runs.past_seconds(),
        runs=request.project.runs.folder,
    )
    stop = Stop()
    with shown, stopped_by_signals(stop):
        return execute(request, [shown], stop=stop)


def _write_report(judged: "JudgedRun", comparison: "Comparison | None", folder: Path, report_dir: Path | None) -> None:
    """Write the report of a run below the folder of the run, or into ``report_dir``, and print where it is."""
    from knowngood.project.publication import write_report
    from knowngood.report.formats import ReportContext

    context = ReportContext(judged=judged, changes=comparison.changes if comparison else ())
    report = report_dir or folder / "report"
    try:
        write_report(context, report, locks=[folder])
    except OSError as error:
        next_step = f"render it again with `knowngood report {near(folder)} --format html`"
        raise UsageError(f"{near(report)} cannot be written", cause=str(error), next_step=next_step) from error
    click.echo(f"\nreport  {', '.join(near(report / name) for name in ('index.html', 'matrix.md', 'matrix.json'))}")


def _print_next_steps(request: "RunRequest", judged: "JudgedRun", folder: Path) -> None:
    """Print where environments were kept, and how an interrupted run is resumed."""
    if request.keep:
        click.echo(f"kept    the environments, {near(folder / 'combos')}/ID/env")
    if judged.run.interrupted and any(facts.finished for facts in judged.run.combos):
        fresh = "--fresh" if request.fresh else "--fresh-probes" if request.fresh_probes else ""
        command = f"command without {fresh}" if fresh else "same command"
        click.echo(f"Re-run the {command} within 24 hours to resume.")


def _print_how_to_accept(
    project: "Project", judged: "JudgedRun", comparison: "Comparison | None", matrix: str | None
) -> None:
    """Print the command that makes a run the baseline, if it can be and there is a reason for it."""
    from knowngood.project.publication import blocker

    if blocker(judged, project.matrix) is not None:
        return
    command = f"knowngood run {shlex.quote(matrix or project.matrix.id)} --accept"
    if comparison is None:
        click.echo(f"There is no baseline yet. To make this run the baseline: {command}")
    elif regressed := comparison.unexpected_regressions(judged):
        click.echo(f"Regressed unexpectedly: {some(regressed)}. To accept this run as the new baseline: {command}")


def _publish(
    project: "Project",
    judged: "JudgedRun",
    comparison: "Comparison | None",
    folder: Path,
    *,
    publish: bool,
    accept: bool,
) -> bool:
    """Publish and accept a run as far as the user asks for it; return whether all of that was done."""
    try:
        if publish:
            changes = comparison.changes if comparison else ()
            click.echo(f"published  {near(project.publication.publish(judged, changes, locks=[folder]))}")
        if accept:
            click.echo(f"baseline   {near(project.baseline.accept(judged))}")
    except KnowngoodError as error:
        print_error(error)
        return False
    return True
