"""What the verbs that search have in common: their options, the combo they are about, and what they print meanwhile."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood.cli.matrices import note_unset
from knowngood.cli.options import (
    Where,
    isolation_from,
    isolation_option,
    jobs_option,
    matrix_option,
    offline_option,
    parse_duration,
    signatures_option,
    state_option,
    where_options,
)
from knowngood.cli.output import width
from knowngood.errors import ExitCode, UsageError, some

if TYPE_CHECKING:
    from knowngood.model import Combo, Searched
    from knowngood.project.project import Project
    from knowngood.run.request import RunRequest
    from knowngood.run.stop import Stop
    from knowngood.search.ask import Oracle, Watch
    from knowngood.search.budget import Budget


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """The options of every search."""

    environ: Mapping[str, str]
    matrix: str | None
    seconds: float | None
    """The budget; None: no limit."""
    cells: int | None
    jobs: int | None
    offline: bool
    isolation: str | None
    signatures: Path | None
    state_dir: Path | None
    where: Where


def search_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``search``, the options that every search has."""

    @wraps(verb)
    @click.pass_obj
    def command(environ: Mapping[str, str], /, **options: Any) -> None:
        budget: tuple[str, float] | None = options.pop("budget")
        own = {
            name: options.pop(name)
            for name in ("matrix", "cells", "jobs", "offline", "isolation", "signatures", "state_dir", "where")
        }
        verb(search=SearchOptions(environ=environ, seconds=budget[1] if budget else None, **own), **options)

    shared = (
        matrix_option,
        click.option(
            "--budget", callback=parse_duration, metavar="TIME", help="Stop searching after 90s, 15m or 1.5h."
        ),
        click.option("--cells", type=click.IntRange(1), help="Run at most this many candidates."),
        jobs_option,
        where_options,
        offline_option,
        isolation_option,
        signatures_option,
        state_option,
    )
    return reduce(lambda function, option: option(function), reversed(shared), command)


@dataclass(frozen=True, kw_only=True, slots=True)
class Searching:
    """A search that can begin."""

    project: "Project"
    combos: "tuple[Combo, ...]"
    request: "RunRequest"
    stop: "Stop"
    budget: "Budget"
    """What the searches about all combos may spend together."""

    @contextmanager
    def oracle(self, verb: str, combo: "Combo") -> "Iterator[Oracle]":
        """Yield the oracle about a combo."""
        from knowngood.search.session import opened

        with (
            watching() as watch,
            opened(self.request, combo, verb, budget=self.budget, stop=self.stop, watch=watch) as oracle,
        ):
            yield oracle

    def keep(self, searched: "Searched") -> None:
        """Keep what the search found, for the reports of the matrix; a full disk does not end it."""
        from knowngood.search.session import keep

        keep(self.project, searched)

    @property
    def code(self) -> ExitCode | None:
        """The exit code when the user stopped the search; None when nobody did."""
        from knowngood.judge.verdict import stopped_by

        return stopped_by(self.stop.reason) if self.stop.reason is not None else None


def print_as(format_: str, **formats: Callable[[], str]) -> None:
    """Print a result in one of the formats that it has."""
    click.echo(formats[format_](), nl=False)


def check_demands(demands: Sequence[str]) -> None:
    """Raise ``UsageError`` for a ``--to`` that is not a requirement, or has a marker."""
    from knowngood import packages

    for text in demands:
        parsed = packages.requirement(text)
        if parsed is None:
            raise UsageError(f"invalid requirement {text!r}", next_step="write it as --to 'numpy>=2'")
        if parsed.marker is not None:
            raise UsageError(
                f"--to {text!r} has a marker",
                cause="the requirement applies to the Python of the combo",
                next_step=f"write --to {text.partition(';')[0].strip()!r}",
            )
    names = [name for text in demands for name in packages.names([text])]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"several --to name {twice}", next_step=f"write one for all of them: --to '{twice}>=1,<2'")


@contextmanager
def searching(options: SearchOptions, combos: Sequence[str], *, single: bool = False) -> Iterator[Searching]:
    """Yield a search about the combos that a user names, which signals stop. Without names: about all combos.

    With ``single`` it has to be one combo. Raises ``UsageError``, ``NothingSelectedError`` or ``MatrixFileError``.
    """
    from knowngood.cli.streams import stopped_by_signals
    from knowngood.declare.combo_selection import select
    from knowngood.project.project import Project
    from knowngood.run import host, selection
    from knowngood.run.request import RunRequest
    from knowngood.run.stop import Stop
    from knowngood.search.budget import Budget

    project = Project.open(options.matrix, state_dir=options.state_dir, signatures=options.signatures)
    machine = host.here(options.environ, options.jobs)
    project = selection.select(project, machine, offline=options.offline)
    chosen = select(project.matrix.combos, tuple(combos))
    if single and len(chosen) != 1:
        ids = [combo.id for combo in chosen]
        raise UsageError(
            f"{combos[0]!r} matches {len(chosen)} combos", cause=some(ids), next_step=f"name one of them: {ids[0]}"
        )
    note_unset([project], options.environ)
    options.where.check(*(["--jobs"] if options.jobs else []))
    stop, budget = Stop(), Budget(seconds=options.seconds, cells=options.cells)
    with options.where.opened() as executor, stopped_by_signals(stop):
        request = RunRequest(
            project=project,
            combos=(),
            machine=machine,
            offline=options.offline,
            isolation=isolation_from(options.isolation),
            executor=executor,
        )
        yield Searching(project=project, combos=chosen, request=request, stop=stop, budget=budget)


@contextmanager
def watching() -> "Iterator[Watch]":
    """Yield what shows a search on standard error while it works."""
    from rich.console import Console

    from knowngood.cli.live.search import shown
    from knowngood.report.text import shorten

    def print_line(text: str) -> None:
        indent = text[: len(text) - len(text.lstrip())]
        click.echo(indent + shorten(text, width() - len(indent)), err=True)

    with shown(console=Console(stderr=True), is_tty=sys.stderr.isatty(), print_line=print_line) as watch:
        yield watch


def package_name(oracle: "Oracle", text: str) -> str:
    """Return the canonical name of a package that an index has. Raises ``UsageError`` or ``UndecidedError``."""
    from knowngood import packages
    from knowngood.errors import UndecidedError, similar_or_some

    names = packages.names([text])
    if (
        not names
        or packages.requirement(text) is None
        or not text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    ):
        raise UsageError(f"{text!r} is not the name of a package", next_step="write it without a version: numpy")
    offered = oracle.offers(names[0])
    if offered is None:
        raise UndecidedError(
            f"the releases of {names[0]} are unknown", cause="its index did not answer", next_step="try again later"
        )
    if not offered:
        known = sorted({name for step in oracle.combo.steps for name in packages.names(step.requirements)})
        next_step = similar_or_some(names[0], known, "the combo names")
        raise UsageError(f"no index has a package {names[0]}", next_step=next_step)
    return names[0]
