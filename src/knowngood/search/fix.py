"""Find the smallest change with which a failing combo works, and say how far that is proven.

A change is found, then shrunk to what it needs, moved as near as possible to what was asked for, confirmed in a fresh
environment, and compared with what would be cheaper.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from knowngood import packages
from knowngood.judge.causes import Fingerprint
from knowngood.model import ComboFacts, FixClass, Reason
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change, union
from knowngood.search.propose import proposals
from knowngood.search.prove import Proof, cost_of, prove
from knowngood.search.refute import Why, sift

Ask = Callable[[Sequence[int]], Sequence[bool | None]]
"""Answers for several positions of the row: yes, no, or None where it cannot be decided."""

_DEEPEST = 4
"""Causes that are looked for one after the other."""
_ROUNDS = 3
"""How often something cheaper that turns up takes the place of a fix."""
_POOL = 4
"""How many times as many candidates are looked at as run, once the likeliest did not work."""
_SURE = 0.6
"""From here on a candidate is so likely that the next version is asked about with it: its bound."""


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
    red = oracle.ask_first()
    if red.says is Says.WORKS:
        demanded = f" with {oracle.demand}" if oracle.demand else ""
        return Fix(kind=FixClass.WORKS, red=red, why=f"{oracle.combo.id} works{demanded}")
    if red.says is Says.UNKNOWN:
        return Fix(kind=FixClass.UNDECIDED, red=red, why=_message(red))
    found, complete = _search(oracle, red, [red], passing)
    swept = Proof(scope="")
    if found is None and complete and not oracle.over:
        swept = prove(oracle, red)
        found = swept.better
    if found is None:
        return _none(oracle, red, swept, complete=complete)
    fix = _verified(oracle, red, found)
    if not proves or fix.green is None:
        return fix
    proof = prove(oracle, red, fix.green)
    for _ in range(_ROUNDS):
        if proof.better is None:
            break
        cheaper = _verified(oracle, red, proof.better)
        if cheaper.green is None:
            break
        fix, proof = cheaper, prove(oracle, red, cheaper.green)
    gap = proof.gap or _gap(oracle, fix)
    return replace(fix, kind=FixClass.SMALLEST_FOUND if gap else FixClass.MINIMAL, scope=proof.scope, why=gap)


def _verified(oracle: Oracle, red: Answer, found: Answer) -> Fix:
    """Return a change that works as a fix: as small and as near as possible, and confirmed."""
    found, bounds = _nearest(oracle, _shrink(oracle, found))
    needed = tuple(_needed(oracle, found))
    for _ in range(_ROUNDS):
        if all(says != Says.WORKS for _, says in needed):
            break
        # Nearer versions may do without a part that was needed beside the first ones.
        found, bounds = _nearest(oracle, _shrink(oracle, found))
        needed = tuple(_needed(oracle, found))
    confirmed, why = _confirm(oracle, red, found)
    return Fix(
        kind=FixClass.SMALLEST_FOUND if confirmed is not None else FixClass.UNDECIDED,
        red=red,
        green=confirmed,
        change=found.candidate.change,
        needed=needed,
        bounds=bounds,
        why=why,
    )


def _gap(oracle: Oracle, fix: Fix) -> str:
    """Return what is not shown about the parts of a fix; empty when each is needed and has its bound."""
    after = fix.green.facts.installed if fix.green is not None else {}
    named = packages.names(fix.change.requirements)
    moved = {name for name in named if name in oracle.before and oracle.before[name] != after.get(name)}
    if moved - {name for name, _, _ in fix.bounds}:
        return "not all bounds were found"
    if len(fix.needed) < len(fix.change.parts) or any(
        says not in (Says.FAILS, Says.UNSOLVABLE) for _, says in fix.needed
    ):
        return "not every part of it was shown to be needed"
    return ""


def _search(
    oracle: Oracle, red: Answer, bases: Sequence[Answer], passing: Sequence[ComboFacts]
) -> tuple[Answer | None, bool]:
    """Return the cheapest of the first changes that work, and whether everything that was proposed was tried."""
    queue = [candidate for base in bases for candidate in proposals(oracle, base, passing)]
    seen: set[Change] = {red.candidate.change}
    shown: set[Fingerprint | None] = {red.fingerprint}
    depth = {red.candidate.change: 0}
    failed, spare, cut = [red], list[Answer](), False
    while queue and not oracle.over:
        queue.sort(key=lambda candidate: -candidate.likely)
        batch, width = list[Candidate](), max(1, oracle.jobs)
        while queue and len(batch) < (width if len(failed) == 1 else width * _POOL):
            candidate = queue.pop(0)
            if candidate.change not in seen:
                seen.add(candidate.change)
                batch.append(candidate)
        if len(failed) == 1:
            batch, left = _with_bound(oracle, batch)
            seen -= {candidate.change for candidate in left}
            queue += left
        elif batch:
            kept, refuted = sift(oracle, failed, batch)
            # No cell runs for what has no solution, but its message says which requirement is to blame.
            free = [each.candidate for each in refuted if each.why is Why.UNSOLVABLE]
            batch = [*kept[:width], *free]
            seen -= {candidate.change for candidate in kept[width:]}
            queue += kept[width:]
        answers = oracle.ask(batch, more=len(queue))
        cut |= len(answers) < len(batch)
        working = [answer for answer in answers if answer.says is Says.WORKS]
        sound = [answer for answer in working if answer.against_metadata <= red.against_metadata]
        if sound:
            return min(sound, key=lambda answer: cost_of(oracle, answer)), True
        spare += working
        failed += [answer for answer in answers if answer.says is Says.FAILS] or [red]
        for answer in answers:
            level = depth.get(answer.candidate.change, 1)
            later = answer.progress > red.progress or answer.fingerprint not in shown
            later = later and (not answer.candidate.final or answer.progress > red.progress)
            if answer.says in (Says.FAILS, Says.UNSOLVABLE) and later and level < _DEEPEST:
                # Another failure: the first one may be gone, and this one comes after it.
                shown.add(answer.fingerprint)
                bonus = 1.0 if answer.progress > red.progress else 0.6
                for candidate in proposals(oracle, answer, passing):
                    if candidate.change not in seen:
                        depth[candidate.change] = level + 1
                        queue.append(replace(candidate, likely=candidate.likely * bonus))
    # What works although a declared requirement is not met is better than nothing.
    return min(spare, key=lambda answer: cost_of(oracle, answer), default=None), not queue and not cut


def _with_bound(oracle: Oracle, batch: list[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Return what to ask first, and what is left for later: beside a sure candidate the version behind its bound."""
    if not batch or batch[0].likely < _SURE:
        return batch, []
    requirements = batch[0].change.requirements
    parsed = packages.requirement(requirements[0]) if len(requirements) == 1 else None
    name = packages.name_of(parsed) if parsed is not None else ""
    before = packages.public(oracle.before.get(name, ""))
    if parsed is None or before is None or len(batch[0].change.parts) > 1 or oracle.jobs < 2:
        return batch[:1], batch[1:]
    good = [each for each in oracle.versions(name) if parsed.specifier.contains(each, prereleases=True)]
    behind = [each for each in oracle.versions(name) if good and max(good) < each < before]
    if not behind:
        return batch[:1], batch[1:]
    asked = Candidate(change=Change(requirements=(f"{name}=={behind[0]}",)), why=f"the bound of {name}")
    return [batch[0], asked], batch[1:]


def _none(oracle: Oracle, red: Answer, swept: Proof, *, complete: bool) -> Fix:
    missing = [answer for answer in oracle.answers if _lacks_python(answer)]
    unknown = [answer for answer in oracle.answers if answer.says is Says.UNKNOWN and answer not in missing]
    tried = _counts([answer for answer in oracle.answers[1:] if answer not in missing])
    if missing:
        tried += f"; not on this machine: Python {', '.join(sorted({each.combo.python for each in missing}))}"
    tried += f"; {swept.scope}" if swept.scope else ""
    if oracle.interrupted:
        return Fix(kind=FixClass.NONE_FOUND, red=red, scope=tried, why="it was interrupted")
    if not complete or oracle.over:
        return Fix(kind=FixClass.NONE_FOUND, red=red, scope=tried, why="the budget is spent")
    if unknown:
        return Fix(kind=FixClass.UNDECIDED, red=red, scope=tried, why=f"{len(unknown)} could not be tested")
    if swept.gap:
        return Fix(kind=FixClass.NONE_FOUND, red=red, scope=tried, why=swept.gap)
    if all(answer.says is Says.UNSOLVABLE for answer in oracle.answers if answer not in missing):
        why = f"nothing that was tried has a solution ({_message(red)})"
        return Fix(kind=FixClass.NONE, red=red, scope=tried, why=why)
    return Fix(kind=FixClass.NONE, red=red, scope=tried, why="nothing that was tried works")


def _lacks_python(answer: Answer) -> bool:
    """Return whether it could not be tested only because this machine lacks the Python that was proposed."""
    verdict = answer.failing.verdict if answer.failing is not None else None
    return bool(answer.candidate.change.python) and verdict is not None and verdict.reason is Reason.PYTHON_MISSING


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


def _nearest(oracle: Oracle, found: Answer) -> tuple[Answer, tuple[tuple[str, str, str], ...]]:
    """Return the answer with each moved version as near as possible to what was asked for, and the bounds."""
    bounds: list[tuple[str, str, str]] = []
    for text in found.candidate.change.requirements:
        if oracle.over:
            break
        (name,) = packages.names([text])
        before = packages.public(oracle.before.get(name, ""))
        after = packages.public(found.facts.installed.get(name, ""))
        if before is None or after is None or before == after:
            continue
        others = union(part for part in found.candidate.change.parts if name not in part.names)
        row = _row(oracle.versions(name), after, before)
        ask = partial(_ask_versions, oracle, name, row, others)
        yes, no = nearest_yes(len(row), ask, width=max(1, oracle.jobs))
        if no == len(row) - 1 and others and ask([no]) != [False]:
            # Without this part another version may have been installed beside the others.
            continue
        works, fails = row[yes], row[no]
        for specifier in _specifiers(text, works, fails, after):
            moved = others.plus(Change(requirements=(f"{name}{specifier}",)))
            answers = oracle.ask([Candidate(change=moved, why=f"the bound of {name}")])
            if answers and answers[0].says is Says.WORKS and _is_near(answers[0], name, specifier, works):
                found = answers[0]
                bounds.append((name, str(works), str(fails)))
                break
    return found, tuple(bounds)


def _is_near(answer: Answer, name: str, specifier: str, works: Version) -> bool:
    """Return whether a lower bound leads to the major version that works, and not to one farther away."""
    installed = packages.public(answer.facts.installed.get(name, ""))
    return specifier != f">={works}" or installed is None or installed.major == works.major


def _specifiers(text: str, works: Version, fails: Version, found: Version) -> Iterator[str]:
    """Yield the specifiers that say what works, the widest first: what each admits is more than what was run."""
    parsed = packages.requirement(text)
    own = parsed.specifier if parsed is not None else SpecifierSet()
    if works < fails:
        yield f"<{packages.shortest(fails)}"
        if works == found:
            yield str(own)
    else:
        yield f">={works}"
        epoch = f"{works.epoch}!" if works.epoch else ""
        yield f">={works},<{epoch}{works.major + 1}"
        upper = ",".join(sorted(str(each) for each in own if each.operator in ("<", "<=", "!=")))
        if upper and own.contains(works, prereleases=True):
            yield f">={works},{upper}"
    yield f"=={works}"


def _ask_versions(
    oracle: Oracle, name: str, row: Sequence[Version], others: Change, places: Sequence[int]
) -> list[bool | None]:
    """Return whether a package works in each of some versions of ``row``, beside ``others``."""
    changes = [others.plus(Change(requirements=(f"{name}=={row[place]}",))) for place in places]
    answers = oracle.ask([Candidate(change=each, why=f"the bound of {name}") for each in changes])
    says = [None if answer.says is Says.UNKNOWN else answer.says is Says.WORKS for answer in answers]
    return [*says, *[None] * (len(places) - len(says))]


def nearest_yes(length: int, ask: Ask, *, width: int = 1) -> tuple[int, int]:
    """Return two positions (yes, no) between which there is no other that could be decided.

    Position 0 is known to be yes, ``length - 1`` to be no; neither is asked. The yes that is nearest to the end counts,
    and the first no behind it: in a row that changes more than once, what lies before is not looked at. ``width``
    positions are asked at a time, which divide what is left evenly. What cannot be decided is set aside: it lies
    between the two that are returned. Takes about log(length) / log(width + 1) rounds. The first round asks about both
    ends: who knows one end often knows where it ends, and what lies beside the other end is the nearest of all.
    """
    yes, no = 0, length - 1
    unknown: set[int] = set()
    guesses = (1, length - 2)[: max(1, width)]
    while open_ := [place for place in range(yes + 1, no) if place not in unknown]:
        chosen = sorted({*guesses} & {*open_}) or _spread(open_, width)
        guesses = ()
        answers = dict(zip(chosen, ask(chosen), strict=True))
        unknown |= {place for place, answer in answers.items() if answer is None}
        yes = max((place for place, answer in answers.items() if answer is True), default=yes)
        no = min((place for place, answer in answers.items() if answer is False and place > yes), default=no)
    return yes, no


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return ``count`` of ``places`` that divide them evenly; all where there are not as many."""
    count = min(count, len(places))
    return sorted({places[len(places) * (number + 1) // (count + 1)] for number in range(count)})


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
        return None, "the unchanged combo failed, and passed when it ran again"
    if again[1].says is Says.UNKNOWN:
        return None, f"it is unknown whether the unchanged combo still fails: {_message(again[1])}"
    return again[0], ""


def _counts(answers: Sequence[Answer]) -> str:
    ran = sum(answer.ran for answer in answers)
    unsolvable = sum(answer.says is Says.UNSOLVABLE for answer in answers)
    unknown = sum(answer.says is Says.UNKNOWN for answer in answers)
    counts = {"ran": ran, "have no solution": unsolvable, "are unknown": unknown}
    counts["lead to a set that is known"] = len(answers) - sum(counts.values())
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "none"


def _message(answer: Answer) -> str:
    return answer.failing.message if answer.failing is not None else "it could not be tested"
