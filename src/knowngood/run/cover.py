"""Choose the combos of grids that have every pair of values that can be installed, for ``--cover``.

A covering array is proposed from the combos that the grids have, and its rows are resolved, which builds nothing. What
the resolver refuses is left out, and its pairs are covered again by other combos, until each pair is covered or proven
to be unsolvable. An index that is down proves nothing: such a combo is kept, and the run says what became of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

from knowngood import packages
from knowngood.errors import UsageError
from knowngood.judge.coverage import pairs_of
from knowngood.judge.verdict import judge_combo
from knowngood.model import Combo, Cover, Expectation, Pair, Status, Step, UnsolvablePair
from knowngood.run import engine
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop

_AXIS_LESS = ""
"""The value of an axis for combos of a grid that do not have it; no value of a grid is empty."""

Progress = Callable[[int, int], None]
"""What a caller wants to happen before combos are resolved: how many were before, and how many come now."""


def has_grid(request: RunRequest) -> bool:
    """Return whether a combo of the request is of a grid."""
    return any(pairs_of(combo, 1) for combo in request.combos)


def with_dealt(request: RunRequest, dealt: str | None) -> RunRequest:
    """Return a request with those of ``dealt`` (ids, comma-separated) that it left out.

    The machine that dealt them may have covered the grid in another way: an index had other releases then.
    """
    chosen = request.cover
    if chosen is None or dealt is None:
        return request
    ids = {*dealt.split(",")}
    back = tuple(combo for combo in chosen.left_out if combo.id in ids)
    left_out = tuple(combo for combo in chosen.left_out if combo.id not in ids)
    return replace(request, combos=(*request.combos, *back), cover=replace(chosen, left_out=left_out))


def cover(
    request: RunRequest, strength: int, *, stop: Stop | None = None, progress: Progress = lambda before, now: None
) -> RunRequest:
    """Return the request with the combos that cover its grids, in its order, and with what is left out.

    Combos that are not of a grid, and the reference combo, always stay. ``strength`` is how many values are combined.
    Raises ``UsageError`` when no combo is of a grid.
    """
    if not has_grid(request):
        raise UsageError(
            f"--cover {strength} chooses combos of a grid, and none of {request.project.matrix.id} is of one",
            next_step="leave out --cover, or declare the combos as a [[grid]] with axes",
        )
    if begun := _begun(request, strength):
        return begun
    resolver = _Resolver(request=request, stop=stop or Stop(), progress=progress)
    kept: set[str] = set()
    unsolvable: list[UnsolvablePair] = []
    for number in dict.fromkeys(combo.grid for combo in request.combos if combo.grid is not None):
        grid = _Grid(
            combos=tuple(combo for combo in request.combos if combo.grid == number),
            strength=strength,
            reference=request.project.matrix.reference,
        )
        kept |= grid.cover(resolver)
        unsolvable += grid.unsolvable
    chosen = tuple(combo for combo in request.combos if combo.grid is None or combo.id in kept)
    left_out = tuple(combo for combo in request.combos if combo not in chosen)
    return replace(
        request,
        combos=chosen,
        cover=Cover(strength=strength, left_out=left_out, unsolvable=tuple(unsolvable)),
    )


def _begun(request: RunRequest, strength: int) -> RunRequest | None:
    """Return the request with what an unfinished run of the same selection chose, which this one would resume."""
    if not request.resume or request.fresh or request.fresh_probes:
        return None
    begun = request.runs.covered(request.project.matrix.digest, strength, request.combos)
    if begun is None or begun.cover is None:
        return None
    left_out = {combo.id for combo in begun.cover.left_out}
    # The log has the combos without the credentials of their URLs.
    own = {combo.id: combo for combo in request.combos}
    recorded = replace(begun.cover, left_out=tuple(own[combo.id] for combo in begun.cover.left_out))
    combos = tuple(combo for combo in request.combos if combo.id not in left_out)
    return replace(request, combos=combos, cover=recorded)


@dataclass(kw_only=True)
class _Resolver:
    """Resolves combos of a request, and keeps what the resolver refused."""

    request: RunRequest
    stop: Stop
    progress: Progress
    asked: int = 0

    def refused(self, combos: Sequence[Combo]) -> dict[str, str]:
        """Return what the resolver said of the combos that no set of versions can have, by id."""
        if not combos or self.stop.requested:
            return {}
        self.progress(self.asked, len(combos))
        self.asked += len(combos)
        rules = self.request.project.rules
        forecasts = engine.plan(replace(self.request, combos=tuple(combos)), stop=self.stop, sizes=False)
        refused = {}
        for forecast in forecasts:
            cell = None if forecast.possible else judge_combo(forecast.facts, rules)[0]
            if cell is not None and cell.verdict.status is Status.UNSOLVABLE:
                refused[forecast.facts.combo.id] = cell.message.partition("\n")[0]
        return refused


@dataclass(kw_only=True)
class _Grid:
    """The combos of one grid while a cover of them is looked for."""

    combos: tuple[Combo, ...]
    strength: int
    reference: str | None
    refused: dict[str, str] = field(default_factory=dict)
    """What the resolver said of combos that it refused, or of a part of what they require, by id."""
    unsolvable: list[UnsolvablePair] = field(default_factory=list)

    def cover(self, resolver: _Resolver) -> set[str]:
        """Return the ids of the combos to test."""
        kept = {combo.id for combo in self.combos if combo.id == self.reference}
        while not resolver.stop.requested:
            rows = self._rows(kept)
            if not rows:
                break
            refused = resolver.refused(rows)
            self.refused |= refused
            kept |= {combo.id for combo in rows} - refused.keys()
            self._prove([combo for combo in rows if combo.id in refused], kept, resolver)
        return kept

    @cached_property
    def _pairs(self) -> Mapping[str, frozenset[Pair]]:
        return {combo.id: pairs_of(combo, self.strength) for combo in self.combos}

    @cached_property
    def _having(self) -> Mapping[Pair, tuple[Combo, ...]]:
        having: dict[Pair, list[Combo]] = {}
        for combo in self.combos:
            for pair in self._pairs[combo.id]:
                having.setdefault(pair, []).append(combo)
        return {pair: tuple(combos) for pair, combos in having.items()}

    def _rows(self, kept: set[str]) -> list[Combo]:
        """Return combos that together have the pairs that are open, and that were not refused; none: none is open."""
        covered = frozenset[Pair]().union(*(self._pairs[name] for name in kept))
        open_pairs = self._having.keys() - covered - {known.pair for known in self.unsolvable}
        solvable = [combo for combo in self.combos if combo.id not in self.refused or combo.id in kept]
        possible = frozenset[Pair]().union(*(self._pairs[combo.id] for combo in solvable))
        for pair in sorted(open_pairs - possible, key=lambda pair: pair.values):
            self.unsolvable.append(UnsolvablePair(pair=pair, why=self.refused[self._having[pair][0].id]))
        if not open_pairs & possible:
            return []
        rows = [combo for combo in _covering(solvable, kept, self.strength) if self._pairs[combo.id] & open_pairs]
        still = (open_pairs & possible) - frozenset[Pair]().union(*(self._pairs[combo.id] for combo in rows))
        for combo in solvable if still else ():
            if combo.id not in kept and self._pairs[combo.id] & still:
                rows.append(combo)
                still -= self._pairs[combo.id]
        return rows

    def _prove(self, rows: Iterable[Combo], kept: set[str], resolver: _Resolver) -> None:
        """Find out which open pairs of refused rows are the reason: then no other combo with them is tried.

        What all combos with a pair require is a part of what each requires. If that part alone is refused, so are they.
        """
        covered = frozenset[Pair]().union(*(self._pairs[name] for name in kept))
        known = {proven.pair for proven in self.unsolvable}
        parts: dict[str, tuple[Combo, ...]] = {}
        asked: list[Combo] = []
        for pair in sorted(
            {pair for row in rows for pair in self._pairs[row.id]} - covered - known, key=lambda pair: pair.values
        ):
            left = [combo for combo in self._having[pair] if combo.id not in self.refused]
            for alike in _alike(left):
                part = _common(alike, f"cover-{resolver.asked + len(asked)}")
                if part is not None:
                    asked.append(part)
                    parts[part.id] = alike
        for name, why in resolver.refused(asked).items():
            self.refused |= {combo.id: why for combo in parts[name]}


def _covering(combos: Sequence[Combo], kept: set[str], strength: int) -> list[Combo]:
    """Return combos of a grid that have all of its pairs together with those that are kept, which are not returned."""
    from covertable import make  # imported late: only a run that covers a grid needs it

    axes = list(dict.fromkeys(axis for combo in combos for axis, _ in combo.axes))
    if strength >= len(axes):
        return [combo for combo in combos if combo.id not in kept]
    by_values = {_row(combo, axes): combo for combo in combos}
    factors = {axis: list(dict.fromkeys(row[number] for row in by_values)) for number, axis in enumerate(axes)}
    # A bit for each combo: those that a part of a row can still become.
    masks: dict[tuple[str, str], int] = {}
    for number, row in enumerate(by_values):
        for value in zip(axes, row, strict=True):
            masks[value] = masks.get(value, 0) | 1 << number

    def exists(row: Mapping[str, str]) -> bool | None:
        left = reduce(int.__and__, (masks[value] for value in row.items()), -1)
        return None if left else False

    rows = make(
        factors,
        strength=strength,
        presets=[dict(zip(axes, row, strict=True)) for row, combo in by_values.items() if combo.id in kept],
        constraints=[{"operator": "fn", "requires": [], "evaluate": exists}],
    )
    chosen = {by_values[tuple(row[axis] for axis in axes)].id for row in rows}
    return [combo for combo in combos if combo.id in chosen - kept]


def _row(combo: Combo, axes: Sequence[str]) -> tuple[str, ...]:
    values = dict(combo.axes)
    return tuple(values.get(axis, _AXIS_LESS) for axis in axes)


def _alike(combos: Iterable[Combo]) -> list[tuple[Combo, ...]]:
    """Return the combos in groups that differ only in what their steps require, each of several combos."""
    groups: dict[Combo, list[Combo]] = {}
    for combo in combos:
        steps = tuple(replace(step, lines=(), requirements=(), constraints=(), hashes=()) for step in combo.steps)
        rest = replace(combo, id="", title="", axes=(), versions=(), steps=steps)
        rest = replace(rest, probes=(), expect=Expectation(), narrower=(), known=())
        groups.setdefault(rest, []).append(combo)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _common(combos: Sequence[Combo], name: str) -> Combo | None:
    """Return a combo that requires what all of the combos require; None when that would prove nothing.

    It proves nothing when it requires nothing, or when a requirement that it leaves out lets the resolver take what it
    would not take else: a file of its own, or a pre-release.
    """
    first, steps = combos[0], []
    for number, step in enumerate(first.steps):
        others = [combo.steps[number] for combo in combos]
        shared = [text for text in step.requirements if all(text in other.requirements for other in others)]
        dropped = {text for other in others for text in other.requirements} - {*shared}
        if any(map(_admits_more, dropped)):
            return None
        constraints = [text for text in step.constraints if all(text in other.constraints for other in others)]
        steps.append(
            Step(
                lines=tuple(shared),
                requirements=tuple(shared),
                sources=step.sources,
                constraints=tuple(constraints),
                overrides=step.overrides,
                options=step.options,
                grouped=tuple(text for text in step.grouped if text in shared),
                resolution=step.resolution,
                cutoff=step.cutoff,
            )
        )
    if not any(step.requirements or step.sources for step in steps):
        return None
    return replace(first, id=name, title=name, steps=tuple(step for step in steps if step.requirements or step.sources))


def _admits_more(text: str) -> bool:
    requirement = packages.requirement(text)
    return requirement is None or requirement.url is not None or bool(requirement.specifier.prereleases)
