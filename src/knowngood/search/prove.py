"""Prove that nothing cheaper than a fix works: run or refute the cheaper single moves of what the probe loads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from knowngood import packages
from knowngood.report.text import count
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change, Cost, cost, named_by
from knowngood.search.propose import loaded
from knowngood.search.refute import Refuted, Why, sift

MOST_CELLS = 64
"""Cells that may run to show that nothing cheaper works."""
_SEVERAL = "cheaper sets of several moves were not tried"
"""What the scope leaves out. Pairs alone would be thousands, and few of them have a reason."""
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
        if len(run) <= MOST_CELLS:
            return _run(oracle, run, refuted, found, scope)
        gap = f"{len(run)} cheaper moves are too many to run"
    return Proof(scope=scope, gap=gap)


def _run(
    oracle: Oracle, candidates: Sequence[Candidate], refuted: Sequence[Refuted], found: Answer, scope: str
) -> Proof:
    answers: list[Answer] = []
    width = max(1, oracle.jobs)
    better: Answer | None = None
    limit = cost_of(oracle, found)
    for start in range(0, len(candidates), width):
        if oracle.over:
            break
        answers += oracle.ask(candidates[start : start + width])
        works = [each for each in answers if each.says is Says.WORKS and cost_of(oracle, each) < limit]
        works = [each for each in works if each.against_metadata <= found.against_metadata]
        if works:
            better = min(works, key=lambda answer: cost_of(oracle, answer))
            break
    counted = f"{scope}: {_counts(answers, refuted)}; {_SEVERAL}"
    if better is not None:
        return Proof(scope=counted, gap=f"{better.candidate.change} also works, and changes less", better=better)
    if len(answers) < len(candidates):
        return Proof(scope=counted, gap="the search ended early")
    unknown = sum(answer.says is Says.UNKNOWN for answer in answers)
    return Proof(scope=counted, gap=f"{count(unknown, 'cheaper move')} could not be tested" if unknown else "")


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


def _least(oracle: Oracle, move: Change) -> Cost:
    """Return what a single move costs at least: what it drags along comes on top."""
    (name,) = move.names
    (text,) = move.requirements
    after = dict(oracle.before) | {name: text.partition("==")[2]}
    return cost(oracle.combo, move, oracle.before, after, oracle.uploaded)
