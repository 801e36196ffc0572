"""A run compared with a baseline, for the terminal, as Markdown and as JSON: what regressed comes first."""

from collections import Counter
from collections.abc import Iterable, Sequence

from knowngood.model import Change, ChangeKind
from knowngood.report.markup import code, inline, paragraph, table
from knowngood.report.text import count, plain, shorten, strict_json, wrap
from knowngood.report.words import UNDECIDED_NOTE

SCHEMA = 2
"""Version of the JSON; it changes when a reader of the old one would be wrong."""

_FULL = {
    ChangeKind.REGRESSED: "Regressed",
    ChangeKind.CHANGED_FAIL: "Fails for another cause",
    ChangeKind.MOVED: "Passes with other numbers",
    ChangeKind.FIXED: "Fixed",
}
"""What is told in full, in this order: why, and what is installed otherwise."""
_BRIEF = {
    ChangeKind.INCONCLUSIVE: f"Inconclusive ({UNDECIDED_NOTE})",
    ChangeKind.NEW: "New",
    ChangeKind.GONE: "Gone",
}
_SAME = (ChangeKind.STILL_PASS, ChangeKind.STILL_FAIL)

_LABEL = 8
_MOST_LINES = 4
_MOST_PACKAGES = 20
"""Distributions that are told of one cell on the terminal; the Markdown and the JSON have all."""


def headline(changes: Iterable[Change]) -> str:
    """Return the sum of a comparison in one line: ``2 regressed, 1 fixed, 4 unchanged``."""
    kinds = Counter(change.kind for change in changes)
    told = [f"{kinds[kind]} {kind}" for kind in (*_FULL, *_BRIEF) if kinds[kind]]
    same = sum(kinds[kind] for kind in _SAME)
    return ", ".join([*told, f"{same} unchanged"] if same or not told else told)


def render(changes: Sequence[Change], *, baseline_name: str, width: int = 100) -> str:
    """Return the comparison for a terminal, ending in a newline; no line is wider than ``width``, from 40 on."""
    names = _names(changes)
    blocks = [wrap(f"Against {baseline_name}: {headline(changes)}", width, most=_MOST_LINES)]
    for kind, title in _FULL.items():
        lines = [line for change in _of(changes, kind) for line in _full(change, names, width - 2)]
        blocks.append(_section(title, lines, width))
    for kind, title in _BRIEF.items():
        lines = [line for change in _of(changes, kind) for line in _brief(change, names, width - 2)]
        blocks.append(_section(title, lines, width))
    blocks.append(_unchanged(changes))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def render_markdown(changes: Sequence[Change], *, baseline_name: str) -> str:
    """Return the comparison in GitHub-flavoured Markdown, ending in a newline, for a job summary or a comment."""
    names = _names(changes)
    told = [change for kind in (*_FULL, *_BRIEF) for change in _of(changes, kind)]
    rows = [(change.kind, names[change], change.before or "", change.after or "") for change in told]
    blocks = [
        ["## Compared with a baseline"],
        [f"Against {code(baseline_name)}: **{inline(headline(changes))}**"],
        table(("change", "cell", "before", "now"), rows) if rows else [],
        *(block for change in told for block in _part(change, names)),
        _unchanged(changes),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def render_json(changes: Sequence[Change], *, baseline_name: str) -> str:
    """Return the comparison as strict JSON in ASCII, ending in a newline; text is as it was recorded, not escaped."""
    document = {
        "schema": SCHEMA,
        "baseline": baseline_name,
        "headline": headline(changes),
        "counts": {kind: len(_of(changes, kind)) for kind in ChangeKind},
        "changes": [
            {
                "combo": change.combo,
                "probe": change.probe,
                "kind": change.kind,
                "before": change.before,
                "after": change.after,
                "why": change.why,
                "packages": [
                    {"package": package, "before": before, "after": after} for package, before, after in change.packages
                ],
            }
            for change in changes
        ],
    }
    return strict_json(document)


def _of(changes: Iterable[Change], kind: ChangeKind) -> list[Change]:
    return [change for change in changes if change.kind is kind]


def _names(changes: Sequence[Change]) -> dict[Change, str]:
    """Return the combo of each change, with the probe where the combo has several."""
    probes: dict[str, set[str]] = {}
    for change in changes:
        probes.setdefault(change.combo, set()).add(change.probe)
    return {
        change: f"{change.combo} {change.probe}" if len(probes[change.combo]) > 1 else change.combo
        for change in changes
    }


def _section(title: str, lines: Sequence[str], width: int) -> list[str]:
    return [*wrap(f"{title}:", width, most=2), *(f"  {line}" for line in lines)] if lines else []


def _full(change: Change, names: dict[Change, str], width: int) -> list[str]:
    room = width - _LABEL - 2
    moved = [shorten(_told(*one), room) for one in change.packages[:_MOST_PACKAGES]]
    if more := len(change.packages) - len(moved):
        moved.append(f"and {count(more, 'distribution')} more")
    return [
        shorten(f"{names[change]}: {change.before} -> {change.after}", width),
        *_labelled("why", wrap(change.why, room, most=_MOST_LINES)),
        *_labelled("moved", moved),
    ]


def _labelled(label: str, lines: Sequence[str]) -> list[str]:
    return [f"  {'' if index else label:<{_LABEL}}{line}" for index, line in enumerate(lines)]


def _brief(change: Change, names: dict[Change, str], width: int) -> list[str]:
    status = " -> ".join(filter(None, (change.before, change.after)))
    # Why a cell is new or gone, the title of its section says.
    why = f" ({change.why})" if change.why and change.before and change.after else ""
    return [shorten(f"{names[change]}: {status}{why}", width)]


def _told(package: str, before: str | None, after: str | None) -> str:
    return f"{package} {before or 'absent'} -> {after or 'absent'}"


def _unchanged(changes: Sequence[Change]) -> list[str]:
    told = [f"{number} {kind}" for kind in _SAME if (number := len(_of(changes, kind)))]
    return [f"Unchanged: {', '.join(told)}"] if told else []


def _part(change: Change, names: dict[Change, str]) -> list[list[str]]:
    if change.kind not in _FULL:
        return []
    rows = [(package, before or "absent", after or "absent") for package, before, after in change.packages]
    return [
        [f"**{inline(names[change])}**: {change.kind}"],
        [paragraph(change.why)] if plain(change.why) else [],
        ["Installed otherwise:"] if rows else [],
        table(("distribution", "before", "now"), rows) if rows else [],
    ]
