"""Count how much of its grids a run tested, and mark the combos that ``--cover`` left out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from knowngood.model import (
    UNDECIDED,
    Cell,
    Combo,
    Cover,
    Coverage,
    Pair,
    Reason,
    Run,
    Status,
    UnsolvablePair,
)


def pairs_of(combo: Combo, strength: int) -> frozenset[Pair]:
    """Return the pairs of a combo: each choice of ``strength`` of its axes, or all of its axes if it has fewer.

    A combo outside a grid has none.
    """
    if combo.grid is None or not combo.axes:
        return frozenset()
    chosen = combinations(combo.axes, min(strength, len(combo.axes)))
    return frozenset(Pair(grid=combo.grid, values=values) for values in chosen)


def coverage(run: Run, cells: Sequence[Cell]) -> Coverage | None:
    """Return how much of its grids a run with these cells tested; None without ``--cover``.

    A pair is covered when a combo that has it was decided, red or green. It is unsolvable when that was proven before
    the run, or when the resolver refused every combo that has it.
    """
    if run.cover is None:
        return None
    by_combo: dict[str, list[Cell]] = {}
    for cell in cells:
        by_combo.setdefault(cell.combo.id, []).append(cell)
    refused = {
        name: found[0].message
        for name, found in by_combo.items()
        if all(cell.verdict.status is Status.UNSOLVABLE for cell in found)
    }
    tested = {name for name, found in by_combo.items() if any(map(_is_tested, found))}
    return counted(run.cover, (*run.elsewhere, *(facts.combo for facts in run.combos)), tested=tested, refused=refused)


def counted(cover: Cover, combos: Iterable[Combo], *, tested: Collection[str], refused: Mapping[str, str]) -> Coverage:
    """Return how much of the grids is covered by the combos whose ids are ``tested``.

    ``combos`` are those of the selection that are not left out; ``refused`` has what the resolver said, by id.
    """
    having: dict[Pair, list[str]] = {}
    for combo in {combo.id: combo for combo in (*combos, *cover.left_out)}.values():
        for pair in pairs_of(combo, cover.strength):
            having.setdefault(pair, []).append(combo.id)
    covered = {pair for pair, names in having.items() if any(name in tested for name in names)}
    proven = {known.pair: known for known in cover.unsolvable}
    for pair, names in having.items():
        if pair not in proven and refused.keys() >= {*names}:
            proven[pair] = UnsolvablePair(pair=pair, why=refused[names[0]])
    unsolvable = [known for pair, known in proven.items() if pair in having and pair not in covered]
    return Coverage(
        strength=cover.strength,
        pairs=len(having),
        covered=len(covered),
        unsolvable=tuple(sorted(unsolvable, key=lambda known: (known.pair.grid, known.pair.values))),
        not_run=len(cover.left_out),
    )


def _is_tested(cell: Cell) -> bool:
    return cell.verdict.status not in (*UNDECIDED, Status.UNSOLVABLE)


def marked(cell: Cell, cover: Cover, unsolvable: Mapping[Pair, str]) -> Cell:
    """Return a cell of a combo that was left out, with that as its reason. ``unsolvable`` has what resolvers said."""
    message = f"left out by --cover {cover.strength}"
    known = sorted(pairs_of(cell.combo, cover.strength) & unsolvable.keys(), key=lambda pair: pair.values)
    if known:
        message += f": {worded(known[0])} is unsolvable"
    return replace(cell, verdict=replace(cell.verdict, reason=Reason.NOT_COVERED), message=message)


def worded(pair: Pair) -> str:
    """Return a pair in words: ``numpy=1.26 with python=3.13``."""
    return " with ".join(f"{axis}={value}" for axis, value in pair.values)


def merged(covers: Iterable[Cover | None], ran: frozenset[str]) -> Cover | None:
    """Return what several runs of one selection left out together; ``ran`` are the combos that one of them ran."""
    known = [cover for cover in covers if cover is not None]
    if not known:
        return None
    left_out = {combo.id: combo for cover in known for combo in cover.left_out if combo.id not in ran}
    unsolvable = {proven.pair: proven for cover in known for proven in cover.unsolvable}
    return Cover(
        strength=min(cover.strength for cover in known),
        left_out=tuple(left_out.values()),
        unsolvable=tuple(unsolvable.values()),
    )
