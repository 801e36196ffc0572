"""The verb ``report``: render recorded runs again, merged into one, in any format."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import (
    PATH,
    complete_runs,
    detail_options,
    matrix_option,
    repeated,
    signatures_option,
    state_option,
)
from knowngood.cli.output import find_baseline, print_missing, print_run, print_stale, print_sum, today, write_file
from knowngood.errors import ExitCode, KnowngoodError, UsageError
from knowngood.project.files import near
from knowngood.report.formats import FORMATS, FormatName, ReportContext

if TYPE_CHECKING:
    from knowngood.cli.output import Detail
    from knowngood.model import History, JudgedRun
    from knowngood.project.baseline import Comparison
    from knowngood.project.project import Project


@click.command(short_help="Render runs again, in any format.")
@click.argument("logs", metavar="[LOG]...", nargs=-1, shell_complete=complete_runs)
@matrix_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", *map(str, FORMATS), "all"]),
    default="table",
    show_default=True,
    help="A table for the terminal; a page or a document; JSON; test results; badges; a feed; texts for GitHub.",
)
@click.option("--output", "-o", type=PATH, help="File or folder to write to.  [default: the terminal]")
@click.option(
    "--baseline",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to compare with: the start of its id, or its path.  [default: the baseline of the matrix]",
)
@click.option("--url", default="", metavar="URL", help="Page of this run, for the issue to link to.")
@click.option("--gate", is_flag=True, help="Exit as `knowngood run` would: 1 if something is not as expected.")
@detail_options
@signatures_option
@state_option
@click.pass_obj
def report(
    environ: Mapping[str, str],
    logs: tuple[str, ...],
    matrix: str | None,
    format_: str,
    output: Path | None,
    baseline: str | None,
    url: str,
    gate: bool,
    detail: "Detail",
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Render a run again, by default the newest of the matrix, in any format.

    LOG names a run: the start of its id, its events.jsonl, a matrix.json, or a folder with event logs at any depth.
    Several logs, such as those of the machines that shared a matrix with --shard, become one report. Combos of a
    missing shard count as not run, and standard error names the shard.

    A run that is kept in a project is judged with the signatures.toml of that project.

    Exits 0 even when cells failed, so that CI can still publish the report. Use --gate to exit as `knowngood run`
    would: 1 for a cell that is not as expected, 3 for a missing shard.

    `--format all -o FOLDER` writes each format into its own file.
    """
    from knowngood.judge.verdict import exit_code
    from knowngood.project.project import Project

    if format_ == "all" and output is None:
        raise UsageError("--format all needs a folder to write to", next_step="name it: --format all -o FOLDER")
    if format_ == "table" and output is not None:
        raise UsageError("a table cannot be written to a file", next_step="choose another format, such as markdown")
    project = Project.of_run(next(iter(logs), None), matrix=matrix, state_dir=state_dir, signatures=signatures)
    runs = [recorded for log in logs for recorded in project.runs.find_all(log)] or [project.runs.find(None)]
    judged, folder = project.read_all(runs)
    print_missing(judged)
    if format_ == "table":
        print_run(judged, folder, environ, detail, repeated=repeated(state_dir, signatures))
        click.echo("\n" * (not detail.quiet), nl=False)
        print_sum(judged)
    else:
        names = tuple(FormatName) if format_ == "all" else (FormatName(format_),)
        compares = any(FORMATS[name].compares for name in names)
        comparison = _compared(project, judged, baseline) if compares else None
        context = ReportContext(
            judged=judged,
            changes=comparison.changes if comparison else (),
            baseline=comparison.baseline if comparison else "",
            url=url,
            searches=project.searched,
            history=_history(project, judged),
            beside=format_ == "all",
            today=today(),
        )
        _write(context, names, output)
    print_stale(judged, what=near(runs[0].folder) if len(runs) == 1 else "these runs")
    raise SystemExit(exit_code(judged) if gate else ExitCode.AS_EXPECTED)


def _compared(project: "Project", judged: "JudgedRun", baseline: str | None) -> "Comparison | None":
    """Return what the run changed; None where there is nothing to compare with and no baseline is named."""
    try:
        _ = project.matrix
    except KnowngoodError:  # the matrix file is not here, or it is broken
        if baseline is not None:
            raise
        return None
    before = find_baseline(project, baseline)
    return project.baseline.compare(judged, before) if before else None


def _history(project: "Project", judged: "JudgedRun") -> "History | None":
    """Return what was published of the matrix; None where its file is not here, or nothing was."""
    try:
        _ = project.matrix
    except KnowngoodError:
        return None
    return project.publication.history.with_run(judged)


def _write(context: ReportContext, names: Sequence[FormatName], output: Path | None) -> None:
    """Write each format to its file in a folder, the only one to a file, or to the terminal."""
    if output is None:
        for name in names:
            click.echo(FORMATS[name].render(context), nl=False)
        return
    into_folder = len(names) > 1 or output.is_dir()
    targets = {name: output / FORMATS[name].file if into_folder else output for name in names}
    for name, path in targets.items():
        write_file(path, FORMATS[name].render(context), next_step="name another file or folder with --output")
    click.echo(f"report  {', '.join(near(path) for path in targets.values())}", err=True)
