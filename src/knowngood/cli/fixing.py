"""Search for fixes of what failed in a run, for ``run --fix``: the run then has those that were verified."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from knowngood.cli.searching import watch
from knowngood.report.text import count, seconds

if TYPE_CHECKING:
    from knowngood.model import JudgedRun
    from knowngood.run.request import RunRequest
    from knowngood.run.stop import Stop
    from knowngood.search.result import Search

EXPECTED = "all"
"""The value of ``--fix`` that is about expected failures, too."""
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
        searches.append(search(asked, combo, Wishes(), stop=stop, watch=watch))
        # At once, so that a run that is killed later has it.
        record(recorded, searches[-1:])
    _print(searches, len(combos))
    return request.project.judge(recorded.read())


def _print(searches: "Sequence[Search]", wanted: int) -> None:
    """Print what came out for each failure, and how many the budget left out."""
    click.echo()
    for search in searches:
        fix = search.fix
        what = f"{fix.change} (verified, {fix.kind})" if fix.green is not None else str(fix.kind)
        why = f": {fix.why}" if fix.why and fix.green is None else ""
        click.echo(f"fix     {search.combo.id}: {what}{why}, {seconds(search.trail.elapsed)}")
    if left := wanted - len(searches):
        click.echo(f"fix     {count(left, 'failure')} left: the search ended before")
