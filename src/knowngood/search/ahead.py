"""Find out what will break when a cooldown admits the releases that it still holds back.

Each combo is resolved with the releases that the cooldown admits, and with all releases. Where both sets are the
same nothing runs. Where the first works and the second does not, the release that does it is looked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from knowngood.report.markup import inline, joined, table
from knowngood.report.text import aligned, count, moment, strict_json, wrap
from knowngood.search.ask import Candidate, Oracle, Resolved, Says
from knowngood.search.blame import Blame, Moved, blame
from knowngood.search.changes import Change
from knowngood.search.frame import Frame
from knowngood.search.trail import Trail, ask_each, message, source_names

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


_ALREADY = "the release that breaks it was admitted already: knowngood timeline finds it and the day"


class Weather(StrEnum):
    """What the releases that wait mean for a combo."""

    SAME = "same"
    """None of them takes part."""
    GOOD = "good"
    """It works with them."""
    ALARM = "alarm"
    """It works today, and will not work with them."""
    BROKEN = "broken"
    """It does not work today either."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """The forecast of one combo."""

    combo: str
    weather: Weather
    cause: str = ""
    waiting: tuple[tuple[str, str, str], ...] = ()
    """(package, version today, version that waits) for each that differs."""
    blame: Blame | None = None
    trail: Trail

    def alarms(self, cooldown: timedelta) -> list[tuple[Moved, str]]:
        """Return what will break it, and the day on which each gets in; an empty day is unknown."""
        moved = [each for each in self.blame.moved if each.package in self.blame.culprits] if self.blame else []
        return [(each, _day(each.uploaded, cooldown)) for each in moved]


Waiting = tuple[tuple[str, str, str], ...]
"""As ``Forecast.waiting``."""


Failing = Callable[[tuple[str, ...]], str]
"""Takes the lock of a set, and returns why it failed in an earlier run; empty where none shows that."""


def find(
    oracle: Oracle, *, cooldown: timedelta, now: datetime, failing: Failing = lambda lock: ""
) -> tuple[Weather, str, Waiting, Blame | None]:
    """Return the forecast of the combo of ``oracle``: what happens, why, which releases wait, and what is to blame.

    If no held-back release is part of it, nothing runs, but ``failing`` may know that the set is broken already.
    """
    plain = oracle.resolve([Candidate(change=Change(), why="which packages take part?")])[0]
    today = _candidate(oracle, plain, now - cooldown, "what the cooldown lets in today")
    later = _candidate(oracle, plain, now, "what waits is in")
    before, after = oracle.resolve([today, later])
    if before.lock and before.lock == after.lock:
        cause = failing(before.lock)
        return (Weather.BROKEN, f"{cause} ({_ALREADY})", (), None) if cause else (Weather.SAME, "", (), None)
    old, new = before.versions, after.versions
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    waiting = tuple((name, old.get(name, ""), new.get(name, "")) for name in names)
    answers = ask_each(oracle, [today, later])
    first, second = answers.get(today.change), answers.get(later.change)
    if first is None or second is None or Says.UNKNOWN in (first.says, second.says):
        unknown = [message(each) for each in (first, second) if each is not None and each.says is Says.UNKNOWN]
        return Weather.UNDECIDED, next(iter(unknown), "the search ended before it was known"), waiting, None
    if first.says is not Says.WORKS:
        return Weather.BROKEN, message(first), waiting, None
    if second.says is Says.WORKS:
        return Weather.GOOD, "", waiting, None
    found = blame(oracle, before, after, later.change.frame) if after.lock else None
    return Weather.ALARM, message(second), waiting, found


def _candidate(oracle: Oracle, plain: Resolved, time: datetime, why: str) -> Candidate:
    until = time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    names = plain.versions.keys() - source_names(plain)
    undated = tuple(sorted(name for name in names if not any(each.uploaded for each in oracle.releases(name) or ())))
    return Candidate(change=Change(frame=Frame(until=until, undated=undated)), why=why)


def _day(uploaded: str, cooldown: timedelta) -> str:
    time = moment(uploaded) if uploaded else None
    return f"{time + cooldown:%Y-%m-%d}" if time is not None else ""


def text(found: Sequence[Forecast], cooldown: timedelta, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    days = count(cooldown.days, "day")
    alarms = sum(each.weather is Weather.ALARM for each in found)
    lines = wrap(f"{count(alarms, 'alarm')} in {count(len(found), 'combo')} with a cooldown of {days}.", width, most=2)
    rows = [(each.combo, str(each.weather), _remark(each, cooldown)) for each in found]
    lines += [f"  {line}" for line in aligned(rows, max(20, width - 2))] if rows else []
    for each in found:
        for moved, day in each.alarms(cooldown):
            gets_in = f"gets in on {day}" if day else "the index does not say when it was uploaded"
            release = f"{moved.package} {moved.before} -> {moved.after} ({moved.file}), {gets_in}"
            lines += wrap(f"alarm: {each.combo} breaks with {release}: {each.cause}", width, most=4)
    return "\n".join(lines) + "\n"


def markdown(found: Sequence[Forecast], cooldown: timedelta) -> str:
    """Return the result as the body of an issue or a pull request, ending in a newline."""
    alarms = [(each, moved, day) for each in found for moved, day in each.alarms(cooldown)]
    number = sum(each.weather is Weather.ALARM for each in found)
    said = f"{count(number, 'alarm')} in {count(len(found), 'combo')} with a cooldown of {count(cooldown.days, 'day')}."
    headers = ("combo", "release", "file", "gets in", "why")
    rows = [
        (each.combo, f"{moved.package} {moved.before} -> {moved.after}", moved.file, day or "unknown", each.cause)
        for each, moved, day in alarms
    ]
    others = [(each.combo, str(each.weather), _remark(each, cooldown)) for each in found]
    return (
        joined(
            [
                ["### Forecast"],
                [inline(said)],
                table(headers, rows) if rows else [],
                table(("combo", "outcome", "remark"), others) if others else [],
            ]
        )
        + "\n"
    )


def _remark(each: Forecast, cooldown: timedelta) -> str:
    waiting = ", ".join(f"{name} {old or 'absent'} -> {new or 'absent'}" for name, old, new in each.waiting)
    match each.weather:
        case Weather.SAME:
            return "no held-back release is part of it"
        case Weather.GOOD:
            return f"works with {waiting}"
        case Weather.ALARM:
            return f"will fail with {waiting}"
        case Weather.BROKEN | Weather.UNDECIDED:
            return each.cause


def as_json(found: Sequence[Forecast], cooldown: timedelta) -> str:
    """Return the result as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "forecast",
            "cooldown_days": cooldown.days,
            "combos": [
                {
                    "combo": each.combo,
                    "weather": str(each.weather),
                    "cause": each.cause,
                    "waiting": [{"package": name, "from": old, "to": new} for name, old, new in each.waiting],
                    "alarms": [
                        {
                            "package": moved.package,
                            "from": moved.before,
                            "to": moved.after,
                            "file": moved.file,
                            "uploaded": moved.uploaded,
                            "gets_in": day or None,
                        }
                        for moved, day in each.alarms(cooldown)
                    ],
                    "confirmed": each.blame is not None and each.blame.confirmed,
                    **each.trail.document,
                }
                for each in found
            ],
        }
    )
