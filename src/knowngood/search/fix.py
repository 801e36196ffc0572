"""Find the smallest change with which a failing combo works, and say how far that is proven.

A change is found, then shrunk to what it needs, moved as near as possible to what was asked for, confirmed in a fresh
environment, and compared with what would be cheaper.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from packaging.version import Version

from knowngood import packages
from knowngood.judge.causes import Fingerprint
from knowngood.model import ComboFacts, FixClass
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change, Cost, cost, union
from knowngood.search.propose import loaded, proposals

Ask = Callable[[Sequence[int]], Sequence[bool | None]]
"""Answers for several positions of the row: yes, no, or None where it cannot be decided."""

_DEEPEST = 4
"""Causes that are looked for one behind the other."""
_MOST_PROOFS = 64
"""Cells that may run to show that nothing cheaper works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """What a search for a fix found."""

    kind: FixClass
    red: Answer
    """The combo as it is."""
    green: Answer | None = None
    """What works, confirmed in a fresh environment."""
    change: Change = field(default_factory=Change)
    needed: tuple[tuple[str, str], ...] = ()
    """(part of the change, what was seen without it) pairs."""
    bounds: tuple[tuple[str, str, str], ...] = ()
    """(package, last version that works, next version, which does not) for each version that was moved."""
    scope: str = ""
    """What was tried to find something cheaper, with counts."""
    why: str = ""
    """Why there is no fix, or why it is not proven to be minimal."""


def find(oracle: Oracle, *, passing: Sequence[ComboFacts] = (), proves: bool = True) -> Fix:
    """Return the smallest change with which the combo of ``oracle`` works.

    ``passing`` are other combos that pass. Without ``proves`` nothing runs only to show that there is nothing cheaper.
    """
    red = oracle.ask_first(Candidate(change=Change(), why="the combo as it is", likely=0.0))
    if red.says is Says.WORKS:
        demanded = f" with {oracle.demand}" if oracle.demand else ""
        return Fix(kind=FixClass.WORKS, red=red, why=f"{oracle.combo.id} works{demanded}")
    if red.says is Says.UNKNOWN:
        return Fix(kind=FixClass.UNDECIDED, red=red, why=_message(red))
    found, complete = _search(oracle, red, passing)
    if found is None:
        return _none(oracle, red, complete=complete)
    found = _shrink(oracle, found)
    found, bounds = _nearest(oracle, red, found)
    needed = tuple(_needed(oracle, found))
    confirmed, why = _confirm(oracle, red, found)
    if confirmed is None:
        return Fix(kind=FixClass.UNDECIDED, red=red, change=found.candidate.change, why=why)
    kind, scope, why = _prove(oracle, red, found, needed, bounds) if proves else (FixClass.SMALLEST_FOUND, "", "")
    return Fix(
        kind=kind,
        red=red,
        green=confirmed,
        change=found.candidate.change,
        needed=needed,
        bounds=bounds,
        scope=scope,
        why=why,
    )


def _search(oracle: Oracle, red: Answer, passing: Sequence[ComboFacts]) -> tuple[Answer | None, bool]:
    """Return the cheapest of the first changes that work, and whether everything that was proposed was tried."""
    queue = list(proposals(oracle, red, passing))
    seen: set[Change] = {red.candidate.change}
    shown: set[Fingerprint | None] = {red.fingerprint}
    depth = {red.candidate.change: 0}
    while queue and not oracle.over:
        queue.sort(key=lambda candidate: -candidate.likely)
        batch: list[Candidate] = []
        while queue and len(batch) < max(1, oracle.jobs):
            candidate = queue.pop(0)
            if candidate.change not in seen:
                seen.add(candidate.change)
                batch.append(candidate)
        answers = oracle.ask(batch)
        working = [answer for answer in answers if answer.says is Says.WORKS]
        if working:
            return min(working, key=lambda answer: _cost(oracle, red, answer)), True
        for answer in answers:
            level = depth.get(answer.candidate.change, 1)
            later = answer.progress > red.progress or answer.fingerprint not in shown
            if answer.says is Says.FAILS and later and level < _DEEPEST:
                # Another failure: the first one may be gone, and this one comes after it.
                shown.add(answer.fingerprint)
                bonus = 1.0 if answer.progress > red.progress else 0.6
                for candidate in proposals(oracle, answer, passing):
                    if candidate.change not in seen:
                        depth[candidate.change] = level + 1
                        queue.append(replace(candidate, likely=candidate.likely * bonus))
    return None, not queue


def _none(oracle: Oracle, red: Answer, *, complete: bool) -> Fix:
    unknown = [answer for answer in oracle.answers if answer.says is Says.UNKNOWN]
    tried = _counts(oracle.answers[1:])
    if oracle.interrupted:
        return Fix(kind=FixClass.NONE_FOUND, red=red, scope=tried, why="it was interrupted")
    if not complete:
        return Fix(kind=FixClass.NONE_FOUND, red=red, scope=tried, why="the budget is spent")
    if unknown:
        return Fix(kind=FixClass.UNDECIDED, red=red, scope=tried, why=f"{len(unknown)} could not be tested")
    if len(oracle.answers) < 2:
        return Fix(kind=FixClass.NONE, red=red, scope=tried, why=f"there was nothing to try ({_message(red)})")
    return Fix(kind=FixClass.NONE, red=red, scope=tried, why="nothing that was tried works")


def _shrink(oracle: Oracle, found: Answer) -> Answer:
    """Return the answer for as few parts of a change as still work: halves are put back first, then single parts."""
    size = len(found.candidate.change.parts) // 2
    while size >= 1 and not oracle.over:
        parts = found.candidate.change.parts
        smaller = [union((*parts[:start], *parts[start + size :])) for start in range(0, len(parts), size)]
        working = _first_working(oracle, [change for change in smaller if change], "without a part of it")
        if working is None:
            size //= 2
        else:
            found = working
            size = min(size, len(found.candidate.change.parts) // 2)
    return found


def _first_working(oracle: Oracle, changes: Sequence[Change], why: str) -> Answer | None:
    width = max(1, oracle.jobs)
    for start in range(0, len(changes), width):
        answers = oracle.ask([Candidate(change=change, why=why) for change in changes[start : start + width]])
        working = [answer for answer in answers if answer.says is Says.WORKS]
        if working:
            return working[0]
        if oracle.over:
            return None
    return None


def _nearest(oracle: Oracle, red: Answer, found: Answer) -> tuple[Answer, tuple[tuple[str, str, str], ...]]:
    """Return the answer with each moved version as near as possible to what was installed, and the bounds."""
    bounds: list[tuple[str, str, str]] = []
    for text in found.candidate.change.requirements:
        if oracle.over:
            break
        (name,) = packages.names([text])
        before, after = (packages.public(each.facts.installed.get(name, "")) for each in (red, found))
        if before is None or after is None or before == after:
            continue
        others = union(part for part in found.candidate.change.parts if name not in part.names)
        row = _row(oracle.versions(name), after, before)

        ask = partial(_ask_versions, oracle, name, row, others)
        yes, no = last_yes(len(row), ask, width=max(1, oracle.jobs))
        if no == len(row) - 1 and others and ask([no]) != [False]:
            # Without this part another version may have been installed beside the others.
            continue
        works, fails = row[yes], row[no]
        specifier = f"<{_start(fails)}" if works < fails else f">={works}"
        moved = others.plus(Change(requirements=(f"{name}{specifier}",)))
        answers = oracle.ask([Candidate(change=moved, why=f"the bound of {name}")])
        if not (answers and answers[0].says is Says.WORKS):
            # What the bound admits is more than what was run: name the version itself.
            moved = others.plus(Change(requirements=(f"{name}=={works}",)))
            answers = oracle.ask([Candidate(change=moved, why=f"the bound of {name}")])
        if answers and answers[0].says is Says.WORKS:
            found = answers[0]
            bounds.append((name, str(works), str(fails)))
    return found, tuple(bounds)


def _ask_versions(
    oracle: Oracle, name: str, row: Sequence[Version], others: Change, places: Sequence[int]
) -> list[bool | None]:
    """Return whether a package works in each of some versions of ``row``, beside ``others``."""
    changes = [others.plus(Change(requirements=(f"{name}=={row[place]}",))) for place in places]
    answers = oracle.ask([Candidate(change=each, why=f"the bound of {name}") for each in changes])
    says = [None if answer.says is Says.UNKNOWN else answer.says is Says.WORKS for answer in answers]
    return [*says, *[None] * (len(places) - len(says))]


def last_yes(length: int, ask: Ask, *, width: int = 1) -> tuple[int, int]:
    """Return two positions (yes, no) between which there is no other that could be decided.

    Position 0 is known to be yes, ``length - 1`` to be no; neither is asked. ``width`` positions are asked at a time,
    which divide what is left evenly. What cannot be decided is set aside: it lies between the two that are returned.
    Takes about log(length) / log(width + 1) rounds. In a row that changes more than once, it is one of the changes.
    The first position is asked in the first round: who knows one end often knows where it ends.
    """
    yes, no = 0, length - 1
    unknown: set[int] = set()
    guesses = {1}
    while open_ := [place for place in range(yes + 1, no) if place not in unknown]:
        chosen = sorted({*(guesses & {*open_}), *_spread(open_, max(1, width - len(guesses)))})
        guesses = set()
        answers = dict(zip(chosen, ask(chosen), strict=True))
        unknown |= {place for place, answer in answers.items() if answer is None}
        # The first no counts, and the last yes before it.
        no = min((place for place, answer in answers.items() if answer is False), default=no)
        yes = max((place for place, answer in answers.items() if answer is True and place < no), default=yes)
    return yes, no


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return ``count`` of ``places`` that divide them evenly; all where there are not as many."""
    count = min(count, len(places))
    return sorted({places[len(places) * (number + 1) // (count + 1)] for number in range(count)})


def _start(version: Version) -> str:
    """Return a version without zeros at its end, which mean nothing in ``<3``."""
    if version.is_prerelease or version.is_postrelease:
        return str(version)
    epoch, release = f"{version.epoch}!" if version.epoch else "", list(version.release)
    while len(release) > 1 and not release[-1]:
        release.pop()
    return epoch + ".".join(map(str, release))


def _row(versions: Sequence[Version], good: Version, bad: Version) -> list[Version]:
    """Return the versions from one that works to one that does not, both included, in this order."""
    low, high = sorted((good, bad))
    between = [version for version in versions if low < version < high]
    return [good, *(between if good < bad else between[::-1]), bad]


def _needed(oracle: Oracle, found: Answer) -> Iterator[tuple[str, str]]:
    """Yield each part of a change with what was seen without it."""
    parts = found.candidate.change.parts
    for part in parts:
        if oracle.over:
            return
        left = union(other for other in parts if other != part)
        for answer in oracle.ask([Candidate(change=left, why=f"without {part}")]):
            yield str(part), str(answer.says)


def _confirm(oracle: Oracle, red: Answer, found: Answer) -> tuple[Answer | None, str]:
    """Return the answer of a fresh environment, while the combo as it is still fails; or None and why not."""
    again = oracle.ask([replace(found.candidate, why="confirm it in a fresh environment"), red.candidate], fresh=True)
    if again and again[0].says is not Says.WORKS:
        return None, "it passed, and did not pass again"
    if len(again) < 2:
        return None, "the search ended before it was confirmed"
    if again[1].says is Says.WORKS:
        return None, "the combo as it is failed, and passed when it was run again"
    if again[1].says is Says.UNKNOWN:
        return None, f"whether the combo as it is still fails is not known: {_message(again[1])}"
    return again[0], ""


def _prove(
    oracle: Oracle,
    red: Answer,
    found: Answer,
    needed: Sequence[tuple[str, str]],
    bounds: Sequence[tuple[str, str, str]],
) -> tuple[FixClass, str, str]:
    """Return whether anything cheaper works: single moves of what the probe loads, at the ends of release lines."""
    if not red.facts.installed:
        return FixClass.SMALLEST_FOUND, "", "nothing was installed that it could be compared with"
    limit = _cost(oracle, red, found)
    names = sorted(loaded(red) & set(red.facts.installed))
    moves = [move for name in names for move in _moves(oracle, red, name) if move not in found.candidate.change.parts]
    cheaper = [move for move in moves if _least(oracle, red, move) < limit]
    distributions = "distribution" if len(names) == 1 else "distributions"
    scope = f"single moves of {len(names)} loaded {distributions}, at the ends of their release lines"
    if len(cheaper) > _MOST_PROOFS:
        return FixClass.SMALLEST_FOUND, scope, f"{len(cheaper)} cheaper moves are too many to try"
    answers: list[Answer] = []
    width = max(1, oracle.jobs)
    for start in range(0, len(cheaper), width):
        if oracle.over:
            break
        asked = cheaper[start : start + width]
        answers += oracle.ask([Candidate(change=change, why="is it cheaper?") for change in asked])
    better = [each for each in answers if each.says is Says.WORKS and _cost(oracle, red, each) < limit]
    scope = f"{scope}: {_counts(answers)}"
    if better:
        cheapest = min(better, key=lambda answer: _cost(oracle, red, answer))
        return FixClass.SMALLEST_FOUND, scope, f"{cheapest.candidate.change} works, too, and changes less"
    if len(answers) < len(cheaper):
        return FixClass.SMALLEST_FOUND, scope, "the budget is spent"
    if any(answer.says is Says.UNKNOWN for answer in answers):
        return FixClass.SMALLEST_FOUND, scope, "not everything cheaper could be tested"
    moved = {name for name in packages.names(found.candidate.change.requirements) if name in red.facts.installed}
    if moved - {name for name, _, _ in bounds}:
        return FixClass.SMALLEST_FOUND, scope, "not all bounds were found"
    if len(needed) < len(found.candidate.change.parts) or any(
        says not in (Says.FAILS, Says.UNSOLVABLE) for _, says in needed
    ):
        return FixClass.SMALLEST_FOUND, scope, "not every part of it was shown to be needed"
    return FixClass.MINIMAL, scope, ""


def _moves(oracle: Oracle, red: Answer, name: str) -> Iterator[Change]:
    """Yield a change to the last release of every other release line of a package."""
    installed = packages.public(red.facts.installed.get(name, ""))
    lines: dict[tuple[int, int, int], Version] = {}
    for version in oracle.versions(name):
        lines[version.epoch, version.major, version.minor] = version
    for version in lines.values():
        if installed is not None and version != installed:
            yield Change(requirements=(f"{name}=={version}",))


def _least(oracle: Oracle, red: Answer, move: Change) -> Cost:
    """Return what a single move costs at least: what it drags along comes on top."""
    (name,) = move.names
    (text,) = move.requirements
    after = dict(red.facts.installed) | {name: text.partition("==")[2]}
    return cost(oracle.combo, move, red.facts.installed, after)


def _cost(oracle: Oracle, red: Answer, answer: Answer) -> Cost:
    return cost(oracle.combo, answer.candidate.change, red.facts.installed, answer.facts.installed)


def _counts(answers: Sequence[Answer]) -> str:
    ran = sum(answer.ran for answer in answers)
    unsolvable = sum(answer.says is Says.UNSOLVABLE for answer in answers)
    unknown = sum(answer.says is Says.UNKNOWN for answer in answers)
    counts = {"ran": ran, "have no solution": unsolvable, "are unknown": unknown}
    counts["lead to a set that is known"] = len(answers) - sum(counts.values())
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "none"


def _message(answer: Answer) -> str:
    return answer.failing.message if answer.failing is not None else "it could not be tested"
