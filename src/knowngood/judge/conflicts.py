"""Find the declared requirements of installed distributions that their environment does not meet.

It is what ``pip check`` reports, derived from recorded metadata, so that old runs show it, too. Unlike ``pip check`` it
counts the requirements of an extra once somebody asked for that extra: the combo, or an installed distribution.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.model import ComboFacts, Conflict, Distribution


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
        conflict
        for distribution in distributions.values()
        for requirement in _requirements(distribution.requires, python, machine, wanted[distribution.name])
        if (conflict := _conflict(distribution, requirement, facts.installed)) is not None
    }
    return tuple(sorted(found, key=lambda conflict: (conflict.distribution, conflict.package, conflict.requirement)))


def _conflict(distribution: Distribution, requirement: Requirement, installed: Mapping[str, str]) -> Conflict | None:
    package = packages.name_of(requirement)
    version = installed.get(package)
    # Whether a version that nobody can compare meets a requirement cannot be decided: that is not evidence.
    if version is not None and (packages.version(version) is None or packages.satisfies(version, requirement)):
        return None
    return Conflict(
        distribution=distribution.name,
        version=distribution.version,
        requirement=packages.declared(requirement),
        package=package,
        installed=version,
    )


def _extras(
    facts: ComboFacts, distributions: Mapping[str, Distribution], python: str, machine: str
) -> Mapping[str, frozenset[str]]:
    """Return the extras that somebody asked for, by the distribution that has them: one extra can ask for others."""
    wanted = dict.fromkeys(distributions, frozenset[str]())
    for requirement in _asked(facts, python, machine):
        if packages.name_of(requirement) in wanted:
            wanted[packages.name_of(requirement)] |= requirement.extras
    open_names = list(distributions)
    while open_names:
        name = open_names.pop()
        for requirement in _requirements(distributions[name].requires, python, machine, wanted[name]):
            target = packages.name_of(requirement)
            if target in wanted and not requirement.extras <= wanted[target]:
                wanted[target] |= requirement.extras
                open_names.append(target)
    return wanted


def _asked(facts: ComboFacts, python: str, machine: str) -> Iterator[Requirement]:
    """Yield what the combo itself asks for on its Python and platform."""
    platform = packages.platform_of(machine)
    for requirement in packages.requirements(text for step in facts.combo.steps for text in step.requirements):
        if packages.applies(requirement, python, platform=platform):
            yield requirement


@lru_cache(maxsize=8192)
def _requirements(
    requires: tuple[str, ...], python: str, machine: str, extras: frozenset[str]
) -> tuple[Requirement, ...]:
    """Return the requirements that apply, parsed; the combos of a matrix bring the same distributions again."""
    platform = packages.platform_of(machine)
    return tuple(
        requirement
        for requirement in packages.requirements(requires)
        if packages.applies(requirement, python, extras=extras, platform=platform)
    )
