"""Read ``[axes]`` and span its grid: the product of its axes, with the id, title and steps of each combo."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from packaging.requirements import Requirement

from knowngood.declare.locate import Where
from knowngood.declare.problems import WrongValueError, did_you_mean, kind, listing, parse_choice, shown
from knowngood.declare.values import axis_requirement, fitted, package_name, python_version, text, version_slug
from knowngood.model import InstallerName

RESERVED = ("python", "order", "installer")
"""Axes that are not packages."""


class Order(StrEnum):
    """The values of the axis ``order``: in which steps the packages of a grid are installed."""

    AS_GIVEN = "as-given"
    REVERSED = "reversed"
    TOGETHER = "together"


_CHECKS: Mapping[str, Callable[[object], str]] = {
    "python": python_version,
    "order": lambda value: parse_choice(value, Order),
    "installer": lambda value: parse_choice(value, InstallerName),
}


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
    """The product of the axes of a file."""

    axes: Mapping[str, tuple[str, ...]]
    """Name -> values: reserved axes and canonical names of packages, in the order of the file."""
    exclude: tuple[Mapping[str, str], ...] = ()
    """Axis -> value; a combo with all the values of an entry is left out."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The axes that are packages, in the order of the file."""
        return tuple(axis for axis in self.axes if axis not in RESERVED)

    @property
    def size(self) -> int:
        """Number of combos before anything is excluded; computed without listing them."""
        return math.prod(len(values) for values in self.axes.values()) if self.packages else 0

    def points(self) -> Iterator[Point]:
        """Yield the combos one by one, the last axis changing fastest."""
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
        varying = [package for package in packages if len(self.axes[package]) > 1] or packages
        names = [version_slug(package, chosen[package]) for package in varying]
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


class AddProblem(Protocol):
    """A function that collects problems, such as ``Problems.add``."""

    def __call__(self, where: Where, what: str, hint: str = "") -> None:
        """Add a problem with the value at ``where``."""


def read_grid(raw: object, pythons: tuple[str, ...], add_problem: AddProblem) -> Grid | None:
    """Read ``[axes]``; several ``pythons`` of the matrix become an axis unless the table has its own.

    Passes each problem to ``add_problem`` and leaves out what is wrong. Returns None when no package is left.
    """
    if not isinstance(raw, Mapping):
        add_problem(("axes",), f"must be a table, not {kind(raw)}", "open it with [axes]")
        return None
    axes: dict[str, tuple[str, ...]] = {}
    for key, values in raw.items():
        if key == "exclude":
            continue
        try:
            axis = key if key in RESERVED else package_name(key)
            if axis in axes:
                hint = "case, '-', '_' and '.' make no difference in package names"
                raise WrongValueError(f"duplicate axis {axis!r}", hint)
        except WrongValueError as wrong:
            add_problem(("axes", key), wrong.what, wrong.hint)
            continue
        axes[axis] = tuple(_read_values(axis, values, ("axes", key), add_problem))
    if "python" not in axes and len(pythons) > 1:
        axes["python"] = pythons
    if all(key in RESERVED or key == "exclude" for key in raw):
        add_problem(("axes",), "must name at least one package", 'add one, such as numpy = ["1.26.4", "2.0.2"]')
    exclude = tuple(_read_exclude(raw.get("exclude", []), axes, add_problem))
    grid = Grid(axes={axis: values for axis, values in axes.items() if values}, exclude=exclude)
    return grid if grid.packages else None


def _read_values(axis: str, raw: object, where: Where, add_problem: AddProblem) -> Iterator[str]:
    if not isinstance(raw, list | tuple):
        add_problem(where, f"an axis must be an array, not {kind(raw)}", 'write it as ["1.26.4", "2.0.2"]')
        return
    if not raw:
        add_problem(where, "the axis has no values, so nothing would be tested", "add a value, or remove the axis")
    seen: set[object] = set()
    for position, value in enumerate(raw):
        try:
            check = _CHECKS.get(axis)
            # 1.16 and 1.16.0 are the same version.
            meaning = check(value) if check else Requirement(axis_requirement(axis, value)).specifier
            if meaning in seen:
                hint = "remove one of them: an earlier value of the axis means the same"
                raise WrongValueError(f"duplicate value {shown(value)}", hint)
        except WrongValueError as wrong:
            add_problem((*where, position), wrong.what, wrong.hint)
            continue
        seen.add(meaning)
        yield str(value)


def _read_exclude(
    raw: object, axes: Mapping[str, tuple[str, ...]], add_problem: AddProblem
) -> Iterator[Mapping[str, str]]:
    if not isinstance(raw, list | tuple):
        add_problem(("axes", "exclude"), f"must be an array of tables, not {kind(raw)}", 'write [{ numpy = "2.0.2" }]')
        return
    for position, entry in enumerate(raw):
        where: Where = ("axes", "exclude", position)
        if not isinstance(entry, Mapping) or not entry:
            add_problem(where, "must be a table that names at least one axis", 'write { numpy = "2.0.2" }')
            continue
        chosen: dict[str, str] = {}
        for key, value in entry.items():
            try:
                axis = _known_axis(key, axes)
                if axis in chosen:
                    raise WrongValueError(f"duplicate axis {axis!r}")
                chosen[axis] = _known_value(axis, value, axes[axis])
            except WrongValueError as wrong:
                add_problem((*where, key), wrong.what, wrong.hint)
        if len(chosen) == len(entry):
            yield chosen


def _known_axis(key: str, axes: Mapping[str, object]) -> str:
    axis = key if key in RESERVED else package_name(key)
    if axis not in axes:
        raise WrongValueError(f"unknown axis {shown(key)}", did_you_mean(axis, axes, listing(axes)))
    return axis


def _known_value(axis: str, value: object, values: tuple[str, ...]) -> str:
    """Check that the axis has a value; without valid ``values`` in the axis, accept any."""
    version = text(value, "a version")
    if values and version not in values:
        what = f"unknown value {shown(version)} of {axis}: nothing is excluded"
        raise WrongValueError(what, did_you_mean(version, values, listing(values)))
    return version
