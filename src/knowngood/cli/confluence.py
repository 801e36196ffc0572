"""The verb ``confluence``: find out whether all orders of a combo's steps lead to the same set."""

import sys

import click

from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, search_options, searching
from knowngood.errors import ExitCode, UsageError


@click.command(short_help="Find out whether the order of steps matters.")
@click.argument("combo")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@search_options
def confluence(search: SearchOptions, combo: str, format_: str) -> None:
    """Find out whether all orders of the steps of COMBO lead to the same set, where they part, and what each does.

    Every order is resolved, and each distinct set runs once. Of more than four steps 24 orders are tried.

    Exit codes: 0 when all orders lead to the same set, 1 when they do not, 3 when that is undecided.
    """
    from knowngood.search import confluence as orders
    from knowngood.search.ask import Candidate, Says
    from knowngood.search.changes import Change
    from knowngood.search.trail import trail_of

    with searching(search, (combo,), single=True) as ready:
        (chosen,) = ready.combos
        if len(chosen.steps) < 2:
            raise UsageError(f"{chosen.id} has one step", next_step="name a combo with several: knowngood list")
        with ready.oracle("confluence", chosen) as (oracle, run):
            base = oracle.ask_first(Candidate(change=Change(), why="the order in the matrix"))
            found = orders.find(oracle, base)
            trail = trail_of(oracle, run, interrupted=ready.stop.requested)
        shown = orders.as_json(found, trail) if format_ == "json" else orders.text(found, trail, width=width())
        click.echo(shown, nl=False)
        if any(ending.says is Says.UNKNOWN for ending in found.endings):
            sys.exit(ready.code or ExitCode.UNDECIDED)
        sys.exit(ready.code or (ExitCode.AS_EXPECTED if found.meets else ExitCode.DIFFERS))
