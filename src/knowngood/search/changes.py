"""Describe how a candidate differs from the combo that it was made from, make it, and say how much it changes.

Pure: what is installed and which releases exist come from outside.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from knowngood import packages
from knowngood.model import Combo, ComboFacts, Expectation, Step
from knowngood.search.frame import Frame

T = TypeVar("T")

Uploaded = Callable[[str, str], datetime | None]
"""Says when a version of a package (canonical name) was uploaded; None: not known."""
Exists = Callable[[str, SpecifierSet], bool | None]
"""Says whether a release of a package (canonical name) meets a specifier; None: cannot tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What differs from a combo. An empty change is the combo itself."""

    requirements: tuple[str, ...] = ()
    """Each about another package: it replaces or narrows what the combo asks for, in every step that installs it."""
    dropped: tuple[str, ...] = ()
    """Canonical names of packages that are no longer installed."""
    joined: bool = False
    """Whether all steps become one."""
    python: str | None = None
    """The Python to use instead."""
    frame: Frame = field(default_factory=Frame)
    """The conditions under which its steps are resolved."""

    @classmethod
    def of(cls, requirements: Iterable[str]) -> "Change":
        """Return the change that constraints of a fix describe: requirements, and removals of packages."""
        kept, dropped = list[str](), list[str]()
        for text in requirements:
            parsed = packages.requirement(text)
            if parsed is not None and packages.is_removal(parsed):
                dropped.append(packages.name_of(parsed))
            elif parsed is not None:
                kept.append(text)
        return cls(requirements=tuple(sorted(kept)), dropped=tuple(sorted(dropped)))

    @property
    def parts(self) -> tuple["Change", ...]:
        """The single changes that this one consists of."""
        return (
            *(Change(requirements=(text,)) for text in self.requirements),
            *(Change(dropped=(name,)) for name in self.dropped),
            *([Change(joined=True)] if self.joined else []),
            *([Change(python=self.python)] if self.python else []),
            *([Change(frame=self.frame)] if self.frame else []),
        )

    @property
    def names(self) -> frozenset[str]:
        """Canonical names of the packages that it is about."""
        return frozenset((*packages.names(self.requirements), *self.dropped))

    def plus(self, other: "Change") -> "Change":
        """Return both changes as one; where both are about a package, ``other`` counts."""
        kept = self.without(other.names).requirements
        required = packages.names(other.requirements)
        joined, frame = self.joined or other.joined, self.frame.plus(other.frame)
        return Change(
            requirements=tuple(sorted({*kept, *other.requirements})),
            dropped=tuple(sorted({*(name for name in self.dropped if name not in required), *other.dropped})),
            joined=joined,
            python=other.python or self.python,
            # One step has no order.
            frame=replace(frame, order=()) if joined else frame,
        )

    def without(self, names: frozenset[str]) -> "Change":
        """Return the change without what it does to packages (canonical names)."""
        requirements = tuple(text for text in self.requirements if names.isdisjoint(packages.names([text])))
        return replace(
            self, requirements=requirements, dropped=tuple(name for name in self.dropped if name not in names)
        )

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __str__(self) -> str:
        return ", ".join(
            [
                *self.requirements,
                *(f"without {name}" for name in self.dropped),
                *(["all steps as one"] if self.joined else []),
                *([f"Python {self.python}"] if self.python else []),
                *([str(self.frame)] if self.frame else []),
            ]
        )


def union(changes: Iterable[Change]) -> Change:
    """Return several changes as one; of two about the same package, the later counts."""
    whole = Change()
    for change in changes:
        whole = whole.plus(change)
    return whole


def apply(change: Change, combo: Combo, facts: ComboFacts, exists: Exists, *, combo_id: str) -> Combo:
    """Return ``combo`` with a change: expected to pass, without known issues, and with the change as its title.

    ``facts`` are those of ``combo``: they show which steps install a package that none of them names.
    """
    steps = list(combo.steps)
    for text in change.requirements:
        wanted = packages.requirement(text)
        if wanted is not None:
            steps = _require(steps, wanted, facts, exists)
    for name in change.dropped:
        steps = [_drop(step, name) for step in steps]
    if change.dropped and not change.frame.order:
        # A step that installed nothing else is gone.
        steps = [step for step in steps if step.lines] or steps
    if change.joined and len(steps) > 1:
        steps = [_join(steps)]
    changed = replace(
        combo,
        id=combo_id,
        title=f"{combo.id}: {change}" if change else combo.title,
        python=change.python or combo.python,
        steps=tuple(steps),
        expect=Expectation(),
        narrower=(),
        known=(),
        axes=(),
    )
    return change.frame.applied(changed)


def _require(steps: list[Step], wanted: Requirement, facts: ComboFacts, exists: Exists) -> list[Step]:
    name = packages.name_of(wanted)
    python = facts.python_version or facts.combo.python
    naming = [bool(_naming(step, name, python)) for step in steps]
    if any(naming):
        return [
            _narrow(step, wanted, exists, python) if names else step for step, names in zip(steps, naming, strict=True)
        ]
    resolved = [step.number - 1 for step in facts.steps if name in step.resolved and step.number <= len(steps)]
    chosen = resolved or [0]
    return [_add(step, str(wanted)) if number in chosen else step for number, step in enumerate(steps)]


def _naming(step: Step, name: str, python: str) -> tuple[str, ...]:
    """Return the requirements of a step that install a package: not those whose marker does not hold."""
    return tuple(
        text
        for text in step.requirements
        if (parsed := packages.requirement(text)) is not None
        and packages.name_of(parsed) == name
        and packages.applies(parsed, python)
    )


def _narrow(step: Step, wanted: Requirement, exists: Exists, python: str) -> Step:
    old = _naming(step, packages.name_of(wanted), python)
    if all(_holds_beside(text, wanted, exists) for text in old) and not {*old} <= {*map(_requirement, step.lines)}:
        # A file or a group asks for it, and may ask for it as before.
        return _add(step, str(wanted))
    new = {text: _merged(text, wanted, exists) for text in old}
    return replace(
        step,
        lines=_lines(step, new),
        requirements=tuple(new.get(text, text) for text in step.requirements),
        hashes=tuple((text, hashes) for text, hashes in step.hashes if text not in new),
    )


def _merged(text: str, wanted: Requirement, exists: Exists) -> str:
    """Return a requirement with the specifier of ``wanted``: beside its own, where a release meets both."""
    own = Requirement(text)
    own.specifier = own.specifier & wanted.specifier if _holds_beside(text, wanted, exists) else wanted.specifier
    own.url = wanted.url
    own.extras |= wanted.extras
    return str(own)


def _holds_beside(text: str, wanted: Requirement, exists: Exists) -> bool:
    """Return whether a requirement may stay beside ``wanted``: no URL, not exact, and a release may meet both."""
    own = Requirement(text)
    both = own.specifier & wanted.specifier
    if own.url is not None or wanted.url is not None or packages.is_exact(own.specifier):
        return False
    return exists(packages.name_of(own), both) is not False


def _add(step: Step, text: str) -> Step:
    return replace(step, lines=(*step.lines, text), requirements=(*step.requirements, text))


def _drop(step: Step, name: str) -> Step:
    gone = {text: "" for text in step.requirements if packages.names([text]) == (name,)}
    removal = packages.removal(name)
    left = tuple(text for text in step.requirements if text not in gone)
    return replace(step, lines=_lines(step, gone), requirements=left, overrides=(*step.overrides, removal))


def _lines(step: Step, new: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of a step after some of its requirements were replaced; an empty one is removed."""
    if {*new} <= {*map(_requirement, step.lines)}:
        return tuple(line for line in (new.get(_requirement(line), line) for line in step.lines) if line)
    # A requirement that comes from a file or a group cannot be replaced there: the step lists what these hold.
    kept = [line for line in step.lines if line.startswith(("-c", "--constraint", ".", "/", "-e"))]
    hashes = dict(step.hashes)
    listed = [
        new[text] if text in new else " ".join((text, *(f"--hash={each}" for each in hashes.get(text, ()))))
        for text in step.requirements
    ]
    return (*kept, *(line for line in listed if line), *step.options)


def _requirement(line: str) -> str:
    """Return the requirement of a line without its hashes."""
    return line.partition(" --hash")[0].strip()


def _join(steps: list[Step]) -> Step:
    """Return one step that installs what several do; what a later step asks for counts."""
    return Step(
        lines=_unique(line for step in steps for line in step.lines),
        requirements=_unique(text for step in steps for text in step.requirements),
        sources=_unique(source for step in steps for source in step.sources),
        constraints=_unique(text for step in steps for text in step.constraints),
        overrides=_unique(text for step in steps for text in step.overrides),
        hashes=_unique(pair for step in steps for pair in step.hashes),
        options=_unique(option for step in steps for option in step.options),
    )


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Cost:
    """How much a set differs from the one that was asked for. Costs compare: the dearest kind of change comes first."""

    python: int = 0
    pins: int = 0
    """Packages whose exact version the user asked for, and that have another one."""
    members: int = 0
    """Packages that the user named and that are no longer installed, or that were added."""
    named: int = 0
    """Packages that the user named, and that moved."""
    order: int = 0
    majors: int = 0
    minors: int = 0
    days: int = 0
    """Days between the old and the new version of what moved within a release line."""
    moved: int = 0
    """All packages that moved."""


def cost(
    combo: Combo,
    change: Change,
    before: Mapping[str, str],
    after: Mapping[str, str],
    uploaded: Uploaded = lambda name, version: None,
) -> Cost:
    """Return the cost of a change of ``combo``: ``before`` and ``after`` are what is installed, by canonical name."""
    named, exact = named_by(combo), pinned_by(combo)
    moved = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    majors, minors, days = 0, 0, 0
    for name in moved:
        old, new = packages.version(before[name]), packages.version(after[name])
        if old is not None and new is not None:
            majors += old.major != new.major
            minors += old.major == new.major and old.minor != new.minor
        if old is not None and new is not None and (old.major, old.minor) == (new.major, new.minor):
            earlier, later = uploaded(name, before[name]), uploaded(name, after[name])
            days += abs((later - earlier).days) if earlier is not None and later is not None else 0
    added = {name for name in packages.names(change.requirements) if name not in before and name in after}
    return Cost(
        python=int(change.python is not None),
        pins=len(moved & exact),
        members=len(added) + len(change.dropped),
        named=len(moved & named),
        order=int(change.joined or bool(change.frame.order)),
        majors=majors,
        minors=minors,
        days=days,
        moved=len(moved),
    )


def named_by(combo: Combo) -> frozenset[str]:
    """Return the canonical names of the packages that a combo asks for."""
    return frozenset(packages.names(text for step in combo.steps for text in step.requirements))


def pinned_by(combo: Combo) -> frozenset[str]:
    """Return the canonical names of the packages that a combo asks for in one exact version."""
    asked = packages.requirements(text for step in combo.steps for text in step.requirements)
    return frozenset(packages.name_of(parsed) for parsed in asked if packages.is_exact(parsed.specifier))


def pins_of(combo: Combo) -> Mapping[str, str]:
    """Return canonical name -> version of what a combo asks for in one exact version."""
    asked = packages.requirements(text for step in combo.steps for text in step.requirements)
    return {
        packages.name_of(parsed): each.version
        for parsed in asked
        for each in parsed.specifier
        if packages.is_exact(SpecifierSet(str(each)))
    }
