"""Known issues: a failure that is excused until a date, told when the date is past, and when it fails no more."""

from collections.abc import Iterable
from datetime import date, datetime

from knowngood.model import UNDECIDED, Expectation, Known, RunInfo, Status


def day_of(info: RunInfo) -> date:
    """Return the day of a run, by which its known issues expire."""
    try:
        return datetime.fromisoformat(info.started).date()
    except ValueError:  # a log that somebody wrote by hand
        return date.min


def excuse(
    expectation: Expectation, knowns: Iterable[Known], combo: str, probe: str, status: Status, today: date
) -> tuple[Expectation, str | None]:
    """Return what a cell is expected to be, given what is known of it, and what there is to say about that.

    Until its date an entry takes the place of the combo's own expectation: its failure is as expected, and a pass is
    not, since the entry should go then. A failure with another status is not excused. After its date an entry changes
    nothing any more, and says so. Of several entries the one that fits counts, else the first.
    """
    found = [known for known in knowns if known.covers(combo, probe)]
    if status in UNDECIDED or not found:
        return expectation, None
    live = [known for known in found if today <= known.expires]
    for known in live:
        if known.status is status:
            return _expected(known), f"known until {known.expires}: {_told(known)}"
    if live and status is Status.PASS:
        return _expected(live[0]), f"known issue seems fixed, its entry can go: {_told(live[0])}"
    if live:
        return expectation, f"not excused, the known issue is {live[0].status}: {_told(live[0])}"
    if status is Status.PASS:
        return expectation, f"known issue seems fixed, its expired entry can go: {_told(found[0])}"
    return expectation, f"known issue expired on {found[0].expires}: {_told(found[0])}"


def _expected(known: Known) -> Expectation:
    return Expectation(status=known.status, reason=_told(known))


def _told(known: Known) -> str:
    return f"{known.reason} ({known.url})" if known.url else known.reason
