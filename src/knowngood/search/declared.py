"""Compare what is declared about a package with what works, and write better bounds into ``pyproject.toml``. Pure."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from knowngood import packages
from knowngood.errors import UsageError
from knowngood.search.ask import Answer, Says


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A requirement that limits the versions of a package."""

    source: str
    """Who declares it: a distribution with its version, or the combo."""
    requirement: str
    """``numpy>=1.20,<3``."""
    distribution: tuple[str, str] | None = None
    """The name (canonical) and version of the distribution; None: the combo."""
    origin: str = ""
    """The path of the project of the user that declares it; empty for any other."""

    @property
    def specifier(self) -> SpecifierSet:
        """Its versions."""
        return Requirement(self.requirement).specifier

    def is_in(self, installed: Mapping[str, str]) -> bool:
        """Return whether what declares it is part of a set of versions, by canonical name."""
        return self.distribution is None or installed.get(self.distribution[0]) == self.distribution[1]


class Stretch(Protocol):
    """Versions next to each other for which the same holds."""

    @property
    def low(self) -> Version: ...  # noqa: D102
    @property
    def high(self) -> Version: ...  # noqa: D102
    @property
    def says(self) -> Says: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True, slots=True)
class Lie:
    """A bound that does not say what works."""

    bound: Bound
    admits: tuple[str, ...] = ()
    """Stretches of versions that it admits, and that do not work."""
    forbids: tuple[str, ...] = ()
    """Stretches of versions that it forbids, and that work."""


def bounds_of(package: str, answers: Sequence[Answer]) -> Iterator[Bound]:
    """Yield what the combo, and the distributions of the first set that was built, declare about a package.

    The first of ``answers`` is about the combo as it is.
    """
    combo = answers[0].combo
    for step in combo.steps:
        for parsed in packages.requirements(step.requirements):
            if packages.name_of(parsed) == package and parsed.specifier and not packages.is_exact(parsed.specifier):
                yield Bound(source=f"combo {combo.id}", requirement=f"{package}{parsed.specifier}")
    built = next((answer.facts for answer in answers if answer.facts.environment is not None), None)
    if built is None or built.environment is None:
        return
    origins = {source.name: source.origin for step in built.steps for source in step.sources}
    for distribution in built.environment.distributions:
        for parsed in packages.applying(distribution.requires, built.python_version or combo.python):
            if packages.name_of(parsed) == package and parsed.specifier:
                yield Bound(
                    source=f"{distribution.name} {distribution.version}",
                    requirement=f"{package}{parsed.specifier}",
                    distribution=(distribution.name, distribution.version),
                    origin=origins.get(distribution.name, ""),
                )


def lies(
    bounds: Sequence[Bound], stretches: Sequence[Stretch], sets: Mapping[Version, Mapping[str, str]]
) -> Iterator[Lie]:
    """Yield the bounds that admit what fails, or forbid what works.

    ``sets`` has what was installed beside each version that ran: only sets with the distribution that declares a bound
    are evidence about it.
    """
    for bound in bounds:
        admits, forbids = [], []
        evidence = [version for version, installed in sets.items() if bound.is_in(installed)]
        for stretch in stretches:
            inside = [version for version in evidence if stretch.low <= version <= stretch.high]
            admitted = [version for version in inside if bound.specifier.contains(version, prereleases=True)]
            refused = [version for version in inside if version not in admitted]
            if stretch.says is Says.FAILS and admitted:
                admits.append(ends(admitted))
            if stretch.says is Says.WORKS and refused:
                forbids.append(ends(refused))
        if admits or forbids:
            yield Lie(bound=bound, admits=tuple(admits), forbids=tuple(forbids))


def ends(versions: Sequence[Version]) -> str:
    """Return the lowest and the highest version: ``1.20 … 1.21.6``."""
    low, high = min(versions), max(versions)
    return str(low) if low == high else f"{low} … {high}"


def corrected(
    declared: SpecifierSet, low: Version | None, first_failing: Version | None, *, open_: bool
) -> SpecifierSet:
    """Return a specifier with the bounds that were found; exclusions (``!=``) stay.

    ``low`` is the lowest version that works, None where nothing below it is known to fail: then the declared lower
    bound stays. ``first_failing`` is the version next above what works. With ``open_`` everything above works, and
    nothing limits it.
    """
    kept: list[Specifier] = []
    for each in declared:
        lower, upper = each.operator in (">=", ">"), each.operator in ("<=", "<")
        both = each.operator in ("~=", "==")
        if each.operator == "!=" or (lower and low is None) or (upper and first_failing is None and not open_):
            kept.append(each)
        elif both and low is None:
            kept.append(Specifier(f">={each.version.removesuffix('.*')}"))
    if low is not None:
        kept.append(Specifier(f">={low}"))
    if first_failing is not None:
        kept.append(Specifier(f"<{packages.shortest(first_failing)}"))
    order = {">=": 0, ">": 0, "!=": 1, "<": 2, "<=": 2}
    return SpecifierSet(",".join(str(each) for each in sorted(kept, key=lambda each: order.get(each.operator, 1))))


def with_bounds(
    text: str, package: str, bounded: Callable[[Requirement], Requirement]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text with other bounds for a package (canonical name), and (old, new) pairs of its requirements.

    The dependencies, extras and groups are changed; comments and layout stay. Raises ``UsageError`` when
    the file is invalid, or when a requirement is written in a way that cannot be replaced safely.
    """
    before = _parsed(text)
    pairs = []
    for old in dict.fromkeys(_requirements(before)):
        parsed = packages.requirement(old)
        if parsed is not None and packages.name_of(parsed) == package and not parsed.url:
            other = bounded(Requirement(old))
            pairs.append((old, old if other.specifier == parsed.specifier else _worded(old, parsed, other)))
    expected = _replaced(before, dict(pairs))
    for old, new in pairs:
        text = text.replace(json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False))
        text = text.replace(f"'{old}'", f"'{new}'")
    if _plain(_parsed(text)) != expected:
        raise UsageError(
            "nothing was written: pyproject.toml has the requirement in a form that cannot be replaced safely",
            next_step="; ".join(f"write {new!r} instead of {old!r}" for old, new in pairs if old != new),
        )
    return text, tuple(pairs)


def _worded(old: str, before: Requirement, after: Requirement) -> str:
    """Return a requirement with another specifier, written as the old one: name, extras and marker stay as they are."""
    head, mark, marker = old.partition(";")
    name = before.name + (head[head.index("[") : head.index("]") + 1] if before.extras and "[" in head else "")
    return f"{name}{after.specifier}{f'; {marker.strip()}' if mark else ''}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("pyproject.toml is not valid", cause=str(error), next_step="fix it and try again") from error


def _lists(document: dict[str, Any]) -> Iterator[list[Any]]:
    project = document.get("project", {})
    yield project.get("dependencies", [])
    yield from project.get("optional-dependencies", {}).values()
    yield from document.get("dependency-groups", {}).values()


def _requirements(document: dict[str, Any]) -> Iterator[str]:
    return (text for texts in _lists(document) for text in texts if isinstance(text, str))


def _replaced(document: dict[str, Any], new: dict[str, str]) -> dict[str, Any]:
    """Return a document in which only requirements are replaced."""
    copy = _plain(document)
    for texts in _lists(copy):
        texts[:] = [new.get(text, text) if isinstance(text, str) else text for text in texts]
    return copy


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with dates as text, which can be changed and compared."""
    copy: dict[str, Any] = json.loads(json.dumps(document, default=str))
    return copy
