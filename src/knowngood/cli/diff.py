"""The verb ``diff``: compare a run with the baseline, and fail when something regressed."""

import sys
from pathlib import Path

import click

from knowngood.cli.options import complete_runs, format_option, signatures_option, state_option, takes_matrix


@click.command(short_help="Compare a run with the baseline.")
@takes_matrix
@click.option(
    "--baseline",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to compare with: the start of its id, or its path.  [default: the baseline of the matrix]",
)
@click.option(
    "--run",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run that is compared: the start of its id, or its path.  [default: newest]",
)
@format_option("text", "markdown", "json")
@signatures_option
@state_option
def diff(
    matrix: str | None,
    baseline: str | None,
    run: str | None,
    format_: str,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Compare a run with a baseline: what regressed, which packages changed, what was fixed.

    RUN is the start of an id, an events.jsonl, a matrix.json, or a folder that holds one of them. The baseline of a
    matrix is reports/MATRIX/baseline.json, which `run --accept` and `publish --accept` write.

    Exits 1 when something regressed, 3 when it is unclear whether something did, and 0 otherwise.
    """
    from knowngood.cli.output import print_comparison
    from knowngood.judge.changes import exit_code
    from knowngood.project.project import Project
    from knowngood.report import diff as report

    project = Project.open(matrix, state_dir=state_dir, signatures=signatures)
    before = project.baseline.find(baseline)
    comparison = project.baseline.compare(project.baseline.find_current(run), before)
    match format_:
        case "markdown":
            click.echo(report.render_markdown(comparison.changes, baseline_name=comparison.baseline), nl=False)
        case "json":
            click.echo(report.render_json(comparison.changes, baseline_name=comparison.baseline), nl=False)
        case _:
            print_comparison(comparison)
            if comparison.left_out:
                click.echo(f"\n{comparison.left_out} baseline cells were not part of this run.")
    sys.exit(exit_code(comparison.changes))
