"""Say how old the results of a run are, and whether that is more than its matrix promises: ``stale-after``."""

from datetime import date

from knowngood.model import JudgedRun
from knowngood.report.summary import days
from knowngood.report.text import moment


def oldest(judged: JudgedRun) -> date | None:
    """Return the day of the oldest verdict of a run, which may be reused; None when its log has no valid time."""
    found = moment(days(judged)[0])
    return found.date() if found else None


def is_stale(judged: JudgedRun, today: date | None) -> bool:
    """Return whether a run, seen on ``today``, is older than its matrix promises; never without a day."""
    day = oldest(judged)
    return today is not None and day is not None and (today - day).days > judged.run.info.stale_after


def promise(judged: JudgedRun) -> str:
    """Return how old a run is and may be: ``the oldest is from 2026-10-01, and the matrix promises ...``.

    It is what is said about the results of a run that is stale, and does not change from day to day.
    """
    day, after = oldest(judged), judged.run.info.stale_after
    last = "day" if after == 1 else f"{after} days"
    return f"the oldest is from {day or 'an unknown day'}, and the matrix promises results of the last {last}"


def stale(judged: JudgedRun, today: date | None) -> tuple[str, ...]:
    """Return a caution about a run that is stale on ``today``; nothing about any other."""
    return (f"out of date: of these results, {promise(judged)}",) if is_stale(judged, today) else ()
