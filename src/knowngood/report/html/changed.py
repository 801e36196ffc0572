"""List what changed since the baseline, the most important changes first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowngood.model import Change, ChangeKind
from knowngood.report.diff import changed_conflicts, packages
from knowngood.report.html.links import Anchors, Link
from knowngood.report.text import shorten

TONES = {
    ChangeKind.REGRESSED: "bad",
    ChangeKind.CHANGED_FAIL: "bad",
    ChangeKind.MOVED: "warn",
    ChangeKind.FIXED: "good",
    ChangeKind.INCONCLUSIVE: "unsure",
    ChangeKind.NEW: "unsure",
    ChangeKind.GONE: "unsure",
}
"""The tone of each kind of change that is listed, in the order of the list."""
_SAME = (ChangeKind.STILL_PASS, ChangeKind.STILL_FAIL)
MOST = 200
"""Changes that are listed; the filter of the results finds all of them."""
MOST_MOVED = 12
"""Packages that are listed for one change."""
_WHY = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A kind of change, and how it looks."""

    text: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A package whose installed version changed."""

    package: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One cell whose verdict changed."""

    link: Link
    label: Label
    before: str
    after: str
    why: str
    moved: tuple[Move, ...]
    more: int
    """How many other packages moved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All changes since the baseline."""

    headline: str
    entries: tuple[Entry, ...]
    more: int
    """How many entries are left out."""
    conflicts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """A title and (combos, conflict) pairs of the conflicts that are new, then of those that are gone."""


def comparison(changes: Sequence[Change], anchors: Anchors) -> Comparison | None:
    """Return what changed; None if the run was not compared with a baseline."""
    if not changes:
        return None
    kinds = Counter(change.kind for change in changes)
    same = sum(kinds[kind] for kind in _SAME)
    counts = [f"{kinds[kind]} {label(kind).text}" for kind in TONES if kinds[kind]]
    listed = [change for kind in TONES for change in changes if change.kind is kind]
    with_probe = _combos_with_several_probes(changes)
    return Comparison(
        headline=", ".join([*counts, f"{same} unchanged"] if same else counts),
        entries=tuple(_entry(change, with_probe, anchors) for change in listed[:MOST]),
        more=max(0, len(listed) - MOST),
        conflicts=changed_conflicts(changes),
    )


def labels(changes: Iterable[Change]) -> dict[tuple[str, str], Label]:
    """Return (combo, probe) -> label for each cell whose verdict changed."""
    return {(change.combo, change.probe): label(change.kind) for change in changes if change.kind in TONES}


def label(kind: ChangeKind) -> Label:
    """Return the label of a kind of change."""
    return Label(text=str(kind).replace("-", " "), tone=TONES[kind])


def _entry(change: Change, with_probe: set[str], anchors: Anchors) -> Entry:
    name = f"{change.combo} {change.probe}" if change.combo in with_probe else change.combo
    moved = [Move(package=package, before=before, after=after) for package, before, after in packages(change)]
    return Entry(
        link=Link(text=name, anchor=anchors.of(change.combo, change.probe)),
        label=label(change.kind),
        before=change.before or "absent",
        after=change.after or "absent",
        why=shorten(change.why, _WHY),
        moved=tuple(moved[:MOST_MOVED]),
        more=max(0, len(moved) - MOST_MOVED),
    )


def _combos_with_several_probes(changes: Iterable[Change]) -> set[str]:
    counts = Counter(change.combo for change in changes)
    return {combo for combo, number in counts.items() if number > 1}
