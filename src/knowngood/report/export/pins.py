"""What a combo came to: every distribution at its exact version, by the step that brought it in, with its hashes."""

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
    """One step, and what is left of it at the end."""

    number: int
    asked: tuple[str, ...]
    """Its requirements, as they were given: raw text."""
    own: tuple[str, ...]
    """What it asked for by name, with its extras, at the version that ended up installed."""
    brought: tuple[str, ...]
    """Pins of all that it brought to this version, its own among them, sorted."""


def pins(facts: ComboFacts) -> Mapping[str, str]:
    """Return canonical name -> version of all that ended up installed, but for the pip of the environment itself.

    Raises ``UsageError``: there is nothing, or a distribution calls itself what no installer would take.
    """
    asked = {name for step in facts.steps for name in step.resolved}
    found = {name: version for name, version in facts.installed.items() if name != "pip" or name in asked}
    if not found:
        raise UsageError(
            f"there is nothing to export of {facts.combo.id}",
            cause="nothing of it was installed",
            next_step=f"knowngood explain {facts.combo.id} tells why",
        )
    for name, version in found.items():
        if not _sound(name, version):
            raise UsageError(
                f"{name[:40]!r} {version[:40]!r} cannot be exported", cause="no installer takes such a name or version"
            )
    return found


def parts(facts: ComboFacts) -> tuple[Part, ...]:
    """Return what each step that was installed brought to the end; all of them together are ``pins``."""
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
            asked=step.requirements,
            own=tuple(dict.fromkeys(_exact(step.requirements, end))),
            brought=tuple(f"{name}=={end[name]}" for name in sorted(end) if bringer[name] == step.number),
        )
        for step, _ in steps
    )


def misfits(facts: ComboFacts) -> tuple[str, ...]:
    """Return where the end violates what its distributions declare, a sentence each: a resolver would refuse it."""
    python = facts.python_version or facts.combo.python
    found = []
    for one in facts.environment.distributions if facts.environment else ():
        for requirement in packages.requirements(one.requires):
            version = facts.installed.get(packages.name_of(requirement))
            if packages.applies(requirement, python) and not packages.satisfies(version, requirement):
                has = f"{requirement.name} {version} is installed" if version else "it is not installed"
                found.append(f"{one.name} {one.version} declares {requirement}, and {has}")
    return tuple(found)


def hashes(locks: Mapping[int, str]) -> Mapping[Key, frozenset[str]]:
    """Return the hashes (``sha256:0f...``) of the files of each pin; the locks have the form of requirements.

    A pin may have none: uv locks what ``find-links`` offers without them.
    """
    found: dict[Key, frozenset[str]] = {}
    for text in locks.values():
        for line in text.replace("\\\n", " ").splitlines():
            if pin := _PIN.match(line):
                name = key(pin[1], pin[2])
                found[name] = found.get(name, frozenset()) | frozenset(_HASH.findall(line))
    return found


def key(name: str, version: str) -> Key:
    """Return what is equal for two pins that mean the same."""
    return canonicalize_name(name), Version(version)


def _sound(name: str, version: str) -> bool:
    """Whether both are what they should be, and so cannot smuggle anything into a file."""
    if not (name + version).isascii() or (name + version).split() != [name + version]:
        return False
    return is_normalized_name(name) and packages.version(version) is not None


def _exact(requirements: tuple[str, ...], end: Mapping[str, str]) -> Iterator[str]:
    for requirement in packages.requirements(requirements):
        name = packages.name_of(requirement)
        # One whose marker does not apply, or that a later step removed, is not there.
        if name in end:
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            yield f"{name}{extras}=={end[name]}"
