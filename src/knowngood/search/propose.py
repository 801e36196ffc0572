"""Propose what to change about a combo that fails.

Most proposals are cheap to refute: they have no solution, or lead to a set that is known.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import permutations

from packaging.version import Version

from knowngood import packages
from knowngood.model import Cell, ComboFacts, Confidence, Status
from knowngood.search.ask import Answer, Candidate, Oracle
from knowngood.search.changes import Change, named_by
from knowngood.search.frame import Frame

_BY_CONFIDENCE = {
    Confidence.CERTAIN: 0.9,
    Confidence.LIKELY: 0.7,
    Confidence.POSSIBLE: 0.4,
    Confidence.UNKNOWN: 0.1,
}
_MOST_FAR = 3
"""Suspects of which releases far from the installed one are proposed, where nothing else works."""
_MOST_PERMUTED = 3
"""Steps of which every order is tried."""
_LATER = (timedelta(), timedelta(days=30), timedelta(days=90))
"""How long after the newest of the user's own versions the rest of the set may have been current."""


def loaded(answer: Answer) -> frozenset[str]:
    """Return the installed distributions of which the failing probe loaded a module; all where that is not known."""
    environment, cell = answer.facts.environment, answer.failing
    if environment is None:
        return frozenset(answer.facts.installed)
    attempts = [each for each in answer.facts.probes if cell is None or each.probe == cell.probe]
    return environment.loaded({module for each in attempts for module in each.transcript.loaded})


def suspects(answer: Answer) -> tuple[str, ...]:
    """Return the distributions that may have to move: those that the diagnosis names come first."""
    cell = answer.failing
    diagnosis = cell.diagnosis if cell is not None else None
    first = [diagnosis.culprit, diagnosis.conflicts_with] if diagnosis is not None else []
    named = named_by(answer.combo)
    rest = sorted(loaded(answer), key=lambda name: (name not in named, name))
    known = {*answer.facts.installed, *named}
    return tuple(dict.fromkeys(name for name in (*first, *rest) if name is not None and name in known))


def proposals(oracle: Oracle, answer: Answer, passing: Sequence[ComboFacts] = ()) -> Iterator[Candidate]:
    """Yield what may repair the failure that ``answer`` shows, on top of its own change.

    ``passing`` are combos of the same matrix that pass.
    """
    change, cell = answer.candidate.change, answer.failing
    if cell is None:
        return
    yield from _of_diagnosis(answer, cell)
    if len(oracle.combo.steps) > 1 and not change.joined:
        likely = 0.6 if cell.drift or cell.verdict.status is Status.UNSOLVABLE else 0.3
        yield Candidate(change=change.plus(Change(joined=True)), why="install all steps as one", likely=likely)
        yield from _orders(oracle, change, likely / 3)
    yield from _like_those_that_pass(answer, passing)
    if cell.verdict.status in (Status.UNSOLVABLE, Status.BUILD_FAIL):
        yield from _released(oracle, answer)
    yield from _at_the_time(oracle, answer)
    for place, name in enumerate(suspects(answer)):
        yield from _neighbors(oracle, answer, name, likely=max(0.02, 0.25 - 0.04 * place))
    yield from _pythons(answer)
    if not change:
        for place, name in enumerate(suspects(answer)[:_MOST_FAR]):
            yield from _far(oracle, answer, name, likely=0.012 - 0.001 * place)


def _of_diagnosis(answer: Answer, cell: Cell) -> Iterator[Candidate]:
    change, diagnosis = answer.candidate.change, cell.diagnosis
    if diagnosis is None or not diagnosis.fix:
        return
    likely = _BY_CONFIDENCE[diagnosis.confidence]
    why = f"the diagnosis ({diagnosis.confidence}): {diagnosis.why}"
    valid = [text for text in diagnosis.fix if packages.requirement(text) is not None]
    whole = change.plus(Change.of(text for text in valid if not _is_python(text)))
    python = next(filter(_is_python, valid), None)
    if python is None:
        yield Candidate(change=whole, why=why, likely=likely)
        return
    specifier = packages.requirement(python)
    own = packages.python(cell.python)
    for other in sorted(range(8, 15), key=lambda number: abs(number - own.minor[1])):
        if specifier is not None and specifier.specifier.contains(f"3.{other}"):
            text = f"{'pypy' if own.pypy else ''}3.{other}{'t' if own.free_threaded else ''}"
            yield Candidate(change=whole.plus(Change(python=text)), why=why, likely=likely)
            return


def _orders(oracle: Oracle, change: Change, likely: float) -> Iterator[Candidate]:
    """Propose the steps in other orders; of many steps only the reverse one."""
    places = tuple(range(len(oracle.combo.steps)))
    orders = permutations(places) if len(places) <= _MOST_PERMUTED else (places[::-1],)
    for order in orders:
        if order != places and not change.frame.order and not change.dropped:
            moved = change.plus(Change(frame=Frame(order=order)))
            yield Candidate(change=moved, why="install the steps in another order", likely=likely)


def _pythons(answer: Answer) -> Iterator[Candidate]:
    """Propose the Python before and the one after that of the combo: the last resort."""
    change, own = answer.candidate.change, packages.python(answer.combo.python)
    if change.python is not None:
        return
    for minor in (own.minor[1] - 1, own.minor[1] + 1):
        text = f"{'pypy' if own.pypy else ''}{own.minor[0]}.{minor}{'t' if own.free_threaded else ''}"
        yield Candidate(change=change.plus(Change(python=text)), why="another Python", likely=0.015)


def _is_python(text: str) -> bool:
    return packages.names([text]) == ("python",)


def _like_those_that_pass(answer: Answer, passing: Sequence[ComboFacts]) -> Iterator[Candidate]:
    """Propose the versions of combos that pass, where this one has others."""
    installed = answer.facts.installed
    for facts in passing:
        near = facts.combo.python.split(".")[:2] == answer.combo.python.split(".")[:2]
        differing = tuple(
            f"{name}=={version.partition('+')[0]}"
            for name, version in sorted(facts.installed.items())
            if name in installed and installed[name] != version
        )
        if near and differing:
            moved = answer.candidate.change.plus(Change(requirements=differing))
            yield Candidate(change=moved, why=f"the versions of {facts.combo.id}, which passes", likely=0.35)


def _released(oracle: Oracle, answer: Answer) -> Iterator[Candidate]:
    """Propose to ask for any version of a package whose version the combo states: of each, and of all of them."""
    asked = packages.requirements(text for step in oracle.combo.steps for text in step.requirements)
    stated = [packages.name_of(parsed) for parsed in asked if str(parsed.specifier)]
    names = [name for name in dict.fromkeys(stated) if name not in answer.candidate.change.names]
    for name in names:
        change = answer.candidate.change.plus(Change(requirements=(f"{name}>=0",)))
        yield Candidate(change=change, why=f"any version of {name}", likely=0.3)
    if len(names) > 1:
        change = answer.candidate.change.plus(Change(requirements=tuple(f"{name}>=0" for name in names)))
        yield Candidate(change=change, why="any versions of what the combo states", likely=0.25)


def _at_the_time(oracle: Oracle, answer: Answer) -> Iterator[Candidate]:
    """Propose the state of the index when the newest of the user's own versions came out."""
    installed = answer.facts.installed
    named = named_by(oracle.combo)
    pinned = [day for name in named if (day := oracle.uploaded(name, installed.get(name, ""))) is not None]
    exact = [
        day
        for step in oracle.combo.steps
        for parsed in packages.requirements(step.requirements)
        if any(each.operator == "==" for each in parsed.specifier)
        and (day := oracle.uploaded(packages.name_of(parsed), installed.get(packages.name_of(parsed), ""))) is not None
    ]
    newest = max(exact or pinned, default=None)
    if newest is None:
        return
    for later in _LATER:
        then = newest + later
        older = []
        for name in suspects(answer):
            day = oracle.uploaded(name, installed.get(name, ""))
            current = _current(oracle, name, then)
            if day is not None and day > then and current is not None and name not in answer.candidate.change.names:
                older.append(f"{name}<={current}")
        if older:
            change = answer.candidate.change.plus(Change(requirements=tuple(older)))
            yield Candidate(change=change, why=f"what was current on {then:%Y-%m-%d}", likely=0.4)


def _current(oracle: Oracle, name: str, time: datetime) -> Version | None:
    then = [each.version for each in oracle.installable(name) if each.uploaded is not None and each.uploaded <= time]
    return max(then, default=None)


def _neighbors(oracle: Oracle, answer: Answer, name: str, *, likely: float) -> Iterator[Candidate]:
    """Propose the release lines just below and above the installed version of a package, and the ends of the row."""
    version = packages.public(answer.facts.installed.get(name, ""))
    if version is None:
        return
    change = answer.candidate.change
    for text, share in _line_ends(oracle.versions(name), version):
        if text:
            moved = change.plus(Change(requirements=(f"{name}{text}",)))
            yield Candidate(
                change=moved, why=f"{name} {'below' if '<' in text else 'above'} {version}", likely=likely * share
            )


def _far(oracle: Oracle, answer: Answer, name: str, *, likely: float) -> Iterator[Candidate]:
    """Propose release lines 2, 4, 8 ... away from the installed one, the ends, and the newest that have to be built.

    A program that was written for a release of years ago may need one that no neighbor leads to.
    """
    version = packages.public(answer.facts.installed.get(name, ""))
    if version is None:
        return
    ends = {packages.line_of(each): each for each in oracle.versions(name)}
    lines = [end for _, end in sorted(ends.items())]
    below = [each for each in lines if packages.line_of(each) < packages.line_of(version)][::-1]
    above = [each for each in lines if packages.line_of(each) > packages.line_of(version)]
    oldest = min((each for each in (*lines, version)), default=version)
    built = {packages.line_of(each): each for each in oracle.builds(name) if each < oldest}
    chosen = [*_doubling(below), *_doubling(above), *_doubling([built[line] for line in sorted(built)][::-1])]
    for end in dict.fromkeys(chosen):
        moved = answer.candidate.change.plus(Change(requirements=(f"{name}=={end}",)))
        yield Candidate(change=moved, why=f"{name} far from {version}", likely=likely, final=True)


def _doubling(row: Sequence[Version]) -> list[Version]:
    """Return the versions 1, 2, 4, 8 ... places away, and the last."""
    places = [2**power - 1 for power in range(len(row)) if 2**power - 1 < len(row)]
    return [row[place] for place in dict.fromkeys([*places, len(row) - 1])] if row else []


def _line_ends(versions: Sequence[Version], installed: Version) -> Iterator[tuple[str, float]]:
    """Yield specifiers that lead to other release lines, and how likely each is beside the first."""
    below = [version for version in versions if packages.line_of(version) < packages.line_of(installed)]
    above = [version for version in versions if packages.line_of(version) > packages.line_of(installed)]
    if below:
        yield packages.below(installed), 1.0
    if above:
        yield f">={above[0]}", 0.8
    major = packages.line_of(installed)[:2]
    if any(packages.line_of(version)[:2] < major for version in below):
        yield packages.below(Version(f"{installed.epoch}!{installed.major}")), 0.9
    if above and packages.line_of(above[-1])[:2] > major:
        yield f">={next(version for version in above if packages.line_of(version)[:2] > major)}", 0.6
