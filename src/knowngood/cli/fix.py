"""The verb ``fix``: find the smallest change with which a combo works, and verify it."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from packaging.utils import canonicalize_name

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, check_demands, search_options, searching, watching
from knowngood.errors import ExitCode, MatrixFileError, UsageError, some
from knowngood.project.files import near
from knowngood.report.text import count, seconds

if TYPE_CHECKING:
    from knowngood.model import JudgedRun
    from knowngood.project.project import Project
    from knowngood.run.request import RunRequest
    from knowngood.run.stop import Stop
    from knowngood.search.result import Search


@click.command(short_help="Find the smallest change with which a combo works.")
@click.argument("combos", metavar="COMBO...", nargs=-1, required=True, shell_complete=complete_combos)
@click.option("--keep", metavar="PACKAGE", multiple=True, help="Do not move this package. Repeatable.")
@click.option("--to", metavar="REQUIREMENT", multiple=True, help="Require this of the fix: 'numpy>=2'. Repeatable.")
@click.option("--proof/--no-proof", default=True, help="Also try cheaper changes, to show that none works.")
@click.option("--write", is_flag=True, help="Add the combo that works to the matrix file.")
@format_option("text", "json")
@search_options
def fix(
    search: SearchOptions,
    combos: tuple[str, ...],
    keep: tuple[str, ...],
    to: tuple[str, ...],
    proof: bool,
    write: bool,
    format_: str,
) -> None:
    """Find the smallest change with which COMBO works, and verify it by running it.

    COMBO is an id, or a glob of ids. Candidates come from the diagnosis, from combos that pass, and from other releases
    of the packages that the probe loads. A change that works is reduced to the parts that are needed, moved as close as
    possible to what you asked for, and run again in a fresh environment. Everything that ran is kept as a run; a search
    that was cut short continues when you repeat it.

    Exit codes: 0 if every combo works or has a verified fix, 1 if a combo has none, 3 if that is undecided.
    """
    from knowngood import packages
    from knowngood.search import result, session
    from knowngood.search.changes import Change

    _check_requirements(keep, to)
    kept, demand = frozenset(packages.names(keep)), Change(requirements=to)
    searches: list[Search] = []
    with searching(search, combos) as ready:
        wishes = session.Wishes(keep=kept, demand=demand, budget=ready.budget, proof=proof)
        for combo in ready.combos:
            if ready.stop.requested:
                break
            with watching() as watch:
                found = session.search(ready.request, combo, wishes, stop=ready.stop, watch=watch)
            if found.absent:
                note = f"note: {combo.id} does not install {some(found.absent)}, which --keep names"
                click.echo(note, err=True)
            searches.append(declared(ready.project, found))
            if format_ == "text":
                click.echo(result.text(searches[-1], width=width()), nl=False)
    if format_ == "json":
        click.echo(result.as_json(searches), nl=False)
    if write:
        _write(ready.project, searches)
    sys.exit(ready.code or _code(searches))


def declared(project: "Project", search: "Search") -> "Search":
    """Return the search with what its table has to say in this matrix file; unchanged where no table can be added."""
    from knowngood.search.result import declaring, toml

    if search.fix.green is None:
        return search
    try:
        matrix = project.with_text(_with_tables(project, [toml(replace(search, keys=()))]))
    except MatrixFileError:
        return search
    return declaring(search, next(combo for combo in matrix.combos if combo.id == search.fixed_id))


def _check_requirements(keep: "Sequence[str]", to: "Sequence[str]") -> None:
    """Raise ``UsageError`` for what is not a requirement, or not just a name."""
    from knowngood import packages

    for text in keep:
        if packages.requirement(text) is None:
            raise UsageError(f"invalid requirement {text!r}", next_step="write it as --keep numpy")
    check_demands(to)
    if both := sorted({*packages.names(keep)} & {*packages.names(to)}):
        raise UsageError(f"--keep and --to both name {both[0]}", next_step=f"leave out --keep {both[0]}")
    for text in keep:
        if (name := packages.names([text])[0]) != canonicalize_name(text):
            raise UsageError(f"--keep {text!r} is not a name", next_step=f"write --keep {name}, or --to {text!r}")


def _with_tables(project: "Project", tables: "Sequence[str]") -> bytes:
    """Return the content of the matrix file with more tables appended."""
    before = project.matrix.path.read_bytes()
    end = "" if before.endswith(b"\n") else "\n"
    added = end + "".join(f"\n{table}" for table in tables)
    return before + (added.replace("\n", "\r\n") if b"\r\n" in before else added).encode()


def _write(project: "Project", searches: "Sequence[Search]") -> None:
    """Add the combos that work to the matrix file, which must be valid with them."""
    from knowngood.process.files import write_atomically
    from knowngood.search.result import toml

    added, file = [search for search in searches if toml(search)], project.matrix.path
    if not added:
        return
    text = _with_tables(project, [toml(search) for search in added])
    try:
        project.with_text(text)
    except MatrixFileError as error:
        raise UsageError(
            f"nothing was written: {near(file)} would not be valid with the table",
            cause=error.problems[0].what,
            next_step="add the combo by hand; where the file has combo = [...], write [[combo]] tables instead",
        ) from error
    write_atomically(file.resolve(), text)
    for search in added:
        click.echo(f"written  {near(file)}: {search.fixed_id}", err=True)


def _code(searches: "Sequence[Search]") -> ExitCode:
    from knowngood.model import FixClass

    kinds = {search.fix.kind for search in searches}
    if kinds & {FixClass.NONE, FixClass.NONE_FOUND}:
        return ExitCode.DIFFERS
    return ExitCode.UNDECIDED if FixClass.UNDECIDED in kinds else ExitCode.AS_EXPECTED


EXPECTED = "all"
"""The value of ``--fix`` that includes expected failures."""
UNEXPECTED = "unexpected"


def fix_failures(request: "RunRequest", judged: "JudgedRun", which: str, stop: "Stop") -> "JudgedRun":
    """Return a run with the fixes of its failures, as far as searches found and verified them before ``stop``.

    What an earlier search verified under the same key came with the verdict, and is not searched again.
    """
    from knowngood.search.session import Wishes, failing, record, search

    if judged.run.interrupted is not None:
        return judged
    known = {cell.combo.id for cell in judged.cells if cell.diagnosis and cell.diagnosis.verified}
    combos = [combo for combo in failing(judged, expected=which == EXPECTED) if combo.id not in known]
    if not combos:
        return judged
    recorded = request.runs.new(judged.run.info.id)
    asked = replace(request, combos=(), elsewhere=(), resume=False, fresh=False, fresh_probes=False, keep=False)
    searches: list[Search] = []
    for number, combo in enumerate(combos, 1):
        if stop.requested:
            break
        click.echo(f"\nfix {combo.id} ({number} of {len(combos)})", err=True)
        with watching() as watch:
            searches.append(search(asked, combo, Wishes(), stop=stop, watch=watch))
        # At once, so that a run that is killed later has it.
        record(recorded, searches[-1:])
    _print_fixes(searches, len(combos))
    return request.project.judge(recorded.read())


def _print_fixes(searches: "Sequence[Search]", wanted: int) -> None:
    """Print what came out for each failure, and how many the budget left out."""
    click.echo()
    for search in searches:
        fix = search.fix
        what = f"{fix.change} (verified, {fix.kind})" if fix.green is not None else str(fix.kind)
        why = f": {fix.why}" if fix.why and fix.green is None else ""
        click.echo(f"fix     {search.combo.id}: {what}{why}, {seconds(search.trail.elapsed)}")
    if left := wanted - len(searches):
        click.echo(f"fix     {count(left, 'failure')} not tried: the search ended early")
