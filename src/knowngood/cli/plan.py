"""The verb ``plan``: resolve every combo, and print what a run would do or the jobs of a CI."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import jobs_option, offline_option, only_option, state_option, takes_matrix
from knowngood.errors import ExitCode

if TYPE_CHECKING:
    from knowngood.judge.rules import Rules
    from knowngood.report.ci.plan import Row
    from knowngood.run.forecast import Forecast

_MOST_JOBS = 256  # of one matrix on GitHub


@click.command(short_help="Resolve only, and print what a run would do.")
@takes_matrix
@only_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "github", "gitlab"]),
    default="table",
    show_default=True,
    help="A table, JSON, or the jobs of a CI.",
)
@click.option(
    "--shards", type=click.IntRange(1, _MOST_JOBS), default=8, show_default=True, help="Largest number of CI jobs."
)
@click.option("--all", "everything", is_flag=True, help="Also run combos whose verdict would be reused.")
@jobs_option
@offline_option
@state_option
@click.pass_obj
def plan(
    environ: Mapping[str, str],
    matrix: str | None,
    only: tuple[str, ...],
    format_: str,
    shards: int,
    everything: bool,
    jobs: int | None,
    offline: bool,
    state_dir: Path | None,
) -> None:
    """Resolve the combos of MATRIX, and print which can exist and which a run would probe. Nothing is built.

    The verdict of a combo is reused when its lock, its probes and this machine are the same as in an earlier run.

    CI jobs are balanced by past durations; run each with --shard and --deal.

    Exits 3 when an index could not be reached, and 0 otherwise.
    """
    from knowngood.cli.signals import stopped_by_signals
    from knowngood.declare.select import choose
    from knowngood.judge.verdict import stopped_by
    from knowngood.project.project import Project
    from knowngood.report.ci import plan as report
    from knowngood.run import engine, forecast, host
    from knowngood.run.engine import RunRequest
    from knowngood.run.stop import Stop

    project = Project.open(matrix, state_dir=state_dir)
    combos = choose(project.matrix.combos, only=only)
    request = RunRequest(project=project, combos=combos, machine=host.here(environ, jobs), offline=offline)
    stop = Stop()
    with stopped_by_signals(stop):
        forecasts = engine.plan(request, stop=stop)
    past = project.runs.past_seconds()
    costs = forecast.costs(forecasts, past, everything=everything)
    rows = [
        _row(foreseen, project.rules, costs[foreseen.facts.combo.id], everything=everything, estimated=bool(past))
        for foreseen in forecasts
    ]
    dealt = forecast.deal(costs, most=shards)
    match format_:
        case "github":
            click.echo(report.render_github(dealt), nl=False)
        case "gitlab":
            click.echo(report.render_gitlab(dealt), nl=False)
        case "json":
            click.echo(report.render_json(rows), nl=False)
        case _:
            click.echo(report.render(rows, request.machine.jobs), nl=False)
    if stop.reason is not None:
        sys.exit(stopped_by(stop.reason))
    sys.exit(ExitCode.UNDECIDED if any(row.status == "unknown" for row in rows) else ExitCode.AS_EXPECTED)


def _row(forecast: "Forecast", rules: "Rules", seconds: float, *, everything: bool, estimated: bool) -> "Row":
    """Return the line of one combo; ``seconds`` is how long it will probably take, ``estimated`` from past runs."""
    from knowngood.judge.verdict import judge_combo
    from knowngood.model import Status
    from knowngood.report.ci.plan import Row

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
        status, remark = "run", f"about {seconds:.0f}s" if estimated else ""
    lock = dict(sorted(forecast.distributions.items()))
    return Row(
        combo=forecast.facts.combo.id, status=status, remark=remark, seconds=seconds, estimated=estimated, lock=lock
    )
