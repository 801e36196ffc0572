"""List what each step moved, and which of the combo's own pins the final environment violates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowngood import packages
from knowngood.model import ComboFacts, Drift


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
            requirement = packages.requirement(pin)
            if requirement is None or not packages.applies(requirement, facts.python_version):
                continue
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
