"""Apply known issues: excuse a failure until a date, and report when the date is past or the failure is gone."""

from collections.abc import Iterable
from datetime import date, datetime

from knowngood.model import UNDECIDED, Expectation, Known, RunInfo, Status


def day_of(info: RunInfo) -> date:
    """Return the day of a run, by which its known issues expire."""
    try:
        return datetime.fromisoformat(info.started).date()
    except ValueError:  # a log that was written by hand
        return date.min


def excuse(
    expectation: Expectation, knowns: Iterable[Known], combo: str, probe: str, status: Status, today: date
) -> tuple[Expectation, str | None]:
    """Return what a cell is expected to be, given its known issues, and a note about them (None: nothing to note).

    Until its date an entry replaces the combo's own expectation: its failure is as expected, and a pass is not, since
    the entry is obsolete then. A failure with another status is not excused. After its date an entry has no effect, and
    the note says so. Of several entries the one whose status fits counts, else the first.
    """
    entries = [known for known in knowns if known.covers(combo, probe)]
    if status in UNDECIDED or not entries:
        return expectation, None
    live = [known for known in entries if today <= known.expires]
    for known in live:
        if known.status is status:
            return _expected(known), f"known until {known.expires}: {_text(known)}"
    if live and status is Status.PASS:
        return _expected(live[0]), f"known issue seems fixed, its entry can go: {_text(live[0])}"
    if live:
        return expectation, f"not excused, the known issue is {live[0].status}: {_text(live[0])}"
    if status is Status.PASS:
        return expectation, f"known issue seems fixed, its expired entry can go: {_text(entries[0])}"
    return expectation, f"known issue expired on {entries[0].expires}: {_text(entries[0])}"


def _expected(known: Known) -> Expectation:
    return Expectation(status=known.status, reason=_text(known))


def _text(known: Known) -> str:
    return f"{known.reason} ({known.url})" if known.url else known.reason
