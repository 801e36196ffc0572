"""Render a comparison with a baseline for the terminal, as Markdown and as JSON: regressions come first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from enum import Enum

from knowngood.model import Change, ChangeKind, Rebuilt, Status
from knowngood.report import words
from knowngood.report.markup import code, inline, joined, paragraph, table
from knowngood.report.text import count, labeled, plain, section, shorten, strict_json, wrap
from knowngood.report.words import UNDECIDED_NOTE

SCHEMA = 2
"""Version of the JSON; it changes when a reader of the old one would be wrong."""

_FULL = {
    ChangeKind.REGRESSED: "Regressed",
    ChangeKind.CHANGED_FAIL: "Fails for another cause",
    ChangeKind.MOVED: "Passes with other numbers",
    ChangeKind.FIXED: "Fixed",
}
"""The kinds that are shown in full, in this order: with the reason and the packages that differ."""
_BRIEF = {
    ChangeKind.INCONCLUSIVE: f"Inconclusive ({UNDECIDED_NOTE})",
    ChangeKind.NEW: "New",
    ChangeKind.GONE: "Gone",
}
_SAME = (ChangeKind.STILL_PASS, ChangeKind.STILL_FAIL)

_LABEL = 10
_MOST_LINES = 4
_MOST_PACKAGES = 20
"""Packages that the terminal shows for one cell; the Markdown and the JSON have all."""


def label(kind: ChangeKind) -> str:
    """Return a kind of change in words: ``still pass``."""
    return str(kind).replace("-", " ")


def headline(changes: Sequence[Change]) -> str:
    """Return the sum of a comparison in one line: ``2 regressed, 1 fixed, 4 unchanged, 1 new conflict``."""
    kinds = Counter(change.kind for change in changes)
    counts = [f"{kinds[kind]} {label(kind)}" for kind in (*_FULL, *_BRIEF) if kinds[kind]]
    same = sum(kinds[kind] for kind in _SAME)
    counts += [f"{same} unchanged"] if same or not counts else []
    new, gone = (len(_by_conflict(changes, kind)) for kind in ConflictChange)
    counts += [count(new, "new conflict")] if new else []
    return ", ".join([*counts, *([f"{count(gone, 'conflict')} gone"] if gone else [])])


class ConflictChange(Enum):
    """What became of a conflict: no verdict changes because of it."""

    NEW = "New conflicts"
    GONE = "Conflicts that are gone"


def changed_conflicts(changes: Iterable[Change]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return a title and its (combos, conflict in words) pairs for each kind of change of a conflict."""
    changes = tuple(changes)
    parts = {kind.value: _by_conflict(changes, kind) for kind in ConflictChange}
    return tuple(
        (title, tuple((", ".join(combos), sentence) for sentence, combos in conflicts.items()))
        for title, conflicts in parts.items()
        if conflicts
    )


def _by_conflict(changes: Iterable[Change], kind: ConflictChange) -> dict[str, list[str]]:
    """Return the combos that a conflict came to, or went from, by the conflict in words."""
    combos: dict[str, dict[str, None]] = {}
    for change in changes:
        for conflict in change.new_conflicts if kind is ConflictChange.NEW else change.gone_conflicts:
            combos.setdefault(words.conflict(conflict), {})[change.combo] = None
    return {sentence: list(names) for sentence, names in combos.items()}


def packages(change: Change) -> list[tuple[str, str, str]]:
    """Return (name, version before, version now) of each package that differs; ``absent`` if it is not installed.

    What was rebuilt has the same version twice, each with the digest of its source tree or of its files.
    """
    moved = [(name, before or "absent", after or "absent") for name, before, after in change.packages]
    return [*moved, *map(_rebuilt, change.rebuilt)]


def _rebuilt(rebuilt: Rebuilt) -> tuple[str, str, str]:
    what = "tree" if rebuilt.from_source else "files"
    before, after = (f"{rebuilt.version} ({what} {digest})" for digest in (rebuilt.before, rebuilt.after))
    return rebuilt.package, before, after


def render(changes: Sequence[Change], *, baseline_name: str, width: int = 100) -> str:
    """Return the comparison for a terminal, ending in a newline; no line is wider than ``width``, from 40 on."""
    names = _names(changes)
    blocks = [wrap(f"Against {baseline_name}: {headline(changes)}", width, most=_MOST_LINES)]
    for kind, title in _FULL.items():
        lines = [line for change in _of(changes, kind) for line in _full(change, names, width - 2)]
        blocks.append(section(f"{title}:", lines, width))
    for kind, title in _BRIEF.items():
        blocks.append(section(f"{title}:", _briefly(_of(changes, kind), names, width - 2), width))
    for title, pairs in changed_conflicts(changes):
        lines = [shorten(f"{combos}: {sentence}", width - 2) for combos, sentence in pairs]
        blocks.append(section(f"{title}:", lines, width))
    blocks.append(_unchanged(changes))
    return joined(blocks) + "\n"


def render_markdown(changes: Sequence[Change], *, baseline_name: str) -> str:
    """Return the comparison in GitHub-flavored Markdown, ending in a newline, for a job summary or a comment."""
    names = _names(changes)
    listed = [change for kind in (*_FULL, *_BRIEF) for change in _of(changes, kind)]
    rows = [(label(change.kind), names[change], change.before or "", change.after or "") for change in listed]
    blocks = [
        ["## Compared with a baseline"],
        [f"Against {code(baseline_name)}: **{inline(headline(changes))}**"],
        table(("change", "cell", "before", "now"), rows) if rows else [],
        *(block for change in listed for block in _part(change, names)),
        *(block for title, pairs in changed_conflicts(changes) for block in _conflicts(title, pairs)),
        _unchanged(changes),
    ]
    return joined(blocks) + "\n"


def _conflicts(title: str, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[f"**{title}**:"], [f"- {inline(combos)}: {inline(sentence)}" for combos, sentence in pairs]]


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
                "rebuilt": [asdict(rebuilt) for rebuilt in change.rebuilt],
                "new_conflicts": list(map(words.conflict, change.new_conflicts)),
                "gone_conflicts": list(map(words.conflict, change.gone_conflicts)),
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


def _full(change: Change, names: dict[Change, str], width: int) -> list[str]:
    room = width - _LABEL - 2
    differing = packages(change)
    lines = [shorten(f"{name} {before} -> {now}", room) for name, before, now in differing[:_MOST_PACKAGES]]
    if more := len(differing) - len(lines):
        lines.append(f"and {count(more, 'more package')}")
    return [
        shorten(f"{names[change]}: {change.before} -> {change.after}", width),
        *labeled("why", wrap(change.why, room, most=_MOST_LINES), width=_LABEL),
        *labeled("packages", lines, width=_LABEL),
    ]


def _briefly(changes: Sequence[Change], names: dict[Change, str], width: int) -> list[str]:
    """Return a line for each change, but one list of the cells that were not run: after an early end those are many."""
    not_run = [change for change in changes if change.after == Status.NOT_RUN]
    lines = [line for change in changes if change not in not_run for line in _brief(change, names, width)]
    if len(not_run) < 2:
        return [*lines, *(line for change in not_run for line in _brief(change, names, width))]
    listed = ", ".join(names[change] for change in not_run)
    return [*lines, *wrap(f"not run: {listed}", width, most=_MOST_LINES)]


def _brief(change: Change, names: dict[Change, str], width: int) -> list[str]:
    status = " -> ".join(filter(None, (change.before, change.after)))
    # The title of the section says why a cell is new or gone.
    why = f" ({change.why})" if change.why and change.before and change.after else ""
    return [shorten(f"{names[change]}: {status}{why}", width)]


def _unchanged(changes: Sequence[Change]) -> list[str]:
    counts = [f"{number} {label(kind)}" for kind in _SAME if (number := len(_of(changes, kind)))]
    return [f"Unchanged: {', '.join(counts)}"] if counts else []


def _part(change: Change, names: dict[Change, str]) -> list[list[str]]:
    if change.kind not in _FULL:
        return []
    return [
        [f"**{inline(names[change])}**: {label(change.kind)}"],
        [paragraph(change.why)] if plain(change.why) else [],
        *differing_packages(change),
    ]


def differing_packages(change: Change, *, most: int | None = None) -> list[list[str]]:
    """Return the Markdown blocks that list the packages that differ, at most ``most`` of them; nothing for none."""
    rows = packages(change)
    if not rows:
        return []
    more = len(rows) - len(rows[:most])
    return [
        ["Packages that differ:"],
        table(("package", "before", "now"), rows[:most]),
        [f"and {count(more, 'more package')}"] if more else [],
    ]
