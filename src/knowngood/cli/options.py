"""Declare the options that several verbs share."""

import shlex
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood.cli import complete
from knowngood.errors import UsageError

if TYPE_CHECKING:
    from knowngood.declare.combo_selection import Shard
    from knowngood.model import Isolation

PATH = click.Path(path_type=Path)

matrix_option = click.option(
    "--matrix", metavar="NAME", shell_complete=complete.matrices, help="A matrix file, or the name of one in matrices/."
)
state_option = click.option(
    "--state-dir",
    type=PATH,
    metavar="FOLDER",
    envvar="KNOWNGOOD_STATE_DIR",
    help="Folder in which runs are kept.  [default: PROJECT/.knowngood]",
)
signatures_option = click.option(
    "--signatures",
    type=PATH,
    metavar="FILE",
    help="Known breakages of your own, for the diagnosis.  [default: PROJECT/signatures.toml, if there is one]",
)
run_option = click.option(
    "--run",
    metavar="RUN",
    shell_complete=complete.runs,
    help="Run to read: the start of its id, its folder, or its events.jsonl.  [default: newest]",
)
offline_option = click.option(
    "--offline", is_flag=True, help="Use only what is on this machine: folders of wheels, and uv's cache."
)
isolation_option = click.option(
    "--isolation",
    type=click.Choice(["auto", "sandbox", "none"]),
    metavar="HOW",
    help="Whether probes and builds run in a sandbox: auto, sandbox or none.  [default: as the matrix says]",
)


def isolation_from(value: str | None) -> "Isolation | None":
    """Return what ``--isolation`` says; None when it is not given."""
    from knowngood.model import Isolation

    return Isolation(value) if value is not None else None


jobs_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many combos are built and probed at once.  [default: by cores and memory]",
)
only_option = click.option(
    "--only",
    metavar="ID",
    multiple=True,
    shell_complete=complete.combos,
    help="Only this combo, or those that match a glob: 'legacy*'. Repeatable.",
)
shard_option = click.option(
    "--shard", metavar="K/N", help="Only the K-th of N parts of the combos, as one of N machines."
)


def _parse_cover(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Return how many values ``--cover`` combines. Raises ``UsageError``."""
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and 2 <= int(value[:9]) <= MOST_COVERED):
        raise UsageError(
            f"invalid --cover {value[:40]!r}",
            cause=f"it is the number of values that are combined, from 2 to {MOST_COVERED}",
            next_step="write --cover 2 to test every pair of values of a grid, or --cover 3 for every three",
        )
    return int(value)


MOST_COVERED = 6
"""The most values that ``--cover`` combines: a longer interaction is not seen in practice, and costs many combos."""
cover_option = click.option(
    "--cover",
    metavar="N",
    callback=_parse_cover,
    help="Run only as many combos of each grid as are needed to have every N values together: 2 for pairs.",
)


def detail_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``detail``: how much it prints."""
    from knowngood.cli.output import Detail

    @click.option("--quiet", "-q", is_flag=True, help="Print only the summary.")
    @click.option("--verbose", "-v", is_flag=True, help="Print every row, and each failure separately.")
    @click.option("--failed", is_flag=True, help="Omit from the table what passed.")
    @wraps(verb)
    def command(*args: Any, quiet: bool, verbose: bool, failed: bool, **options: Any) -> None:
        verb(*args, detail=Detail(quiet=quiet, verbose=verbose, failed=failed), **options)

    return command


def format_option(*choices: str, help_: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a verb take ``format_``, one of ``choices``; the first is the default."""
    return click.option(
        "--format", "format_", type=click.Choice(choices), default=choices[0], show_default=True, help=help_
    )


def repeated(state_dir: Path | None, signatures: Path | None) -> str:
    """Return the options with which another command finds the same runs and judges them alike; a space in front."""
    from knowngood.project.files import near

    given = {"--state-dir": state_dir, "--signatures": signatures}
    return "".join(f" {option} {shlex.quote(near(path))}" for option, path in given.items() if path is not None)


def parse_duration(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, float] | None:
    """Return the text and the seconds of a duration: ``90s``, ``15m`` or ``1.5h``. Raises ``UsageError``."""
    from knowngood.declare.problems import WrongValueError
    from knowngood.declare.values import seconds

    try:
        return (value, seconds(value)) if value is not None else None
    except WrongValueError as error:
        name = option.opts[0]
        raise UsageError(
            f"{name}: {error.what}", next_step=f"write a number and its unit: {name} 90s, 15m or 1.5h"
        ) from None


def parse_size(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Return the bytes of a size of the disk: ``500m`` or ``2g``. Raises ``UsageError``."""
    from knowngood.declare.problems import WrongValueError
    from knowngood.declare.values import size

    try:
        return size(value, "the disk") if value is not None else None
    except WrongValueError as error:
        raise UsageError(f"{option.opts[0]}: {error.what}", next_step=f"write {option.opts[0]} 500m or 2g") from None


def takes_matrix(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``matrix``, as an argument or as the option ``--matrix``."""

    @click.argument("matrix_arguments", metavar="[MATRIX]", nargs=-1, shell_complete=complete.matrices)
    @click.option(
        "--matrix", "matrix_option", metavar="NAME", shell_complete=complete.matrices, help="The same as MATRIX."
    )
    @wraps(verb)
    def command(*args: Any, matrix_arguments: tuple[str, ...], matrix_option: str | None, **options: Any) -> None:
        if len(matrix_arguments) > 1:
            name = click.get_current_context().info_name
            raise UsageError(
                f"{name} takes one matrix, not {len(matrix_arguments)}",
                next_step="; ".join(f"knowngood {name} {shlex.quote(matrix)}" for matrix in matrix_arguments),
            )
        verb(*args, matrix=next(iter(matrix_arguments), matrix_option), **options)

    return command


def parse_shard(text: str | None) -> "Shard | None":
    """Return the shard that ``--shard`` names. Raises ``UsageError`` when it is invalid."""
    from knowngood.declare.combo_selection import Shard

    return Shard.parse(text) if text else None
