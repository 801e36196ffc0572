"""Print errors, comparisons and judged runs on the terminal."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.errors import KnowngoodError, MatrixFileError, UsageError
from knowngood.project import files
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import Cell, JudgedRun
    from knowngood.project.baseline import Comparison, Snapshots
    from knowngood.project.project import Project


def print_error(error: KnowngoodError) -> None:
    """Print what happened, its cause, and the next step on standard error."""
    from knowngood.report.text import plain as printable

    def plain(text: str) -> str:
        return printable(without_secrets(text))

    if not isinstance(error, MatrixFileError):
        click.echo(f"error: {plain(error.what)}", err=True)
    else:
        path = near(Path(error.path))
        click.echo(f"error: {plain(error.what.replace(error.path, path, 1))}", err=True)
        for problem in error.problems:
            place = f"{path}:{problem.line}" if problem.line else path
            fields = filter(None, (place, problem.where, problem.what))
            click.echo("  " + ": ".join(map(plain, fields)), err=True)
            if problem.hint:
                click.echo(f"    hint: {plain(problem.hint)}", err=True)
    if error.cause:
        click.echo(f"cause: {plain(error.cause)}", err=True)
    if error.next_step:
        click.echo(f"next: {plain(error.next_step)}", err=True)


def without_secrets(text: str) -> str:
    """Return ``text`` without passwords and tokens: what looks like one, or is in a variable that is named like one."""
    from knowngood.process.redaction import Redactor, secret_values

    context = click.get_current_context(silent=True)
    environ: Mapping[str, str] = (context.find_root().obj if context is not None else None) or {}
    return Redactor(secret_values(environ)).text(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """How much of a run is printed."""

    quiet: bool = False
    """Only the sum."""
    verbose: bool = False
    """Every row of the table, and every failure in full, whatever its cause."""
    failed: bool = False
    """Only the rows that did not pass."""

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise UsageError("both --quiet and --verbose are given", next_step="leave out one of them")


_MOST_ROWS = 200
"""Rows of the table that are printed of a large run; the report has all."""


def print_run(
    judged: "JudgedRun", folder: Path, environ: Mapping[str, str], detail: Detail, *, repeated: str = ""
) -> None:
    """Print the table of the run in ``folder``, and then its recap, which ends with what needs attention.

    What has to be read ends up at the bottom of the terminal. The sum comes after it, by ``print_sum``. ``repeated``
    are the options that a command needs to find the run again.
    """
    from knowngood.report import recap, table

    if detail.quiet:
        return
    # Text stays narrow enough to read. A table takes the whole terminal, and in a file or pipe as much as it needs.
    bounded = sys.stdout.isatty() or "COLUMNS" in environ
    columns = shutil.get_terminal_size().columns if bounded else None
    most = None if detail.verbose else _MOST_ROWS
    click.echo("\n" + table.render(judged, width=columns, most=most, only_failed=detail.failed, paint=_paint), nl=False)
    if text := recap.render(
        judged, run_folder=near(folder), options=repeated, width=width(), each=detail.verbose, paint=_paint
    ):
        click.echo("\n" + text, nl=False)


def print_sum(judged: "JudgedRun", *, elapsed: float | None = None) -> None:
    """Print the sum of a run, in the color of what it means; ``elapsed`` is in seconds."""
    from knowngood.report.summary import summary
    from knowngood.report.text import wrap

    expected = {cell.as_expected for cell in judged.cells}
    color = "red" if False in expected else "yellow" if None in expected else "green"
    for line in wrap(summary(judged, elapsed=elapsed), width(), most=4):
        click.secho(line, fg=color, bold=True)


def _paint(text: str, cell: "Cell") -> str:
    """Color the verdict of a cell; ``click.echo`` removes colors where they would not be shown.

    What nobody expected is bold, and what could not be decided is yellow.
    """
    from knowngood.model import Status

    if cell.as_expected is None:
        return click.style(text, fg="yellow")
    color = "green" if cell.verdict.status is Status.PASS and cell.as_expected else "red"
    if cell.as_expected and color == "red":
        return click.style(text, dim=True)
    return click.style(text, fg=color, bold=True if not cell.as_expected else None)


def today() -> date:
    """Return the day, in UTC, by which results are out of date."""
    return datetime.now(UTC).date()


def print_stale(judged: "JudgedRun", *, what: str) -> None:
    """Print on standard error that results are older than their matrix promises; nothing when they are not.

    ``what`` names them: a run or a published report.
    """
    from knowngood.report.summary import is_stale, promise
    from knowngood.report.text import plain

    if is_stale(judged, today()):
        command = f"knowngood run {judged.run.info.matrix} --fresh --publish"
        click.echo(
            f"stale   {plain(f'of the results in {what}, {promise(judged)}; run it again: {command}')}", err=True
        )


def print_missing(judged: "JudgedRun") -> None:
    """Print which shards of a merged run are missing on standard error; nothing when none is."""
    from knowngood.judge.merge import missing

    if shards := missing(judged.run):
        names = f"{'shard' if len(shards) == 1 else 'shards'} {', '.join(shards)}"
        click.echo(f"missing: {names}; {len(judged.run.elsewhere)} combos were not run", err=True)


def print_comparison(comparison: "Comparison") -> None:
    """Print what a run changed against a baseline."""
    from knowngood.report import diff

    click.echo(diff.render(comparison.changes, baseline_name=comparison.baseline, width=width()), nl=False)


def find_baseline(project: "Project", name: str | None) -> "Snapshots | None":
    """Return the baseline to compare with; None when none is named and there is none, or it cannot be read.

    Raises ``UsageError`` when the run that is named cannot be read.
    """
    if name is None and not project.baseline.file.is_file():
        return None
    try:
        return project.baseline.find(name)
    except UsageError as error:
        if name is not None:
            raise
        print_error(error)
        return None


def write_file(path: Path, text: str, *, next_step: str = "name another file with --output") -> None:
    """Write a file that the user named. Raises ``UsageError`` when it cannot be written."""
    try:
        files.write(path, text)
    except OSError as error:
        raise UsageError(f"{near(path)} cannot be written", cause=str(error), next_step=next_step) from error


def width(most: int = 120) -> int:
    """Return how many columns text may take on this terminal, at most ``most``: longer lines are hard to read."""
    return min(shutil.get_terminal_size((most, 24)).columns, most)
