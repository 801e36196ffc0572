"""What the verbs of the command line share: options, paths as a user would type them, the width of the terminal."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from knowngood.errors import KnowngoodError, MatrixFileError

PATH = click.Path(path_type=Path)

state = click.option(
    "--state-dir", type=PATH, envvar="KNOWNGOOD_STATE_DIR", help="Where runs are kept.  [default: PROJECT/.knowngood]"
)

signatures = click.option(
    "--signatures", type=PATH, help="Known breakages of your own.  [default: PROJECT/signatures.toml, if there is one]"
)


def _together(*options: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


only_selection = _together(
    click.argument("asked", metavar="[MATRIX]", required=False),
    click.option("--matrix", "named", metavar="NAME", help="The same as MATRIX."),
    click.option(
        "--only", metavar="ID", multiple=True, help="Only this combo, or all of a glob: 'legacy*'. Repeatable."
    ),
)
"""Which combos of which matrix."""

selection = _together(
    only_selection, click.option("--shard", metavar="K/N", help="Only the K-th of N parts of the selection.")
)
"""Which combos of which matrix, and which part of them."""


def tell(error: KnowngoodError) -> None:
    """Print what happened, its cause, and the next step."""
    from knowngood.report.text import plain

    click.echo(f"error: {plain(error.what)}", err=True)
    if isinstance(error, MatrixFileError):
        for problem in error.problems:
            place = f"{error.path}:{problem.line}" if problem.line else error.path
            fields = filter(None, (place, problem.where, problem.what))
            click.echo("  " + ": ".join(map(plain, fields)), err=True)
            if problem.hint:
                click.echo(f"    hint: {plain(problem.hint)}", err=True)
    if error.cause:
        click.echo(f"cause: {plain(error.cause)}", err=True)
    if error.next_step:
        click.echo(f"next: {plain(error.next_step)}", err=True)


def width(most: int = 120) -> int:
    """Return the columns that prose may take on this terminal: at most ``most``, as longer lines are hard to read."""
    return min(shutil.get_terminal_size((most, 24)).columns, most)
