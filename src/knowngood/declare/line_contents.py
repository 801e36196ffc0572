"""Define what the lines of a step ask for, before the Python and the installer of a combo are known."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from packaging.markers import Marker

from knowngood import packages
from knowngood.model import Source, Step


class Order(StrEnum):
    """The values of the axis ``order``: in which steps what a grid varies is installed."""

    TOGETHER = "together"
    AS_GIVEN = "as-given"
    REVERSED = "reversed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What the axes of a grid add to the steps of one combo."""

    requirements: tuple[tuple[str, str], ...] = ()
    """(canonical name, requirement) of each package."""
    absent: tuple[str, ...] = ()
    """Packages that are not installed."""
    lines: tuple[str, ...] = ()
    """Other requirements: those of the axis ``with``."""
    extras: tuple[str, ...] | None = None
    """Extras of the project; None where no axis names some."""
    order: Order | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What lines ask for. A source may have a marker: it is installed only where that holds."""

    requirements: tuple[str, ...] = ()
    sources: tuple[tuple[Source, str | None], ...] = ()
    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    """(requirement, hash) pairs."""
    options: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    """(folder of a project, group) pairs, whose requirements are among the others."""
    grouped: tuple[str, ...] = ()
    """The requirements that come from groups."""

    def __add__(self, other: "Asked") -> "Asked":
        return together((self, other))

    def step(self, lines: tuple[str, ...], python: str) -> Step:
        """Return the step of a combo with this Python, such as ``3.11``, that has these lines."""
        files: dict[str, list[str]] = {}
        for requirement, file in self.hashes:
            files.setdefault(requirement, []).append(file)
        return Step(
            lines=lines,
            requirements=_each_once(self.requirements),
            sources=_joined(source for source, marker in self.sources if _holds(marker, python)),
            constraints=_each_once(self.constraints),
            overrides=_each_once(self.overrides),
            hashes=tuple((requirement, _each_once(hashes)) for requirement, hashes in files.items()),
            options=_each_once(self.options),
        )


def together(parts: Iterable[Asked]) -> Asked:
    """Return what all ``parts`` ask for."""
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    names = {name: tuple(item for part in parts for item in getattr(part, name)) for name in _FIELDS}
    return Asked(**names)


_FIELDS = tuple(field.name for field in fields(Asked))


def _joined(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return each source once, with all extras that are asked of it."""
    places: dict[str, Source] = {}
    for source in sources:
        known = places.get(source.path, source)
        extras = _each_once((*known.extras, *source.extras))
        places[source.path] = Source(path=source.path, extras=extras, editable=known.editable or source.editable)
    return tuple(places.values())


def _holds(marker: str | None, python: str) -> bool:
    """Return whether a marker holds on this machine for a Python that is known by its first two or three numbers."""
    if marker is None:
        return True
    return Marker(marker).evaluate({**packages.python(python).markers, "extra": ""})


def _each_once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
