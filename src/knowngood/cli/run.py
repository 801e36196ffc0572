"""The verb ``run``: build and probe combos, report what came out, and publish or accept it on request."""

import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood.cli.options import (
    PATH,
    jobs_option,
    only_option,
    parse_shard,
    shard_option,
    signatures_option,
    state_option,
    takes_matrix,
)
from knowngood.cli.output import find_baseline, print_comparison, print_error, print_run
from knowngood.errors import ExitCode, KnowngoodError, UsageError, some
from knowngood.project.files import near
from knowngood.run.optimizations import ALL, Optimization

if TYPE_CHECKING:
    from knowngood.cli.live.display import Choice
    from knowngood.model import Combo, JudgedRun, Run
    from knowngood.project.baseline import Comparison
    from knowngood.project.project import Project
    from knowngood.run.engine import RunRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user asks ``run`` for: its options by name."""

    matrix: str | None
    only: tuple[str, ...]
    shard: str | None
    deal: str | None
    report_dir: Path | None
    publish: bool
    accept: bool
    baseline: str | None
    jobs: int | None
    keep: bool
    fresh: bool
    fresh_probes: bool
    no_optimization: tuple[str, ...]
    progress: "Choice"
    signatures: Path | None
    state_dir: Path | None


@click.command(short_help="Build and probe the combos of a matrix.")
@takes_matrix
@only_option
@shard_option
@click.option("--deal", metavar="ID,...", help="Combos in this shard, as listed by `plan`.  [default: every N-th]")
@click.option("--report-dir", type=PATH, metavar="FOLDER", help="Write the report here instead.")
@click.option("--publish", is_flag=True, help="Publish the report in reports/MATRIX, red or green.")
@click.option("--accept", is_flag=True, help="Make this run the baseline, red or green.")
@click.option("--baseline", metavar="RUN", help="Run to compare with.  [default: the baseline of the matrix]")
@jobs_option
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
def run(environ: Mapping[str, str], /, **arguments: Any) -> None:
    """Build and probe the combos of MATRIX, print the table and write a report.

    MATRIX is a matrix file, or the name of one in matrices/. It can be left out when there is only one.

    Every combo is resolved again. Where its lock, its probes and this machine are the same as in an earlier run, the
    verdict is reused, and the table says so. A run that was interrupted within the last 24 hours is resumed.

    The report is written below .knowngood/, and nothing else in the project changes unless you ask for it: --publish
    updates the report in reports/MATRIX, and --accept updates the baseline that runs are compared with. Both need a
    complete run, in which every combo was decided, passed or failed.
    """
    from knowngood.judge.verdict import exit_code
    from knowngood.project.project import Project

    options = Options(**arguments)
    project = Project.open(options.matrix, state_dir=options.state_dir, signatures=options.signatures)
    combos, elsewhere = _choose(project, options)
    baseline = find_baseline(project, options.baseline)
    started = time.monotonic()
    run = _execute(_request(project, combos, elsewhere, options, environ), options.progress)
    judged = project.judge(run)
    comparison = project.baseline.compare(judged, baseline) if baseline else None
    folder = project.runs.new(run.info.id).folder
    print_run(judged, folder, environ, elapsed=time.monotonic() - started)
    if comparison:
        click.echo()
        print_comparison(comparison)
    report = _write_report(judged, comparison, folder, options.report_dir)
    click.echo(f"\nreport  {', '.join(near(report / name) for name in ('index.html', 'matrix.md', 'matrix.json'))}")
    _print_next_steps(project, judged, comparison, folder, options)
    published = _publish(project, judged, comparison, folder, options)
    sys.exit(exit_code(judged) or (ExitCode.AS_EXPECTED if published else ExitCode.USAGE))


def _choose(project: "Project", options: Options) -> "tuple[tuple[Combo, ...], tuple[Combo, ...]]":
    """Return the combos to run, and those of the selection that other shards run."""
    from knowngood.declare.select import choose, divide

    shard = parse_shard(options.shard)
    if options.deal is not None and shard is None:
        raise UsageError("--deal needs --shard", next_step="copy both from `knowngood plan`: --shard 1/2 --deal ...")
    selected = choose(project.matrix.combos, only=options.only)
    combos = divide(selected, shard, options.deal) if shard else selected
    if combos != project.matrix.combos and (options.publish or options.accept):
        raise UsageError(
            "only a run of all combos can be published or become the baseline",
            next_step="leave out --publish and --accept, or else --only and --shard",
        )
    return combos, tuple(combo for combo in selected if combo not in combos)


def _request(
    project: "Project",
    combos: "tuple[Combo, ...]",
    elsewhere: "tuple[Combo, ...]",
    options: Options,
    environ: Mapping[str, str],
) -> "RunRequest":
    from knowngood.run import host
    from knowngood.run.engine import RunRequest

    return RunRequest(
        project=project,
        combos=combos,
        elsewhere=elsewhere,
        machine=host.here(environ, options.jobs),
        command=f"knowngood run {shlex.quote(options.matrix or str(project.matrix.path))}",
        shard=options.shard or "",
        keep=options.keep,
        fresh=options.fresh,
        fresh_probes=options.fresh_probes,
        optimizations=frozenset()
        if "all" in options.no_optimization
        else ALL - set(map(Optimization, options.no_optimization)),
    )


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


def _write_report(judged: "JudgedRun", comparison: "Comparison | None", folder: Path, report_dir: Path | None) -> Path:
    """Write the report of a run below the folder of the run, or into ``report_dir``, and return where it is."""
    from knowngood.project.publication import write_report
    from knowngood.report.formats import ReportContext

    context = ReportContext(judged=judged, changes=comparison.changes if comparison else ())
    report = report_dir or folder / "report"
    try:
        write_report(context, report, locks=[folder])
    except OSError as error:
        next_step = f"render it again with `knowngood report {near(folder)} --format html`"
        raise UsageError(f"{near(report)} cannot be written", cause=str(error), next_step=next_step) from error
    return report


def _print_next_steps(
    project: "Project", judged: "JudgedRun", comparison: "Comparison | None", folder: Path, options: Options
) -> None:
    from knowngood.project.publication import blocker

    if options.keep:
        click.echo(f"kept    the environments, {near(folder / 'combos')}/ID/env")
    if judged.run.interrupted and any(facts.finished for facts in judged.run.combos):
        fresh = "--fresh" if options.fresh else "--fresh-probes" if options.fresh_probes else ""
        command = f"command without {fresh}" if fresh else "same command"
        click.echo(f"Re-run the {command} within 24 hours to resume.")
    if options.accept or blocker(judged, project.matrix) is not None:
        return
    accept = f"knowngood run {shlex.quote(options.matrix or project.matrix.id)} --accept"
    if comparison is None and options.baseline is None:
        click.echo(f"There is no baseline yet. To make this run the baseline: {accept}")
    elif comparison and options.baseline is None and (regressed := comparison.unexpected_regressions(judged)):
        click.echo(f"Regressed unexpectedly: {some(regressed)}. To accept this run as the new baseline: {accept}")


def _publish(
    project: "Project", judged: "JudgedRun", comparison: "Comparison | None", folder: Path, options: Options
) -> bool:
    """Publish and accept a run as far as the user asks for it; return whether all of that was done."""
    try:
        if options.publish:
            changes = comparison.changes if comparison else ()
            click.echo(f"published  {near(project.publication.publish(judged, changes, locks=[folder]))}")
        if options.accept:
            click.echo(f"baseline   {near(project.baseline.accept(judged))}")
    except KnowngoodError as error:
        print_error(error)
        return False
    return True
