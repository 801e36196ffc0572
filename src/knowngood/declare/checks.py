"""Check a matrix file as a whole: ids that collide, names that refer to nothing, grids that are too large."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from knowngood.declare.expand import MOST_COMBOS, identified, listed
from knowngood.declare.grid import Grid
from knowngood.declare.locate import Where
from knowngood.declare.probe_table import Scripts
from knowngood.declare.problems import Problems, WrongValueError, did_you_mean, listing, shown
from knowngood.declare.sections import Tables
from knowngood.declare.values import collision_key
from knowngood.model import InstallerName, is_named


def check(raw: Mapping[str, Any], tables: Tables, grid: Grid | None, scripts: Scripts, problems: Problems) -> None:
    """Add to ``problems`` everything that is wrong between the tables of a file.

    Ids are taken from ``raw``, not from ``tables``, so that a combo with another mistake still counts as existing.
    """
    if not raw.get("combo") and "axes" not in raw:
        problems.add((), "nothing to run: the file has no [[combo]] and no [axes]", "add a [[combo]] with id and steps")
    _check_indexes(tables, problems)
    _check_probes(raw, tables, scripts, problems)
    if _too_many(raw, grid, problems):
        return
    _check_steps(tables, grid, problems)
    ids = _checked_ids(raw, grid, problems)
    _check_reference(raw, ids, problems)
    _check_knowns(tables, ids, scripts, problems)
    _check_expectations(tables, scripts, problems)
    if grid is not None and next(grid.points(), None) is None:
        problems.add(("axes", "exclude"), "every combination is excluded", "keep at least one, or remove [axes]")


def _check_steps(tables: Tables, grid: Grid | None, problems: Problems) -> None:
    """Find lines that are right by themselves and do not go together, or not with the installer of the combo."""
    default = (tables.matrix and tables.matrix.installer) or InstallerName.UV
    for position, combo in tables.combos.items():
        try:
            tables.steps.check(combo.steps, combo.installer or default)
        except WrongValueError as wrong:
            problems.add(("combo", position, "steps"), wrong.what, wrong.hint)
    for point in grid.points() if grid is not None else ():
        try:
            tables.steps.check(point.steps, point.installer or default)
        except WrongValueError as wrong:
            problems.add(("axes",), wrong.what, wrong.hint)
            break


def _check_reference(raw: Mapping[str, Any], ids: Collection[str], problems: Problems) -> None:
    # Read from the raw table, so that another mistake in [matrix] does not hide this one.
    matrix = raw.get("matrix")
    reference = matrix.get("reference") if isinstance(matrix, Mapping) else None
    if isinstance(reference, str) and reference not in ids and not problems.within("axes"):
        hint = did_you_mean(reference, ids, "write the id of a combo")
        problems.add(("matrix", "reference"), f"unknown combo {shown(reference)}", hint)


def _too_many(raw: Mapping[str, Any], grid: Grid | None, problems: Problems) -> bool:
    listed_count = sum(len(pythons) for _, _, pythons in listed(raw))
    spanned = grid.size if grid else 0
    if listed_count + spanned <= MOST_COMBOS:
        return False
    count = f"{listed_count + spanned:,}" if spanned < 10**18 else "more than 10^18"
    where: Where = ("axes",) if spanned else ("combo",)
    hint = "shorten the axes, or split the matrix into several files"
    problems.add(where, f"the matrix has {count} combos; the limit is {MOST_COMBOS:,}", hint)
    return True


def _checked_ids(raw: Mapping[str, Any], grid: Grid | None, problems: Problems) -> dict[str, Where]:
    ids: dict[str, Where] = {}
    folders: dict[str, str] = {}
    for where, combo_id in identified(raw, grid):
        first = folders.setdefault(collision_key(combo_id), combo_id)
        if combo_id in ids:
            what = f"duplicate id {combo_id!r}: the combo on line {problems.line(ids[combo_id])} has it, too"
            problems.add(where, what, "give each combo a unique id")
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


def _check_knowns(tables: Tables, ids: Collection[str], scripts: Scripts, problems: Problems) -> None:
    """Find the entries that excuse nothing: they are mistyped, or their combo or probe was removed."""
    probes = {*scripts.declared, *(probe.id for probe in scripts.used)}
    for position, known in tables.knowns.items():
        if not any(fnmatchcase(combo_id, known.combo) for combo_id in ids) and not problems.within("axes"):
            hint = did_you_mean(known.combo, ids, "write the id of a combo, or a glob of ids")
            problems.add(("known", position, "combo"), f"unknown combo {shown(known.combo)}", hint)
        _check_probe(known.probe, probes, ("known", position, "probe"), problems)


def _check_expectations(tables: Tables, scripts: Scripts, problems: Problems) -> None:
    """Find the expectations that are about no probe, or say twice what is expected."""
    probes = {*scripts.declared, *(probe.id for probe in scripts.used)}
    for position, combo in tables.combos.items():
        seen = set()
        for number, expect in enumerate(combo.expect):
            where: Where = ("combo", position, "expect", number)
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
    combos = raw.get("combo")
    listed_combos = combos if isinstance(combos, list) else []
    each_has_its_own = listed_combos and all(
        isinstance(combo, Mapping) and "probes" in combo for combo in listed_combos
    )
    if "axes" in raw or not each_has_its_own:
        hint = 'write probes = ["imports"] in [matrix]'
        problems.add(("matrix", "probes"), "no probes: nothing would be tested", hint)
