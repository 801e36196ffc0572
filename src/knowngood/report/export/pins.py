"""List every distribution of a combo at its exact version, with its hashes, by the step that brought it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import Version

from knowngood import packages
from knowngood.errors import UsageError
from knowngood.model import ComboFacts

_PIN = re.compile(r"([\w.-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=(\w+:[0-9a-f]+)")

Key = tuple[str, Version]
"""A pin: canonical name and version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one step contributed to the final environment."""

    number: int
    requirements: tuple[str, ...]
    """Its requirements as written in the matrix: raw text."""
    own: tuple[str, ...]
    """The packages that it names, with their extras, at the version that ended up installed."""
    brought: tuple[str, ...]
    """Pins of everything that it brought to this version, its own packages among them, sorted."""


def pins(facts: ComboFacts) -> Mapping[str, str]:
    """Return canonical name -> version of everything that ended up installed, without the environment's own pip.

    Raises ``UsageError`` if nothing was installed, or if a distribution has a name or version that no installer takes.
    """
    requested = {name for step in facts.steps for name in step.resolved}
    versions = {name: version for name, version in facts.installed.items() if name != "pip" or name in requested}
    if not versions:
        raise UsageError(
            f"nothing to export for {facts.combo.id}",
            cause="none of its packages was installed",
            next_step=f"knowngood explain {facts.combo.id} says why",
        )
    for name, version in versions.items():
        if not _valid(name, version):
            raise UsageError(
                f"cannot export {name[:40]!r} {version[:40]!r}", cause="no installer accepts such a name and version"
            )
    return versions


def parts(facts: ComboFacts) -> tuple[Part, ...]:
    """Return what each step that was installed contributed to the end; all of them together are ``pins``."""
    end = pins(facts)
    steps = [(step, step.installed) for step in facts.steps if step.installed is not None]
    bringer: dict[str, int] = {}
    before: Mapping[str, str] = {}
    for step, installed in steps:
        moved = (name for name, version in end.items() if installed.get(name) == version != before.get(name))
        bringer |= dict.fromkeys(moved, step.number)
        before = installed
    return tuple(
        Part(
            number=step.number,
            requirements=step.requirements,
            own=tuple(dict.fromkeys(_exact(step.requirements, end))),
            brought=tuple(f"{name}=={end[name]}" for name in sorted(end) if bringer[name] == step.number),
        )
        for step, _ in steps
    )


def conflicts(facts: ComboFacts) -> tuple[str, ...]:
    """Return the declared requirements that the environment does not meet, a sentence each.

    A resolver refuses a set of versions with such a conflict.
    """
    python = facts.python_version or facts.combo.python
    sentences = []
    for distribution in facts.environment.distributions if facts.environment else ():
        for requirement in packages.requirements(distribution.requires):
            version = facts.installed.get(packages.name_of(requirement))
            if packages.applies(requirement, python) and not packages.satisfies(version, requirement):
                actual = f"{requirement.name} {version} is installed" if version else "it is not installed"
                sentences.append(f"{distribution.name} {distribution.version} declares {requirement}, and {actual}")
    return tuple(sentences)


def hashes(locks: Mapping[int, str]) -> Mapping[Key, frozenset[str]]:
    """Return pin -> hashes of its files (``sha256:0f...``) from locks in the form of requirements files.

    A pin may have none, because uv locks files from ``find-links`` pages without hashes.
    """
    recorded: dict[Key, frozenset[str]] = {}
    for text in locks.values():
        for line in text.replace("\\\n", " ").splitlines():
            if pin := _PIN.match(line):
                name = key(pin[1], pin[2])
                recorded[name] = recorded.get(name, frozenset()) | frozenset(_HASH.findall(line))
    return recorded


def key(name: str, version: str) -> Key:
    """Return a value that is equal for two spellings of the same pin."""
    return canonicalize_name(name), Version(version)


def _valid(name: str, version: str) -> bool:
    """Return whether both are well-formed, so that neither can smuggle anything into a file."""
    if not (name + version).isascii() or (name + version).split() != [name + version]:
        return False
    return is_normalized_name(name) and packages.version(version) is not None


def _exact(requirements: tuple[str, ...], end: Mapping[str, str]) -> Iterator[str]:
    for requirement in packages.requirements(requirements):
        name = packages.name_of(requirement)
        # Absent: its marker does not apply, or a later step removed it.
        if name in end:
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            yield f"{name}{extras}=={end[name]}"
