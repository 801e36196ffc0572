"""The verb ``explain``: which run and which cells are meant, and their story in the format that was asked for."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import near, signatures, state, width
from knowngood.errors import NothingSelectedError, UsageError

if TYPE_CHECKING:
    from knowngood.model import Cell, JudgedRun, Matrix, Run
    from knowngood.project.runs import RunFolder, Store

_NAMED = 5
"""Runs that an error message names."""
_READABLE = 100
"""Columns of a terminal that a story takes at most."""
_COLOURS = {
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "odd": {"fg": "yellow", "bold": True},
    "label": {"fg": "cyan"},
    "quiet": {"dim": True},
    "fix": {"fg": "green", "bold": True},
}


@click.command()
@click.argument("combo", required=False)
@click.option("--matrix", "named", metavar="NAME", help="The matrix: a TOML file, or the name of one in matrices/.")
@click.option("--run", "chosen", metavar="RUN", help="An event log, or how the id of a run begins.  [default: newest]")
@click.option("--probe", metavar="NAME", help="Only the cell of this probe, where the combo has several.")
@click.option("--format", "formats", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--no-color", "colourless", envvar="NO_COLOR", hidden=True)
@signatures
@state
def explain(
    combo: str | None,
    named: str | None,
    chosen: str | None,
    probe: str | None,
    formats: str,
    colourless: str | None,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Tell all that is known of COMBO: versions, drift, what failed and where, the cause, the fix, how to rerun it.

    COMBO is an id, or a glob of ids. Without it every cell that is not as expected is explained; when there is none,
    those that did not pass are listed.
    """
    from knowngood.judge.verdict import judge
    from knowngood.project import project as files
    from knowngood.report import explain as text
    from knowngood.report import explain_json, explain_markdown, explanation

    run, folder = _recorded(combo, named, chosen, state_dir)
    judged = judge(run, files.rules(Path.cwd(), signatures))
    cells = _chosen(judged, combo, probe)
    columns = width(_READABLE)
    if formats == "json":
        told = explain_json.render(cells or explanation.failed(judged), run, run_folder=folder)
    elif formats == "markdown":
        each = cells or explanation.failed(judged)
        told = "\n".join(explain_markdown.render(cell, run, run_folder=folder) for cell in each)
    else:
        told = "\n\n".join(text.render(cell, run, run_folder=folder, width=columns, paint=_painted) for cell in cells)
    # Any value of NO_COLOR but none means what it says; otherwise click finds out who is looking.
    click.echo(told or text.render_overview(judged, width=columns), nl=False, color=False if colourless else None)


def _painted(kind: str, text: str) -> str:
    """Colour a piece of text; ``click.echo`` takes the colours out again where nobody would see them."""
    style = _COLOURS.get(kind)
    return click.style(text, **style) if style and text else text  # type: ignore[arg-type]


def _recorded(combo: str | None, named: str | None, chosen: str | None, state_dir: Path | None) -> "tuple[Run, str]":
    """Return the run that is meant and its folder as a user would type it."""
    from knowngood.project import project as files
    from knowngood.project.runs import read

    log = Path(chosen or "")
    log = log / "events.jsonl" if log.is_dir() else log
    if chosen and log.is_file():
        recorded = read(log)
        if recorded is None:
            raise UsageError(f"{log} is not the event log of a run", next_step="name an events.jsonl of knowngood run")
        return recorded, near(log.parent)
    matrix = files.load_matrix(files.find_matrix(named, Path.cwd()))
    folder, recorded = _newest(files.store(matrix, state_dir), matrix, combo, chosen)
    return recorded, near(folder.path)


def _newest(store: "Store", matrix: "Matrix", combo: str | None, chosen: str | None) -> "tuple[RunFolder, Run]":
    """Return the newest run that tells of ``combo``; of one that it was never run in only if there is no other."""
    kept = list(store.newest())
    folders = [folder for folder in kept if folder.path.name.startswith(chosen or "")]
    if not folders:
        names = ", ".join(folder.path.name for folder in kept[:_NAMED])
        raise UsageError(
            f"no run of {matrix.id} begins with {chosen!r}" if kept and chosen else f"no run of {matrix.id} is kept",
            cause=f"the newest are {names}" if names else "",
            next_step="name one of them, or an event log" if names else "run the matrix first, or name an event log",
        )
    unrun = None
    for folder in folders:
        asked = folder.asked()
        if asked is None or (combo and not _matching([one.combo.id for one in asked.combos], combo)):
            continue
        run = folder.read()
        if run is None:
            continue
        told = {one.combo.id for one in run.combos if one.finished}
        if _matching(told, combo) if combo else told:
            return folder, run
        unrun = unrun or (folder, run)
    if unrun is not None:
        return unrun
    raise _never_run(matrix, combo)


def _matching(ids: Iterable[str], pattern: str) -> bool:
    return any(one == pattern or fnmatchcase(one, pattern) for one in ids)


def _never_run(matrix: "Matrix", combo: str | None) -> UsageError | NothingSelectedError:
    from knowngood.declare.select import select

    try:
        select(matrix.combos, (combo,) if combo else ())
    except NothingSelectedError as unknown:
        return unknown
    return UsageError(
        f"no run that is kept tells of {combo or matrix.id}", next_step="run it first, with knowngood run"
    )


def _chosen(judged: "JudgedRun", combo: str | None, probe: str | None) -> "Sequence[Cell]":
    """Return the cells to explain; raise ``NothingSelectedError`` where there are none of that name."""
    from knowngood.declare.select import select
    from knowngood.report import explanation

    if combo is None:
        cells: Sequence[Cell] = explanation.unlike(judged)
    else:
        known = {one.id for one in select(tuple(facts.combo for facts in judged.run.combos), (combo,))}
        cells = [cell for cell in judged.cells if cell.combo.id in known]
    found = [cell for cell in cells if probe in (None, cell.probe)]
    if cells and not found:
        names = ", ".join(dict.fromkeys(cell.probe for cell in cells))
        raise NothingSelectedError(
            f"no such probe: {probe!r}", cause=f"there are: {names}", next_step="name one of them"
        )
    return found
