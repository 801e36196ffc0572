"""The verb ``timeline``: find out which release broke a combo, and when."""

import sys
from datetime import UTC, datetime, timedelta

import click

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, print_as, search_options, searching
from knowngood.errors import ExitCode, UsageError


@click.command(short_help="Find out which release broke a combo, and when.")
@click.argument("combo", shell_complete=complete_combos)
@click.option("--since", metavar="DATE", help="A day on which it worked.  [default: found by going back in time]")
@format_option("text", "markdown", "json")
@search_options
def timeline(search: SearchOptions, combo: str, since: str | None, format_: str) -> None:
    """Find out which release broke COMBO, and on which day.

    COMBO fails today and does not pin everything. knowngood bisects the sets that a resolver would have chosen in the
    past. Each release that differs between the last good set and the first bad one is then reverted alone, and applied
    alone.

    Exit codes: 0 if the release was found or the combo works, 1 if it never worked, 3 if that is undecided.
    """
    from knowngood.search import timeline_result as result
    from knowngood.search.timeline import Course, find
    from knowngood.search.trail import trail_of

    now = datetime.now(UTC).replace(microsecond=0)
    day = _day(since, now) if since is not None else None
    with searching(search, (combo,), single=True) as ready:
        (chosen,) = ready.combos
        if chosen.as_of != "now":
            raise UsageError(
                f"{chosen.id} is limited to {chosen.as_of} by as-of", next_step="remove as-of, or name another combo"
            )
        with ready.oracle("timeline", chosen) as oracle:
            base = oracle.ask_first("the combo as it is today")
            found = find(oracle, base, since=day, now=now)
            trail = trail_of(oracle)
        ready.keep(result.searched(found, trail))
        print_as(
            format_,
            text=lambda: result.text(found, trail, width=width()),
            markdown=lambda: result.markdown(found, trail),
            json=lambda: result.as_json(found, trail),
        )
        codes = {
            Course.WORKS: ExitCode.AS_EXPECTED,
            Course.BROKE: ExitCode.AS_EXPECTED,
            Course.NEVER_WORKED: ExitCode.DIFFERS,
            Course.UNDECIDED: ExitCode.UNDECIDED,
        }
        sys.exit(ready.code or codes[found.course])


def _day(text: str, now: datetime) -> datetime:
    """Return the end of a day in the past. Raises ``UsageError``."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"invalid date {text[:40]!r}", next_step="write it as --since 2024-11-01") from None
    if day > now:
        raise UsageError(f"{text} is in the future", next_step="name a day on which the combo worked")
    return min(day + timedelta(days=1), now)
