"""Declare the options that several verbs share, and complete what a user types for them in a shell.

Click completes the verbs and their options itself. A completion never prints an error: where nothing can be read, there
is nothing to offer.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from knowngood.errors import UsageError

if TYPE_CHECKING:
    from knowngood.declare.combo_selection import Shard
    from knowngood.model import Isolation
    from knowngood.project.project import Project
    from knowngood.run.executors.interface import MakeExecutor


MOST = 200
"""The most completions that are offered: of more, nobody reads one."""


def complete_matrices(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the matrices in ``matrices/``, or else files."""
    items = _fitting(incomplete, ((name, "") for name in _declared()))
    return items or [CompletionItem(incomplete, type="file")]


def complete_combos(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the combos of the matrix that the command line names, or of the only one, with their titles."""
    found = ((combo.id, combo.title) for project in _projects(context) for combo in project.matrix.combos)
    return _fitting(incomplete, found)


def complete_probes(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the probes of the matrix."""
    found = ((probe.id, "") for project in _projects(context) for probe in project.matrix.probes)
    return _fitting(incomplete, found)


def complete_runs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids of the runs of the matrix, newest first, or else files."""
    found = ((run.id, project.matrix.title) for project in _projects(context) for run in project.runs.newest())
    return _fitting(incomplete, found) or [CompletionItem(incomplete, type="file")]


def _projects(context: click.Context) -> "Iterator[Project]":
    """Yield the projects of the matrices that the words before name, or else of all in ``matrices/``."""
    from knowngood.project.project import Project

    given = context.params
    # Where the last word is an option that waits for its value, click leaves the words before it unparsed.
    words = [*(given.get("arguments") or given.get("matrix_arguments") or ()), *context.args]
    options = [name for name in (given.get("matrix"), given.get("matrix_option")) if name]
    known = _declared()
    named = options or [word for word in words if word in known or word.endswith(".toml")]
    for name in named or known:
        with suppress(Exception):
            yield Project.open(name, state_dir=given.get("state_dir"))


def _declared() -> "Mapping[str, Path]":
    from knowngood.project import project

    return project.matrices(Path.cwd())


def _fitting(incomplete: str, found: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    fitting: dict[str, str] = {}
    with suppress(Exception):
        fitting.update((value, help_) for value, help_ in found if value.startswith(incomplete))
    return [CompletionItem(value, help=help_ or None) for value, help_ in list(fitting.items())[:MOST]]


PATH = click.Path(path_type=Path)

matrix_option = click.option(
    "--matrix", metavar="NAME", shell_complete=complete_matrices, help="A matrix file, or the name of one in matrices/."
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
    shell_complete=complete_runs,
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
    shell_complete=complete_combos,
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

    @click.argument("matrix_arguments", metavar="[MATRIX]", nargs=-1, shell_complete=complete_matrices)
    @click.option(
        "--matrix", "matrix_option", metavar="NAME", shell_complete=complete_matrices, help="The same as MATRIX."
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Where combos are evaluated."""

    executor: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    """The address of a scheduler, or its file."""
    insecure: bool = False
    """Whether it may be one that anybody who reaches it can use."""

    def check(self, *refused: str) -> None:
        """Raise ``UsageError`` when the options do not go together; ``refused`` are given ones that need this machine.

        Nothing is connected for it.
        """
        if self.executor == "local":
            given = "--scheduler" if self.scheduler is not None else "--insecure" if self.insecure else ""
            if given:
                raise UsageError(f"{given} needs --executor dask", next_step="add --executor dask, or leave it out")
            return
        if self.scheduler is None:
            raise UsageError(
                "--executor dask needs a scheduler",
                next_step="add --scheduler ADDRESS, or the FILE of `dask scheduler --scheduler-file FILE`",
            )
        if refused:
            raise UsageError(
                f"{refused[0]} does not go with --executor dask",
                cause="each worker evaluates one combo at a time, and keeps no environment",
                next_step=f"leave {refused[0]} out, and start as many workers as combos are to run at a time",
            )

    @contextmanager
    def opened(self) -> "Iterator[MakeExecutor | None]":
        """Yield what makes executors for runs, connected to the scheduler; None: combos run on this machine.

        Raises ``UsageError`` or ``UndecidedError``.
        """
        if self.executor == "local":
            yield None
            return
        from knowngood.run.executors.dask import DaskCluster, scheduler_address

        assert self.scheduler is not None, "it was checked"
        with DaskCluster(scheduler_address(self.scheduler, insecure=self.insecure)) as cluster:
            yield cluster.executor


def where_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``where``, from the options about clusters."""

    @wraps(verb)
    def command(*args: Any, executor: Any, scheduler: str | None, insecure: bool, **options: Any) -> None:
        verb(*args, where=Where(executor=executor, scheduler=scheduler, insecure=insecure), **options)

    shared = (
        click.option(
            "--executor",
            type=click.Choice(["local", "dask"]),
            default="local",
            show_default=True,
            help="Where combos are built and probed: on this machine, or on the workers of a Dask cluster.",
        ),
        click.option("--scheduler", metavar="ADDRESS|FILE", help="The Dask scheduler: tls://HOST:PORT, or its file."),
        click.option("--insecure", is_flag=True, help="Use a scheduler that does not ask who uses it (tcp://)."),
    )
    return reduce(lambda function, option: option(function), reversed(shared), command)
