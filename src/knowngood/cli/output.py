"""Prints a judged run on the terminal: the recap, then the table."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import width
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import JudgedRun


def show(judged: "JudgedRun", folder: Path, outside: Mapping[str, str], elapsed: float | None = None) -> None:
    """Print the recap and then the table; ``outside`` is the environment of the harness."""
    from knowngood.report import recap, table

    # Prose has a width to be read at; a table takes all there is, and in a file or pipe what it needs.
    bounded = sys.stdout.isatty() or "COLUMNS" in outside
    columns = shutil.get_terminal_size().columns if bounded else None
    click.echo("\n" + recap.render(judged, run_folder=near(folder), elapsed=elapsed, width=width()))
    click.echo(table.render(judged, width=columns), nl=False)
