"""The verb ``upgrade``: find a path to newer versions on which every step works."""

import sys

import click

from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, search_options, searching
from knowngood.errors import ExitCode, UsageError


@click.command(short_help="Find a path to newer versions on which every step works.")
@click.argument("combo")
@click.option(
    "--to", metavar="REQUIREMENT", multiple=True, help="What the path has to lead to: 'numpy>=2'. Repeatable."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "requirements", "markdown", "json"]),
    default="text",
    show_default=True,
    help="A table, the requirement lines after each step, the body of a pull request, or JSON.",
)
@search_options
def upgrade(search: SearchOptions, combo: str, to: tuple[str, ...], format_: str) -> None:
    """Find a path from COMBO, which works, to newer versions: each step of it is run, and works.

    Without --to it goes as far as it can. What a resolver ties moves together. A move that breaks the set is tried
    again later; what blocks in the end is named with the last version that works.

    Exit codes: 0 when the target is reached, 1 when it is not, 3 when that is undecided.
    """
    from knowngood import packages
    from knowngood.search import upgrade_result as result
    from knowngood.search.ask import Candidate, Says
    from knowngood.search.changes import Change
    from knowngood.search.trail import trail_of
    from knowngood.search.upgrade import find

    for text in to:
        if packages.requirement(text) is None:
            raise UsageError(f"invalid requirement {text!r}", next_step="write it as --to 'numpy>=2'")
    with searching(search, (combo,), single=True) as ready, ready.oracle("upgrade", ready.combos[0]) as (oracle, run):
        base = oracle.ask_first(Candidate(change=Change(), why="the combo as it is"))
        found = find(oracle, base, to)
        trail = trail_of(oracle, run, interrupted=ready.stop.requested)
        match format_:
            case "json":
                shown = result.as_json(found, trail)
            case "markdown":
                shown = result.markdown(found, trail)
            case "requirements":
                shown = result.requirements(found)
            case _:
                shown = result.text(found, trail, width=width())
        click.echo(shown, nl=False)
        unknown = base.says is Says.UNKNOWN or trail.spent or any(each.says is Says.UNKNOWN for each in found.blocked)
        missed = ExitCode.UNDECIDED if unknown else ExitCode.DIFFERS
        sys.exit(ready.code or (ExitCode.AS_EXPECTED if found.reached else missed))
