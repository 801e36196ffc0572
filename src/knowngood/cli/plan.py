"""The verb ``plan``: resolve every combo, and print what a run would do and need, or the jobs of a CI."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.matrices import name_of, note_unset, open_all, refuse, takes_matrices
from knowngood.cli.options import (
    cover_option,
    format_option,
    isolation_from,
    isolation_option,
    jobs_option,
    offline_option,
    only_option,
    state_option,
)
from knowngood.cli.output import width
from knowngood.errors import ExitCode, UndecidedError, UsageError

if TYPE_CHECKING:
    from knowngood.judge.evidence import Rules
    from knowngood.model import Coverage
    from knowngood.project.project import Project
    from knowngood.report.ci.plan import Row
    from knowngood.run.forecast import Forecast
    from knowngood.run.host import Machine
    from knowngood.run.request import RunRequest
    from knowngood.run.stop import Stop

_MOST_JOBS = 256  # of one matrix on GitHub


@click.command(short_help="Resolve only, and print what a run would do and download.")
@takes_matrices
@only_option
@cover_option
@format_option("table", "json", "github", "gitlab", help_="A table, JSON, or the jobs for CI.")
@click.option(
    "--shards",
    type=click.IntRange(1, _MOST_JOBS),
    metavar="N",
    default=8,
    show_default=True,
    help="Limit the number of CI jobs.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Exit 3, and print no CI jobs, if the combos would take more than N minutes together.",
)
@click.option("--fresh", is_flag=True, help="Plan a `run --fresh`, which reuses no verdict.")
@jobs_option
@offline_option
@isolation_option
@state_option
@click.pass_obj
def plan(
    environ: Mapping[str, str],
    /,
    names: tuple[str, ...],
    everything: bool,
    only: tuple[str, ...],
    cover: int | None,
    format_: str,
    shards: int,
    max_minutes: float | None,
    fresh: bool,
    jobs: int | None,
    offline: bool,
    isolation: str | None,
    state_dir: Path | None,
) -> None:
    """Resolve the combos of MATRIX, and print which are solvable and what a run would need. Nothing is built.

    MATRIX is a matrix file, or the name of one in matrices/. You may omit it if there is only one.

    The verdict of a combo is reused if its lock, its probes and this machine are the same as in an earlier run.

    The download is the sum of the sizes that the index states, without the files in uv's cache. The disk space is
    estimated from it, and the time from earlier runs. What cannot be known is shown as unknown.

    With --cover 2, only the combos of a grid that `run --cover 2` would run are planned.

    `--format github` and `--format gitlab` divide the combos among CI jobs of about the same duration. Each job calls
    `run` with the matrix, the --shard and the --deal that the plan gives it, and runs combos of one matrix.

    With --max-minutes, a plan that costs more is an error. Its cost is the time of all combos together, estimated from
    earlier runs.

    Exits 3 when an index could not be reached or the plan costs too much, and 0 otherwise.
    """
    from knowngood.cli.prepare import covered
    from knowngood.cli.streams import stopped_by_signals
    from knowngood.judge.verdict import stopped_by
    from knowngood.report.ci import plan as report
    from knowngood.report.coverage import lines as coverage_lines
    from knowngood.run import forecast, host
    from knowngood.run.stop import Stop

    projects = open_all(names, everything=everything, state_dir=state_dir)
    refuse(["--only"] * bool(only), "plan", projects)
    note_unset(projects, environ)
    if format_ in ("github", "gitlab") and len(projects) > shards:
        raise UsageError(
            f"{len(projects)} matrices need {len(projects)} jobs, and --shards allows {shards}",
            cause="a job runs combos of one matrix",
            next_step=f"use --shards {len(projects)} or more, or plan fewer matrices at once"
            if len(projects) <= _MOST_JOBS
            else f"plan at most {_MOST_JOBS} matrices at once",
        )
    machine, stop = host.here(environ, jobs), Stop()
    with stopped_by_signals(stop):
        requests = [_request(project, machine, only=only, offline=offline, isolation=isolation) for project in projects]
        plans = [_plan(request, stop, fresh=fresh) for request in covered(requests, cover, stop)]
    rows = [row for plan in plans for row in plan.rows]
    costs = {plan.name: plan.costs for plan in plans}
    covers = {plan.name: plan.coverage for plan in plans if plan.coverage is not None}
    free = shutil.disk_usage(projects[0].runs.folder.parent.parent).free
    excess = _excess(rows, max_minutes)
    if excess is not None and format_ in ("github", "gitlab"):
        raise excess
    match format_:
        case "github":
            click.echo(report.render_github(forecast.deal_matrices(costs, most=shards)), nl=False)
        case "gitlab":
            click.echo(report.render_gitlab(forecast.deal_matrices(costs, most=shards)), nl=False)
        case "json":
            click.echo(report.render_json(rows, machine.jobs, free=free, covers=covers), nl=False)
        case _:
            _print_tables(plans, machine.jobs, free)
    if format_ in ("github", "gitlab"):
        for plan in plans:
            for line in coverage_lines(plan.coverage, width()):
                click.echo(f"{plan.name}: {line}", err=True)
    if stop.reason is not None:
        sys.exit(stopped_by(stop.reason))
    if excess is not None:
        raise excess
    sys.exit(ExitCode.UNDECIDED if any(row.status == "unknown" for row in rows) else ExitCode.AS_EXPECTED)


def _excess(rows: "Sequence[Row]", most: float | None) -> UndecidedError | None:
    """Return the error of a plan whose combos take more than ``most`` minutes together; None when they do not."""
    minutes = sum(row.seconds for row in rows) / 60
    if most is None or minutes <= most:
        return None
    from knowngood.report.text import count

    running = [row for row in rows if row.seconds]
    unknown = sum(not row.estimated for row in running)
    return UndecidedError(
        f"the plan takes about {minutes:.3g} minutes, and --max-minutes allows {most:.3g}",
        cause=f"{count(len(running), 'combo')} would run"
        + (f"; {unknown} of them never ran, so their time is a guess" if unknown else ""),
        next_step="plan fewer combos with --cover 2 or --only, or allow more minutes",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What a run of one matrix would do."""

    name: str
    rows: "tuple[Row, ...]"
    costs: Mapping[str, float]
    """Seconds by combo."""
    coverage: "Coverage | None"
    """How much of its grids the combos cover; None without ``--cover``."""


def _request(
    project: "Project", machine: "Machine", *, only: tuple[str, ...], offline: bool, isolation: str | None
) -> "RunRequest":
    """Return the request that a run of the matrix would begin with."""
    from knowngood.declare.combo_selection import choose
    from knowngood.run.request import RunRequest
    from knowngood.run.selection import select

    project = select(project, machine, offline=offline)
    combos = choose(project.matrix.combos, only=only)
    how = isolation_from(isolation)
    return RunRequest(project=project, combos=combos, machine=machine, offline=offline, isolation=how)


def _plan(request: "RunRequest", stop: "Stop", *, fresh: bool) -> _Plan:
    """Resolve the combos of a request; nothing more is resolved once ``stop`` is requested."""
    from knowngood.judge.coverage import counted
    from knowngood.run import engine, forecast

    project = request.project
    forecasts = engine.plan(request, stop=stop, everything=fresh)
    past = project.runs.past_seconds()
    costs = forecast.costs(forecasts, past, everything=fresh)
    name = name_of(project)
    rows = [_row(foreseen, name, project.rules, costs, past, everything=fresh) for foreseen in forecasts]
    refused = {row.combo: row.remark for row in rows if row.status == "impossible"}
    possible = {row.combo for row in rows if row.status in ("run", "reused")}
    coverage = counted(request.cover, request.combos, tested=possible, refused=refused) if request.cover else None
    return _Plan(name=name, rows=tuple(rows), costs=costs, coverage=coverage)


def _print_tables(plans: Sequence[_Plan], jobs: int, free: int) -> None:
    """Print the table of each matrix, and for several their overview."""
    from knowngood.report.ci import plan as report
    from knowngood.report.coverage import lines as coverage_lines

    for position, plan in enumerate(plans):
        if len(plans) > 1:
            click.echo("\n" * bool(position) + f"matrix  {plan.name}")
        click.echo(report.render(plan.rows, jobs, free=free), nl=False)
        for line in coverage_lines(plan.coverage, width()):
            click.echo(line)
    if len(plans) > 1:
        rows = [row for plan in plans for row in plan.rows]
        click.echo("\n" + report.render_overview(rows, jobs, width=width()), nl=False)


def _row(
    forecast: "Forecast",
    matrix: str,
    rules: "Rules",
    costs: Mapping[str, float],
    past: Mapping[str, float],
    *,
    everything: bool,
) -> "Row":
    """Return the line of one combo; ``past`` holds the seconds of those that ran before, ``costs`` those of all."""
    from knowngood.judge.verdict import judge_combo
    from knowngood.model import Status
    from knowngood.report.ci.plan import Row
    from knowngood.report.text import seconds

    combo = forecast.facts.combo.id
    if not forecast.possible:
        cell = judge_combo(forecast.facts, rules)[0]
        # An outage, or a resolver error that no rule understands, says nothing about the versions.
        status = "impossible" if cell.verdict.status in (Status.UNSOLVABLE, Status.BUILD_FAIL) else "unknown"
        remark = f"{cell.verdict.status}: {cell.message}"
    elif forecast.reusable is not None and not everything:
        status = "reused"
        verdicts = ", ".join(f"{probe} {verdict}" for probe, verdict in forecast.reusable.statuses.items())
        remark = f"{verdicts} (tested {forecast.reusable.reused.recorded[:10]})"
    else:
        status, remark = "run", f"about {seconds(past[combo])}" if combo in past else ""
    return Row(
        matrix=matrix,
        combo=combo,
        status=status,
        remark=remark,
        seconds=costs[combo],
        estimated=combo in past,
        lock=dict(sorted(forecast.distributions.items())),
        files=forecast.files,
    )
