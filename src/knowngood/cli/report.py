"""The verb ``report``: which event logs are meant, what they come to together, and in which formats it is written."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH, near, signatures, state, tell
from knowngood.errors import ExitCode, KnowngoodError, UsageError
from knowngood.report.formats import FORMATS, FormatName, ReportContext

if TYPE_CHECKING:
    from knowngood.judge.rules import Rules
    from knowngood.model import Change, JudgedRun, Matrix, Run

_LOG = "events.jsonl"
_COMPARING = frozenset({"all", *(name for name, one in FORMATS.items() if one.compares)})
"""Formats that report what changed since a baseline."""


@click.command()
@click.argument("logs", metavar="[LOG]...", nargs=-1, type=click.Path(exists=True, path_type=Path))
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
    logs: tuple[Path, ...],
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
    from knowngood.judge.verdict import judge
    from knowngood.project import project as files

    if formats == "all" and output is None:
        raise UsageError("--format all needs a folder to write to", next_step="name it: --format all -o FOLDER")
    if formats == "table" and output is not None:
        raise UsageError("the table is for the terminal", next_step="name a format that is a file, such as markdown")
    rules = files.rules(Path.cwd(), signatures)
    run, folder = _merged(tuple(_logs(logs)) or (_newest(named, state_dir),))
    judged = judge(run, rules)
    if lacking := missing(run):
        shards = f"{'shard' if len(lacking) == 1 else 'shards'} {', '.join(lacking)}"
        click.echo(f"missing: {shards}; {len(run.elsewhere)} combos were not run", err=True)
    if formats == "table":
        show(judged, folder, outside)
    else:
        changes, baseline = _changes(judged, named, against, rules, state_dir) if formats in _COMPARING else ((), "")
        context = ReportContext(judged=judged, changes=changes, baseline=baseline, url=url)
        _write(context, tuple(FormatName) if formats == "all" else (FormatName(formats),), output)
    raise SystemExit(exit_code(judged) if gate else ExitCode.AS_EXPECTED)


def _logs(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = [path] if path.is_file() else list(_below(path))
        if not found:
            raise UsageError(
                f"{near(path)} holds no event log",
                cause=f"there is no {_LOG} in it, at any depth",
                next_step="name one",
            )
        yield from found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the event logs in a folder; what a run keeps beside its log, such as environments, is not looked into."""
    log = folder / _LOG
    if log.is_file():
        yield log
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink():
            yield from _below(child)


def _newest(named: str | None, state_dir: Path | None) -> Path:
    from knowngood.project import project as files

    matrix = files.load_matrix(files.find_matrix(named, Path.cwd()))
    newest = next(files.store(matrix, state_dir).newest(), None)
    if newest is None:
        raise UsageError(f"no run of {matrix.id} is kept", next_step="run the matrix first, or name an event log")
    return newest.log


def _merged(logs: Sequence[Path]) -> "tuple[Run, Path]":
    """Return the run that the logs tell of together, and the folder that its own logs are below."""
    from knowngood.judge.merge import below, merge

    folders = [log.absolute().parent for log in dict.fromkeys(logs)]
    common = Path(os.path.commonpath(folders))
    runs = [_read(log) for log in dict.fromkeys(logs)]
    places = [folder.relative_to(common).as_posix() for folder in folders]
    moved = [run if place == "." else below(run, place) for run, place in zip(runs, places, strict=True)]
    return merge(moved), common


def _read(log: Path) -> "Run":
    from knowngood.project.runs import read

    next_step = f"name an {_LOG} of knowngood run"
    try:
        recorded = read(log)
    except OSError as error:
        raise UsageError(f"{near(log)} cannot be read", cause=str(error), next_step=next_step) from error
    if recorded is None:
        raise UsageError(f"{near(log)} is not the event log of a run", next_step=next_step)
    return recorded


def _changes(
    judged: "JudgedRun",
    named: str | None,
    against: str | None,
    rules: "Rules",
    state_dir: Path | None,
) -> "tuple[tuple[Change, ...], str]":
    """Return what the run changed, and against what; unless asked for, no baseline is nothing to complain about."""
    from knowngood.judge.verdict import judge
    from knowngood.project import baseline
    from knowngood.project import project as files

    matrix = _matrix(judged, named)
    if against is None and (matrix is None or not (baseline.published(matrix) / "matrix.json").is_file()):
        return (), ""
    if matrix is None:
        raise UsageError(
            f"the matrix of this run is not here: {judged.run.info.matrix}",
            cause="which combos are gone, and which were only not selected, its file tells",
            next_step="name its file with --matrix",
        )
    try:
        store = files.store(matrix, state_dir)
        before = baseline.find(against, matrix, store, judge=partial(judge, rules=rules))
    except UsageError as error:
        if against is not None:
            raise
        tell(error)
        return (), ""
    return baseline.changes(before, baseline.side(judged), matrix)[0], before.name


def _matrix(judged: "JudgedRun", named: str | None) -> "Matrix | None":
    """Return the matrix that the run is of; None when its file is not here, or is broken."""
    from knowngood.project import project as files

    for asked in filter(None, (named, judged.run.info.matrix)):
        try:
            matrix = files.load_matrix(files.find_matrix(asked, Path.cwd()))
        except KnowngoodError:
            continue
        if matrix.id == judged.run.info.matrix:
            return matrix
    return None


def _write(context: ReportContext, names: Sequence[FormatName], output: Path | None) -> None:
    """Write one format, or all of them, each as a whole or not at all."""
    from knowngood.project import project as files

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
