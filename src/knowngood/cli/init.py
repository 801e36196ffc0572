"""The verb ``init``: look at a project, and write its first matrix and the files around it."""

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from knowngood.cli.options import PATH
from knowngood.errors import UsageError
from knowngood.project.files import near


@click.command(short_help="Write the first matrix of a project.")
@click.argument("folder", metavar="[FOLDER]", type=PATH, default=".")
@click.option("--name", metavar="NAME", help="Name of the matrix.  [default: that of the project]")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option("--no-download", is_flag=True, help="Use only the Pythons of this machine; uv downloads none.")
@click.pass_obj
def init(environ: Mapping[str, str], folder: Path, name: str | None, dry_run: bool, no_download: bool) -> None:
    """Look at the project in FOLDER, by default the current one, and write its first matrix.

    The matrix tries the versions of today's lock, the highest versions that the project allows, on each of its Pythons,
    and the lowest. The probe is the tests of the project; without tests, it imports the project's modules. A noxfile, a
    workflow and a line of .gitignore are written as well. All of it runs as it is: knowngood run.

    No file is overwritten: if there is a noxfile, the lines to add are printed. No failure is declared as expected, so
    that a wrong lower bound is reported.
    """
    from knowngood.project.files import FolderFiles
    from knowngood.project.scaffold import propose, summary, survey
    from knowngood.project.scaffold.machine import MachinePythons, find_origin
    from knowngood.run.host import cache_folder

    folder = folder.absolute()
    try:
        what = "" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    if what:
        raise UsageError(f"{folder} {what}", next_step="name the folder of a project: knowngood init FOLDER")
    _check_free(folder, name)
    pythons = MachinePythons(
        environ, cache_folder(), may_download=not (dry_run or no_download), say=partial(click.echo, err=True)
    )
    seen = survey.look(folder, pythons.find, pythons.obtain)
    name = name or seen.id
    _check_free(folder, name)
    source = find_origin()
    proposal = propose.propose(seen, name=name, origin=source, files=FolderFiles(folder))
    if not dry_run:
        propose.carry_out(proposal)
    chosen = summary.chosen(seen, source, obtained=pythons.obtained)
    written = summary.written(proposal, dry_run=dry_run)
    for line in (*chosen, "", *written, "", *summary.next_steps(proposal, seen)):
        click.echo("".join(character if character.isprintable() else "?" for character in line))


def _check_free(folder: Path, name: str | None) -> None:
    """Raise ``UsageError`` when the project has matrices, and the one to write is not another one."""
    from knowngood.declare.problems import WrongValueError
    from knowngood.declare.values import checked_id

    names = sorted(path.stem for path in (folder / "matrices").glob("*.toml"))
    if name is None and names:
        run = f"knowngood run {shlex.quote(names[0])}"
        at = "" if folder == Path.cwd() else f" {shlex.quote(near(folder))}"
        raise UsageError(
            "this project has a matrix already" if len(names) == 1 else "this project has matrices already",
            cause=f"{near(folder / 'matrices')} holds: {', '.join(names)}",
            next_step=f"run it: {run}, or write another one: knowngood init{at} --name NAME",
        )
    if name is None:
        return
    try:
        checked_id(name)
    except WrongValueError as wrong:
        raise UsageError(wrong.what, next_step=f"{wrong.hint or 'use another name'}, with --name") from None
    if name in names:
        raise UsageError(f"{near(folder / 'matrices' / name)}.toml exists already", next_step="use another --name")
