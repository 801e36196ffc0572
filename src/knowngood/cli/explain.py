"""The verb ``explain``: which run and which cells are meant, and their story in the format that was asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import signatures, state, width
from knowngood.errors import NothingSelectedError
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import Cell, JudgedRun

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
    from knowngood.project.project import Project
    from knowngood.report import explain as text
    from knowngood.report import explain_json, explain_markdown, explanation

    project = Project.of_run(chosen, matrix=named, state_dir=state_dir, signatures=signatures)
    recorded = project.run_of(combo or "*", chosen)
    run, folder = recorded.read(), near(recorded.folder)
    judged = project.judge(run)
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
