"""The verb ``report``: which event logs are meant, what they come to together, and in which formats it is written."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH, signatures, state, tell
from knowngood.errors import ExitCode, KnowngoodError, UsageError
from knowngood.project.files import near
from knowngood.report.formats import FORMATS, FormatName, ReportContext

if TYPE_CHECKING:
    from knowngood.model import Change, JudgedRun, Run
    from knowngood.project.project import Project
    from knowngood.project.runs import RecordedRun

_COMPARING = frozenset({"all", *(name for name, one in FORMATS.items() if one.compares)})
"""Formats that report what changed since a baseline."""


@click.command()
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@click.option("--matrix", "named", metavar="NAME", help="The newest run of this matrix, when no LOG is given.")
@click.option(
    "--format", "formats", type=click.Choice(["table", *map(str, FORMATS), "all"]), default="table", show_default=True
)
@click.option("--output", "-o", "output", type=PATH, help="A file, or a folder, to write to.  [default: the terminal]")
@click.option(
    "--baseline", "against", metavar="RUN", help="What to tell changes against.  [default: the published report]"
)
@click.option("--url", default="", metavar="URL", help="Where this run can be looked at, for the issue.")
@click.option("--gate", is_flag=True, help="End with the exit code of the run: 1 when something is not as expected.")
@signatures
@state
@click.pass_obj
def report(
    outside: Mapping[str, str],
    logs: tuple[str, ...],
    named: str | None,
    formats: str,
    output: Path | None,
    against: str | None,
    url: str,
    gate: bool,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Render event logs once more, several of them as one run; without a LOG the newest run of the matrix.

    LOG is an events.jsonl, or a folder with event logs in it, at any depth. The shards of one matrix are merged: what a
    missing shard would have run counts as not run, and standard error says which shard that is.

    Rendering ends with 0, whatever became of the cells, so that a report is written of a failure, too. With --gate it
    ends as `knowngood run` would have: a job that merges shards fails for what is not as expected (1), and for a shard
    that is missing (3).

    `--format all -o FOLDER` writes every format into its own file.
    """
    from knowngood.cli.output import show
    from knowngood.judge.exit_code import exit_code
    from knowngood.judge.merge import missing
    from knowngood.project.project import Project

    if formats == "all" and output is None:
        raise UsageError("--format all needs a folder to write to", next_step="name it: --format all -o FOLDER")
    if formats == "table" and output is not None:
        raise UsageError("the table is for the terminal", next_step="name a format that is a file, such as markdown")
    project = Project.of_run(next(iter(logs), None), matrix=named, state_dir=state_dir, signatures=signatures)
    runs = [recorded for log in logs for recorded in project.runs.find_all(log)] or [project.runs.find(None)]
    run, folder = _merged(runs)
    judged = project.judge(run)
    if lacking := missing(run):
        shards = f"{'shard' if len(lacking) == 1 else 'shards'} {', '.join(lacking)}"
        click.echo(f"missing: {shards}; {len(run.elsewhere)} combos were not run", err=True)
    if formats == "table":
        show(judged, folder, outside)
    else:
        changes, baseline = _changes(judged, project, against) if formats in _COMPARING else ((), "")
        context = ReportContext(judged=judged, changes=changes, baseline=baseline, url=url)
        _write(context, tuple(FormatName) if formats == "all" else (FormatName(formats),), output)
    raise SystemExit(exit_code(judged) if gate else ExitCode.AS_EXPECTED)


def _merged(runs: "Sequence[RecordedRun]") -> "tuple[Run, Path]":
    """Return the one run that the logs record together, and the folder that its own logs are below."""
    from knowngood.judge.merge import below, merge

    logs = {recorded.log.absolute(): recorded for recorded in runs}
    common = Path(os.path.commonpath([log.parent for log in logs]))
    places = [log.parent.relative_to(common).as_posix() for log in logs]
    read = [recorded.read() for recorded in logs.values()]
    return merge([run if place == "." else below(run, place) for run, place in zip(read, places, strict=True)]), common


def _changes(judged: "JudgedRun", project: "Project", against: str | None) -> "tuple[tuple[Change, ...], str]":
    """Return what the run changed, and against which baseline; without one that was named, nothing is no error."""
    from knowngood.project import baseline
    from knowngood.project.runs import REPORT

    try:
        file = baseline.published(project.matrix) / REPORT
    except KnowngoodError:  # the matrix file is not here, or it is broken
        if against is not None:
            raise
        return (), ""
    if against is None and not file.is_file():
        return (), ""
    try:
        before = baseline.find(against, project)
        return baseline.changes(before, baseline.side(judged), project.matrix)[0], before.name
    except UsageError as error:
        if against is not None:
            raise
        tell(error)
        return (), ""


def _write(context: ReportContext, names: Sequence[FormatName], output: Path | None) -> None:
    """Write one format, or all of them, each as a whole or not at all."""
    from knowngood.project import files

    if output is None:
        for name in names:
            click.echo(FORMATS[name].render(context), nl=False)
        return
    into_folder = len(names) > 1 or output.is_dir()
    targets = {name: output / FORMATS[name].file if into_folder else output for name in names}
    for name, path in targets.items():
        try:
            files.write(path, FORMATS[name].render(context))
        except OSError as error:
            next_step = "name another file or folder with -o"
            raise UsageError(f"{near(path)} cannot be written", cause=str(error), next_step=next_step) from error
    click.echo(f"report  {', '.join(near(path) for path in targets.values())}", err=True)
