"""What became of the cells since the baseline, what matters most first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowngood.model import Change, ChangeKind
from knowngood.report.html.anchors import Anchors, Link
from knowngood.report.text import shorten

TONES = {
    ChangeKind.REGRESSED: "bad",
    ChangeKind.CHANGED_FAIL: "bad",
    ChangeKind.MOVED: "warn",
    ChangeKind.FIXED: "good",
    ChangeKind.INCONCLUSIVE: "unsure",
    ChangeKind.UNKNOWN: "unsure",
    ChangeKind.NEW: "unsure",
    ChangeKind.GONE: "unsure",
}
"""What is told one by one, in this order, and in which tone."""
_SAME = (ChangeKind.STILL_PASS, ChangeKind.STILL_FAIL)
MOST = 200
"""Changes that are told; the filter below finds all of them."""
MOST_MOVED = 12
_WHY = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One cell that is not what it was."""

    link: Link
    kind: str
    tone: str
    before: str
    after: str
    why: str
    moved: tuple[tuple[str, str, str], ...]
    """(package, version before, version now) of what is installed otherwise."""
    more: int
    """How many packages moved beyond those."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All of them."""

    headline: str
    entries: tuple[Changed, ...]
    more: int
    """How many entries are left out."""


def comparison(changes: Sequence[Change], anchors: Anchors) -> Comparison | None:
    """Return what changed; None where there is no baseline."""
    if not changes:
        return None
    kinds = Counter(change.kind for change in changes)
    same = sum(kinds[kind] for kind in _SAME)
    told = [f"{kinds[kind]} {str(kind).replace('-', ' ')}" for kind in TONES if kinds[kind]]
    entries = [change for kind in TONES for change in changes if change.kind is kind]
    several = _several(changes)
    return Comparison(
        headline=", ".join([*told, f"{same} unchanged"] if same else told),
        entries=tuple(_entry(change, several, anchors) for change in entries[:MOST]),
        more=max(0, len(entries) - MOST),
    )


def kinds(changes: Iterable[Change]) -> dict[tuple[str, str], ChangeKind]:
    """Return (combo, probe) -> kind of those that are not what they were."""
    return {(one.combo, one.probe): one.kind for one in changes if one.kind in TONES}


def _entry(change: Change, several: set[str], anchors: Anchors) -> Changed:
    name = f"{change.combo} {change.probe}" if change.combo in several else change.combo
    return Changed(
        link=Link(text=name, anchor=anchors.of(change.combo, change.probe)),
        kind=str(change.kind).replace("-", " "),
        tone=TONES[change.kind],
        before=change.before or "absent",
        after=change.after or "absent",
        why=shorten(change.why, _WHY),
        moved=tuple((name, old or "absent", new or "absent") for name, old, new in change.moved[:MOST_MOVED]),
        more=max(0, len(change.moved) - MOST_MOVED),
    )


def _several(changes: Iterable[Change]) -> set[str]:
    """Return the combos with several probes."""
    counts = Counter(change.combo for change in changes)
    return {combo for combo, number in counts.items() if number > 1}
