"""Find out which release broke a combo, and when: bisect the sets that a resolver would have chosen over time.

Not days are bisected but distinct sets: between two uploads of a package that takes part nothing can change.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby, takewhile

from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.blame import Blame, blame
from knowngood.search.changes import Change, named_by
from knowngood.search.frame import Frame
from knowngood.search.rows import Kinds, edges
from knowngood.search.trail import ask_each, message, source_names

_YEARS = 5  # how far back a set that works is looked for when the user names no day
_MOST_RESOLVED = 48  # moments that are resolved at a time; then the search between two of them continues


class Course(StrEnum):
    """How a combo fared over time."""

    WORKS = "works"
    """It works today."""
    BROKE = "broke"
    NEVER_WORKED = "never worked"
    """It did not work as far back as was looked."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What was chosen at a time."""

    time: datetime
    resolved: Resolved
    answer: Answer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """When a combo broke, and what broke it."""

    course: Course
    base: Answer
    """The combo as it is today."""
    good: Moment | None = None
    """The last set that works."""
    bad: Moment | None = None
    """The first set that does not."""
    blame: Blame | None = None
    released: tuple[str, ...] = ()
    """What was uploaded at the time of ``bad`` (name and version), where no set has been possible since then."""
    sets: int = 0
    """Distinct sets between the first and the last day that was looked at."""
    approximate: tuple[str, ...] = ()
    """Why the past may have been different from what can be seen of it today."""
    why: str = ""


def find(oracle: Oracle, base: Answer, *, since: datetime | None, now: datetime) -> Timeline:
    """Return when the combo of ``oracle`` broke, and by which release; ``base`` is its answer of today."""
    if base.says is not Says.FAILS and base.says is not Says.UNSOLVABLE:
        unknown = base.says is Says.UNKNOWN
        return Timeline(course=Course.UNDECIDED if unknown else Course.WORKS, base=base, why=message(base))
    past = _Past(oracle, base)
    past.learn_names(now)
    bad = past.ends(now)
    times = past.back(now) if since is None else past.first_solvable(since, now)
    good = next((each for each in past.asked(times) if past.works(each)), None)
    if good is None:
        why = past.never(times, since)
        course = Course.UNDECIDED if past.undecided else Course.NEVER_WORKED
        return Timeline(course=course, base=base, approximate=tuple(past.approximate()), why=why)
    good, bad, sets = past.bisect(good, bad)
    if oracle.over and not past.neighbors(good, bad):
        why = f"between {good.time:%Y-%m-%d} and {bad.time:%Y-%m-%d}; the search ended before the day was known"
        return Timeline(course=Course.UNDECIDED, base=base, good=good, bad=bad, sets=sets, why=why)
    found = blame(oracle, good.resolved, bad.resolved, past.frame(bad.time)) if bad.resolved.lock else None
    cut = found is not None and not found.confirmed and oracle.over
    return Timeline(
        course=Course.UNDECIDED if cut else Course.BROKE,
        base=base,
        good=good,
        bad=bad,
        blame=found,
        released=past.released(bad) if found is None else (),
        sets=sets,
        approximate=(*past.approximate(), *past.unsolvable(good, bad)),
        why=f"it broke on {bad.time:%Y-%m-%d}; the search ended before the cause was known" if cut else "",
    )


class _Past:
    """What the resolver would have chosen at other times."""

    def __init__(self, oracle: Oracle, base: Answer) -> None:
        self._oracle = oracle
        self._sources = source_names(base)
        resolved = {name for step in base.facts.steps for name in step.resolved}
        self._names = (resolved or named_by(oracle.combo)) - self._sources
        self._undated = self._without_dates()
        self._knows_names = bool(resolved)
        self._answered: dict[Change, Answer] = {}
        self._unsolvable: set[datetime] = set()
        """Times between a set that works and one that does not at which there was no set."""
        self._ends_unsolvable = False
        """Whether there is no set at the last time that is looked at."""
        self._early = ""
        """What is known of days before the first with a set."""
        self.undecided = False

    def learn_names(self, now: datetime) -> None:
        """Find out from earlier sets which packages take part, where there is no set today that shows it."""
        if self._knows_names:
            return
        known = 0
        while known < len(self._names):
            known = len(self._names)
            self._undated = self._without_dates()
            times = self._uploads(now - timedelta(days=365 * _YEARS), now)
            self._resolved(times[:: -(-len(times) // _MOST_RESOLVED) or 1])

    def _without_dates(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self._names if not self._dates(name)))

    def frame(self, time: datetime) -> Frame:
        """Return the conditions of a time."""
        return Frame(
            until=time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), undated=self._undated
        )

    def ends(self, now: datetime) -> Moment:
        """Return what is chosen at the last time that is looked at."""
        bad = self.at(now)
        self._ends_unsolvable = _unsolvable(bad)
        return bad

    def at(self, time: datetime) -> Moment:
        """Return what is chosen at a time."""
        return self._resolved([time])[0]

    def _resolved(self, times: Sequence[datetime]) -> list[Moment]:
        asked = [Candidate(change=Change(frame=self.frame(time)), why=f"as of {time:%Y-%m-%d %H:%M}") for time in times]
        moments = [
            Moment(time=time, resolved=resolved)
            for time, resolved in zip(times, self._oracle.resolve(asked), strict=True)
        ]
        for moment in moments:
            self._names |= moment.resolved.versions.keys() - self._sources
        return moments

    def back(self, now: datetime) -> list[datetime]:
        """Return the times of sets that were chosen 1, 2, 4, 8 ... sets ago, and of the oldest with a solution."""
        times = self._uploads(now - timedelta(days=365 * _YEARS), now)
        step = -(-len(times) // _MOST_RESOLVED) or 1
        known = self._resolved(times[::-1][::step])
        # The first time at which a set was chosen counts; sets without a solution do not.
        distinct = [[*group][-1] for _, group in groupby(known, key=_identity)]
        solvable = [each.time for each in distinct if not _unsolvable(each)]
        if solvable and _unsolvable(distinct[-1]):
            self._early = f"before {solvable[-1]:%Y-%m-%d}"
        places = [2**power for power in range(len(solvable)) if 2**power < len(solvable)]
        # The newest set is that of today, unless there is none today.
        newest = [0] if solvable and _unsolvable(distinct[0]) else []
        return [solvable[place] for place in dict.fromkeys([*newest, *places, len(solvable) - 1])] if solvable else []

    def first_solvable(self, since: datetime, now: datetime) -> list[datetime]:
        """Return the first time from ``since`` on at which there was a set, as a list; empty where there was none."""
        if not _unsolvable(self.at(since)):
            return [since]
        low, high = since, now
        while times := self._uploads(low, high):
            step = -(-len(times) // _MOST_RESOLVED)
            sampled = times[step - 1 :: step]
            solvable = [each.time for each in self._resolved(sampled) if not _unsolvable(each)]
            if not solvable and high == now and _unsolvable(self.at(now)):
                return []
            high = min([*solvable, high])
            low = max([time for time in sampled if time < high], default=low)
            if step == 1:
                break
        self._early = f"from {since:%Y-%m-%d} to {low:%Y-%m-%d}"
        return [high]

    def never(self, times: Sequence[datetime], since: datetime | None) -> str:
        """Return why no set that works was found among those of ``times``."""
        if not times:
            return "no earlier set of versions can be resolved"
        early = f"; {self._early} no set of versions can be resolved" if self._early else ""
        return f"it did not work {'on' if since else 'as far back as'} {min(times):%Y-%m-%d} either{early}"

    def asked(self, times: Sequence[datetime]) -> Iterator[Moment]:
        """Yield what is known of each time, as far as the set differs from that of the time before."""
        known = self._resolved(times)
        distinct = [next(group) for _, group in groupby(known, key=_identity)]
        width = max(1, self._oracle.jobs)
        for start in range(0, len(distinct), width):
            chosen = distinct[start : start + width]
            answers = self._answers(chosen)
            for moment in chosen:
                yield Moment(time=moment.time, resolved=moment.resolved, answer=answers.get(moment.resolved.change))

    def works(self, moment: Moment) -> bool:
        """Return whether a set works."""
        self.undecided |= moment.answer is None or moment.answer.says is Says.UNKNOWN
        return moment.answer is not None and moment.answer.says is Says.WORKS

    def _answers(self, moments: Sequence[Moment]) -> dict[Change, Answer]:
        whys = [Candidate(change=each.resolved.change, why=f"as of {each.time:%Y-%m-%d %H:%M}") for each in moments]
        answers = ask_each(self._oracle, whys)
        self._answered.update(answers)
        return answers

    def neighbors(self, good: Moment, bad: Moment) -> bool:
        """Return whether no set is unknown between two times."""
        return not self._open(good, bad)

    def bisect(self, good: Moment, bad: Moment) -> tuple[Moment, Moment, int]:
        """Return the last set that works and the first after it that does not, and how many distinct sets there are."""
        sets = 0
        while times := self._open(good, bad):
            step = -(-len(times) // _MOST_RESOLVED)
            moments = [good, *self._resolved(times[step - 1 :: step]), bad]
            row = self._row(moments)
            sets = max(sets, len(row))
            kinds = self._kinds(row)
            works = [place for place, kind in kinds.items() if kind is True]
            last = max(works)
            following = min(
                (place for place, kind in kinds.items() if kind is False and place > last), default=len(row) - 1
            )
            good, bad = row[last], row[following]
            # The last time at which the good set was chosen counts.
            same = [each.time for each in moments if _identity(each) == _identity(good) and each.time < bad.time]
            good = Moment(time=max(same), resolved=good.resolved, answer=good.answer)
            self._unsolvable |= {each.time for each in moments if _unsolvable(each) and each.time < bad.time}
            if following - last > 1 or self._oracle.over or step == 1:
                break
        return self._with_answer(good), self._with_answer(bad), sets

    def _open(self, good: Moment, bad: Moment) -> list[datetime]:
        """Return the times between two that are to be looked at: not those between two without a set."""
        gap = [time for time in self._unsolvable if good.time < time < bad.time]
        times = self._uploads(good.time, bad.time)
        return [time for time in times if not gap or not min(gap) <= time <= max(gap)]

    def _row(self, moments: Sequence[Moment]) -> list[Moment]:
        """Return the distinct sets of moments, of which the last is bad; a time without a set is neither good nor bad.

        Only where there is none at the last moment, the first of the times without one up to then is the end.
        """
        bad = moments[-1]
        distinct = [next(group) for _, group in groupby(filter(_has_set, moments), key=_identity)]
        if _unsolvable(bad):
            return [*distinct, list(takewhile(_unsolvable, reversed(moments)))[-1]]
        # Sets that equal the last one are the last one.
        return distinct if _identity(distinct[-1]) == _identity(bad) else [*distinct, bad]

    def released(self, bad: Moment) -> tuple[str, ...]:
        """Return the name and the version of what was uploaded right before a time."""
        then = bad.time - timedelta(seconds=1)
        return tuple(
            f"{name} {each.version}"
            for name in sorted(self._names)
            for each in self._oracle.releases(name) or ()
            if each.uploaded is not None and each.uploaded.replace(microsecond=0) == then
        )

    def unsolvable(self, good: Moment, bad: Moment) -> Iterator[str]:
        """Yield what is not known because there was no set between two times, or is none today."""
        gap = [time for time in self._unsolvable if good.time < time < bad.time]
        if gap:
            yield (
                f"from {min(gap):%Y-%m-%d} to {max(gap):%Y-%m-%d} no set of versions can be resolved: "
                f"whether it was broken then is unknown"
            )
        if self._ends_unsolvable and not _unsolvable(bad):
            yield "today no set of versions can be resolved; it broke before that"

    def _with_answer(self, moment: Moment) -> Moment:
        """Return a moment with what was answered about its set; that of today is the combo itself."""
        return replace(moment, answer=self._answered.get(moment.resolved.change, moment.answer))

    def _kinds(self, row: Sequence[Moment]) -> Kinds:
        def ask(places: Sequence[int]) -> Mapping[int, Hashable | None]:
            answers = self._answers([row[place] for place in places])
            says = {place: answers.get(row[place].resolved.change) for place in places}
            return {place: self._kind(answer) for place, answer in says.items() if answer is not None}

        return edges([], ask, known={0: True, len(row) - 1: False}, width=max(1, self._oracle.jobs))

    def _kind(self, answer: Answer) -> bool | None:
        """Return whether a set works. None: unknown, or there is none, which only the end of a row may be."""
        if answer.says is Says.UNKNOWN or (answer.says is Says.UNSOLVABLE and not self._ends_unsolvable):
            return None
        return answer.says is Says.WORKS

    def _uploads(self, after: datetime, until: datetime) -> list[datetime]:
        """Return the moments right after something was uploaded."""
        times = {time + timedelta(seconds=1) for name in self._names for time in self._dates(name)}
        return sorted(time for time in times if after < time < until)

    def _dates(self, name: str) -> list[datetime]:
        return [each.uploaded.replace(microsecond=0) for each in self._oracle.releases(name) or () if each.uploaded]

    def approximate(self) -> Iterator[str]:
        """Yield why the past may have been different."""
        if self._undated:
            yield f"the index of {', '.join(self._undated)} has no dates: all of its releases count at any time"
        yanked = sorted(name for name in self._names if self._oracle.yanked(name))
        if yanked:
            yield f"releases of {', '.join(yanked)} were yanked, and are left out on every day"


def _identity(moment: Moment) -> Hashable:
    """Return what equal sets have in common; sets without a solution are all the same."""
    return moment.resolved.lock or moment.resolved.says or moment.time


def _unsolvable(moment: Moment) -> bool:
    return moment.resolved.says is Says.UNSOLVABLE


def _has_set(moment: Moment) -> bool:
    return not _unsolvable(moment)
