"""A run compared with a baseline: what regressed, what was fixed, what moved underneath, and what cannot be said."""

from collections.abc import Iterable, Sequence

from knowngood.errors import ExitCode
from knowngood.judge.causes import Fingerprint, fingerprint
from knowngood.judge.snapshots import Snapshot
from knowngood.model import UNDECIDED, Change, ChangeKind, Status

_WORKS = frozenset({Status.PASS, Status.MOVED})


def compare(baseline: Iterable[Snapshot], current: Iterable[Snapshot]) -> tuple[Change, ...]:
    """Return what became of each cell: those of ``current`` in its order, then those that are gone."""
    before = {(cell.combo, cell.probe): cell for cell in baseline}
    after = {(cell.combo, cell.probe): cell for cell in current}
    return tuple(_change(before.get(key), after.get(key)) for key in {**after, **before})


def selected(
    baseline: Iterable[Snapshot], current: Sequence[Snapshot], declared: Iterable[str]
) -> tuple[Snapshot, ...]:
    """Return the baseline without the combos that are still ``declared`` and only had no part in this run."""
    left_out = set(declared) - {cell.combo for cell in current}
    return tuple(cell for cell in baseline if cell.combo not in left_out)


def exit_code(changes: Iterable[Change]) -> ExitCode:
    """Return what a comparison comes to: something regressed; or might have, for all that can be told; or not."""
    changes = tuple(changes)
    if any(change.kind is ChangeKind.REGRESSED for change in changes):
        return ExitCode.DIFFERS
    if any(_is_open(change) for change in changes):
        return ExitCode.UNDECIDED
    return ExitCode.AS_EXPECTED


def _is_open(change: Change) -> bool:
    # What passes now cannot have regressed, whatever it was.
    return change.after in UNDECIDED or (change.kind is ChangeKind.UNKNOWN and change.after not in _WORKS)


def _change(before: Snapshot | None, after: Snapshot | None) -> Change:
    kind, why = _judged(before, after)
    told = after or before
    assert told is not None, "a key comes from one of the two"
    moved = _moved(before, after) if before and after else ()
    if kind in (ChangeKind.REGRESSED, ChangeKind.CHANGED_FAIL) and _same_everywhere(before, after):
        # Then it is not the versions: the machine, the data, the network, or a probe that is flaky.
        why = "; ".join(filter(None, (why, "the same distributions are installed")))
    return Change(
        combo=told.combo,
        probe=told.probe,
        kind=kind,
        before=str(before.status) if before else None,
        after=str(after.status) if after else None,
        why=why,
        moved=moved,
    )


def _judged(before: Snapshot | None, after: Snapshot | None) -> tuple[ChangeKind, str]:
    if before is None:
        return ChangeKind.NEW, "it is not in the baseline"
    if after is None:
        return ChangeKind.GONE, "it is in the baseline only"
    if before.status in UNDECIDED:
        return ChangeKind.UNKNOWN, f"it was {_told(before)}"
    if after.status in UNDECIDED:
        return ChangeKind.INCONCLUSIVE, _where(after)
    if after.status in _WORKS:
        if before.status is Status.PASS and after.status is Status.MOVED:
            return ChangeKind.MOVED, _where(after)
        if before.status is after.status:
            return ChangeKind.STILL_PASS, ""
        return ChangeKind.FIXED, f"it was {_told(before)}"
    if before.status in _WORKS:
        return ChangeKind.REGRESSED, _where(after)
    if _same_failure(before, after):
        return ChangeKind.STILL_FAIL, _where(after)
    return ChangeKind.CHANGED_FAIL, f"it was {_told(before)}; it is {_told(after)}"


def _same_failure(before: Snapshot, after: Snapshot) -> bool:
    # A baseline of an older version may know no culprit: that alone does not make it another failure.
    culprits = {cell.culprit for cell in (before, after) if cell.culprit is not None}
    return len(culprits) < 2 and _fingerprint(before) == _fingerprint(after)


def _fingerprint(cell: Snapshot) -> Fingerprint:
    return fingerprint(status=cell.status, phase=cell.phase, check=cell.check, message=cell.message)


def _told(cell: Snapshot) -> str:
    return f"{cell.status} {_where(cell)}".rstrip()


def _where(cell: Snapshot) -> str:
    place = f"in {cell.phase}" if cell.phase else ""
    check = f"check {cell.check!r}" if cell.check else ""
    return ": ".join(filter(None, (", ".join(filter(None, (place, check))), cell.message)))


def _moved(before: Snapshot, after: Snapshot) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return the difference of what is installed; where an installation failed, only of what both put there."""
    pairs: list[tuple[str, str | None, str | None]] = []
    if before.whole and after.whole:
        pairs.append(("python", before.python or None, after.python or None))
        names = before.installed.keys() | after.installed.keys()
    else:
        names = before.installed.keys() & after.installed.keys()
    pairs += [(name, before.installed.get(name), after.installed.get(name)) for name in sorted(names)]
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def _same_everywhere(before: Snapshot | None, after: Snapshot | None) -> bool:
    return bool(before and after and before.whole and after.whole and not _moved(before, after))
