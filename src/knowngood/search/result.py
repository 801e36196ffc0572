"""Write what a search for a fix found: for a terminal, as JSON, and as TOML for the matrix file. Pure."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from knowngood import packages
from knowngood.model import Combo, FixClass, FixState, Searched, Step
from knowngood.report.text import plain, seconds, strict_json, wrap
from knowngood.search.ask import Answer
from knowngood.search.changes import Change, pinned_by
from knowngood.search.fix import Fix
from knowngood.search.trail import GLYPHS, Trail, message

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""

KEYS = ("installer", "env", "timeout", "warnings", "resolution", "as-of")
"""Keys of a ``[[combo]]`` table that are only written where they are needed."""
_SENTENCES = {
    FixClass.WORKS: "There is nothing to fix",
    FixClass.MINIMAL: "Minimal: each part is needed, and no cheaper single move in the scope works",
    FixClass.SMALLEST_FOUND: "The smallest change that was found",
    FixClass.NONE: "No fix: everything in the scope was tried",
    FixClass.NONE_FOUND: "No fix was found before the search ended",
    FixClass.UNDECIDED: "Undecided",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A search that ended."""

    fix: Fix
    combo: Combo
    """The combo that was to be fixed."""
    trail: Trail
    fixed_id: str
    """The id of the combo that works, if there is one."""
    demand: Change = field(default_factory=Change)
    """What the user wanted every candidate to meet."""
    keys: tuple[str, ...] = KEYS
    """The keys that its table needs, because the matrix file says something else about all combos."""
    lacks: tuple[str, ...] = ()
    """What ran and a ``[[combo]]`` table cannot say."""
    absent: tuple[str, ...] = ()
    """The packages to keep that the combo neither installs nor names."""


def line(answer: Answer) -> str:
    """Return one line about a candidate: what came out, and what it was."""
    change = str(answer.candidate.change) or "as it is"
    why = f": {message(answer)}" if answer.failing is not None else ""
    took = f" ({seconds(answer.seconds)})" if answer.ran else " (known)" if answer.facts.reused else ""
    return plain(f"{GLYPHS[answer.says]} {answer.says}  {change}{took}{why}")


def text(search: Search, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    fix, lines = search.fix, list[str]()
    change = str(fix.change)
    if change:
        verified = "verified" if fix.green is not None else "not verified"
        lines.append(f"fix {change} ({verified})")
    lines += wrap(f"{_SENTENCES[fix.kind]}{f': {fix.why}' if fix.why else ''}.", width, most=4)
    moved = sorted(fix.change.names & pinned_by(search.combo))
    if moved:
        lines += wrap(f"It changes what you pinned: {', '.join(moved)}.", width, most=2)
    lines += [f"bound  {name} {works} works, {fails} does not" for name, works, fails in fix.bounds]
    lines += [f"needed  without {part}: {says}" for part, says in fix.needed]
    if fix.scope:
        lines += wrap(f"scope  {fix.scope}", width, most=4)
    lines.append(search.trail.line)
    if fix.green is not None:
        lines += ["", *toml(search).splitlines()]
    if search.lacks:
        lines += wrap(f"This table does not contain all that ran: it lacks {', '.join(search.lacks)}.", width, most=4)
    return "\n".join(lines) + "\n"


def searched(search: Search) -> Searched:
    """Return what is kept of the search for reports."""
    fix = search.fix
    verified = "verified" if fix.green is not None else "not verified"
    answer = f"fix {fix.change} ({verified})" if str(fix.change) else _SENTENCES[fix.kind]
    answer += f": {fix.why}" if fix.why else ""
    rows = tuple(fix.bounds)
    notes = [f"without {part}: {says}" for part, says in fix.needed] + ([f"scope: {fix.scope}"] if fix.scope else [])
    return search.trail.searched(
        "fix",
        fix.red,
        answer.rstrip("."),
        str(fix.kind),
        about=tuple(sorted(search.demand.requirements)),
        headers=("package", "works", "does not work") if rows else (),
        rows=rows,
        notes=tuple(map(plain, notes)),
    )


def as_json(searches: Sequence[Search]) -> str:
    """Return the results as strict JSON, ending in a newline: an object for one combo, a list for several."""
    documents = [_document(search) for search in searches]
    return strict_json(documents[0] if len(documents) == 1 else documents)


def _document(search: Search) -> dict[str, object]:
    fix = search.fix
    best = fix.green.combo if fix.green is not None else None
    return {
        "schema": SCHEMA,
        "combo": search.combo.id,
        "class": str(fix.kind),
        "fix": list(fix.change.requirements),
        "dropped": list(fix.change.dropped),
        "joined": fix.change.joined,
        "steps": [list(step.lines) for step in best.steps] if best is not None else None,
        "python": best.python if best is not None else search.combo.python,
        "verified": fix.green is not None,
        "fix_state": str(FixState.VERIFIED) if fix.green is not None else None,
        "bounds": [{"package": name, "works": works, "fails": fails} for name, works, fails in fix.bounds],
        "needed": [{"part": part, "without": says} for part, says in fix.needed],
        "lacks": list(search.lacks),
        "scope": fix.scope,
        "why": fix.why,
        **search.trail.document,
    }


def toml(search: Search) -> str:
    """Return the combo that works as a ``[[combo]]`` table with its evidence as a comment; empty when there is none."""
    if search.fix.green is None:
        return ""
    combo, fix = search.fix.green.combo, search.fix
    lines = [
        f"# {search.combo.id} with {fix.change.plus(search.demand)}: verified in run {search.trail.run} ({fix.kind}).",
        *(f"# {name} {works} works, {fails} does not." for name, works, fails in fix.bounds),
        *([f"# It lacks {', '.join(search.lacks)}."] if search.lacks else []),
        "[[combo]]",
        f"id = {_quoted(search.fixed_id)}",
        f"python = [{_quoted(combo.python)}]",
        *_table(combo, search.keys),
        f"probes = [{', '.join(map(_quoted, combo.probes))}]",
    ]
    return "\n".join(lines) + "\n"


def declaring(search: Search, declared: Combo) -> Search:
    """Return a search whose table says what its combo that works needs.

    ``declared`` is what a matrix file makes of a table with no ``keys``.
    """
    assert search.fix.green is not None, "a table is of a combo that works"
    combo = search.fix.green.combo
    keys = tuple(key for key in KEYS if _value(combo, key) != _value(declared, key))
    lacks = [
        f"{what} of step {number}"
        for number, (ran, written) in enumerate(zip(combo.steps, declared.steps, strict=True), 1)
        for (what, asked), written_too in zip(_asked(ran).items(), _asked(written).values(), strict=True)
        if asked != written_too
    ]
    return replace(search, keys=keys, lacks=tuple(lacks))


def _value(combo: Combo, key: str) -> object:
    value = getattr(combo, key.replace("-", "_"))
    return dict(value) if key == "env" else value


def _asked(step: Step) -> dict[str, object]:
    """Return what a step asks for, by name, in a form that can be compared."""
    return {
        "requirements": {str(packages.requirement(text) or text) for text in step.requirements},
        "paths": set(step.sources),
        "constraints": set(step.constraints),
        "overrides": set(step.overrides),
        "hashes": set(step.hashes),
        "options": set(step.options),
    }


def _table(combo: Combo, keys: Collection[str]) -> Iterator[str]:
    steps = ", ".join(f"[{', '.join(map(_quoted, step.lines))}]" for step in combo.steps)
    yield f"steps = [{steps}]"
    for key in KEYS:
        value = _value(combo, key)
        if key not in keys or (key == "env" and not value):
            continue
        if isinstance(value, dict):
            yield f"env = {{ {', '.join(f'{_quoted(name)} = {_quoted(text)}' for name, text in value.items())} }}"
        else:
            yield f"{key} = {value:g}" if isinstance(value, float) else f"{key} = {_quoted(str(value))}"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
