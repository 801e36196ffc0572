"""What ``[axes]`` spans: the product of its axes, and the id, title and steps of each combo in it."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from knowngood.declare.locate import Where
from knowngood.declare.problems import WrongValueError, choose, did_you_mean, kind, listing, shown
from knowngood.declare.values import fitted, version_slug
from knowngood.declare.versions import axis_requirement, package_name, python_version, text
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


_CHECKS: Mapping[str, Callable[[object], str]] = {
    "python": python_version,
    "order": lambda value: choose(value, Order),
    "installer": lambda value: choose(value, InstallerName),
}


class Complain(Protocol):
    """Takes what is wrong with the value at a path."""

    def __call__(self, where: Where, what: str, hint: str = "") -> None:
        """Note it; nothing is raised."""


def read_grid(raw: object, pythons: tuple[str, ...], complain: Complain) -> Grid | None:
    """Read ``[axes]``; several ``pythons`` of the matrix become an axis unless the table has its own.

    What cannot be read is told to ``complain`` and left out; None when no package is left to span a grid.
    """
    if not isinstance(raw, Mapping):
        complain(("axes",), f"must be a table, not {kind(raw)}", "open it with [axes]")
        return None
    axes: dict[str, tuple[str, ...]] = {}
    for key, values in raw.items():
        if key == "exclude":
            continue
        try:
            axis = key if key in RESERVED else package_name(key)
            if axis in axes:
                raise WrongValueError(
                    f"the axis {axis} is written twice", "names of packages ignore case, '-', '_' and '.'"
                )
        except WrongValueError as wrong:
            complain(("axes", key), wrong.what, wrong.hint)
            continue
        axes[axis] = tuple(_values(axis, values, ("axes", key), complain))
    if "python" not in axes and len(pythons) > 1:
        axes["python"] = pythons
    if all(key in RESERVED or key == "exclude" for key in raw):
        complain(("axes",), "names no package", 'add one, such as numpy = ["1.26.4", "2.0.2"]')
    exclude = tuple(_excluded(raw.get("exclude", []), axes, complain))
    grid = Grid(axes={axis: values for axis, values in axes.items() if values}, exclude=exclude)
    return grid if grid.packages else None


def _values(axis: str, raw: object, where: Where, complain: Complain) -> Iterator[str]:
    if not isinstance(raw, list | tuple):
        complain(where, f"an axis must be an array, not {kind(raw)}", 'write it as ["1.26.4", "2.0.2"]')
        return
    if not raw:
        complain(where, "the axis has no values, so nothing would be run", "name a value or leave the axis out")
    seen: set[str] = set()
    for position, value in enumerate(raw):
        try:
            check = _CHECKS.get(axis)
            meaning = check(value) if check else axis_requirement(axis, value)
            if meaning in seen:
                raise WrongValueError(f"{shown(value)} is in this axis twice", "leave one out")
        except WrongValueError as wrong:
            complain((*where, position), wrong.what, wrong.hint)
            continue
        seen.add(meaning)
        yield str(value)


def _excluded(raw: object, axes: Mapping[str, tuple[str, ...]], complain: Complain) -> Iterator[Mapping[str, str]]:
    if not isinstance(raw, list | tuple):
        complain(("axes", "exclude"), f"must be an array of tables, not {kind(raw)}", 'write [{ numpy = "2.0.2" }]')
        return
    for position, entry in enumerate(raw):
        where: Where = ("axes", "exclude", position)
        if not isinstance(entry, Mapping) or not entry:
            complain(where, "must be a table that names at least one axis", 'write { numpy = "2.0.2" }')
            continue
        chosen: dict[str, str] = {}
        for key, value in entry.items():
            try:
                axis = _known_axis(key, axes)
                if axis in chosen:
                    raise WrongValueError(f"the axis {axis} is written twice")
                chosen[axis] = _known_value(axis, value, axes[axis])
            except WrongValueError as wrong:
                complain((*where, key), wrong.what, wrong.hint)
        if len(chosen) == len(entry):
            yield chosen


def _known_axis(key: str, axes: Mapping[str, object]) -> str:
    axis = key if key in RESERVED else package_name(key)
    if axis not in axes:
        raise WrongValueError(f"{shown(key)} is not an axis", did_you_mean(axis, axes, listing(axes)))
    return axis


def _known_value(axis: str, value: object, values: tuple[str, ...]) -> str:
    """``values`` are empty when none of the axis could be read: then there is nothing to compare with."""
    version = text(value, "a version")
    if values and version not in values:
        what = f"{shown(version)} is not a value of {axis}, so nothing is excluded"
        raise WrongValueError(what, did_you_mean(version, values, listing(values)))
    return version
