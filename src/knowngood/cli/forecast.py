"""The verb ``forecast``: find out what will break when a cooldown admits the releases that it still holds back."""

import re
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import SearchOptions, print_as, search_options, searching
from knowngood.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from knowngood.project.project import Project

_HABIT = 7  # days that cooldowns mostly last


@click.command(short_help="Predict what releases in a cooldown will break.")
@click.argument("combos", metavar="[COMBO]...", nargs=-1, shell_complete=complete_combos)
@click.option(
    "--cooldown",
    metavar="DAYS",
    help="How long releases are held back: 7d.  [default: exclude-newer of [tool.uv] in days, or 7d]",
)
@format_option("text", "markdown", "json")
@search_options
def forecast(search: SearchOptions, combos: tuple[str, ...], cooldown: str | None, format_: str) -> None:
    """Find out what will break when a cooldown admits the releases that it still holds back, and on which day.

    Each combo is resolved twice: with the releases that the cooldown admits, and with all releases. Only combos for
    which the two sets differ, or that failed before, run. For one that fails, the releases are bisected: the forecast
    names the release that breaks it, and the day on which the cooldown admits it. Combos that as-of holds at a day are
    left out.

    Exit codes: 0 if nothing will break, 1 if something will, 3 if that is undecided.
    """
    from knowngood.search import ahead
    from knowngood.search.trail import trail_of

    now = datetime.now(UTC).replace(microsecond=0)
    found: list[ahead.Forecast] = []
    with searching(search, combos) as ready:
        days = timedelta(days=_days(cooldown) if cooldown is not None else _declared(ready.project))
        for combo in (each for each in ready.combos if each.as_of == "now"):
            if ready.stop.requested:
                break
            with ready.oracle("forecast", combo) as oracle:
                failing = partial(_failing, ready.project, combo.id)
                outcome = ahead.find(oracle, cooldown=days, now=now, failing=failing)
                found.append(ahead.Forecast(combo=combo.id, outcome=outcome, trail=trail_of(oracle)))
        print_as(
            format_,
            text=lambda: ahead.text(found, days, width=width()),
            markdown=lambda: ahead.markdown(found, days),
            json=lambda: ahead.as_json(found, days),
        )
        kinds = {each.weather for each in found}
        undecided = ExitCode.UNDECIDED if ahead.Weather.UNDECIDED in kinds else ExitCode.AS_EXPECTED
        sys.exit(ready.code or (ExitCode.DIFFERS if ahead.Weather.ALARM in kinds else undecided))


def _failing(project: "Project", combo: str, lock: tuple[str, ...]) -> str:
    """Return why a combo failed with this lock in the newest run that finished it; empty where it did not."""
    from knowngood.model import UNDECIDED, Status

    recorded = project.runs.newest_with(combo)
    judged = project.read(recorded) if recorded is not None else None
    if judged is None or lock not in [
        tuple(step.lock for step in facts.steps) for facts in judged.run.combos if facts.combo.id == combo
    ]:
        return ""
    fine = {*UNDECIDED, Status.PASS, Status.MOVED}
    cells = (cell for cell in judged.cells if cell.combo.id == combo and cell.verdict.status not in fine)
    return next((cell.message or str(cell.verdict.status) for cell in cells), "")


def _days(text: str) -> int:
    """Return a number of days. Raises ``UsageError``."""
    match = re.fullmatch(r"(\d{1,4})(?:d| ?days?)?", text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"invalid cooldown {text[:40]!r}", next_step="write it in days: --cooldown 7d")
    return int(match[1])


def _declared(project: "Project") -> int:
    """Return the cooldown that the project states for uv, in days; 7 where it states none in days."""
    try:
        document = tomllib.loads((project.folder / "pyproject.toml").read_text(encoding="utf-8"))
        declared = document.get("tool", {}).get("uv", {}).get("exclude-newer", "")
        match = re.fullmatch(r"P?(\d{1,4}) ?(?:D|days?)", str(declared))
    except (OSError, ValueError):
        return _HABIT
    return int(match[1]) if match is not None else _HABIT
