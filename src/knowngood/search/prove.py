"""Prove that nothing cheaper than a fix works, or nothing at all: run or refute the moves of what the probe loads.

All single moves are tried, and sets of moves that have a reason: a move has no solution beside an exact pin that the
resolver names, or leads to another failure, so that a second move may repair the rest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.report.text import count
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.changes import Change, Cost, cost, named_by, pinned_by
from knowngood.search.propose import loaded, suspects
from knowngood.search.refute import Refuted, Why, sift

MOST_CELLS = 64
"""Cells that may run to show that nothing cheaper works."""
_SEVERAL = "other sets of several moves were not tried"
"""What the scope leaves out. All pairs would be thousands, and few of them have a reason."""
_MOST_TIED = 3
"""Pins that may be released beside a move, each because the resolver names it."""
_MOST_SETS = 128
"""Sets of moves that are resolved where nothing works yet."""
_MOST_RESOLVED = 400
"""Moves that are resolved; with more of them only the ends of major release lines count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What was tried to find something cheaper than a fix, or anything that works."""

    scope: str
    gap: str = ""
    """Why it is not complete; empty: every move in the scope was run or refuted, and none works."""
    better: Answer | None = None
    """Something cheaper that works."""
    unknown: bool = False
    """Whether it is not complete only because moves could not be tested."""


def cost_of(oracle: Oracle, answer: Answer) -> Cost:
    """Return how much the set of an answer differs from the combo."""
    return cost(oracle.combo, answer.candidate.change, oracle.before, answer.facts.installed, oracle.uploaded)


def prove(oracle: Oracle, red: Answer, found: Answer | None = None) -> Proof:
    """Return whether any single move that is cheaper than ``found`` works, at the ends of release lines.

    A release line is that of a minor version; where that makes too many cells, that of a major version, with the minor
    ones next to the installed version. Without ``found`` every move counts, the nearest ones first.
    """
    proving = _Proving(oracle, red, found)
    what = f"{count(len(proving.names), 'loaded distribution' if red.facts.installed else 'named distribution')}"
    failed = [answer for answer in oracle.answers if answer.says is Says.FAILS]
    scope, gap = "", ""
    for coarse in (False, True):
        lines = "major release lines and of the minor ones next to them" if coarse else "release lines"
        scope = f"single moves of {what}, at the ends of their {lines}"
        moves = proving.single(coarse=coarse)
        if len(moves) > _MOST_RESOLVED and not coarse:
            continue
        if oracle.over:
            return Proof(scope=scope, gap="the search ended early")
        moves += proving.held(moves)
        run, refuted = sift(oracle, failed, [Candidate(change=change, why=proving.why) for change in moves])
        # What a move drags along may make it dearer than the fix.
        costs = _costs(oracle, [candidate.change for candidate in run])
        run = [each for each in run if (whole := costs.get(each.change)) is None or proving.is_cheaper(whole)]
        if len(run) <= MOST_CELLS or (coarse and found is None):
            return proving.proof(run, refuted, scope)
        gap = f"{len(run)} cheaper moves are too many to run"
    return Proof(scope=scope, gap=gap)


class _Proving:
    """Runs what is cheaper than a fix; without one, everything."""

    def __init__(self, oracle: Oracle, red: Answer, found: Answer | None) -> None:
        self._oracle = oracle
        self._red = red
        self._found = found
        self._limit = cost_of(oracle, found) if found is not None else None
        self.why = "is it cheaper?" if found is not None else "does it work?"
        known = loaded(red) & oracle.before.keys() if red.facts.installed else named_by(oracle.combo)
        first = {name: place for place, name in enumerate(suspects(red))}
        self.names = sorted(known, key=lambda name: (first.get(name, len(first)), name))

    def single(self, *, coarse: bool) -> list[Change]:
        """Return the single moves; without a fix, those to the nearest lines come first."""
        rows = [_moves(self._oracle, name, coarse=coarse) for name in self.names]
        if self._found is None:
            return [move for rank in zip_longest(*rows) for move in rank if move is not None]
        own = self._found.candidate.change
        return [move for row in rows for move in row if move != own and self._may_be_cheaper(move)]

    def held(self, moves: Sequence[Change]) -> list[Change]:
        """Return each move that leads a resolver to move other packages too, with these held where they are."""
        before, alone = self._oracle.before, list[Change]()
        for move, resolved in zip(moves, self._resolved(moves), strict=True):
            now = resolved.versions if resolved.says is None else {}
            dragged = [name for name in sorted(before.keys() & now.keys() - move.names) if before[name] != now[name]]
            pins = (f"{name}=={before[name].partition('+')[0]}" for name in dragged)
            alone += [move.plus(Change(requirements=tuple(pins)))] if dragged else []
        return [move for move, each in zip(alone, self._resolved(alone), strict=True) if each.says is None]

    def is_cheaper(self, cost: Cost) -> bool:
        """Return whether something that costs that much is cheaper than the fix."""
        return self._limit is None or cost < self._limit

    def proof(self, single: Sequence[Candidate], refuted: Sequence[Refuted], scope: str) -> Proof:
        """Return what the single moves show, and then the sets of moves that have a reason."""
        answers, better = self._run(single[:MOST_CELLS])
        left_out = max(0, len(single) - MOST_CELLS)
        counted = f"{scope}: {_counts(answers, refuted)}{f', {left_out} not tried' if left_out else ''}"
        early = self._oracle.over or len(answers) < len(single[:MOST_CELLS])
        if better is None and not early:
            failed = [answer for answer in self._oracle.answers if answer.says is Says.FAILS]
            sets = dict((*self._tied(refuted), *islice(self._second(refuted), _MOST_RESOLVED)))
            several = [Candidate(change=change, why=why) for change, why in self._cheaper(sets)]
            run, known = sift(self._oracle, failed, several)
            left = max(0, MOST_CELLS - sum(answer.ran for answer in answers))
            more, better = self._run(run[:left])
            early = self._oracle.over or len(more) < len(run[:left])
            skipped = f", {len(run) - left} not tried" if len(run) > left else ""
            reason = "sets of moves that the resolver or another failure asks for"
            counted += f"; {reason}: {_counts(more, known)}{skipped}"
            answers += more
        counted += f"; {_SEVERAL}"
        if better is not None:
            return Proof(scope=counted, gap=f"{better.candidate.change} also works, and changes less", better=better)
        if early:
            return Proof(scope=counted, gap="the search ended early")
        if left_out:
            return Proof(scope=counted, gap=f"{count(left_out, 'move')} left over after {MOST_CELLS} that ran")
        unknown = sum(answer.says is Says.UNKNOWN for answer in answers)
        what = "cheaper move" if self._found is not None else "move"
        return Proof(scope=counted, gap=f"{count(unknown, what)} could not be tested" if unknown else "", unknown=True)

    def _run(self, candidates: Sequence[Candidate]) -> tuple[list[Answer], Answer | None]:
        """Return the answers up to the first that is better than the fix, and the best of them; None: none is."""
        answers: list[Answer] = []
        width = max(1, self._oracle.jobs)
        met = (self._found or self._red).against_metadata
        for start in range(0, len(candidates), width):
            if self._oracle.over:
                break
            more = max(0, len(candidates) - start - width)
            answers += self._oracle.ask(candidates[start : start + width], more=more)
            works = [each for each in answers if each.says is Says.WORKS and each.against_metadata <= met]
            works = [each for each in works if self.is_cheaper(cost_of(self._oracle, each))]
            if works:
                return answers, min(works, key=lambda answer: cost_of(self._oracle, answer))
        return answers, None

    def _tied(self, refuted: Sequence[Refuted]) -> Iterator[tuple[Change, str]]:
        """Yield moves without a solution, together with the exact pins that the resolver says forbid them."""
        pinned = pinned_by(self._oracle.combo)
        open_ = [each.candidate.change for each in refuted if each.why is Why.UNSOLVABLE]
        for _ in range(_MOST_TIED):
            following: list[Change] = []
            for change, resolved in zip(open_, self._resolved(open_), strict=True):
                if resolved.says is None and len(change.requirements) > 1:
                    yield change, f"{self.why} with what the resolver ties to it"
                if resolved.says is Says.UNSOLVABLE:
                    named = sorted(pinned & _words(resolved.message) - change.names)
                    released = change.plus(Change(requirements=tuple(f"{name}>=0" for name in named)))
                    following += [released] if named and self._may_be_cheaper(released) else []
            open_ = following
        for change, resolved in zip(open_, self._resolved(open_), strict=True):
            if resolved.says is None:
                yield change, f"{self.why} with what the resolver ties to it"

    def _second(self, refuted: Sequence[Refuted]) -> Iterator[tuple[Change, str]]:
        """Yield moves that lead to another failure, together with moves of the packages that its diagnosis names.

        Without a fix, moves of all other packages follow.
        """
        pairs = [self._beside(change, like) for change, like in self._bases(refuted)]
        for rank in zip_longest(*pairs):
            for both in rank:
                if both is not None and self._may_be_cheaper(both):
                    yield both, self.why

    def _bases(self, refuted: Sequence[Refuted]) -> list[tuple[Change, Answer]]:
        """Return what leads to another failure than that of the combo, with that failure, the most telling first."""
        known = [(each.candidate.change, each) for each in self._oracle.answers if each.says is Says.FAILS]
        known += [(each.candidate.change, each.like) for each in refuted if each.like is not None]
        bases = {change: like for change, like in known if like.fingerprint != self._red.fingerprint}
        without = {like.fingerprint for change, like in bases.items() if not change.python}
        bases = {change: like for change, like in bases.items() if not change.python or like.fingerprint not in without}
        return sorted(bases.items(), key=lambda base: (-base[1].progress, _own_fault(*base), len(base[0].parts)))

    def _beside(self, change: Change, like: Answer) -> Iterator[Change]:
        """Yield a change with a move beside it: of what the diagnosis of its failure names first."""
        named = _named(like)
        first = [name for name in self.names if name in named]
        rest = [name for name in self.names if name not in named] if self._found is None else []
        for names in (first, rest):
            for rank in zip_longest(*(_moves(self._oracle, name, coarse=self._found is not None) for name in names)):
                yield from (change.plus(move) for move in rank if move is not None)

    def _cheaper(self, sets: Mapping[Change, str]) -> list[tuple[Change, str]]:
        """Return the sets of moves that are cheaper than the fix with all that they move, the cheapest first.

        Without a fix they keep their order, and only the first of them are resolved.
        """
        if self._limit is None:
            return list(sets.items())[:_MOST_SETS]
        costs = _costs(self._oracle, list(sets))
        cheaper = [change for change, each in costs.items() if each < self._limit]
        return [(change, sets[change]) for change in sorted(cheaper, key=lambda change: costs[change])]

    def _resolved(self, changes: Sequence[Change]) -> tuple[Resolved, ...]:
        return self._oracle.resolve([Candidate(change=change, why="is it cheaper?") for change in changes])

    def _may_be_cheaper(self, change: Change) -> bool:
        return self.is_cheaper(_least(self._oracle, change))


def _costs(oracle: Oracle, changes: Sequence[Change]) -> dict[Change, Cost]:
    """Return what changes cost with all that they drag along, for those of which a resolver says that."""
    resolved = oracle.resolve([Candidate(change=change, why="is it cheaper?") for change in changes])
    return {
        change: cost(oracle.combo, change, oracle.before, each.versions, oracle.uploaded)
        for change, each in zip(changes, resolved, strict=True)
        if each.says is None and each.versions
    }


def _named(answer: Answer) -> frozenset[str]:
    """Return the packages that the diagnosis of a failure names."""
    diagnosis = answer.failing.diagnosis if answer.failing is not None else None
    named = (diagnosis.culprit, diagnosis.conflicts_with) if diagnosis is not None else ()
    return frozenset(name for name in named if name is not None)


def _own_fault(change: Change, like: Answer) -> int:
    """Return 2 where a failure may come from what was moved, 0 where it names another package, and 1 otherwise."""
    named = _named(like)
    return (0 if named - change.names else 2) if named else 1


def _words(message: str) -> frozenset[str]:
    """Return what may be canonical names of packages in a message of a resolver."""
    return frozenset(canonicalize_name(word) for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", message))


def _counts(answers: Sequence[Answer], refuted: Sequence[Refuted]) -> str:
    counts = {"ran": sum(answer.ran for answer in answers)}
    for why in Why:
        counts[why] = sum(each.why is why for each in refuted)
    counts[Why.UNSOLVABLE] += sum(answer.says is Says.UNSOLVABLE for answer in answers)
    counts[Why.SAME] += len(answers) - sum(answer.ran or answer.says is Says.UNSOLVABLE for answer in answers)
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "none is cheaper"


def _moves(oracle: Oracle, name: str, *, coarse: bool) -> list[Change]:
    """Return a change to the last release of each release line of a package, but not to the installed version.

    The next lines come first, then the ends of major release lines, and then the others; ``coarse`` leaves these out.
    """
    installed = packages.public(oracle.before.get(name, ""))
    versions = oracle.versions(name)
    ends = {packages.line_of(version): version for version in versions}
    majors = {*{packages.line_of(version)[:2]: version for version in versions}.values()}
    lines = sorted({*ends, packages.line_of(installed)} if installed is not None else ends)
    place = lines.index(packages.line_of(installed)) if installed is not None else len(lines)

    def rank(line: tuple[int, int, int]) -> tuple[int, int]:
        distance = abs(lines.index(line) - place)
        return (0 if distance <= 1 else 1 if ends[line] in majors else 2), distance

    chosen = sorted((line for line in ends if not coarse or rank(line)[0] < 2 or installed is None), key=rank)
    return [Change(requirements=(f"{name}=={ends[line]}",)) for line in chosen if ends[line] != installed]


def _least(oracle: Oracle, change: Change) -> Cost:
    """Return what moves cost at least: what they drag along comes on top. A pin that is released moves."""
    after = dict(oracle.before) | {_name(text): text.partition("==")[2] for text in change.requirements}
    return cost(oracle.combo, change, oracle.before, after, oracle.uploaded)


def _name(text: str) -> str:
    (name,) = packages.names([text])
    return name
