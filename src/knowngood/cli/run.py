"""The verb ``run``: wires a matrix, the machine and the terminal to one run, and publishes what came of it."""

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood.cli.options import PATH, selection, signatures, state, tell, width
from knowngood.errors import UsageError
from knowngood.project.files import near
from knowngood.run.optimizations import ALL, Optimization

if TYPE_CHECKING:
    from knowngood.model import Cell, ComboFacts, JudgedRun, RunInfo
    from knowngood.project.baseline import Side
    from knowngood.project.project import Project
    from knowngood.run.engine import RunRequest


@click.command()
@selection
@click.option("--deal", metavar="ID,...", help="The combos of this shard, as `plan` dealt them.  [default: like cards]")
@click.option("--report-dir", type=PATH, help="Write the report here, whatever was selected.")
@click.option("--jobs", "-j", type=click.IntRange(1, 64), help="Combos at a time.  [default: by cores and memory]")
@click.option("--fresh", is_flag=True, help="Start over: no resuming, no verdict and no environment of an earlier run.")
@click.option("--fresh-probes", is_flag=True, help="Run every probe, in the environments that earlier runs kept.")
@click.option("--keep", is_flag=True, help="Keep all environments for a closer look.")
@click.option(
    "--no-optimization",
    "left_out",
    type=click.Choice(["all", *(optimization.value for optimization in Optimization)]),
    multiple=True,
    help="Leave out a way to be fast, to rule it out. Repeatable.",
)
@click.option(
    "--baseline",
    "against",
    metavar="RUN",
    help="Compare with this matrix.json, event log, folder or id of a run.  [default: the published report]",
)
@click.option("--accept", is_flag=True, help="Make this run the baseline, whatever regressed.")
@click.option("--progress", type=click.Choice(["auto", "board", "lines", "none"]), default="auto", show_default=True)
@signatures
@state
@click.pass_obj
def run(
    outside: Mapping[str, str],
    asked: str | None,
    named: str | None,
    only: tuple[str, ...],
    shard: str | None,
    deal: str | None,
    report_dir: Path | None,
    jobs: int | None,
    fresh: bool,
    fresh_probes: bool,
    keep: bool,
    left_out: tuple[str, ...],
    against: str | None,
    accept: bool,
    progress: str,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Build and probe the combos of MATRIX, print the table and write the report.

    MATRIX is a TOML file, or the name of one in matrices/; it may be left out when there is only one. A run that was
    cut short within the last day is resumed: only its unfinished combos run.

    Every combo is resolved anew. Where its lock, probes and machine are those of an earlier run, the verdict is taken
    from there, and the table says so.

    A complete run becomes the published report, which is the baseline of the next, unless something regressed against
    it that nobody expects: then it takes --accept.
    """
    from knowngood.cli.output import show
    from knowngood.declare.select import Shard, choose, divide
    from knowngood.judge.exit_code import exit_code
    from knowngood.project import baseline
    from knowngood.project.project import Project
    from knowngood.report import diff as diff_report
    from knowngood.run import host
    from knowngood.run.engine import RunRequest

    project = Project.open(asked or named, state_dir=state_dir, signatures=signatures)
    matrix = project.matrix
    if deal is not None and shard is None:
        raise UsageError("--deal tells which combos a shard has", next_step="say which shard: --shard 1/2 --deal ...")
    selected = choose(matrix.combos, only=only)
    combos = divide(selected, Shard.parse(shard), deal) if shard else selected
    here = {combo.id for combo in combos}
    if accept and combos != matrix.combos:
        raise UsageError(
            "only a run of all combos can be the baseline",
            next_step="leave out --accept, or else --only and --shard",
        )
    before = _standing(against, project)
    request = RunRequest(
        project=project,
        combos=combos,
        elsewhere=tuple(combo for combo in selected if combo.id not in here),
        machine=host.here(outside, jobs),
        command=f"knowngood run {shlex.quote(asked or named or str(matrix.path))}",
        shard=shard or "",
        keep=keep,
        fresh=fresh,
        fresh_probes=fresh_probes,
        optimizations=frozenset() if "all" in left_out else ALL - set(map(Optimization, left_out)),
    )
    started = time.monotonic()
    judged = _carry_out(request, progress)
    folder = project.runs.new(judged.run.info.id)
    changes = baseline.changes(before, baseline.side(judged), matrix)[0] if before else ()
    surprise = baseline.surprise(changes, judged)
    refusal = baseline.refusal(judged, matrix) or (
        None if accept or not surprise else f"{surprise} (--accept takes it)"
    )
    publishes = refusal is None and (accept or report_dir is None)
    reports = report_dir or (baseline.published(matrix) if publishes else folder.folder / "report")
    if publishes:
        baseline.accept(judged, matrix, changes, run_folder=folder.folder)
    if reports != baseline.published(matrix):
        baseline.write(judged, reports, changes, run_folder=folder.folder)
    show(judged, folder.folder, outside, elapsed=time.monotonic() - started)
    if before is not None:
        click.echo("\n" + diff_report.render(changes, baseline_name=before.name, width=width()), nl=False)
    click.echo(
        f"\nreport  {near(reports / 'index.html')}, {near(reports / 'matrix.md')}, {near(reports / 'matrix.json')}"
    )
    if keep:
        click.echo(f"kept    the environments, {near(folder.folder / 'combos')}/ID/env")
    if judged.run.interrupted and any(facts.finished for facts in judged.run.combos):
        click.echo("Run the same again within a day: it goes on with what was not finished.")
    if refusal is not None and (accept or report_dir is None):
        click.echo(f"The published report was left as it is: {refusal}.")
    sys.exit(exit_code(judged))


def _standing(against: str | None, project: "Project") -> "Side | None":
    """Return what a run is compared with; unless asked for, nothing that cannot be read stands in its way."""
    from knowngood.project import baseline

    if against is None and not (baseline.published(project.matrix) / "matrix.json").is_file():
        return None
    try:
        return baseline.find(against, project)
    except UsageError as error:
        if against is not None:
            raise
        tell(error)
        return None


def _carry_out(request: "RunRequest", progress: Any) -> "JudgedRun":
    """Run a request with the live terminal as its sink, stopped by signals, and judge what was recorded."""
    from rich.console import Console

    from knowngood.cli.live import display
    from knowngood.cli.signals import stopped_by_signals
    from knowngood.judge.known import day_of
    from knowngood.judge.verdict import judge_combo
    from knowngood.run.engine import execute
    from knowngood.run.stop import Stop

    def judge_finished(facts: "ComboFacts", info: "RunInfo") -> "tuple[Cell, ...]":
        return judge_combo(facts, request.project.rules, day=day_of(info))

    shown = display.choose(
        progress,
        console=Console(stderr=True),
        is_tty=sys.stderr.isatty(),
        judge=judge_finished,
        past=request.project.runs.past_seconds(),
        runs=request.project.runs.folder,
    )
    stop = Stop()
    with shown, stopped_by_signals(stop):
        run = execute(request, [shown], stop=stop)
    return request.project.judge(run)
