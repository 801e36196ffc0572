"""What the verbs of the command line share: options, paths as a user would type them, the width of the terminal."""

import shutil
from pathlib import Path

import click

PATH = click.Path(path_type=Path)

state = click.option(
    "--state-dir", type=PATH, envvar="KNOWNGOOD_STATE_DIR", help="Where runs are kept.  [default: PROJECT/.knowngood]"
)

signatures = click.option(
    "--signatures", type=PATH, help="Known breakages of your own.  [default: PROJECT/signatures.toml, if there is one]"
)


def near(path: Path) -> str:
    """Return ``path`` as a user would type it here."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def width(most: int = 120) -> int:
    """Return the columns that prose may take on this terminal: at most ``most``, as longer lines are hard to read."""
    return min(shutil.get_terminal_size((most, 24)).columns, most)
