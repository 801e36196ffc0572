"""Render a path to newer versions: for a terminal, as requirements, as the body of a pull request and as JSON. Pure."""

from knowngood import packages
from knowngood.model import Searched
from knowngood.report.markup import fence, inline, joined, table
from knowngood.report.text import aligned, count, strict_json, wrap
from knowngood.search.ask import Says
from knowngood.search.blocked import Blocked, Range
from knowngood.search.trail import GLYPHS, Trail
from knowngood.search.upgrade import Step, Upgrade

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


def sentence(found: Upgrade) -> str:
    """Return the outcome in one sentence."""
    combo = found.base.combo.id
    if found.why:
        return found.why.rstrip(".")
    steps = count(len(found.steps), "step")
    wanted = f" to {', '.join(found.demand)}" if found.demand else ""
    if not found.steps and not found.blocked:
        return f"{combo} is up to date"
    if found.reached:
        return f"{combo} can be upgraded{wanted} in {steps}, each of which works"
    works = "works" if len(found.steps) == 1 else "work"
    return f"{combo} cannot be upgraded{wanted or ' to the newest of all'}; {steps} on the way there {works}"


def _moves(moves: tuple[tuple[str, str, str], ...]) -> str:
    return ", ".join(f"{name} {before} -> {after}" for name, before, after in moves)


def blocked_text(each: Blocked) -> str:
    """Return in one sentence what blocks an upgrade."""
    by = f" by {each.blocker}" if each.blocker else ""
    reach = f"; {_ranges(each.frontier, each.says)}" if each.frontier else ""
    forbids = f"; of {each.blocker} {_ranges(each.blocking, each.says)}" if each.blocking else ""
    return f"blocked{by}: {_moves(each.moves)}{reach}{forbids}: {each.cause or each.says}"


def _ranges(stretches: tuple[Range, ...], says: Says) -> str:
    """Return what holds for versions in words. ``says``: whether these ran, or only a resolver was asked."""
    words = {Says.WORKS: "work", Says.FAILS: "do not work", Says.UNSOLVABLE: "do not allow it"}
    if says is Says.UNSOLVABLE:
        words = {Says.WORKS: "can be resolved", Says.UNSOLVABLE: "cannot be resolved"}
    named = [(f"{each.low} to {each.high}" if each.high != each.low else each.low, each) for each in stretches]
    return ", ".join(f"{each.package} {span} {words.get(each.says, 'unknown')}" for span, each in named)


def lines_of(step: Step, found: Upgrade) -> list[str]:
    """Return the lines of the combo after a step, each with the version that ran."""
    asked = [text for declared in found.base.combo.steps for text in declared.requirements]
    lines = []
    for parsed in packages.requirements(asked):
        version = step.answer.facts.installed.get(packages.name_of(parsed))
        extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
        lines.append(f"{parsed.name}{extras}=={version}" if version and not parsed.url else str(parsed))
    return lines


def text(found: Upgrade, trail: Trail, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    lines = wrap(f"{sentence(found)}.", width, most=4)
    rows = [
        (f"{number}", f"{GLYPHS[step.answer.says]} {_moves(step.moves)}", "")
        for number, step in enumerate(found.steps, 1)
    ]
    lines += [f"  {line}" for line in aligned(rows, max(20, width - 2))] if rows else []
    for each in found.blocked:
        lines += [f"  {line}" for line in wrap(blocked_text(each), width - 2, most=4)]
    return "\n".join([*lines, trail.line]) + "\n"


def requirements(found: Upgrade) -> str:
    """Return the requirement lines after each step, the steps as comments, ending in a newline."""
    lines = []
    for number, step in enumerate(found.steps, 1):
        lines += [f"# step {number}: {_moves(step.moves)}", *lines_of(step, found), ""]
    return "\n".join(lines or ["# nothing to do"]).rstrip() + "\n"


def markdown(found: Upgrade, trail: Trail) -> str:
    """Return the body of a pull request, ending in a newline."""
    said = sentence(found)
    rows = [(str(number), _moves(step.moves), step.answer.combo.id) for number, step in enumerate(found.steps, 1)]
    last = lines_of(found.steps[-1], found) if found.steps else []
    return (
        joined(
            [
                [f"### Upgrade of {inline(found.base.combo.id)}"],
                [inline(f"{said[0].upper()}{said[1:]}.")],
                table(("step", "moves", "combo of the run"), rows) if rows else [],
                [f"- {inline(blocked_text(each))}" for each in found.blocked],
                ["After the last step:"] if last else [],
                fence("\n".join(last)) if last else [],
                [inline(trail.line)],
            ]
        )
        + "\n"
    )


def searched(found: Upgrade, trail: Trail) -> Searched:
    """Return what is kept of the search for reports."""
    rows = tuple((str(number), _moves(step.moves)) for number, step in enumerate(found.steps, 1))
    return trail.searched(
        "upgrade",
        found.base,
        sentence(found),
        "reached" if found.reached else "undecided" if found.undecided else "not reached",
        about=found.demand,
        headers=("step", "moves") if rows else (),
        rows=rows,
        notes=tuple(map(blocked_text, found.blocked)),
    )


def as_json(found: Upgrade, trail: Trail) -> str:
    """Return the result as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "upgrade",
            "combo": found.base.combo.id,
            "to": list(found.demand),
            "reached": found.reached,
            "why": found.why,
            "steps": [
                {
                    "moves": _listed(step.moves),
                    "combo": step.answer.combo.id,
                    "requirements": lines_of(step, found),
                    "versions": dict(sorted(step.answer.facts.installed.items())),
                }
                for step in found.steps
            ],
            "blocked": [
                {
                    "moves": _listed(each.moves),
                    "says": str(each.says),
                    "cause": each.cause,
                    "blocker": each.blocker or None,
                    "works": each.last or None,
                    "fails": each.first or None,
                    "frontier": _listed_ranges(each.frontier),
                    "blocking": _listed_ranges(each.blocking),
                }
                for each in found.blocked
            ],
            **trail.document,
        }
    )


def _listed_ranges(stretches: tuple[Range, ...]) -> list[dict[str, str]]:
    return [{"package": each.package, "from": each.low, "to": each.high, "says": str(each.says)} for each in stretches]


def _listed(moves: tuple[tuple[str, str, str], ...]) -> list[dict[str, str]]:
    return [{"package": name, "from": before, "to": after} for name, before, after in moves]
