"""The verb ``plan``: resolves only, and tells what a run would do, to people and to a CI."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import only_selection, state
from knowngood.errors import ExitCode

if TYPE_CHECKING:
    from knowngood.judge.rules import Rules
    from knowngood.report.ci.plan import Row
    from knowngood.run.forecast import Forecast

_MOST = 256  # jobs that GitHub takes in one matrix


@click.command()
@only_selection
@click.option(
    "--format",
    "formats",
    type=click.Choice(["table", "json", "github", "gitlab"]),
    default="table",
    show_default=True,
    help="For people, for programs, or as the jobs of a CI.",
)
@click.option(
    "--shards",
    type=click.IntRange(1, _MOST),
    default=8,
    show_default=True,
    help="Jobs of a CI at most, each with --deal.",
)
@click.option("--all", "everything", is_flag=True, help="Plan to run what is known already, too.")
@click.option("--jobs", "-j", type=click.IntRange(1, 64), help="Combos at a time.  [default: by cores and memory]")
@state
@click.pass_obj
def plan(
    outside: Mapping[str, str],
    asked: str | None,
    named: str | None,
    only: tuple[str, ...],
    formats: str,
    shards: int,
    everything: bool,
    jobs: int | None,
    state_dir: Path | None,
) -> None:
    """Resolve the combos of MATRIX and tell which can exist and which a run would probe.

    Nothing is built. A combo whose lock, probes and machine are those of an earlier run is known. The jobs for a CI
    take about as long as one another, by what combos took in the past; each is run with --shard and --deal. Ends with 3
    when an index could not be asked, else with 0.
    """
    from knowngood.cli.signals import stopped_by_signals
    from knowngood.declare.select import choose
    from knowngood.judge.exit_code import stopped_by
    from knowngood.project.project import Project
    from knowngood.report.ci import plan as report
    from knowngood.run import engine, forecast, host
    from knowngood.run.engine import RunRequest
    from knowngood.run.stop import Stop

    project = Project.open(asked or named, state_dir=state_dir)
    combos = choose(project.matrix.combos, only=only)
    machine = host.here(outside, jobs)
    stop = Stop()
    with stopped_by_signals(stop):
        forecasts = engine.plan(RunRequest(project=project, combos=combos, machine=machine), stop=stop)
    past = project.runs.past_seconds()
    costs = forecast.costs(forecasts, past, everything=everything)
    rows = [_row(one, project.rules, costs[one.facts.combo.id], everything=everything) for one in forecasts]
    dealt = forecast.deal(costs, most=shards)
    match formats:
        case "github":
            click.echo(report.render_github(dealt), nl=False)
        case "gitlab":
            click.echo(report.render_gitlab(dealt), nl=False)
        case "json":
            click.echo(report.render_json(rows), nl=False)
        case _:
            click.echo(report.render(rows, machine.jobs), nl=False)
    if stop.reason is not None:
        sys.exit(stopped_by(stop.reason))
    sys.exit(ExitCode.UNDECIDED if any(row.status == "unknown" for row in rows) else ExitCode.AS_EXPECTED)


def _row(one: "Forecast", rules: "Rules", cost: float, *, everything: bool) -> "Row":
    from knowngood.judge.verdict import judge_combo
    from knowngood.model import Status
    from knowngood.report.ci.plan import Row

    if not one.possible:
        cell = judge_combo(one.facts, rules)[0]
        # An outage, or a resolver that nobody understands, says nothing of the versions.
        status = "impossible" if cell.verdict.status in (Status.UNSOLVABLE, Status.BUILD_FAIL) else "unknown"
        says = f"{cell.verdict.status}: {cell.message}"
    elif one.reusable is not None and not everything:
        status = "cached"
        told = ", ".join(f"{probe} {verdict}" for probe, verdict in one.reusable.statuses.items())
        says = f"{told}, found out {one.reusable.reused.recorded[:10]}"
    else:
        status, says = "run", f"about {cost:.0f}s"
    lock = dict(sorted(one.distributions.items()))
    return Row(combo=one.facts.combo.id, status=status, says=says, seconds=cost, lock=lock)
