"""Arrange cells as the tables of a matrix: a grid where they are the product of some axes, else combos."""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood.declare.values import collision_key, fitted, slug
from knowngood.project.importing.parts import Cell, Line, Step

_MOST_EXCLUDED = 8  # entries of exclude, beyond which combos are easier to read
_RESERVED = frozenset({"python", "order", "installer", "resolution", "as-of", "extras", "with", "env"})

Choice = tuple[str, ...]
"""The value of each axis of a grid but Python, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Combo:
    """Cells that differ in their Python alone."""

    id: str
    cells: tuple[Cell, ...]
    pythons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Cells that are the product of some axes."""

    id: str
    cells: tuple[Cell, ...]
    steps: tuple[Step, ...]
    """What all cells install."""
    axes: Mapping[str, tuple[str, ...]]
    """Packages and ``env.NAME``; ``python`` last."""
    lists: Mapping[str, tuple[str, ...]]
    """The values of the axis ``with``; empty: there is none."""
    env: tuple[tuple[str, str], ...]
    """The variables that all cells have."""
    exclude: tuple[Mapping[str, tuple[str, ...]], ...]


Table = Combo | Grid


def line_of(table: Table) -> int:
    """Return the line of the file that the first step of a table comes from."""
    return next((line.at for step in table.cells[0].steps for line in step), 0)


def arranged(cells: Sequence[Cell], *, grids: bool = True) -> tuple[Table, ...]:
    """Return the tables for some cells, in the order of the file; without ``grids`` all are combos."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.group, cell.probes, cell.installer, len(cell.steps)), []).append(cell)
    tables: list[Table] = []
    taken: set[str] = set()
    rest: list[list[Cell]] = []
    for group in groups.values():
        grid = _grid(group) if grids else None
        if grid is None:
            rest.append(group)
        else:
            tables.append(replace(grid, id=free(slug(grid.id) or "grid", taken)))
    left = [cell for group in rest for cell in group]
    tables += _combos(left, taken)
    order = {cell: number for number, cell in reversed(list(enumerate(cells)))}
    return tuple(sorted(tables, key=lambda table: min(order[cell] for cell in table.cells)))


def _combos(cells: Iterable[Cell], taken: set[str]) -> Iterator[Combo]:
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.name, cell.steps, cell.probes, cell.env, cell.installer), []).append(cell)
    names: dict[str, int] = {}
    for group in groups.values():
        names[slug(group[0].name)] = names.get(slug(group[0].name), 0) + 1
    for group in groups.values():
        versions = sorted(dict.fromkeys(cell.python for cell in group if cell.python is not None), key=age)
        name = slug(group[0].name) or "all"
        if names.get(name, 0) > 1 and versions:
            last = f"-to-{versions[-1]}" if len(versions) > 1 else ""
            name = f"{name}-py{versions[0]}{last}"
        yield Combo(id=free(fitted(slug(name)), taken), cells=tuple(group), pythons=tuple(versions))


def age(python: str) -> tuple[bool, Version, str]:
    """Return what Pythons are sorted by."""
    match = re.search(r"\d+(\.\d+)*", python)
    return python.startswith("pypy"), Version(match[0] if match else "0"), python


def free(table_id: str, taken: set[str]) -> str:
    """Return an id that collides with none of ``taken``, and add it to them."""
    number, candidate = 1, table_id
    while collision_key(candidate) in taken:
        number += 1
        candidate = f"{table_id[:90]}-{number}"
    taken.add(collision_key(candidate))
    return candidate


def _grid(cells: Sequence[Cell]) -> Grid | None:
    """Return the grid that cells are; None when they are not the product of axes, or of Python alone."""
    pythons = sorted({cell.python for cell in cells if cell.python is not None}, key=age)
    if pythons and any(cell.python is None for cell in cells):
        return None
    common = tuple(_shared([cell.steps[number] for cell in cells]) for number in range(len(cells[0].steps)))
    rests = [_varying(cell, common) for cell in cells]
    if any(rest is None for rest in rests):
        return None
    packages = _packages([rest for rest in rests if rest is not None])
    variables = _variables(cells)
    if packages is None or variables is None:
        return None
    lists = _lists([rest for rest in rests if rest is not None], packages)
    if lists == {}:
        return None
    axes: dict[str, dict[str, None]] = {}
    chosen: list[dict[str, str]] = []
    for cell, rest in zip(cells, rests, strict=True):
        values = {name: _value(requirement) for _, name, requirement in rest or () if name in packages}
        values |= {f"env.{name}": value for name, value in cell.env if name in variables}
        if lists is not None:
            values["with"] = lists[_extra(rest or (), packages)]
        chosen.append(values)
        for axis, value in values.items():
            axes.setdefault(axis, {})[value] = None
    if not axes or all(len(values) < 2 for values in axes.values()):
        return None
    exclude = _excluded(axes, pythons, cells, chosen)
    if exclude is None:
        return None
    listed = {name: tuple(extra) for extra, name in (lists or {}).items()}
    return Grid(
        id=cells[0].group,
        cells=tuple(cells),
        steps=_named(common, rests, packages),
        axes={
            **{axis: tuple(values) for axis, values in axes.items() if axis != "with"},
            **({"python": tuple(pythons)} if pythons else {}),
        },
        lists=listed,
        env=tuple((name, value) for name, value in cells[0].env if name not in variables),
        exclude=exclude,
    )


Rest = Sequence[tuple[int, str, Requirement]]
"""What a cell installs in addition to what all do: step, name of the package, requirement."""


def _shared(steps: Sequence[Step]) -> Step:
    others = [{line.text for line in step} for step in steps]
    return tuple(line for line in steps[0] if all(line.text in other for other in others))


def _varying(cell: Cell, common: Sequence[Step]) -> Rest | None:
    """Return what a cell has in addition to what all have; None when that is more than requirements of packages."""
    rest: list[tuple[int, str, Requirement]] = []
    for number, (step, shared) in enumerate(zip(cell.steps, common, strict=True)):
        texts = {line.text for line in shared}
        for line in step:
            if line.text in texts:
                continue
            try:
                requirement = Requirement(line.text)
            except InvalidRequirement:
                return None
            if requirement.url is not None:
                return None
            rest.append((number, canonicalize_name(requirement.name), requirement))
    return rest


def _packages(rests: Sequence[Rest]) -> dict[str, int] | None:
    """Return the packages that can be axes with their steps: each cell has one plain requirement of them.

    None when a package is asked for twice by one cell.
    """
    names = [[name for _, name, _ in rest] for rest in rests]
    if any(len(set(each)) != len(each) for each in names):
        return None
    everywhere = set(names[0]).intersection(*names[1:])
    packages = {}
    for number, name, _ in rests[0]:
        requirements = [(step, requirement) for rest in rests for step, each, requirement in rest if each == name]
        plain = all(step == number and not each.marker and not each.extras for step, each in requirements)
        if name in everywhere and plain and name not in _RESERVED:
            packages[name] = number
    return packages


def _variables(cells: Sequence[Cell]) -> frozenset[str] | None:
    """Return the variables whose values differ; None when some cells do not have one that others have."""
    names = {name for cell in cells for name, _ in cell.env}
    if any(set(dict(cell.env)) != names for cell in cells):
        return None
    return frozenset(name for name in names if len({dict(cell.env)[name] for cell in cells}) > 1)


def _extra(rest: Rest, packages: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(str(requirement) for _, name, requirement in rest if name not in packages))


def _lists(rests: Sequence[Rest], packages: Mapping[str, int]) -> dict[tuple[str, ...], str] | None:
    """Return a name for each list of requirements that only some cells have; None when there are none."""
    if any(number for rest in rests for number, name, _ in rest if name not in packages):
        return {}  # they join the first step, so this is not a grid
    names: dict[tuple[str, ...], str] = {}
    taken: set[str] = set()
    for rest in rests:
        extra = _extra(rest, packages)
        if extra not in names:
            packages_of = "-".join(re.split(r"[^\w.-]", text)[0].lower() for text in extra)
            names[extra] = free(slug(packages_of)[:40].rstrip("-._") or "none", taken)
    return names if len(names) > 1 else None


def _value(requirement: Requirement) -> str:
    """Return the value of an axis for a requirement."""
    specifiers = list(requirement.specifier)
    if not specifiers:
        return "latest"
    if len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith("*"):
        return specifiers[0].version
    return str(requirement.specifier)


def _named(common: Sequence[Step], rests: Sequence[Rest | None], packages: Mapping[str, int]) -> tuple[Step, ...]:
    """Return the steps of a grid: a package of a later step is named in it, so that its values join that step."""
    steps = []
    for number, step in enumerate(common):
        at = next((line.at for line in step), 0)
        later = [Line(name, at) for name, place in packages.items() if place == number and number]
        if step or later or number == 0:
            steps.append((*step, *later))
    return tuple(step for step in steps if step)


def _excluded(
    axes: Mapping[str, Mapping[str, None]],
    pythons: Sequence[str],
    cells: Sequence[Cell],
    chosen: Sequence[Mapping[str, str]],
) -> tuple[Mapping[str, tuple[str, ...]], ...] | None:
    """Return the entries of ``exclude`` that leave the cells of the product; None when there are too many."""
    names = list(axes)
    have: dict[Choice, set[str]] = {}
    for cell, values in zip(cells, chosen, strict=True):
        have.setdefault(tuple(values[name] for name in names), set()).add(cell.python or "")
    every = set(pythons) or {""}
    if 3 * sum(map(len, have.values())) < 2 * math.prod(map(len, axes.values())) * len(every):
        return None
    product = list(itertools.product(*axes.values()))
    missing = {choice: every - have.get(choice, set()) for choice in product}
    entries: list[Mapping[str, tuple[str, ...]]] = []
    for position, name in enumerate(names):
        for value in axes[name]:
            matching = [choice for choice in product if choice[position] == value]
            gone = set.intersection(*(missing[choice] for choice in matching))
            if gone and gone != every:
                entries.append({name: (value,), "python": tuple(sorted(gone, key=age))})
                for choice in matching:
                    missing[choice] = missing[choice] - gone
    for choice, gone in missing.items():
        if gone:
            entry = {name: (value,) for name, value in zip(names, choice, strict=True) if len(axes[name]) > 1}
            partly = gone | (every - have.get(choice, set())) != every or bool(have.get(choice))
            entries.append({**entry, **({"python": tuple(sorted(gone, key=age))} if partly and pythons else {})})
    return tuple(entries) if len(entries) <= _MOST_EXCLUDED else None
