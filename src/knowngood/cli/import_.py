"""The verb ``import``: turn a file of another tool into a matrix."""

import os
from pathlib import Path

import click

from knowngood.cli.options import PATH
from knowngood.cli.output import without_secrets
from knowngood.errors import UsageError
from knowngood.project.files import near


@click.command("import", short_help="Turn a Dockerfile, a lock, tox.ini or the like into a matrix.")
@click.argument("file", type=PATH)
@click.option("--name", metavar="NAME", help="Name of the matrix.  [default: that of FILE]")
@click.option("--write", is_flag=True, help="Write matrices/NAME.toml, unless there is one.")
def import_(file: Path, name: str | None, write: bool) -> None:
    """Turn FILE into a matrix, and print it as TOML.

    FILE is, for example, a Dockerfile, a requirements file, a lock, tox.ini or a workflow. Nothing is executed. What
    cannot be imported is listed with its line, on standard error and in a comment.
    """
    from knowngood.declare.values import slug
    from knowngood.project.importing.entry import import_file, matrix_text
    from knowngood.report.text import plain

    path = Path(os.path.normpath(Path.cwd() / file))
    project = _project(path)
    imported = import_file(path, project)
    given = path.parent.name if path.name == "pyproject.toml" else path.name.removeprefix(".").split(".")[0]
    matrix = slug(name if name is not None else given)
    if not matrix or (name is not None and matrix != name):
        raise UsageError(f"invalid name {name!r}", next_step=f"write it as --name {matrix or 'shop'}")
    target = project / "matrices" / f"{matrix}.toml"
    if write and target.exists():
        raise UsageError(
            f"{near(target)} exists already", next_step="give the matrix another name with --name, or remove that file"
        )
    relative = path.relative_to(project).as_posix()
    text, imported = matrix_text(imported, path=relative, target=target, project=project)
    text = without_secrets(text)
    for remark in imported.remarks:
        place = f"{near(path)}:{remark.line}" if remark.line else near(path)
        kind = "note" if remark.is_note else "not imported"
        click.echo(plain(without_secrets(f"{kind}: {place}: {remark.what}")), err=True)
    if not write:
        click.echo(text, nl=False)
        return
    _write(target, text)
    click.echo(f"wrote {near(target)}", err=True)
    click.echo(f"next: knowngood run {matrix}", err=True)


def _project(path: Path) -> Path:
    """Return the folder that paths in the matrix are relative to: the current one if it holds the file."""
    if path.is_relative_to(Path.cwd()):
        return Path.cwd()
    workflows = path.parent
    return (
        workflows.parent.parent if workflows.name == "workflows" and workflows.parent.name == ".github" else workflows
    )


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"{near(target)} cannot be written", cause=str(error), next_step="leave out --write, which prints it"
        ) from error
