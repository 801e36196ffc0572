"""Let verbs run their combos on the workers of a cluster: the options, and what they lead to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce, wraps
from typing import TYPE_CHECKING, Any, Literal

import click

from knowngood.errors import UsageError

if TYPE_CHECKING:
    from knowngood.run.executors.interface import MakeExecutor


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
