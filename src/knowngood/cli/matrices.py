"""Let a verb take several matrices, and open the project of each before the first is worked on."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood.cli.options import complete_matrices
from knowngood.errors import ExitCode, KnowngoodError, UsageError

if TYPE_CHECKING:
    from knowngood.project.project import Project


def takes_matrices(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take ``names``, any number of matrices, and ``everything``, which stands for all in ``matrices/``."""

    @click.argument("arguments", metavar="[MATRIX]...", nargs=-1, shell_complete=complete_matrices)
    @click.option("--all", "everything", is_flag=True, help="All matrices in matrices/.")
    @click.option(
        "--matrix",
        metavar="NAME",
        shell_complete=complete_matrices,
        help="The matrix, unless MATRIX or --all is given.",
    )
    @wraps(verb)
    def command(*args: Any, arguments: tuple[str, ...], matrix: str | None, everything: bool, **options: Any) -> None:
        if everything and arguments:
            raise UsageError("both --all and a matrix are given", next_step="leave out one of them")
        default = (matrix,) if matrix is not None and not everything else ()
        verb(*args, names=arguments or default, everything=everything, **options)

    return command


def open_all(
    names: Sequence[str], *, everything: bool, state_dir: Path | None, signatures: Path | None = None
) -> "tuple[Project, ...]":
    """Return the projects of the matrices that a user names, each once; without a name, that of the only matrix.

    Every file is read here, so that a mistake in the last one is found before the first is worked on. Raises
    ``UsageError`` or ``MatrixFileError`` when one of them is not there or is wrong, after the others were printed.
    """
    from knowngood.cli.output import print_error
    from knowngood.project.project import Project, matrices

    wanted: tuple[str | None, ...] = tuple(matrices(Path.cwd()) if everything else names) or (None,)
    projects: dict[Path, Project] = {}
    errors: list[KnowngoodError] = []
    for name in dict.fromkeys(wanted):
        try:
            project = Project.open(name, state_dir=state_dir, signatures=signatures)
        except KnowngoodError as error:
            errors.append(error)
        else:
            projects.setdefault(project.matrix.path.resolve(), project)
    if errors:
        *others, last = errors
        for other in others:
            print_error(other)
        raise last
    return tuple(projects.values())


def name_of(project: "Project") -> str:
    """Return how a user in the current folder names the matrix of a project."""
    from knowngood.project.files import near
    from knowngood.project.project import matrices

    path = project.matrix.path
    return path.stem if matrices(Path.cwd()).get(path.stem) == path else near(path)


def matrix_of(project: "Project") -> str:
    """Return the option that names the matrix of a project, with a space in front; empty where it is the only one."""
    from knowngood.project.project import matrices

    name = name_of(project)
    return "" if set(matrices(Path.cwd())) == {name} else f" --matrix {shlex.quote(name)}"


def refuse(options: Sequence[str], verb: str, projects: "Sequence[Project]") -> None:
    """Raise ``UsageError`` when several matrices are given with ``options`` that only make sense with one."""
    if options and len(projects) > 1:
        raise UsageError(
            f"{options[0]} works with one matrix, not with {len(projects)}",
            next_step=f"leave it out, or name one matrix: knowngood {verb} {name_of(projects[0])} {options[0]} ...",
        )


_GRAVEST = (
    ExitCode.INTERNAL,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.REFERENCE_FAILED,
    ExitCode.DIFFERS,
    ExitCode.USAGE,
    ExitCode.NOTHING_SELECTED,
    ExitCode.UNDECIDED,
    ExitCode.AS_EXPECTED,
)


def gravest(codes: Sequence[ExitCode]) -> ExitCode:
    """Return the most severe of exit codes."""
    return min(codes, key=_GRAVEST.index)


def note_unset(projects: Iterable["Project"], environ: Mapping[str, str]) -> None:
    """Say on standard error which variables of ``pass-env`` are not set."""
    from knowngood.probe.settings import not_set

    for project in projects:
        for probe in project.matrix.probes:
            for name in not_set(environ, probe):
                what = f"no variable matches {name!r}" if set("*?[") & set(name) else f"the variable {name} is not set"
                click.echo(f"note: probe {probe.id!r}: {what}, which pass-env names", err=True)
