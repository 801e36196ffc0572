"""Write what a search for a fix found: for a terminal, as JSON, and as TOML for the matrix file. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from knowngood.model import Combo, InstallerName
from knowngood.report.text import count, plain, seconds, strict_json, wrap
from knowngood.search.ask import Answer, Says
from knowngood.search.changes import Change, named_by
from knowngood.search.fix import Fix, FixClass

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""

_GLYPHS = {Says.WORKS: "✓", Says.FAILS: "✗", Says.UNSOLVABLE: "∅", Says.UNKNOWN: "?"}
_SENTENCES = {
    FixClass.WORKS: "There is nothing to fix",
    FixClass.MINIMAL: "Minimal: everything cheaper was tried and does not work",
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
    answers: tuple[Answer, ...]
    run: str
    """The id of the run that holds every candidate."""
    elapsed: float
    """Seconds."""
    fixed_id: str
    """The id of the combo that works, if there is one."""

    @property
    def cells(self) -> int:
        """How many candidates ran."""
        return sum(answer.ran for answer in self.answers)


def line(answer: Answer) -> str:
    """Return one line about a candidate: what came out, and what it was."""
    change = str(answer.candidate.change) or "as it is"
    why = f": {answer.failing.message}" if answer.failing is not None else ""
    took = f" ({seconds(answer.seconds)})" if answer.ran else " (known)" if answer.facts.reused else ""
    return plain(f"{_GLYPHS[answer.says]} {answer.says}  {change}{took}{why}")


def text(search: Search, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    fix, lines = search.fix, list[str]()
    change = str(fix.change)
    if change:
        verified = "verified" if fix.green is not None else "not verified"
        lines.append(f"fix {change} ({verified})")
    lines += wrap(f"{_SENTENCES[fix.kind]}{f': {fix.why}' if fix.why else ''}.", width, most=4)
    moved = [name for name in packages_of(fix.change) if name in _exact(search.combo)]
    if moved:
        lines += wrap(f"It changes what you pinned: {', '.join(moved)}.", width, most=2)
    lines += [f"bound  {name} {works} works, {fails} does not" for name, works, fails in fix.bounds]
    lines += [f"needed  without {part}: {says}" for part, says in fix.needed]
    if fix.scope:
        lines += wrap(f"scope  {fix.scope}", width, most=4)
    lines.append(f"spent  {count(search.cells, 'cell')} of {len(search.answers)} asked, {seconds(search.elapsed)}")
    if fix.green is not None:
        lines += ["", *toml(search).splitlines()]
    return "\n".join(lines) + "\n"


def packages_of(change: Change) -> tuple[str, ...]:
    """Return the packages that a change is about, sorted."""
    return tuple(sorted(change.names))


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
        "bounds": [{"package": name, "works": works, "fails": fails} for name, works, fails in fix.bounds],
        "needed": [{"part": part, "without": says} for part, says in fix.needed],
        "scope": fix.scope,
        "why": fix.why,
        "cells": search.cells,
        "seconds": round(search.elapsed, 3),
        "run": search.run,
        "tried": [
            {
                "combo": answer.combo.id,
                "change": {**asdict(answer.candidate.change)},
                "why": answer.candidate.why,
                "says": str(answer.says),
                "ran": answer.ran,
                "message": answer.failing.message if answer.failing is not None else "",
                "seconds": round(answer.seconds, 3),
            }
            for answer in search.answers
        ],
    }


def toml(search: Search) -> str:
    """Return the combo that works as a ``[[combo]]`` table with its evidence as a comment; empty when there is none."""
    if search.fix.green is None:
        return ""
    combo, fix = search.fix.green.combo, search.fix
    lines = [
        f"# {search.combo.id} with {fix.change}: verified in run {search.run} ({fix.kind}).",
        *(f"# {name} {works} works, {fails} does not." for name, works, fails in fix.bounds),
        "[[combo]]",
        f"id = {_quoted(search.fixed_id)}",
        f"python = [{_quoted(combo.python)}]",
        *_table(combo),
        f"probes = [{', '.join(map(_quoted, combo.probes))}]",
    ]
    return "\n".join(lines) + "\n"


def _table(combo: Combo) -> Iterator[str]:
    steps = ", ".join(f"[{', '.join(map(_quoted, step.lines))}]" for step in combo.steps)
    yield f"steps = [{steps}]"
    if combo.installer is not InstallerName.UV:
        yield f"installer = {_quoted(combo.installer)}"
    if combo.env:
        yield f"env = {{ {', '.join(f'{_quoted(name)} = {_quoted(value)}' for name, value in combo.env)} }}"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _exact(combo: Combo) -> frozenset[str]:
    """Return the packages that a combo pins to one version."""
    from packaging.requirements import Requirement

    pinned = [line for step in combo.steps for line in step.requirements if "==" in line]
    return named_by(combo) & frozenset(Requirement(line).name.lower() for line in pinned if " @ " not in line)
