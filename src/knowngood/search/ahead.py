"""Find out what will break when a cooldown admits the releases that it still holds back.

Each combo is resolved with the releases that the cooldown admits, and with all releases. Where both sets are the
same and not known to fail, nothing runs. A set that fails has a history: what a resolver chooses under a cooldown is
what it would have chosen so many days before. So the releases are bisected as those of a timeline are, and the day on
which the combo breaks is that of the timeline, later by the cooldown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from knowngood.report.markup import inline, joined, table
from knowngood.report.text import aligned, count, moment, strict_json, wrap
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.blame import Moved
from knowngood.search.changes import Change
from knowngood.search.frame import Frame
from knowngood.search.timeline import Course, Timeline
from knowngood.search.timeline import find as when
from knowngood.search.timeline_result import culprit
from knowngood.search.trail import Trail, ask_each, message, source_names

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


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
class Outcome:
    """What a search for the forecast of one combo found."""

    weather: Weather
    cause: str = ""
    waiting: tuple[tuple[str, str, str], ...] = ()
    """(package, version today, version that waits) for each that differs."""
    broke: Timeline | None = None
    """When it breaks, or broke, without a cooldown; None: not looked for."""
    works_later: bool = False
    """Whether it fails today and works with what waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """The forecast of one combo."""

    combo: str
    outcome: Outcome
    trail: Trail

    @property
    def weather(self) -> Weather:
        """What the releases that wait mean for it."""
        return self.outcome.weather

    def breaks(self, cooldown: timedelta) -> str:
        """Return the day on which it breaks or broke; empty when that is unknown."""
        broke = self.outcome.broke
        found = broke is not None and broke.course is Course.BROKE and broke.bad is not None
        return f"{broke.bad.time + cooldown:%Y-%m-%d}" if found and broke and broke.bad else ""

    def alarms(self, cooldown: timedelta) -> list[tuple[Moved, str]]:
        """Return what breaks it, and the day on which the cooldown admits each; an empty day is unknown."""
        broke = self.outcome.broke
        blamed = broke.blame if broke is not None and broke.course is Course.BROKE else None
        moved = [each for each in blamed.moved if each.package in blamed.culprits] if blamed is not None else []
        return [(each, _day(each.uploaded, cooldown)) for each in moved]


Failing = Callable[[tuple[str, ...]], str]
"""Takes the lock of a set, and returns why it failed in an earlier run; empty where none shows that."""


def find(oracle: Oracle, *, cooldown: timedelta, now: datetime, failing: Failing = lambda lock: "") -> Outcome:
    """Return the forecast of the combo of ``oracle``: what happens, why, which releases wait, and when it breaks.

    If no held-back release is part of it, nothing runs, unless ``failing`` knows that the set is broken already.
    """
    plain = oracle.resolve([Candidate(change=Change(), why="which packages take part?")])[0]
    today = _candidate(oracle, plain, now - cooldown, "what the cooldown lets in today")
    later = _candidate(oracle, plain, now, "what waits is in")
    before, after = oracle.resolve([today, later])
    same = bool(before.lock) and before.lock == after.lock
    if same and not failing(before.lock):
        return Outcome(weather=Weather.SAME)
    old, new = before.versions, after.versions
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    waiting = tuple((name, old.get(name, ""), new.get(name, "")) for name in names) if not same else ()
    answers = ask_each(oracle, [today] if same else [today, later])
    first = answers.get(today.change)
    second = first if same else answers.get(later.change)
    if first is None or second is None or Says.UNKNOWN in (first.says, second.says):
        unknown = [message(each) for each in (first, second) if each is not None and each.says is Says.UNKNOWN]
        cause = next(iter(unknown), "the search ended before it was known")
        return Outcome(weather=Weather.UNDECIDED, cause=cause, waiting=waiting)
    if first.says is not Says.WORKS:
        return _broken(oracle, first, second, waiting, now - cooldown)
    if second.says is Says.WORKS:
        return Outcome(weather=Weather.GOOD, waiting=waiting)
    broke = when(oracle, second, since=now - cooldown, now=now)
    return Outcome(weather=Weather.ALARM, cause=_cause(broke, second), waiting=waiting, broke=broke)


def _broken(
    oracle: Oracle, first: Answer, second: Answer, waiting: tuple[tuple[str, str, str], ...], until: datetime
) -> Outcome:
    """Return the forecast of a combo that fails today; ``until`` is the last time that the cooldown admits."""
    broke = when(oracle, first, since=None, now=until)
    works_later = second.says is Says.WORKS
    return Outcome(weather=Weather.BROKEN, cause=message(first), waiting=waiting, broke=broke, works_later=works_later)


def _cause(broke: Timeline, second: Answer) -> str:
    """Return how the first set that fails does so."""
    return message(broke.bad.answer if broke.bad is not None and broke.bad.answer is not None else second)


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
    lines = wrap(f"{_sentence(found, cooldown)}.", width, most=2)
    rows = [(each.combo, str(each.weather), _remark(each)) for each in found]
    lines += [f"  {line}" for line in aligned(rows, max(20, width - 2))] if rows else []
    for each in found:
        lines += wrap(_story(each, cooldown), width, most=5) if each.outcome.broke is not None else []
        lines += [
            line
            for note in (each.outcome.broke.approximate if each.outcome.broke is not None else ())
            for line in wrap(f"approximate: {note}", width, most=3)
        ]
    return "\n".join(lines) + "\n"


def _sentence(found: Sequence[Forecast], cooldown: timedelta) -> str:
    alarms = sum(each.weather is Weather.ALARM for each in found)
    return f"{count(alarms, 'alarm')} in {count(len(found), 'combo')} with a cooldown of {count(cooldown.days, 'day')}"


def _story(each: Forecast, cooldown: timedelta) -> str:
    """Return when a combo breaks or broke, and what does it."""
    broke, alarm = each.outcome.broke, each.weather is Weather.ALARM
    assert broke is not None, "only a combo that fails has a history"
    name, cause = "alarm" if alarm else "broken", each.outcome.cause
    if broke.course is not Course.BROKE:
        return f"{name}: {each.combo}: {broke.why or 'it is unknown what breaks it'}: {cause}"
    admitted = [
        f"{moved.package} {moved.before} -> {moved.after} ({moved.file}), "
        + (f"admitted on {day}" if day else "the index does not say when it was uploaded")
        for moved, day in each.alarms(cooldown)
    ]
    breakers = " together with ".join(admitted) or culprit(broke)
    return f"{name}: {each.combo} {'breaks' if alarm else 'broke'} on {each.breaks(cooldown)}: {breakers}: {cause}"


def markdown(found: Sequence[Forecast], cooldown: timedelta) -> str:
    """Return the result as the body of an issue or a pull request, ending in a newline."""
    headers = ("combo", "outcome", "on", "release", "file", "admitted on", "why")
    rows = [row for each in found for row in _rows(each, cooldown)]
    others = [(each.combo, str(each.weather), _remark(each)) for each in found]
    notes = [note for each in found if each.outcome.broke is not None for note in each.outcome.broke.approximate]
    return (
        joined(
            [
                ["### Forecast"],
                [inline(f"{_sentence(found, cooldown)}.")],
                table(headers, rows) if rows else [],
                table(("combo", "outcome", "remark"), others) if others else [],
                [f"- {inline(f'approximate: {note}')}" for note in dict.fromkeys(notes)],
            ]
        )
        + "\n"
    )


def _rows(each: Forecast, cooldown: timedelta) -> list[tuple[str, ...]]:
    """Return a row for each release that breaks a combo; one without a release where only the day is known."""
    broke, day, cause = each.outcome.broke, each.breaks(cooldown), each.outcome.cause
    if broke is None or broke.course is not Course.BROKE:
        return []
    rows = [
        (f"{moved.package} {moved.before} -> {moved.after}", moved.file, admitted or "unknown")
        for moved, admitted in each.alarms(cooldown)
    ]
    verb = "breaks" if each.weather is Weather.ALARM else "broke"
    return [(each.combo, verb, day, *row, cause) for row in rows or [(culprit(broke), "", "")]]


def _remark(each: Forecast) -> str:
    outcome = each.outcome
    waiting = ", ".join(f"{name} {old or 'absent'} -> {new or 'absent'}" for name, old, new in outcome.waiting)
    match each.weather:
        case Weather.SAME:
            return "no held-back release is part of it"
        case Weather.GOOD:
            return f"works with {waiting}"
        case Weather.ALARM:
            return f"will fail with {waiting}"
        case Weather.BROKEN if outcome.works_later:
            return f"fails today, will work with {waiting}: {outcome.cause}"
        case Weather.BROKEN | Weather.UNDECIDED:
            return outcome.cause


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
                    "cause": each.outcome.cause,
                    "waiting": [{"package": name, "from": old, "to": new} for name, old, new in each.outcome.waiting],
                    "works_later": each.outcome.works_later,
                    "breaks": each.breaks(cooldown) or None,
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
                    **_history(each.outcome.broke),
                    **each.trail.document,
                }
                for each in found
            ],
        }
    )


def _history(broke: Timeline | None) -> dict[str, object]:
    confirmed = broke is not None and broke.blame is not None and broke.blame.confirmed
    return {
        "confirmed": confirmed,
        "released": list(broke.released) if broke is not None else [],
        "approximate": list(broke.approximate) if broke is not None else [],
        "why": broke.why if broke is not None else "",
    }
