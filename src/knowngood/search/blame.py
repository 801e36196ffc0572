"""Find out which of the releases that moved between a set that works and one that does not are to blame.

Each release is reverted alone and applied alone. One that breaks the good set and whose absence repairs the bad set
did it. Where there is none, the smallest set of releases that break only together is looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.changes import Change, named_by
from knowngood.search.frame import Frame
from knowngood.search.trail import ask_each, message, source_names

_FEW = 6  # releases that are each put back and put forward


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A package whose version differs between two sets."""

    package: str
    before: str
    after: str
    file: str
    """The file of the new release that an installer takes here; empty when the index cannot say."""
    uploaded: str
    """When that file was uploaded, as the index has it; empty when it does not say."""
    back: Says | None = None
    """What the bad set does with the old release; None: not asked."""
    forward: Says | None = None
    """What the good set does with the new release."""
    cause: str = ""
    """How the good set fails with the new release."""

    @property
    def did_it(self) -> bool:
        """Whether both directions confirm it."""
        return self.back is Says.WORKS and self.forward is Says.FAILS


@dataclass(frozen=True, kw_only=True, slots=True)
class Blame:
    """What moved, and what of it breaks the set."""

    moved: tuple[Moved, ...]
    culprits: tuple[str, ...]
    """One package, or several that break it only together; none when that could not be found out."""
    confirmed: bool
    """Whether both directions were seen: the good set fails with them, and the bad set works without them."""


def held(oracle: Oracle, versions: Mapping[str, str], frame: Frame, *, sources: frozenset[str] = frozenset()) -> Change:
    """Return a change by which exactly these versions are chosen, as far as their packages are installed at all."""
    named = named_by(oracle.combo)
    pins = {name: f"{name}=={version}" for name, version in sorted(versions.items()) if name not in sources}
    return Change(
        requirements=tuple(pin for name, pin in pins.items() if name in named),
        frame=frame.plus(Frame(constraints=tuple(pin for name, pin in pins.items() if name not in named))),
    )


def blame(oracle: Oracle, good: Resolved, bad: Resolved, frame: Frame) -> Blame:
    """Return what of the releases that differ between two sets breaks the second; ``frame`` is that of the second."""
    before, after, sources = good.versions, bad.versions, source_names(bad)
    names = [name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    names = [name for name in names if name not in sources]
    trial = _Trial(oracle, before, after, frame, sources)
    suspects = list(names) if len(names) <= _FEW else trial.smallest(names)
    back = trial.ask([(name, [other for other in names if other != name]) for name in suspects], "is it to blame?")
    forward = trial.ask([(name, [name]) for name in suspects], "is it to blame?")
    moved = tuple(
        Moved(
            package=name,
            before=before[name],
            after=after[name],
            **_file(oracle, name, after[name]),
            back=back[name].says if name in back else None,
            forward=forward[name].says if name in forward else None,
            cause=message(forward[name]) if name in forward else "",
        )
        for name in names
    )
    single = [each.package for each in moved if each.did_it]
    if single:
        return Blame(moved=moved, culprits=tuple(single[:1]), confirmed=True)
    together = trial.smallest(names) if names else []
    rest = [name for name in names if name not in together]
    confirmed = bool(together) and trial.says(rest) is Says.WORKS and trial.says(together) is Says.FAILS
    return Blame(moved=moved, culprits=tuple(together), confirmed=confirmed)


class _Trial:
    """Asks about sets between two: some packages have their new release, and all others the old one."""

    def __init__(
        self,
        oracle: Oracle,
        before: Mapping[str, str],
        after: Mapping[str, str],
        frame: Frame,
        sources: frozenset[str],
    ) -> None:
        self._oracle = oracle
        self._before = before
        self._after = after
        self._frame = frame
        self._sources = sources

    def ask(self, sets: Sequence[tuple[str, Sequence[str]]], why: str) -> dict[str, Answer]:
        """Return the answers by name of the (name, packages with their new release) pairs."""
        changes = {name: self._change(new) for name, new in sets}
        answers = ask_each(self._oracle, [Candidate(change=change, why=why) for change in changes.values()])
        return {name: answers[change] for name, change in changes.items() if change in answers}

    def says(self, new: Sequence[str]) -> Says | None:
        """Return what holds with the new releases of some packages; None when nothing more may run."""
        answers = self.ask([("", new)], "which of them break it together?")
        return answers[""].says if answers else None

    def smallest(self, names: Sequence[str]) -> list[str]:
        """Return as few packages as break the good set together: halves are left out first, then single ones."""
        left, size = list(names), max(1, len(names) // 2)
        while size >= 1 and not self._oracle.over:
            for start in range(0, len(left), size):
                fewer = [*left[:start], *left[start + size :]]
                if fewer and self.says(fewer) is Says.FAILS:
                    left = fewer
                    break
            else:
                size //= 2
        return left

    def _change(self, new: Sequence[str]) -> Change:
        versions = {name: self._after[name] if name in new else version for name, version in self._before.items()}
        kept = {name: version for name, version in versions.items() if name in self._after}
        return held(self._oracle, kept, self._frame, sources=self._sources)


def _file(oracle: Oracle, package: str, version: str) -> dict[str, str]:
    files = oracle.files(package, version)
    wheels = [file for file in files if file.name.endswith(".whl")]
    first = min(wheels or files, key=lambda file: file.upload_time or "", default=None)
    return {"file": first.name if first else "", "uploaded": (first.upload_time or "") if first else ""}
