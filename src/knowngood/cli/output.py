"""Print errors, comparisons and judged runs on the terminal."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.errors import KnowngoodError, MatrixFileError, UsageError
from knowngood.project import files
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import JudgedRun
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


def print_run(judged: "JudgedRun", folder: Path, environ: Mapping[str, str], *, elapsed: float | None = None) -> None:
    """Print the recap of a run and then its table; ``folder`` is that of the run, ``elapsed`` is in seconds."""
    from knowngood.report import recap, table

    # Text stays narrow enough to read. A table takes the whole terminal, and in a file or pipe as much as it needs.
    bounded = sys.stdout.isatty() or "COLUMNS" in environ
    columns = shutil.get_terminal_size().columns if bounded else None
    click.echo("\n" + recap.render(judged, run_folder=near(folder), elapsed=elapsed, width=width()))
    click.echo(table.render(judged, width=columns), nl=False)


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
