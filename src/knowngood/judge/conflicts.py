"""Find what an environment violates: requirements that its distributions declare, and the combo's own pins.

Declared requirements are what ``pip check`` reports. They are derived from recorded metadata, so old runs show them as
well. Unlike ``pip check``, they include those of an extra once somebody asked for that extra: the combo, or an
installed distribution. A pin is violated when a later step moved it; the ledger lists every move.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from knowngood import packages
from knowngood.model import ComboFacts, Conflict, Distribution, Drift


def conflicts(facts: ComboFacts, *, machine: str = "") -> tuple[Conflict, ...]:
    """Return the conflicts of the final environment of a combo, sorted; none where it was never completed.

    ``machine`` is the platform of the run, as it is recorded; markers are evaluated for it and the combo's Python.
    """
    if facts.environment is None:
        return ()
    python = facts.python_version or facts.combo.python
    distributions = {distribution.name: distribution for distribution in facts.environment.distributions}
    wanted = _extras(facts, distributions, python, machine)
    found = {
        Conflict(
            distribution=distribution.name,
            version=distribution.version,
            requirement=packages.declared(requirement),
            package=packages.name_of(requirement),
            installed=facts.installed.get(packages.name_of(requirement)),
        )
        for distribution in distributions.values()
        for requirement in packages.applying(
            distribution.requires, python, extras=wanted[distribution.name], machine=machine
        )
        if packages.conflicts_with(facts.installed, requirement)
    }
    return tuple(sorted(found, key=lambda conflict: (conflict.distribution, conflict.package, conflict.requirement)))


def _extras(
    facts: ComboFacts, distributions: Mapping[str, Distribution], python: str, machine: str
) -> Mapping[str, frozenset[str]]:
    """Return the extras that were requested, by the distribution that has them: one extra can ask for others."""
    wanted = dict.fromkeys(distributions, frozenset[str]())
    asked = tuple(text for step in facts.combo.steps for text in step.requirements)
    for requirement in packages.applying(asked, python, machine=machine):
        if packages.name_of(requirement) in wanted:
            wanted[packages.name_of(requirement)] |= requirement.extras
    open_names = list(distributions)
    while open_names:
        name = open_names.pop()
        for requirement in packages.applying(
            distributions[name].requires, python, extras=wanted[name], machine=machine
        ):
            target = packages.name_of(requirement)
            if target in wanted and not requirement.extras <= wanted[target]:
                wanted[target] |= requirement.extras
                open_names.append(target)
    return wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A requirement of the combo that the installed version does not meet."""

    pin: str
    package: str
    installed: str | None

    def __str__(self) -> str:
        return f"{self.pin} was asked for, {self.installed or 'nothing'} is installed"


def violations(facts: ComboFacts) -> tuple[Violation, ...]:
    """Return the pins that the final environment violates, in the order of the steps that state them."""
    installed = facts.installed
    violated: dict[str, Violation] = {}
    for step in facts.steps:
        if step.installed is None:
            continue
        for pin in facts.requirements(step.number):
            for requirement in packages.applying((pin,), facts.python_version):
                package = packages.name_of(requirement)
                version = installed.get(package)
                if not packages.satisfies(version, requirement):
                    violated.setdefault(pin, Violation(pin=pin, package=package, installed=version))
    return tuple(violated.values())


def ledger(facts: ComboFacts, violations: Sequence[Violation]) -> tuple[Drift, ...]:
    """Return every package that a step changed or removed after an earlier step had installed it, step by step."""
    violated: dict[str, list[str]] = {}
    for violation in violations:
        violated.setdefault(violation.package, []).append(violation.pin)
    return tuple(
        Drift(
            package=package,
            step=number,
            before=before,
            after=after,
            violates=", ".join(violated[package]) if package in violated else None,
        )
        for number, package, before, after in _moves(facts)
    )


def _moves(facts: ComboFacts) -> Iterator[tuple[int, str, str, str | None]]:
    before: dict[str, str] = {}
    for step in facts.steps:
        if step.installed is None:
            continue
        for package, version in before.items():
            if step.installed.get(package) != version:
                yield step.number, package, version, step.installed.get(package)
        before = dict(step.installed)
