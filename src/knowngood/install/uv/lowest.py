"""Resolve to the lowest versions that a project allows, while all else resolves to the highest.

uv has a mode for what is asked of it directly. So only the project's own requirements with a lower bound are asked for
directly: all others are the requirements of an empty package, ``OTHERS``, which leaves no trace in a lock.
"""

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import Requirement

from knowngood import packages
from knowngood.install.interface import Built, Step

OTHERS = "knowngood-other-requirements"
"""The package that requires what resolves to the highest version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What uv is asked for in place of the requirements of a step."""

    direct: tuple[str, ...]
    """What is asked for directly: the project, exact versions, and what resolves to its lowest version."""
    bounded: tuple[str, ...]
    """The last of these alone."""
    others: tuple[str, ...]
    """What resolves to the highest version."""
    highest: tuple[str, ...]
    """Canonical names of the packages that resolve to the highest version although they were asked for."""


def asked(step: Step, python: str) -> Asked:
    """Return what to ask for in a step of a combo for ``python``, such as ``3.11``."""
    own = {built.facts.name for built in step.built.values()}
    needs = [need for built in step.sources for need in _needs(built, python)]
    needs = [need for need in needs if packages.name_of(need) not in own and need.url is None]
    hashed = {requirement for requirement, _ in step.declared.hashes}
    direct: list[str] = list(step.requirements[len(step.declared.requirements) :])
    others: list[str] = []
    bounded = [packages.declared(need) for need in needs if packages.lower_bound(need) is not None]
    for text, line in zip(step.declared.requirements, step.requirements, strict=False):
        parsed = packages.requirement(text)
        if parsed is None or parsed.url or text in hashed or packages.is_exact(parsed.specifier):
            direct.append(line)
        elif not step.built and text not in step.declared.grouped and packages.lower_bound(parsed) is not None:
            bounded.append(text)
        else:
            others.append(text)
    # The metadata of the project itself requires what it declares without a bound.
    unbounded = (packages.name_of(need) for need in needs if packages.lower_bound(need) is None)
    lowest = frozenset(packages.names(bounded))
    highest = {*unbounded, *packages.names(others)} - lowest
    return Asked(
        direct=(*direct, *bounded),
        bounded=tuple(bounded),
        others=tuple(others),
        highest=tuple(sorted(highest)),
    )


def _needs(built: Built, python: str) -> Iterator[Requirement]:
    """Yield what a project requires with the extras that are asked for."""
    if built.wheel is None:
        return
    with zipfile.ZipFile(built.wheel) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        raw, _ = parse_email(wheel.read(name))
    for parsed in packages.requirements(raw.get("requires_dist", ())):
        if packages.applies(parsed, python, extras=built.source.extras):
            yield parsed


def write_others(folder: Path, requirements: Iterable[str]) -> str:
    """Write the wheel of ``OTHERS`` into ``folder`` and return the requirement that installs it."""
    folder.mkdir(parents=True, exist_ok=True)
    module = OTHERS.replace("-", "_")
    wheel = folder / f"{module}-0-py3-none-any.whl"
    lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {OTHERS}\nVersion: 0\n{lines}",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: knowngood\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    info = f"{module}-0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"{info}/{name}", text)
        archive.writestr(f"{info}/RECORD", "".join(f"{info}/{name},,\n" for name in (*texts, "RECORD")))
    return f"{OTHERS} @ {wheel.as_uri()}"
