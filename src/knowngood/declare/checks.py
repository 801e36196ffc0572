"""Check a matrix file as a whole: ids that collide, names that refer to nothing, grids that are too large."""

import re
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from knowngood.declare.grid import MOST_COMBOS, Grid
from knowngood.declare.grids import identified, listed
from knowngood.declare.probe_table import Scripts
from knowngood.declare.problems import Problems, WrongValueError, did_you_mean, listing, shown
from knowngood.declare.schema import SharedTable
from knowngood.declare.sections import Tables
from knowngood.declare.toml import Where
from knowngood.declare.values import collision_key
from knowngood.model import InstallerName, ResolutionMode, is_named


def check(
    raw: Mapping[str, Any], tables: Tables, grids: tuple[Grid, ...], scripts: Scripts, problems: Problems
) -> None:
    """Add to ``problems`` everything that is wrong between the tables of a file.

    Ids are taken from ``raw``, not from ``tables``, so that a combo with another mistake still counts as existing.
    """
    if not raw.get("combo") and not raw.get("grid") and "axes" not in raw:
        problems.add(
            (), "nothing to run: the file has no [[combo]] and no [[grid]]", "add a [[combo]] with id and steps"
        )
    _check_indexes(tables, problems)
    _check_probes(raw, tables, scripts, problems)
    if _too_many(raw, grids, problems):
        return
    _check_steps(tables, problems)
    for grid in grids:
        if grid.position in tables.grids:
            _check_grid(grid, tables, problems)
    ids = _checked_ids(raw, grids, problems)
    combos = _Combos(ids=(*ids,), grids=grids)
    _check_reference(raw, combos, problems)
    _check_knowns(tables, combos, scripts, problems)
    _check_expectations(tables, scripts, problems)


def _check_steps(tables: Tables, problems: Problems) -> None:
    """Find lines that are right by themselves and do not go together, or not with the installer of the combo."""
    default = (tables.matrix and tables.matrix.installer) or InstallerName.UV
    for position, combo in tables.combos.items():
        try:
            by_uv = combo.resolution not in (None, ResolutionMode.HIGHEST) or combo.as_of not in (None, "now")
            tables.steps.check(combo.steps, combo.installer or default, by_uv=by_uv)
        except WrongValueError as wrong:
            problems.add(("combo", position, "steps"), wrong.what, wrong.hint)


def _check_grid(grid: Grid, tables: Tables, problems: Problems) -> None:
    """Find what is wrong with the combos of a grid, once for all those that differ in versions only."""
    where: Where = ("grid", grid.position)
    table = tables.grids[grid.position]
    default = table.installer or (tables.matrix and tables.matrix.installer) or InstallerName.UV
    if not (grid.packages or table.steps or tables.has_project or "with" in grid.axes):
        hint = 'add a package to axes, such as numpy = ["1.26.4", "2.0.2"], steps = [["."]] or [project]'
        problems.add((*where, "axes"), "nothing to install: the grid has neither packages nor steps", hint)
        return
    for wanted in grid.wanted:
        if wanted.selector == "oldest":
            try:
                tables.steps.bound(wanted.package, wanted.python)
            except WrongValueError as wrong:
                problems.add((*where, "axes", wanted.package), wrong.what, wrong.hint)
                break
    seen: set[object] = set()
    for point in grid.points:
        chosen, installer = point.chosen, point.installer or default
        by_uv = point.resolution not in (None, ResolutionMode.HIGHEST) or point.as_of not in (None, "now")
        kind = (installer, by_uv, chosen.lines, chosen.extras, chosen.order, chosen.absent)
        if kind in seen:
            continue
        seen.add(kind)
        try:
            tables.steps.check(table.steps, installer, chosen, by_uv=by_uv)
        except WrongValueError as wrong:
            axis = next((axis for axis in ("extras", "with") if axis in grid.axes), None)
            problems.add((*where, "axes", axis) if axis else where, wrong.what, wrong.hint)
            break
    if not grid.wanted and not grid.points and not problems.within("grid") and not problems.within("axes"):
        problems.add((*where, "exclude"), "every combination is excluded", "keep at least one, or remove the [[grid]]")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Combos:
    """The combos that a file names."""

    ids: tuple[str, ...]
    grids: tuple[Grid, ...]

    def may_have(self, glob: str) -> bool:
        """Return whether a combo has this id, or could have it: release lines come and go with the index."""
        if any(fnmatchcase(combo_id, glob) for combo_id in self.ids) or glob in self.ids:
            return True
        return any(overlap(glob, possible) for grid in self.grids for possible in grid.possible_ids)


def _check_reference(raw: Mapping[str, Any], combos: _Combos, problems: Problems) -> None:
    # Read from the raw table, so that another mistake in [matrix] does not hide this one.
    matrix = raw.get("matrix")
    reference = matrix.get("reference") if isinstance(matrix, Mapping) else None
    if not isinstance(reference, str) or reference in combos.ids or _unsure(problems):
        return
    if is_glob(reference):
        hint = "the others are compared with a single combo: write its id"
    elif combos.may_have(reference):
        return
    else:
        hint = did_you_mean(reference, combos.ids, "write the id of a combo")
    problems.add(("matrix", "reference"), f"unknown combo {shown(reference)}", hint)


def _unsure(problems: Problems) -> bool:
    """Return whether a combo may exist that is not among the known ids, because a grid is wrong."""
    return problems.within("grid") or problems.within("axes")


def _too_many(raw: Mapping[str, Any], grids: tuple[Grid, ...], problems: Problems) -> bool:
    listed_count = sum(len(pythons) for _, _, pythons in listed(raw))
    spanned = sum(grid.size for grid in grids)
    if listed_count + spanned <= MOST_COMBOS:
        return False
    count = f"{listed_count + spanned:,}" if spanned < 10**18 else "more than 10^18"
    largest = max(grids, key=lambda grid: grid.size, default=None)
    where: Where = ("grid", largest.position) if largest is not None else ("combo",)
    hint = "shorten the axes, or split the matrix into several files"
    problems.add(where, f"the matrix has {count} combos; the limit is {MOST_COMBOS:,}", hint)
    return True


def _checked_ids(raw: Mapping[str, Any], grids: tuple[Grid, ...], problems: Problems) -> dict[str, Where]:
    ids: dict[str, Where] = {}
    folders: dict[str, str] = {}
    for where, combo_id in identified(raw, grids):
        first = folders.setdefault(collision_key(combo_id), combo_id)
        if combo_id in ids:
            what = f"duplicate id {combo_id!r}: the combo on line {problems.line(ids[combo_id])} also has it"
            hint = "give each combo a unique id"
            if where[0] == "grid" == ids[combo_id][0]:
                hint = 'give one of the grids an id, which its ids begin with: id = "db"'
                if where == ids[combo_id]:
                    hint = "let the values of its axes differ in letters or digits: ids consist of nothing else"
            problems.add(where, what, hint)
        elif first != combo_id:
            what = f"id {combo_id!r} collides with {first!r} on line {problems.line(ids[first])}"
            problems.add(where, what, "both name the same folder, where '.', '_' and '-' are equal")
        ids.setdefault(combo_id, where)
    return ids


def _check_indexes(tables: Tables, problems: Problems) -> None:
    default: str | None = None
    owners: dict[str, str] = {}
    for name, index in tables.indexes.items():
        if index.packages is None:
            if default is not None:
                line = problems.line(("index", default))
                what = f"a second index without packages; the first, {default!r}, is on line {line}"
                problems.add(("index", name), what, "only one index can be the default: list the packages of this one")
            default = default or name
        for position, package in enumerate(index.packages or ()):
            owner = owners.setdefault(package, name)
            if owner != name:
                what = f"{package} already comes from the index {owner!r} (line {problems.line(('index', owner))})"
                problems.add(("index", name, "packages", position), what, "a package can have only one index")


def _check_knowns(tables: Tables, combos: _Combos, scripts: Scripts, problems: Problems) -> None:
    """Find the entries that excuse nothing: they are mistyped, or their combo or probe was removed."""
    probes = {*scripts.declared, *(probe.id for probe in scripts.used)}
    for position, known in tables.knowns.items():
        if not _unsure(problems) and not combos.may_have(known.combo):
            hint = did_you_mean(known.combo, combos.ids, "write the id of a combo, or a glob of ids")
            problems.add(("known", position, "combo"), f"unknown combo {shown(known.combo)}", hint)
        _check_probe(known.probe, probes, ("known", position, "probe"), problems)


def _check_expectations(tables: Tables, scripts: Scripts, problems: Problems) -> None:
    """Find the expectations that are about no probe, or say twice what is expected."""
    probes = {*scripts.declared, *(probe.id for probe in scripts.used)}
    places: list[tuple[Where, SharedTable]] = [
        (("combo", position), combo) for position, combo in tables.combos.items()
    ]
    places += [(("grid", position), grid) for position, grid in tables.grids.items()]
    for place, table in places:
        seen = set()
        for number, expect in enumerate(table.expect):
            where: Where = (*place, "expect", number)
            _check_probe(expect.probe, probes, (*where, "probe"), problems)
            if (expect.probe, expect.check) in seen:
                problems.add(where, "a second expectation of the same cells", "name a probe or a check, or remove one")
            seen.add((expect.probe, expect.check))


def _check_probe(glob: str | None, probes: Collection[str], where: Where, problems: Problems) -> None:
    if glob is not None and not any(is_named(glob, probe) for probe in probes):
        problems.add(where, f"unknown probe {shown(glob)}", did_you_mean(glob, probes, listing(sorted(probes))))


def _check_probes(raw: Mapping[str, Any], tables: Tables, scripts: Scripts, problems: Problems) -> None:
    """Check that every combo has a probe: its own, those of ``[matrix]``, or by default the ``[[probe]]`` tables."""
    if tables.matrix is None or tables.matrix.probes or scripts.declared:
        return
    places = [place for key in ("combo", "grid") for place in _tables(raw, key)]
    if "axes" in raw or not places or not all(isinstance(place, Mapping) and "probes" in place for place in places):
        hint = 'write probes = ["imports"] in [matrix]'
        problems.add(("matrix", "probes"), "no probes: nothing would be tested", hint)


def _tables(raw: Mapping[str, Any], key: str) -> list[Any]:
    tables = raw.get(key)
    return tables if isinstance(tables, list) else []


_TOKEN = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)


def is_glob(text: str) -> bool:
    """Return whether a text has a wildcard."""
    return any(mark in text for mark in "*?[")


def overlap(first: str, second: str) -> bool:
    """Return whether some text matches both globs.

    A release line that an index has not named yet is a wildcard in the id of its combo, and an entry of ``[[known]]``
    may be a glob itself.
    """
    left, right = _tokens(first), _tokens(second)
    # The ends in ``right`` that can be reached once the tokens of ``left`` so far are read.
    ends = _skip_stars({0}, right)
    for token in left:
        if token == "*":
            ends = set(range(min(ends), len(right) + 1)) if ends else ends
            continue
        after = {end for end in ends if end < len(right) and right[end] == "*"}
        after |= {end + 1 for end in ends if end < len(right) and _same(token, right[end])}
        ends = _skip_stars(after, right)
    return len(right) in ends


def _skip_stars(ends: set[int], tokens: tuple[str, ...]) -> set[int]:
    skipped = set(ends)
    for end in ends:
        position = end
        while position < len(tokens) and tokens[position] == "*":
            position += 1
            skipped.add(position)
    return skipped


@cache
def _same(first: str, second: str) -> bool:
    """Return whether a character matches both tokens."""
    letters = next((token for token in (first, second) if token != "?" and len(token) == 1), string.printable)
    return "*" not in (first, second) and any(
        fnmatchcase(letter, first) and fnmatchcase(letter, second) for letter in letters
    )


@cache
def _tokens(glob: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(glob))
