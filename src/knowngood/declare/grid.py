"""What ``[axes]`` spans: the product of its axes, and the id, title and steps of each combo in it."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowngood.declare.slugs import fitted, version_slug
from knowngood.declare.versions import axis_requirement
from knowngood.model import InstallerName

RESERVED = ("python", "order", "installer")
"""Axes that are not packages."""


class Order(StrEnum):
    """How the packages of a grid are installed."""

    AS_GIVEN = "as-given"
    REVERSED = "reversed"
    TOGETHER = "together"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One combo of a grid; ``python`` and ``installer`` are None where no axis sets them."""

    id: str
    title: str
    steps: tuple[tuple[str, ...], ...]
    python: str | None
    installer: InstallerName | None
    axes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """What ``[axes]`` spans."""

    axes: Mapping[str, tuple[str, ...]]
    """Name -> values: reserved axes and canonical names of packages, in the order of the file."""
    exclude: tuple[Mapping[str, str], ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """The axes that are packages, in the order of the file."""
        return tuple(axis for axis in self.axes if axis not in RESERVED)

    @property
    def size(self) -> int:
        """Combinations before anything is excluded; costs nothing however large."""
        return math.prod(len(values) for values in self.axes.values()) if self.packages else 0

    def points(self) -> Iterator[Point]:
        """Give the combos one by one, the last axis changing fastest."""
        requirements = {
            package: {value: axis_requirement(package, value) for value in self.axes[package]}
            for package in self.packages
        }
        for values in itertools.product(*self.axes.values()):
            chosen = dict(zip(self.axes, values, strict=True))
            if not any(excluded.items() <= chosen.items() for excluded in self.exclude):
                steps = [requirements[package][chosen[package]] for package in requirements]
                yield self._point(chosen, _ordered(steps, chosen.get("order")))

    def _point(self, chosen: Mapping[str, str], steps: tuple[tuple[str, ...], ...]) -> Point:
        packages = self.packages
        telling = [package for package in packages if len(self.axes[package]) > 1] or packages
        names = [version_slug(package, chosen[package]) for package in telling]
        titles = [f"{package} {chosen[package]}" for package in packages]
        for axis, prefix in (("order", ""), ("installer", ""), ("python", "py")):
            if len(self.axes.get(axis, ())) > 1 and chosen[axis] not in (Order.AS_GIVEN, InstallerName.UV):
                names.append(prefix + chosen[axis])
                titles.append(chosen[axis] if axis != "python" else f"Python {chosen[axis]}")
        return Point(
            id=fitted("-".join(names)),
            title=", ".join(titles),
            steps=steps,
            python=chosen.get("python"),
            installer=InstallerName(chosen["installer"]) if "installer" in chosen else None,
            axes=tuple(chosen.items()),
        )


def _ordered(requirements: list[str], order: str | None) -> tuple[tuple[str, ...], ...]:
    if order == Order.TOGETHER:
        return (tuple(requirements),)
    steps = tuple((requirement,) for requirement in requirements)
    return steps[::-1] if order == Order.REVERSED else steps
