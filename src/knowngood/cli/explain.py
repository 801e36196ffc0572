"""The verb ``explain``: print everything that a run recorded about a combo."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import (
    complete_combos,
    complete_probes,
    format_option,
    matrix_option,
    run_option,
    signatures_option,
    state_option,
)
from knowngood.cli.output import width
from knowngood.errors import NothingSelectedError, similar_or_some
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import Cell, JudgedRun

_WIDTH = 100
"""Columns of the terminal that an explanation takes at most."""
_STYLES = {
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "odd": {"fg": "yellow", "bold": True},
    "label": {"fg": "cyan"},
    "quiet": {"dim": True},
    "fix": {"fg": "green", "bold": True},
}


@click.command(short_help="Explain why a combo failed, and how to fix it.")
@click.argument("combo", required=False, shell_complete=complete_combos)
@matrix_option
@run_option
@click.option(
    "--probe", metavar="NAME", shell_complete=complete_probes, help="Only this probe, if the combo has several."
)
@format_option("text", "markdown", "json")
@signatures_option
@state_option
def explain(
    combo: str | None,
    matrix: str | None,
    run: str | None,
    probe: str | None,
    format_: str,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Explain COMBO: its versions, which step moved them, what failed and where, the cause, the fix, how to rerun it.

    COMBO is an id, or a glob of ids. Without it, everything that is not as expected is explained; if
    everything is as expected, what did not pass is listed.

    A run that is kept in a project is judged with the signatures.toml of that project.
    """
    from knowngood.project.project import Project

    project = Project.of_run(run, matrix=matrix, state_dir=state_dir, signatures=signatures)
    recorded = project.run_of(combo or "*", run)
    judged = project.judge(recorded.read())
    text = _explanation(judged, _chosen(judged, combo, probe), format_, near(recorded.folder))
    click.echo(text, nl=False)


def _explanation(judged: "JudgedRun", cells: "Sequence[Cell]", format_: str, folder: str) -> str:
    """Return the explanation of cells; without any, the cells that did not pass, or an overview of them as text."""
    from knowngood.report import explain_markdown, explain_text, explanation, matrix_json

    run = judged.run
    match format_:
        case "json":
            return matrix_json.render_cells(cells or explanation.failed(judged), run, run_folder=folder)
        case "markdown":
            parts = [
                explain_markdown.render(cell, run, run_folder=folder) for cell in cells or explanation.failed(judged)
            ]
            return "\n".join(parts)
        case _:
            columns = width(_WIDTH)
            parts = [explain_text.render(cell, run, run_folder=folder, width=columns, paint=_paint) for cell in cells]
            return "\n\n".join(parts) or explain_text.render_overview(judged, width=columns)


def _paint(kind: str, text: str) -> str:
    """Color a piece of text; ``click.echo`` removes the colors where they would not be shown."""
    style = _STYLES.get(kind)
    return click.style(text, **style) if style and text else text  # type: ignore[arg-type]


def _chosen(judged: "JudgedRun", combo: str | None, probe: str | None) -> "Sequence[Cell]":
    """Return the cells to explain. Raises ``NothingSelectedError``: there is no such combo or probe."""
    from knowngood.declare.combo_selection import select
    from knowngood.report import explanation, words

    if combo is None:
        cells, chosen = judged.cells, explanation.to_look_at(judged, probe=probe)
    else:
        ids = {match.id for match in select(tuple(facts.combo for facts in judged.run.combos), (combo,))}
        cells = tuple(cell for cell in judged.cells if cell.combo.id in ids)
        chosen = words.each_once(cell for cell in cells if probe in (None, cell.probe))
    probes = tuple(dict.fromkeys(cell.probe for cell in cells))
    if cells and probe is not None and probe not in probes:
        raise NothingSelectedError(
            f"no such probe: {probe!r}",
            cause=similar_or_some(probe, probes, "the probes are"),
            next_step="leave out --probe to see all",
        )
    return chosen
