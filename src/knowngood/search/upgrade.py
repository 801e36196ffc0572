"""Find a path from a set that works to newer versions, on which every step works.

The goal is resolved, and the moves to it that a resolver ties are one group. Groups are applied one after the other,
the least tied first and risky ones last; prefixes of them run side by side. A group that breaks the set is tried later,
and then with others that broke it; what blocks in the end is named with the last version that works.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from packaging.requirements import Requirement
from packaging.version import Version

from knowngood import packages
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.blame import held
from knowngood.search.blocked import Blocked, Range, ranges, unsolvable
from knowngood.search.changes import Change, named_by
from knowngood.search.frame import Frame
from knowngood.search.frontier import representatives
from knowngood.search.rows import Kinds, edges
from knowngood.search.trail import ask_each, kind_of, message, source_names

Group = tuple[str, ...]
"""Packages that move together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a path: it was run, and works."""

    moves: tuple[tuple[str, str, str], ...]
    """(package, version before, version after)."""
    answer: Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """A path to newer versions."""

    base: Answer
    demand: tuple[str, ...]
    """The requirements that the user wants met."""
    steps: tuple[Step, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """What the path ends with."""
    why: str = ""
    """Why there is no path; empty when there is one."""
    undecided: bool = False
    """Whether there may be one all the same."""

    @property
    def reached(self) -> bool:
        """Whether what the user wants is met in the end; without a demand whether nothing blocks."""
        if self.why:
            return False
        wanted = list(packages.requirements(self.demand))
        if wanted:
            return all(packages.satisfies(self.versions.get(packages.name_of(each)), each) for each in wanted)
        return not self.blocked


def find(oracle: Oracle, base: Answer, demand: Sequence[str]) -> Upgrade:
    """Return a path from the combo of ``oracle`` to what ``demand`` wants, or to the newest; ``base`` is its answer."""
    wanted = tuple(demand)
    if base.says is not Says.WORKS:
        undecided = base.says is Says.UNKNOWN
        why = f"{oracle.combo.id} {'could not be tested' if undecided else 'does not work as it is'}: {message(base)}"
        return Upgrade(base=base, demand=wanted, why=why, undecided=undecided)
    goal = _goal(oracle, base, wanted)
    if goal.says is Says.UNKNOWN:
        why = f"nobody can say which versions meet it: {goal.message}"
        return Upgrade(base=base, demand=wanted, why=why, undecided=True)
    sources = source_names(base)
    now = {name: version for step in base.facts.steps for name, version in step.resolved.items() if name not in sources}
    missed: tuple[Blocked, ...] = ()
    if goal.says is Says.UNSOLVABLE:
        missed, nearer = _missed(oracle, base, wanted, goal, now)
        why = f"no set of versions meets it: {goal.message}"
        goal = _goal(oracle, base, nearer) if nearer else goal
        if goal.says is not None:
            return Upgrade(base=base, demand=wanted, blocked=missed, versions=now, why=why)
        wanted_now = nearer
    else:
        wanted_now = wanted
    path = _Path(oracle, base, now, goal.versions, sources)
    path.walk(path.groups(wanted_now))
    return Upgrade(
        base=base,
        demand=wanted,
        steps=tuple(path.steps),
        blocked=(*path.blocked, *missed),
        versions=dict(path.now),
    )


def _missed(
    oracle: Oracle, base: Answer, demand: Sequence[str], goal: Resolved, now: Mapping[str, str]
) -> tuple[tuple[Blocked, ...], tuple[str, ...]]:
    """Return what blocks demands that have no solution, and demands that go as far as a resolver can."""
    parsed = list(packages.requirements(demand))
    rest = _released(oracle, base, packages.names(demand))
    alone = oracle.resolve([Candidate(change=_with(rest, [each]), why="can it be met alone?") for each in parsed])
    blocked: list[Blocked] = []
    nearer: list[str] = []
    for wanted, resolved in zip(parsed, alone, strict=True):
        if resolved.says is None and len(parsed) > 1:
            nearer.append(str(wanted))
            continue
        each = unsolvable(oracle, wanted, now, rest, resolved.message or goal.message)
        blocked.append(each)
        name, before, _ = each.moves[0]
        if each.last and each.last != before:
            nearer.append(f"{name}=={each.last}")
    return tuple(blocked), tuple(nearer)


def _with(rest: Change, wanted: Sequence[Requirement]) -> Change:
    return rest.plus(Change(requirements=tuple(map(str, wanted))))


def _released(oracle: Oracle, base: Answer, names: Sequence[str]) -> Change:
    """Return the change by which any version is fine of what the combo pins, but not of ``names``."""
    others = sorted(named_by(oracle.combo) - source_names(base) - {*names})
    return Change(requirements=tuple(f"{name}>=0" for name in others))


def _goal(oracle: Oracle, base: Answer, demand: Sequence[str]) -> Resolved:
    """Return the newest set that meets the demand, or where that does not work the nearest, if that works."""
    asked = packages.names(demand)
    others = [name for name in sorted(named_by(oracle.combo) - source_names(base)) if name not in asked]
    newest = _released(oracle, base, asked).plus(Change(requirements=tuple(demand)))
    installed = base.facts.installed
    nearest = Change(requirements=(*demand, *(f"{name}=={installed[name]}" for name in others if name in installed)))
    whys = [Candidate(change=newest, why="the newest set"), Candidate(change=nearest, why="the nearest set")]
    resolved = oracle.resolve(whys if demand else whys[:1])
    solvable = {each.change: each for each in resolved if each.says is None}
    if not solvable:
        return resolved[0]
    answers = ask_each(oracle, [why for why, each in zip(whys, resolved, strict=False) if each.says is None])
    working = [each for why, each in zip(whys, resolved, strict=False) if _works(answers.get(why.change))]
    return next(iter(working or solvable.values()))


def _works(answer: Answer | None) -> bool:
    return answer is not None and answer.says is Says.WORKS


class _Path:
    """Where the path is, and what it tried."""

    def __init__(
        self, oracle: Oracle, base: Answer, now: dict[str, str], goal: Mapping[str, str], sources: frozenset[str]
    ) -> None:
        self._oracle = oracle
        self._base = base
        self._goal = goal
        self._sources = sources
        self.now = now
        self.steps: list[Step] = []
        self._progress = 0
        """The steps that there were when groups were last tried again."""
        self.blocked: list[Blocked] = []

    def groups(self, demand: Sequence[str]) -> list[Group]:
        """Return the moves to the goal; those that a resolver ties are one group."""
        names = [name for name in sorted(self.now.keys() & self._goal.keys()) if self.now[name] != self._goal[name]]
        free = self._oracle.resolve([Candidate(change=self._change((name,)), why="is it tied?") for name in names])
        groups: list[Group] = [(name,) for name, each in zip(names, free, strict=True) if each.says is None]
        tied = [name for name, each in zip(names, free, strict=True) if each.says is not None]
        while tied:
            group = self._tied(tied[0], names)
            groups.append(group)
            tied = [name for name in tied if name not in group]
        asked = set(packages.names(demand))
        return sorted(
            dict.fromkeys(groups), key=lambda group: (len(group), self._risk(group), not asked & {*group}, group)
        )

    def _tied(self, name: str, names: Sequence[str]) -> Group:
        """Return the smallest group with ``name`` that has a solution, as far as leaving out single packages shows."""
        group = list(names)
        for other in [each for each in names if each != name]:
            fewer = tuple(each for each in group if each != other)
            if self._oracle.resolve([Candidate(change=self._change(fewer), why="is it tied?")])[0].says is None:
                group = list(fewer)
        return tuple(group)

    def _risk(self, group: Group) -> int:
        """Return how many packages of a group move to another major version."""
        return sum(self.now[name].split(".")[0] != self._goal[name].split(".")[0] for name in group)

    def _change(self, group: Sequence[str]) -> Change:
        versions = {name: self._goal[name] if name in group else version for name, version in self.now.items()}
        kept = {name: version for name, version in versions.items() if name in self._goal or name not in group}
        return held(self._oracle, kept, Frame(), sources=self._sources)

    def walk(self, queue: list[Group]) -> None:
        """Apply groups as long as they work; put off those that do not, and join them in the end."""
        late: dict[Group, Answer] = {}
        while (queue := self._open(queue)) and not self._oracle.over:
            width = max(1, self._oracle.jobs)
            prefixes = [
                [name for group in queue[: size + 1] for name in group] for size in range(min(width, len(queue)))
            ]
            changes = [self._change(names) for names in prefixes]
            answers = ask_each(self._oracle, [Candidate(change=change, why="the next step") for change in changes])
            for change in changes:
                answer = answers.get(change)
                if answer is None:
                    return
                group = queue.pop(0)
                if not _works(answer):
                    late[group] = answer
                    break
                self._step(group, answer)
            if not queue and late:
                queue = self._again(late)
        for group, answer in late.items():
            if self._open([group]):
                self._block(group, answer)

    def _open(self, groups: Sequence[Group]) -> list[Group]:
        """Return what of groups is left to move: a tied group may have moved a package of another one."""
        left = (tuple(name for name in group if self.now[name] != self._goal[name]) for group in groups)
        return [group for group in dict.fromkeys(left) if group]

    def _again(self, late: dict[Group, Answer]) -> list[Group]:
        """Return the groups to try again: all after progress, or all but two that work as one; none at the end."""
        if len(self.steps) > self._progress:
            self._progress = len(self.steps)
            again = list(late)
            late.clear()
            return again
        for first, second in combinations(list(late), 2):
            joined = tuple(sorted({*first, *second}))
            answers = ask_each(self._oracle, [Candidate(change=self._change(joined), why="two at once")])
            answer = next(iter(answers.values()), None)
            if answer is not None and _works(answer):
                self._step(joined, answer)
                again = [group for group in late if group not in (first, second)]
                late.clear()
                return again
        return []

    def _step(self, group: Group, answer: Answer) -> None:
        moves = self._moves(group)
        self.now |= {name: version for name, _, version in moves}
        self.steps.append(Step(moves=moves, answer=answer))

    def _moves(self, group: Group) -> tuple[tuple[str, str, str], ...]:
        """Return what a group moves from here: an earlier step may have moved a part of it."""
        here = ((name, self.now[name], self._goal[name]) for name in group)
        return tuple((name, before, after) for name, before, after in here if before != after)

    def _block(self, group: Group, answer: Answer) -> None:
        """Record what blocks, and go as far with its first package as works."""
        moves = self._moves(group)
        diagnosis = answer.failing.diagnosis if answer.failing is not None else None
        others = [diagnosis.culprit, diagnosis.conflicts_with] if diagnosis is not None else []
        self.blocked.append(
            Blocked(
                moves=moves,
                says=answer.says,
                cause=message(answer),
                blocker=next((name for name in others if name and name not in group), ""),
                frontier=self._frontier(group),
            )
        )

    def _frontier(self, group: Group) -> tuple[Range, ...]:
        """Return which versions of the first package of a group that moves up work here; take the step to the last."""
        name = next((name for name in group if self._goes_up(name)), "")
        now, goal = packages.version(self.now.get(name, "")), packages.version(self._goal.get(name, ""))
        if now is None or goal is None:
            return ()
        between = [version for version in self._oracle.versions(name) if now < version < goal]
        row: list[Version] = [now, *representatives(between), goal]
        answers: dict[int, Answer] = {}

        def ask(places: Sequence[int]) -> Mapping[int, Hashable | None]:
            changes = {place: self._at(name, row[place], group) for place in places}
            whys = [Candidate(change=change, why=f"how far {name} can go") for change in changes.values()]
            known = ask_each(self._oracle, whys)
            answers.update({place: known[change] for place, change in changes.items() if change in known})
            kinds = {place: kind_of(answers[place]) for place in places if place in answers}
            return {place: None if kind is None else _bad(kind.says) for place, kind in kinds.items()}

        known: Kinds = {0: Says.WORKS, len(row) - 1: Says.FAILS}
        kinds = edges([], ask, known=known, width=max(1, self._oracle.jobs))
        works = max(place for place, kind in kinds.items() if kind is Says.WORKS)
        if works:
            self._go(answers[works])
        return ranges(name, row, kinds)

    def _goes_up(self, name: str) -> bool:
        now, goal = packages.version(self.now[name]), packages.version(self._goal[name])
        return now is not None and goal is not None and now < goal

    def _go(self, answer: Answer) -> None:
        """Take the step to a set that works, with all that it moves."""
        after = {name: answer.facts.installed.get(name, version) for name, version in self.now.items()}
        moves = tuple((name, version, after[name]) for name, version in self.now.items() if after[name] != version)
        self.now = after
        self.steps.append(Step(moves=moves, answer=answer))

    def _at(self, name: str, version: Version, group: Group) -> Change:
        """Return the set of now with another version of a package; what a resolver ties to it may move with it."""
        tied = [other for other in group if other != name]
        kept = {other: now for other, now in {**self.now, name: str(version)}.items() if other not in tied}
        named = named_by(self._oracle.combo)
        free = Change(requirements=tuple(f"{other}>=0" for other in tied if other in named))
        return held(self._oracle, kept, Frame(), sources=self._sources).plus(free)


def _bad(says: Says) -> Says:
    """Return what a version counts as on the way to a goal: without a solution it does not work either."""
    return Says.WORKS if says is Says.WORKS else Says.FAILS
