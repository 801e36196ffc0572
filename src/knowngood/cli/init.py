"""The verb ``init``: look at a project, and write its first matrix and the files around it."""

import shlex
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH
from knowngood.errors import UsageError, some
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.project.scaffold.origin import Origin
    from knowngood.project.scaffold.propose import Proposal
    from knowngood.project.scaffold.survey import Survey


@click.command(short_help="Write the first matrix of a project.")
@click.argument("folder", metavar="[FOLDER]", type=PATH, default=".")
@click.option("--name", metavar="NAME", help="Name of the matrix.  [default: that of the project]")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option("--no-download", is_flag=True, help="Use the Pythons of this machine, and let uv get no other.")
@click.pass_obj
def init(environ: Mapping[str, str], folder: Path, name: str | None, dry_run: bool, no_download: bool) -> None:
    """Look at the project in FOLDER, by default the current one, and write its first matrix.

    The matrix tries today's lock, the highest and the lowest versions that the project declares, and each of its
    Pythons, with the tests of the project; without tests, a probe imports its modules. A noxfile, a workflow and a line
    of .gitignore come with it. All of it runs as it is: knowngood run.

    No file is overwritten: for a noxfile that exists, the lines are printed. Nothing is declared as expected, so that a
    lower bound which does not hold is reported.
    """
    from knowngood.project.files import FolderFiles
    from knowngood.project.scaffold import origin, propose, survey

    folder = folder.absolute()
    try:
        what = "" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    if what:
        raise UsageError(f"{folder} {what}", next_step="name the folder of a project: knowngood init FOLDER")
    _check_free(folder, name)
    pythons = _Pythons(environ, may_download=not (dry_run or no_download))
    seen = survey.look(folder, pythons.find, pythons.obtain)
    name = name or seen.id
    _check_free(folder, name)
    source = origin.find()
    proposal = propose.propose(seen, name=name, origin=source, files=FolderFiles(folder))
    if not dry_run:
        propose.carry_out(proposal)
    chosen, written = _chosen(seen, source, pythons), _written(proposal, dry_run=dry_run)
    for line in (*chosen, "", *written, "", *_next(proposal, seen)):
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


class _Pythons:
    """Finds the Pythons of this machine, and lets uv get others."""

    def __init__(self, environ: Mapping[str, str], *, may_download: bool) -> None:
        from knowngood.install.interpreters import Interpreters
        from knowngood.run.host import cache_folder

        self._environ = environ
        self._may_download = may_download
        self._cache = cache_folder() / "pythons"
        self._interpreters = Interpreters(outside=environ, cache=self._cache)
        self.obtained = ""
        """What came of getting others."""

    def find(self, version: str) -> object:
        return self._interpreters.find(version)

    def obtain(self, versions: tuple[str, ...]) -> None:
        """Let uv get ``versions``, each by itself; uv says of its settings whether it may."""
        from knowngood.install.interpreters import Interpreters
        from knowngood.install.uv.installer import AT_ONCE, binary
        from knowngood.process import Processes

        if not self._may_download:
            self.obtained = f"uv python install {' '.join(versions)} would get them"
            return
        click.echo(f"getting Python {', '.join(versions)} with uv ...", err=True)
        environ = {**AT_ONCE, **self._environ}
        with tempfile.TemporaryDirectory(prefix="knowngood-init-") as temporary:
            folder = Path(temporary)
            run = partial(Processes(folder).run, env=environ, cwd=folder, log=folder / "uv.log", timeout=_LONGEST)
            actions = [run([binary(), "python", "install", "--no-progress", version]) for version in versions]
        failed = [action.output for action in actions if not action.exit.ok]
        reasons = [line.strip() for output in failed for line in output.splitlines() if line.strip()]
        self.obtained = f"uv could not get them: {reasons[-1][:100]}" if reasons else ""
        self._interpreters = Interpreters(outside=self._environ, cache=self._cache)


_LONGEST = 300.0  # seconds for the download of one Python


def _chosen(survey: "Survey", origin: "Origin", pythons: _Pythons) -> Iterator[str]:
    """Yield what was chosen, and why."""
    from knowngood.project.scaffold.survey import Kind

    yield f"{survey.name}: {_KINDS[survey.kind]}"
    yield ""
    if survey.kind is Kind.PACKAGE:
        yield _row("modules", f"{', '.join(survey.modules.names) or 'none found'} ({survey.modules.why})")
    chosen = survey.pythons
    yield _row("Pythons", f"{' '.join(chosen.chosen)} ({chosen.why})")
    if chosen.missing:
        yield _row("", f"not {' '.join(chosen.missing)}: {pythons.obtained or 'not installed'}")
    lock = survey.lock or (survey.dockerfile if survey.image is not None else "")
    today = f"{lock}, with Python {chosen.today} ({chosen.why_today})" if lock else "no lock"
    yield _row("today", today)
    if survey.split:
        yield _row("", f"{survey.split} is not used: some of its groups or extras conflict, so it has several versions")
    yield from _lowest(survey)
    if survey.tests is None:
        yield _row("tests", "none, so a smoke probe")
    else:
        yield _row("tests", f"{' '.join(survey.tests.arguments)} ({survey.tests.why})")
        yield _row("", survey.tests.needs.why)
        for note in survey.tests.notes:
            yield _row("", note)
    if survey.dockerfile and survey.image is None:
        yield _row("image", f"`knowngood import {survey.dockerfile}` makes a combo of its install commands")
    yield _row("knowngood", f"{origin.requirement} ({origin.why})")


_KINDS = {
    "package": "the project is installed in every combo",
    "needs": "what its pyproject.toml lists is installed in every combo",
    "files": "what its requirements files list is installed in every combo",
    "image": "what its files install is tried",
}


def _lowest(survey: "Survey") -> Iterator[str]:
    count = len(survey.bounded) + len(survey.unbounded)
    if survey.lock and survey.lock == survey.requirements:
        yield _row("lowest", f"left out: {survey.lock} pins every version")
        return
    if not survey.known:
        yield _row("lowest", "its dependencies are known only after a build; tried all the same")
    elif not survey.bounded:
        yield _row(
            "lowest", "left out: " + ("no dependency states a lower bound" if count else "it has no dependencies")
        )
    else:
        yield _row("lowest", f"{len(survey.bounded)} of {count} dependencies state a lower bound")
    if survey.bounded and survey.unbounded:
        yield _row("", f"without one, and so never tried low: {some(survey.unbounded)}")


def _row(name: str, text: str) -> str:
    return f"  {name:<10} {text}".rstrip()


def _written(proposal: "Proposal", *, dry_run: bool) -> Iterator[str]:
    """Yield what was written, what was not, and what the user has to add."""
    yield "would write" if dry_run else "wrote"
    width = max(len(near(file.path)) for file in proposal.files)
    for file in proposal.files:
        if not file.kept:
            yield f"  {near(file.path):<{width}}  {file.what}"
    for file in proposal.files:
        if file.kept:
            yield f"  {near(file.path)} exists and stays as it is" + (". Add to it:" if file.advice else "")
            yield from (f"      {line}".rstrip() for line in file.advice)
    for problem in proposal.problems:
        yield f"  left out: {problem}"
    if dry_run:
        yield ""
        yield f"{near(proposal.files[0].path)}:"
        yield from (f"  {line}".rstrip() for line in proposal.files[0].text.splitlines())


def _next(proposal: "Proposal", survey: "Survey") -> Iterator[str]:
    """Yield what to do now, and how to read a red cell."""
    change = "" if survey.folder.path == Path.cwd() else f"cd {shlex.quote(near(survey.folder.path))} && "
    also = f", or nox -s {proposal.session}" if proposal.session else ""
    yield f"next: {change}knowngood run{f' {proposal.matrix}' if proposal.is_one_of_several else ''}{also}"
    yield "A red cell is a finding, because nothing is declared as expected."
    if proposal.tries_lowest:
        yield "If `lowest` is red, a lower bound of the project does not hold: raise it, or support what it allows."
