"""Print what came out of a run, write its report, and publish and accept it as far as the user asks for that."""

from dataclasses import replace
from pathlib import Path

import click

from knowngood.cli.matrices import name_of
from knowngood.cli.output import print_comparison, print_error, print_run
from knowngood.cli.running import Outcome
from knowngood.errors import ExitCode, KnowngoodError, UsageError, some
from knowngood.judge.exit_code import exit_code
from knowngood.project.files import near
from knowngood.project.publication import blocker, write_report
from knowngood.report.formats import ReportContext


def finish(outcome: Outcome) -> ExitCode:
    """Print, write and publish what came out of a run; return its exit code."""
    judged, options = outcome.judged, outcome.matrix_run.options
    folder = outcome.matrix_run.project.runs.new(judged.run.info.id).folder
    changes = outcome.comparison.changes if outcome.comparison else ()
    context = ReportContext(judged=judged, changes=changes)
    print_run(judged, folder, options.environ, elapsed=outcome.elapsed)
    if outcome.comparison:
        click.echo()
        print_comparison(outcome.comparison)
    _write_report(context, folder, options.report_dir or folder / "report")
    if options.keep:
        click.echo(f"kept    the environments, {near(folder / 'combos')}/ID/env")
    if not options.accept and options.baseline is None:
        _print_how_to_accept(outcome)
    published = _publish(outcome, context, folder)
    return exit_code(judged) or (ExitCode.AS_EXPECTED if published else ExitCode.USAGE)


def _write_report(context: ReportContext, folder: Path, report: Path) -> None:
    """Write the report of the run in ``folder`` into ``report``, and print where it is."""
    try:
        write_report(context, report, locks=[folder])
    except OSError as error:
        next_step = f"render it again with `knowngood report {near(folder)} --format html`"
        print_error(UsageError(f"{near(report)} cannot be written", cause=str(error), next_step=next_step))
        return
    click.echo(f"\nreport  {', '.join(near(report / name) for name in ('index.html', 'matrix.md', 'matrix.json'))}")


def _print_how_to_accept(outcome: Outcome) -> None:
    """Print the command that makes a run the baseline, if it can be and there is a reason for it."""
    project, judged, comparison = outcome.matrix_run.project, outcome.judged, outcome.comparison
    if blocker(judged, project.matrix) is not None:
        return
    command = f"knowngood run {name_of(project)} --accept"
    if comparison is None:
        click.echo(f"There is no baseline yet. To make this run the baseline: {command}")
    elif regressed := comparison.unexpected_regressions(judged):
        click.echo(f"Regressed unexpectedly: {some(regressed)}. To accept this run as the new baseline: {command}")


def _publish(outcome: Outcome, context: ReportContext, folder: Path) -> bool:
    """Publish and accept a run as far as the user asks for it; return whether all of that was done."""
    project, options = outcome.matrix_run.project, outcome.matrix_run.options
    try:
        if options.accept:
            click.echo(f"baseline   {near(project.baseline.accept(context.judged))}")
            # What is published is compared with the baseline beside it: publishing it again then changes nothing.
            if options.baseline is None:
                changes = project.baseline.compare(context.judged, project.baseline.find(None)).changes
                context = replace(context, changes=changes)
        if options.publish:
            click.echo(f"published  {near(project.publication.publish(context, locks=[folder]))}")
    except KnowngoodError as error:
        print_error(error)
        return False
    except OSError as error:
        print_error(
            UsageError("the run is not published, or not accepted", cause=str(error), next_step="make room, run again")
        )
        return False
    return True
