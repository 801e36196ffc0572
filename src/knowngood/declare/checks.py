"""What only the whole file can tell: ids that collide, names that lead nowhere, grids that are too large."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from knowngood.declare.expand import MOST_COMBOS, identified, listed
from knowngood.declare.grid import Grid
from knowngood.declare.locate import Where
from knowngood.declare.problems import Problems, did_you_mean, listing, shown
from knowngood.declare.scripts import Scripts
from knowngood.declare.sections import Tables
from knowngood.declare.values import collision_key


def check(raw: Mapping[str, Any], tables: Tables, grid: Grid | None, scripts: Scripts, problems: Problems) -> None:
    """Note everything that is wrong between the tables of a file.

    Ids are taken from ``raw``, not from the tables, so that a combo with another mistake still counts as existing.
    """
    if not raw.get("combo") and "axes" not in raw:
        problems.add((), "there is nothing to run: no [[combo]] and no [axes]", "add a [[combo]] with id and steps")
    _check_indexes(tables, problems)
    _check_probes(raw, tables, scripts, problems)
    if _too_many(raw, grid, problems):
        return
    ids = _checked_ids(raw, grid, problems)
    # From the raw table, since another mistake in it must not hide this one.
    head = raw.get("matrix")
    reference = head.get("reference") if isinstance(head, Mapping) else None
    if isinstance(reference, str) and reference not in ids and not problems.within("axes"):
        hint = did_you_mean(reference, ids, "a reference is the id of a combo")
        problems.add(("matrix", "reference"), f"there is no combo {shown(reference)}", hint)
    _check_knowns(tables, ids, scripts, problems)
    if grid is not None and next(grid.points(), None) is None:
        problems.add(("axes", "exclude"), "every combination is excluded", "leave one to run, or remove [axes]")


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
            what = f"the id {combo_id!r} is taken by the combo on line {problems.line(ids[combo_id])}"
            problems.add(where, what, "ids are unique")
        elif first != combo_id:
            what = f"the id {combo_id!r} collides with {first!r} on line {problems.line(ids[first])}"
            problems.add(where, what, "both name one folder: '.', '_' and '-' count as equal there")
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
                problems.add(("index", name), what, "only one index can be the default: name the packages of this one")
            default = default or name
        for position, package in enumerate(index.packages or ()):
            owner = owners.setdefault(package, name)
            if owner != name:
                what = f"{package} already comes from the index {owner!r} (line {problems.line(('index', owner))})"
                problems.add(("index", name, "packages", position), what, "a package has one index")


def _check_knowns(tables: Tables, ids: Collection[str], scripts: Scripts, problems: Problems) -> None:
    """Note the entries that are about nothing, so excuse nothing: mistyped, or their combo is gone."""
    probes = {*scripts.declared, *(probe.id for probe in scripts.used)}
    for position, known in tables.knowns.items():
        if not any(fnmatchcase(one, known.combo) for one in ids) and not problems.within("axes"):
            hint = did_you_mean(known.combo, ids, "give the id of a combo, or a glob of ids")
            problems.add(("known", position, "combo"), f"there is no combo {shown(known.combo)}", hint)
        if known.probe is not None and known.probe not in probes:
            hint = did_you_mean(known.probe, probes, listing(sorted(probes)))
            problems.add(("known", position, "probe"), f"there is no probe {shown(known.probe)}", hint)


def _check_probes(raw: Mapping[str, Any], tables: Tables, scripts: Scripts, problems: Problems) -> None:
    """Without ``probes`` in ``[matrix]`` the declared ones are the default; one of the two must be there if needed."""
    if tables.matrix is None or tables.matrix.probes or scripts.declared:
        return
    combos = raw.get("combo")
    listed_combos = combos if isinstance(combos, list) else []
    each_has_its_own = listed_combos and all(
        isinstance(combo, Mapping) and "probes" in combo for combo in listed_combos
    )
    if "axes" in raw or not each_has_its_own:
        problems.add(
            ("matrix", "probes"), "no probes: nothing would be tried", 'write probes = ["imports"] in [matrix]'
        )
