"""Declare the options that several verbs share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from knowngood.declare.select import Shard

PATH = click.Path(path_type=Path)

matrix_option = click.option("--matrix", metavar="NAME", help="A matrix file, or the name of one in matrices/.")
state_option = click.option(
    "--state-dir",
    type=PATH,
    envvar="KNOWNGOOD_STATE_DIR",
    help="Folder in which runs are kept.  [default: PROJECT/.knowngood]",
)
signatures_option = click.option(
    "--signatures", type=PATH, help="File of known breakages.  [default: PROJECT/signatures.toml, if there is one]"
)
run_option = click.option(
    "--run", metavar="RUN", help="Run to read: a run id prefix, an event log, or its folder.  [default: newest]"
)
jobs_option = click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), help="Combos at a time.  [default: by cores and memory]"
)
only_option = click.option(
    "--only", metavar="ID", multiple=True, help="Only this combo, or those that match a glob: 'legacy*'. Repeatable."
)
shard_option = click.option("--shard", metavar="K/N", help="Only the K-th of N parts of the selection.")


def takes_matrix(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``matrix``, as an argument or as the option ``--matrix``."""

    @click.argument("matrix_argument", metavar="[MATRIX]", required=False)
    @click.option("--matrix", "matrix_option", metavar="NAME", help="The same as MATRIX.")
    @wraps(verb)
    def command(*args: Any, matrix_argument: str | None, matrix_option: str | None, **options: Any) -> None:
        verb(*args, matrix=matrix_argument or matrix_option, **options)

    return command


def parse_shard(text: str | None) -> "Shard | None":
    """Return the shard that ``--shard`` names. Raises ``UsageError`` when it is invalid."""
    from knowngood.declare.select import Shard

    return Shard.parse(text) if text else None
