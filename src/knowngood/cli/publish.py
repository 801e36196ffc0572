"""The verb ``publish``: write the report of a complete run into ``reports/``, and accept the run as the baseline."""

from pathlib import Path

import click

from knowngood.cli.options import complete_runs, matrix_option, signatures_option, state_option
from knowngood.cli.output import find_baseline, print_missing, print_stale, today
from knowngood.project.files import near


@click.command(short_help="Publish the report of a complete run.")
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=complete_runs)
@matrix_option
@click.option("--accept", is_flag=True, help="Also make the run the baseline.")
@click.option(
    "--baseline",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to compare with: the start of its id, or its path.  [default: the baseline of the matrix]",
)
@signatures_option
@state_option
def publish(
    runs: tuple[str, ...],
    matrix: str | None,
    accept: bool,
    baseline: str | None,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Publish the report of RUN in reports/MATRIX, by default of the newest complete run.

    RUN is the start of an id, an events.jsonl, or a folder with event logs at any depth; shards of a matrix become one
    report. The run must be complete: every combo of the matrix was decided, passed or failed.

    Publishing the same verdicts and versions again changes only the day.
    """
    from knowngood.project.project import Project
    from knowngood.report.formats import ReportContext

    project = Project.of_run(next(iter(runs), None), matrix=matrix, state_dir=state_dir, signatures=signatures)
    recorded = [found for run in runs for found in project.runs.find_all(run)] or [project.publication.latest()]
    folders = [found.log.parent for found in recorded]
    judged, _ = project.read_all(recorded)
    print_missing(judged)
    # First, because what is published is compared with the baseline beside it: publishing it again changes nothing.
    if accept:
        click.echo(f"baseline   {near(project.baseline.accept(judged))}")
    before = find_baseline(project, baseline)
    changes = project.baseline.compare(judged, before).changes if before else ()
    context = ReportContext(judged=judged, changes=changes, searches=project.searched, today=today())
    click.echo(f"published  {near(project.publication.publish(context, locks=folders))}")
    print_stale(judged, what=near(project.publication.folder))
