"""Compare cells with a baseline: what regressed, what was fixed, which packages differ, and what is inconclusive."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from knowngood.errors import ExitCode
from knowngood.judge.causes import Fingerprint, fingerprint
from knowngood.model import UNDECIDED, Change, ChangeKind, Conflict, JudgedRun, Phase, Rebuilt, Status

_DIGITS = 12
"""Hexadecimal digits of a tree that people read."""
_NAMED = 3
"""Tests that a sentence names."""
_BEFORE_PROBES = frozenset({Phase.RESOLVE, Phase.CREATE, Phase.INSTALL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One cell as it was judged."""

    combo: str
    probe: str
    status: Status
    phase: str = ""
    check: str | None = None
    message: str = ""
    culprit: str | None = None
    """The culprit of its diagnosis; None: unknown, or never diagnosed."""
    python: str = ""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version; after a failed installation, what had been installed by then."""
    trees: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> digest of the files that it was built from."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> a digest of its files, and the tags of its wheel: what tells builds of one version apart."""
    conflicts: tuple[Conflict, ...] = ()
    failing: frozenset[str] | None = None
    """The names of the failing tests; None: its checks are not the tests of a suite."""

    @property
    def whole(self) -> bool:
        """Whether everything was installed, so that a package that is not there was not asked for."""
        return bool(self.installed) and self.phase not in _BEFORE_PROBES and self.status not in UNDECIDED


def snapshots(judged: JudgedRun) -> tuple[Snapshot, ...]:
    """Return a snapshot of each cell of a run, but of those that ``--cover`` left out: nothing is known of them."""
    return tuple(
        Snapshot(
            combo=cell.combo.id,
            probe=cell.probe,
            status=cell.verdict.status,
            phase=cell.verdict.phase,
            check=cell.check,
            message=cell.message,
            culprit=cell.diagnosis.culprit if cell.diagnosis else None,
            python=cell.python,
            installed=cell.installed,
            trees={project.name: project.tree for project in cell.tested if project.tree},
            contents=cell.contents,
            conflicts=cell.conflicts,
            failing=frozenset(name for group in cell.failures for name in group.checks) if cell.suite else None,
        )
        for cell in judged.cells
        if not cell.left_out
    )


_WORKS = frozenset({Status.PASS, Status.MOVED})


def compare(baseline: Iterable[Snapshot], current: Iterable[Snapshot]) -> tuple[Change, ...]:
    """Return the change of each cell: those of ``current`` in its order, then those that are gone."""
    before = {(cell.combo, cell.probe): cell for cell in baseline}
    after = {(cell.combo, cell.probe): cell for cell in current}
    return tuple(_change(before.get(key), after.get(key)) for key in {**after, **before})


def selected(
    baseline: Iterable[Snapshot], current: Sequence[Snapshot], declared: Iterable[str]
) -> tuple[Snapshot, ...]:
    """Return the baseline without the combos that are still ``declared`` but were not part of this run."""
    left_out = set(declared) - {cell.combo for cell in current}
    return tuple(cell for cell in baseline if cell.combo not in left_out)


def exit_code(changes: Iterable[Change]) -> ExitCode:
    """Return the exit code of a comparison: something regressed, or may have (undecided), or nothing did."""
    changes = tuple(changes)
    if any(change.kind is ChangeKind.REGRESSED for change in changes):
        return ExitCode.DIFFERS
    if any(_is_open(change) for change in changes):
        return ExitCode.UNDECIDED
    return ExitCode.AS_EXPECTED


def _is_open(change: Change) -> bool:
    # A cell that passes now cannot have regressed, whatever it was.
    return change.after in UNDECIDED or (change.kind is ChangeKind.INCONCLUSIVE and change.after not in _WORKS)


def _change(before: Snapshot | None, after: Snapshot | None) -> Change:
    kind, why = _judged(before, after)
    cell = after or before
    assert cell is not None, "a key comes from one of the two"
    rebuilt = _rebuilt(before, after)
    if kind in (ChangeKind.REGRESSED, ChangeKind.CHANGED_FAIL) and _same_everywhere(before, after):
        # Then the versions are not the cause, but another build, the machine, the data, the network, or a flaky probe.
        same = "the same distributions are installed"
        if rebuilt:
            same = f"the same versions are installed, but {', '.join(map(_described, rebuilt))}"
        why = "; ".join(filter(None, (why, same)))
    return Change(
        combo=cell.combo,
        probe=cell.probe,
        kind=kind,
        before=str(before.status) if before else None,
        after=str(after.status) if after else None,
        why=why,
        packages=_packages(before, after) if before and after else (),
        rebuilt=rebuilt,
        new_conflicts=_conflicts(after, before),
        gone_conflicts=_conflicts(before, after),
    )


def _rebuilt(before: Snapshot | None, after: Snapshot | None) -> tuple[Rebuilt, ...]:
    """Return the distributions that have one version in both, and other files for the same Python and platform."""
    if before is None or after is None:
        return ()
    rebuilt = []
    for name, version in sorted(after.installed.items()):
        trees = before.trees.get(name, "")[:_DIGITS], after.trees.get(name, "")[:_DIGITS]
        if all(trees):
            if before.installed.get(name) == version and trees[0] != trees[1]:
                rebuilt.append(
                    Rebuilt(package=name, version=version, before=trees[0], after=trees[1], from_source=True)
                )
            continue
        old, _, old_tags = before.contents.get(name, "").partition(" ")
        new, _, new_tags = after.contents.get(name, "").partition(" ")
        if before.installed.get(name) == version and old and new and old != new and old_tags == new_tags:
            rebuilt.append(Rebuilt(package=name, version=version, before=old, after=new, from_source=False))
    return tuple(rebuilt)


def _described(rebuilt: Rebuilt) -> str:
    if rebuilt.from_source:
        return f"the source of {rebuilt.package} changed (tree {rebuilt.before} -> {rebuilt.after})"
    return f"{rebuilt.package} {rebuilt.version} was rebuilt"


def _conflicts(of: Snapshot | None, other: Snapshot | None) -> tuple[Conflict, ...]:
    """Return the conflicts of one snapshot that the other does not have; none unless both are whole.

    A conflict stays the same while the versions in it move.
    """
    if of is None or other is None or not (of.whole and other.whole):
        return ()
    known = {(conflict.distribution, conflict.package) for conflict in other.conflicts}
    return tuple(conflict for conflict in of.conflicts if (conflict.distribution, conflict.package) not in known)


def _judged(before: Snapshot | None, after: Snapshot | None) -> tuple[ChangeKind, str]:
    if before is None:
        return ChangeKind.NEW, "it is not in the baseline"
    if after is None:
        return ChangeKind.GONE, "it is in the baseline only"
    if before.status in UNDECIDED:
        return ChangeKind.INCONCLUSIVE, f"it was {_summary(before)}"
    if after.status in UNDECIDED:
        return ChangeKind.INCONCLUSIVE, _where(after)
    if after.status in _WORKS:
        if before.status is Status.PASS and after.status is Status.MOVED:
            return ChangeKind.MOVED, _where(after)
        if before.status is after.status:
            return ChangeKind.STILL_PASS, ""
        return ChangeKind.FIXED, f"it was {_summary(before)}"
    if before.status in _WORKS:
        return ChangeKind.REGRESSED, _where(after)
    if tests := _other_tests(before, after):
        return ChangeKind.CHANGED_FAIL, f"{tests}; it is {_summary(after)}"
    if _same_failure(before, after):
        return ChangeKind.STILL_FAIL, _where(after)
    return ChangeKind.CHANGED_FAIL, f"it was {_summary(before)}; it is {_summary(after)}"


def _same_failure(before: Snapshot, after: Snapshot) -> bool:
    # A baseline that names no culprit, written by an older version, does not make it another failure.
    culprits = {cell.culprit for cell in (before, after) if cell.culprit is not None}
    return len(culprits) < 2 and _fingerprint(before) == _fingerprint(after)


def _other_tests(before: Snapshot, after: Snapshot) -> str:
    """Return which tests of a suite fail only now, or no longer; empty when the same ones fail."""
    if before.status is not after.status or before.failing is None or after.failing is None:
        return ""
    parts = []
    for tests, how in ((after.failing - before.failing, "now"), (before.failing - after.failing, "no longer")):
        if tests:
            more = f" and {len(tests) - _NAMED} more" if len(tests) > _NAMED else ""
            verb = "fails" if len(tests) == 1 else "fail"
            parts.append(f"{', '.join(sorted(tests)[:_NAMED])}{more} {how} {verb}")
    return "; ".join(parts)


def _fingerprint(cell: Snapshot) -> Fingerprint:
    return fingerprint(status=cell.status, phase=cell.phase, check=cell.check, message=cell.message)


def _summary(cell: Snapshot) -> str:
    return f"{cell.status} {_where(cell)}".rstrip()


def _where(cell: Snapshot) -> str:
    place = f"in {cell.phase}" if cell.phase else ""
    check = f"check {cell.check!r}" if cell.check else ""
    return ": ".join(filter(None, (", ".join(filter(None, (place, check))), cell.message)))


def _packages(before: Snapshot, after: Snapshot) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return which packages differ; where an installation failed, only of those that both have installed."""
    pairs: list[tuple[str, str | None, str | None]] = []
    if before.whole and after.whole:
        pairs.append(("python", before.python or None, after.python or None))
        names = before.installed.keys() | after.installed.keys()
    else:
        names = before.installed.keys() & after.installed.keys()
    pairs += [(name, before.installed.get(name), after.installed.get(name)) for name in sorted(names)]
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def _same_everywhere(before: Snapshot | None, after: Snapshot | None) -> bool:
    return bool(before and after and before.whole and after.whole and not _packages(before, after))
