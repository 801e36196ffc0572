"""The verb ``confluence``: find out whether all orders of a combo's steps lead to the same set."""

import sys

import click

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, print_as, search_options, searching
from knowngood.errors import ExitCode, UsageError


@click.command(short_help="Find out whether the order of steps matters.")
@click.argument("combo", shell_complete=complete_combos)
@format_option("text", "json")
@search_options
def confluence(search: SearchOptions, combo: str, format_: str) -> None:
    """Find out whether all orders of the steps of COMBO lead to the same set, and if not, what each order does.

    Every order is resolved, and each distinct set runs once. With more than four steps, 24 orders are tried.

    Exit codes: 0 if all orders lead to the same set, 1 if they do not, 3 if that is undecided.
    """
    from knowngood.search import confluence as orders
    from knowngood.search.ask import Says
    from knowngood.search.trail import trail_of

    with searching(search, (combo,), single=True) as ready:
        (chosen,) = ready.combos
        if len(chosen.steps) < 2:
            raise UsageError(f"{chosen.id} has one step", next_step="name a combo with several: knowngood list")
        with ready.oracle("confluence", chosen) as oracle:
            base = oracle.ask_first("the order in the matrix")
            found = orders.find(oracle, base)
            trail = trail_of(oracle)
        print_as(
            format_,
            text=lambda: orders.text(found, trail, width=width()),
            json=lambda: orders.as_json(found, trail),
        )
        if any(ending.says is Says.UNKNOWN for ending in found.endings):
            sys.exit(ready.code or ExitCode.UNDECIDED)
        sys.exit(ready.code or (ExitCode.AS_EXPECTED if found.meets else ExitCode.DIFFERS))
