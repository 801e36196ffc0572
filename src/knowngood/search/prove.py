"""Prove that nothing cheaper than a fix works: run or refute the cheaper moves of what the probe loads.

All single moves are tried, and sets of moves that have a reason: a move has no solution beside an exact pin that the
resolver names, or leads to another failure, whose diagnosis names another package.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.report.text import count
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.changes import Change, Cost, cost, named_by, pinned_by
from knowngood.search.propose import loaded
from knowngood.search.refute import Refuted, Why, sift

MOST_CELLS = 64
"""Cells that may run to show that nothing cheaper works."""
_SEVERAL = "other sets of several moves were not tried"
"""What the scope leaves out. All pairs would be thousands, and few of them have a reason."""
_MOST_TIED = 3
"""Pins that may be released beside a move, each because the resolver names it."""
_MOST_RESOLVED = 400
"""Moves that are resolved; with more of them only the ends of major release lines count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What was tried to find something cheaper than a fix."""

    scope: str
    gap: str = ""
    """Why it is not complete; empty: every cheaper move in the scope was run or refuted, and none works."""
    better: Answer | None = None
    """Something cheaper that works."""


def cost_of(oracle: Oracle, answer: Answer) -> Cost:
    """Return how much the set of an answer differs from the combo."""
    return cost(oracle.combo, answer.candidate.change, oracle.before, answer.facts.installed, oracle.uploaded)


def prove(oracle: Oracle, red: Answer, found: Answer) -> Proof:
    """Return whether any single move that is cheaper than ``found`` works, at the ends of release lines.

    A release line is that of a minor version; where that makes too many cells, that of a major version, with the minor
    ones next to the installed version.
    """
    limit = cost_of(oracle, found)
    names = sorted(loaded(red) & oracle.before.keys()) if red.facts.installed else sorted(named_by(oracle.combo))
    what = f"{count(len(names), 'loaded distribution' if red.facts.installed else 'named distribution')}"
    failed = [answer for answer in oracle.answers if answer.says is Says.FAILS]
    scope, gap = "", ""
    for coarse in (False, True):
        lines = "major release lines and of the minor ones next to them" if coarse else "release lines"
        scope = f"single moves of {what}, at the ends of their {lines}"
        moves = [move for name in names for move in _moves(oracle, name, coarse=coarse)]
        cheaper = [move for move in moves if move != found.candidate.change and _least(oracle, move) < limit]
        if len(cheaper) > _MOST_RESOLVED and not coarse:
            continue
        if oracle.over:
            return Proof(scope=scope, gap="the search ended early")
        run, refuted = sift(oracle, failed, [Candidate(change=change, why="is it cheaper?") for change in cheaper])
        # What a move drags along may make it dearer than the fix.
        costs = _costs(oracle, [candidate.change for candidate in run])
        run = [candidate for candidate in run if (whole := costs.get(candidate.change)) is None or whole < limit]
        if len(run) <= MOST_CELLS:
            return _Proving(oracle, red, found, names).proof(run, refuted, scope)
        gap = f"{len(run)} cheaper moves are too many to run"
    return Proof(scope=scope, gap=gap)


class _Proving:
    """Runs what is cheaper than a fix."""

    def __init__(self, oracle: Oracle, red: Answer, found: Answer, names: Sequence[str]) -> None:
        self._oracle = oracle
        self._red = red
        self._found = found
        self._names = names
        self._limit = cost_of(oracle, found)

    def proof(self, single: Sequence[Candidate], refuted: Sequence[Refuted], scope: str) -> Proof:
        """Return what the single moves show, and then the sets of moves that have a reason."""
        answers, better = self._run(single)
        counted = f"{scope}: {_counts(answers, refuted)}"
        early = self._oracle.over or len(answers) < len(single)
        if better is None and not early:
            failed = [answer for answer in self._oracle.answers if answer.says is Says.FAILS]
            sets = dict((*self._tied(refuted), *self._second(answers)))
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
        unknown = sum(answer.says is Says.UNKNOWN for answer in answers)
        return Proof(scope=counted, gap=f"{count(unknown, 'cheaper move')} could not be tested" if unknown else "")

    def _run(self, candidates: Sequence[Candidate]) -> tuple[list[Answer], Answer | None]:
        """Return the answers up to the first that is better than the fix, and the best of them; None: none is."""
        answers: list[Answer] = []
        width = max(1, self._oracle.jobs)
        for start in range(0, len(candidates), width):
            if self._oracle.over:
                break
            more = max(0, len(candidates) - start - width)
            answers += self._oracle.ask(candidates[start : start + width], more=more)
            works = [each for each in answers if each.says is Says.WORKS and cost_of(self._oracle, each) < self._limit]
            works = [each for each in works if each.against_metadata <= self._found.against_metadata]
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
                    yield change, "is it cheaper with what the resolver ties to it?"
                if resolved.says is Says.UNSOLVABLE:
                    named = sorted(pinned & _words(resolved.message) - change.names)
                    released = change.plus(Change(requirements=tuple(f"{name}>=0" for name in named)))
                    following += [released] if named and self._least(released) < self._limit else []
            open_ = following
        for change, resolved in zip(open_, self._resolved(open_), strict=True):
            if resolved.says is None:
                yield change, "is it cheaper with what the resolver ties to it?"

    def _second(self, answers: Sequence[Answer]) -> Iterator[tuple[Change, str]]:
        """Yield moves that lead to another failure, together with moves of the packages that its diagnosis names."""
        for answer in answers:
            cell = answer.failing
            diagnosis = cell.diagnosis if cell is not None else None
            if answer.says is not Says.FAILS or diagnosis is None or answer.fingerprint == self._red.fingerprint:
                continue
            change = answer.candidate.change
            named = {diagnosis.culprit, diagnosis.conflicts_with} & {*self._names} - change.names
            for name in sorted(filter(None, named)):
                for move in _moves(self._oracle, name, coarse=True):
                    both = change.plus(move)
                    if self._least(both) < self._limit:
                        yield both, "is it cheaper with what the next failure names?"

    def _cheaper(self, sets: Mapping[Change, str]) -> list[tuple[Change, str]]:
        """Return the sets of moves that are cheaper than the fix with all that they move, the cheapest first."""
        costs = _costs(self._oracle, list(sets))
        cheaper = [change for change, each in costs.items() if each < self._limit]
        return [(change, sets[change]) for change in sorted(cheaper, key=lambda change: costs[change])]

    def _resolved(self, changes: Sequence[Change]) -> tuple[Resolved, ...]:
        return self._oracle.resolve([Candidate(change=change, why="is it cheaper?") for change in changes])

    def _least(self, change: Change) -> Cost:
        return _least(self._oracle, change)


def _costs(oracle: Oracle, changes: Sequence[Change]) -> dict[Change, Cost]:
    """Return what changes cost with all that they drag along, for those of which a resolver says that."""
    resolved = oracle.resolve([Candidate(change=change, why="is it cheaper?") for change in changes])
    return {
        change: cost(oracle.combo, change, oracle.before, each.versions, oracle.uploaded)
        for change, each in zip(changes, resolved, strict=True)
        if each.says is None and each.versions
    }


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


def _moves(oracle: Oracle, name: str, *, coarse: bool) -> Iterator[Change]:
    """Yield a change to the last release of every release line of a package, but not to the installed version."""
    installed = packages.public(oracle.before.get(name, ""))
    ends: dict[tuple[int, ...], Version] = {}
    versions = oracle.versions(name)
    for version in versions:
        ends[packages.line_of(version)] = version
    if coarse and installed is not None:
        majors = {packages.line_of(version)[:2]: version for version in versions}
        lines = sorted({*ends, packages.line_of(installed)})
        place = lines.index(packages.line_of(installed))
        beside = [ends[line] for line in lines[max(0, place - 1) : place + 2] if line in ends]
        ends = {packages.line_of(version): version for version in (*majors.values(), *beside)}
    for version in ends.values():
        if version != installed:
            yield Change(requirements=(f"{name}=={version}",))


def _least(oracle: Oracle, change: Change) -> Cost:
    """Return what moves cost at least: what they drag along comes on top. A pin that is released moves."""
    after = dict(oracle.before) | {_name(text): text.partition("==")[2] for text in change.requirements}
    return cost(oracle.combo, change, oracle.before, after, oracle.uploaded)


def _name(text: str) -> str:
    (name,) = packages.names([text])
    return name
