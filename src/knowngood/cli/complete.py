"""Complete what a user types in a shell: matrices, combos, probes and runs of the project in the current folder.

Click completes the verbs and their options itself. A completion never prints an error: where nothing can be read, there
is nothing to offer.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from knowngood.project.project import Project

MOST = 200
"""The most completions that are offered: of more, nobody reads one."""


def matrices(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the matrices in ``matrices/``, or else files."""
    items = _fitting(incomplete, ((name, "") for name in _declared()))
    return items or [CompletionItem(incomplete, type="file")]


def combos(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the combos of the matrix that the command line names, or of the only one, with their titles."""
    found = ((combo.id, combo.title) for project in _projects(context) for combo in project.matrix.combos)
    return _fitting(incomplete, found)


def probes(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the probes of the matrix."""
    found = ((probe.id, "") for project in _projects(context) for probe in project.matrix.probes)
    return _fitting(incomplete, found)


def runs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
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
