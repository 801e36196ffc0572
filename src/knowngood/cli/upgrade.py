"""The verb ``upgrade``: find a path to newer versions on which every step works."""

import sys

import click

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, check_demands, print_as, search_options, searching
from knowngood.errors import ExitCode


@click.command(short_help="Find a path to newer versions on which every step works.")
@click.argument("combo", shell_complete=complete_combos)
@click.option(
    "--to", metavar="REQUIREMENT", multiple=True, help="Require this at the end of the path: 'numpy>=2'. Repeatable."
)
@format_option(
    "text",
    "requirements",
    "markdown",
    "json",
    help_="A table, the requirement lines after each step, the body of a pull request, or JSON.",
)
@search_options
def upgrade(search: SearchOptions, combo: str, to: tuple[str, ...], format_: str) -> None:
    """Find a path from COMBO, which works, to newer versions; every step of the path was run and works.

    Without --to it goes as far as it can. Packages that can only move together are one step. A move that breaks the set
    is tried again later. A package that still blocks is named with its last version that works.

    Exit codes: 0 if the target is reached, 1 if it is not, 3 if that is undecided.
    """
    from knowngood.search import upgrade_result as result
    from knowngood.search.ask import Says
    from knowngood.search.trail import trail_of
    from knowngood.search.upgrade import find

    check_demands(to)
    with searching(search, (combo,), single=True) as ready, ready.oracle("upgrade", ready.combos[0]) as oracle:
        base = oracle.ask_first()
        found = find(oracle, base, to)
        trail = trail_of(oracle)
        ready.keep(result.searched(found, trail))
        print_as(
            format_,
            text=lambda: result.text(found, trail, width=width()),
            requirements=lambda: result.requirements(found),
            markdown=lambda: result.markdown(found, trail),
            json=lambda: result.as_json(found, trail),
        )
        unknown = found.undecided or trail.spent or any(each.says is Says.UNKNOWN for each in found.blocked)
        missed = ExitCode.UNDECIDED if unknown else ExitCode.DIFFERS
        sys.exit(ready.code or (ExitCode.AS_EXPECTED if found.reached else missed))
