"""Write which versions of a package work: for a terminal, as Markdown and as JSON. Pure."""

from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from knowngood.model import Searched
from knowngood.report.markup import inline, joined, table
from knowngood.report.text import aligned, count, strict_json, wrap
from knowngood.search.ask import Says
from knowngood.search.declared import Bound, Lie, corrected
from knowngood.search.frontier import Frontier, Interval
from knowngood.search.trail import GLYPHS, Trail

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A frontier, and what it took to find it."""

    frontier: Frontier
    trail: Trail

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What is declared, that of the user's own projects first."""
        return tuple(sorted(self.frontier.bounds, key=lambda bound: not bound.origin))

    @property
    def sentence(self) -> str:
        """What is declared and what works, in one line: ``declared numpy>=1.20 (mine 1.0); works from 1.22``."""
        declared = ", ".join(f"{bound.requirement} ({bound.source})" for bound in self.bounds)
        works, tested = self.frontier.works, [*self.frontier.intervals, *self.frontier.beyond]
        if works is None:
            unknown = any(each.says is Says.UNKNOWN for each in tested)
            outcome = "nothing that was tested works" if unknown else "no version works"
        else:
            low, high = reach(self.frontier, works)
            others = [each.text for each in tested if each.says is Says.WORKS and not low <= each.low <= high]
            if low == high:
                outcome = f"{low} works" if others else f"only {low} works"
            else:
                outcome = f"works from {low}" + (f" to {high}" if any(each.low > high for each in tested) else "")
            outcome += f", and so does {', '.join(others)}" if others else ""
        return f"declared {declared}; {outcome}" if declared else f"nothing declares a bound; {outcome}"


def reach(frontier: Frontier, works: Interval) -> tuple[Version, Version]:
    """Return the ends of what works around ``works``, with what works beside it though it is forbidden."""
    low, high = works.low, works.high
    for each in frontier.beyond:
        below = [other for other in frontier.intervals if each.high < other.low < works.low]
        above = [other for other in frontier.intervals if works.high < other.low < each.low]
        if each.says is Says.WORKS and each.high < low and not below:
            low = each.low
        if each.says is Says.WORKS and each.low > high and not above:
            high = each.high
    return low, high


def suggestion(frontier: Frontier, declared: SpecifierSet) -> SpecifierSet | None:
    """Return a specifier with the bounds that were found; None when no version works.

    Where nobody knows what holds beyond a bound that is declared, it stays.
    """
    works = frontier.works
    if works is None:
        return None
    low, high = reach(frontier, works)
    rows = (*frontier.intervals, *frontier.beyond)
    above = sorted((each for each in rows if each.low > high and each.says is Says.FAILS), key=lambda each: each.low)
    below = [each for each in rows if each.high < low and each.says is not Says.UNKNOWN]
    newest = not any(each.low > high for each in rows)
    near = above[0].low if above and not any(high < each.low < above[0].low for each in _open(rows)) else None
    return corrected(declared, low if below else None, near, open_=newest)


def _open(rows: tuple[Interval, ...]) -> list[Interval]:
    return [each for each in rows if each.says is Says.UNKNOWN]


def text(result: Result, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    frontier = result.frontier
    combo = frontier.base.combo.id
    lines = wrap(f"{frontier.package} in {combo}: {result.sentence}", width, most=6)
    rows = sorted((*frontier.intervals, *frontier.beyond), key=lambda each: (each.low, each.forced))
    lines += [f"  {line}" for line in aligned([_row(each) for each in rows], max(20, width - 2))]
    for lie in frontier.lies:
        lines += [f"  {line}" for line in wrap(lie_text(lie), width - 2, most=4)]
    lines += wrap(scope(result), width, most=4)
    lines.append(result.trail.line)
    return "\n".join(lines) + "\n"


def _row(each: Interval) -> tuple[str, str, str, str]:
    return f"{GLYPHS[each.says]} {each.text}", _how(each), _outcome(each), each.cause


def _how(each: Interval) -> str:
    return f"{count(each.releases, 'release')}, {each.measured} measured"


def _outcome(each: Interval) -> str:
    outcome = "no solution" if each.says is Says.UNSOLVABLE else str(each.says)
    moved = f" with another {', '.join(each.moved)}" if each.moved else ""
    return f"{outcome}{', against what is declared' if each.forced else ''}{moved}"


def lie_text(lie: Lie) -> str:
    """Return one sentence about a bound that does not say what works."""
    admits = f"admits {', '.join(lie.admits)}: {_verb(lie.admits, 'fails', 'fail')}" if lie.admits else ""
    forbids = f"forbids {', '.join(lie.forbids)}: {_verb(lie.forbids, 'works', 'work')}" if lie.forbids else ""
    return (
        f"{lie.bound.source} declares {lie.bound.requirement}, which {' and '.join(filter(None, (admits, forbids)))}."
    )


def _verb(stretches: tuple[str, ...], one: str, many: str) -> str:
    return f"it {one}" if len(stretches) == 1 and "…" not in stretches[0] else f"they {many}"


def scope(result: Result) -> str:
    """Return what was looked at."""
    frontier = result.frontier
    left = f"; {count(frontier.without_wheel, 'release')} without a wheel left out" if frontier.without_wheel else ""
    lines = count(frontier.lines, "release line")
    return f"scope  {lines}, each by its last release, and the lines at a boundary by all of theirs{left}"


def markdown(result: Result) -> str:
    """Return the result as a section of Markdown, ending in a newline."""
    frontier = result.frontier
    rows = [
        (each.text, f"{GLYPHS[each.says]} {_outcome(each)}", _how(each), each.cause)
        for each in sorted((*frontier.intervals, *frontier.beyond), key=lambda each: (each.low, each.forced))
    ]
    lies = [f"- {inline(lie_text(lie))}" for lie in frontier.lies]
    title = f"### {inline(frontier.package)} in {inline(frontier.base.combo.id)}"
    sentence = inline(f"{result.sentence[0].upper()}{result.sentence[1:]}.")
    return joined([[title], [sentence], table(("versions", "outcome", "known", "cause"), rows), lies]) + "\n"


def searched(result: Result) -> Searched:
    """Return what is kept of the search for reports."""
    frontier = result.frontier
    intervals = sorted((*frontier.intervals, *frontier.beyond), key=lambda each: (each.low, each.forced))
    kind = "works" if frontier.works is not None else "none works"
    unknown = any(each.says is Says.UNKNOWN for each in frontier.intervals)
    return result.trail.searched(
        "frontier",
        frontier.base,
        f"{frontier.package}: {result.sentence}",
        f"{kind}, with unknown versions" if unknown else kind,
        about=(frontier.package,),
        headers=("versions", "outcome", "known", "cause"),
        rows=tuple((each.text, f"{GLYPHS[each.says]} {_outcome(each)}", _how(each), each.cause) for each in intervals),
        notes=(*map(lie_text, frontier.lies), scope(result).replace("scope  ", "scope: ")),
    )


def as_json(result: Result) -> str:
    """Return the result as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    frontier = result.frontier
    works = frontier.works
    ends = reach(frontier, works) if works is not None else None
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "frontier",
            "combo": frontier.base.combo.id,
            "packages": [frontier.package],
            "installed": str(frontier.installed) if frontier.installed is not None else None,
            "works": {"from": str(ends[0]), "to": str(ends[1])} if ends is not None else None,
            "intervals": [_interval(each) for each in frontier.intervals],
            "beyond": [_interval(each) for each in frontier.beyond],
            "points": [
                {
                    "version": str(point.version),
                    "says": str(point.says),
                    "cause": point.cause,
                    "how": str(point.how),
                    "combo": point.combo or None,
                }
                for point in frontier.points
            ],
            "declared": [
                {
                    "source": bound.source,
                    "requirement": bound.requirement,
                    "suggested": _suggested(frontier, bound),
                }
                for bound in result.bounds
            ],
            "lies": [
                {
                    "source": lie.bound.source,
                    "requirement": lie.bound.requirement,
                    "admits": list(lie.admits),
                    "forbids": list(lie.forbids),
                }
                for lie in frontier.lies
            ],
            "scope": scope(result).removeprefix("scope  "),
            **result.trail.document,
        }
    )


def _suggested(frontier: Frontier, bound: Bound) -> str | None:
    specifier = suggestion(frontier, Requirement(bound.requirement).specifier)
    return f"{frontier.package}{specifier}" if specifier is not None else None


def _interval(each: Interval) -> dict[str, object]:
    return {
        "from": str(each.low),
        "to": str(each.high),
        "says": str(each.says),
        "cause": each.cause,
        "releases": each.releases,
        "measured": each.measured,
        "moved": list(each.moved),
    }
