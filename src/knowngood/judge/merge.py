"""Merge the runs of several machines, or of several attempts, so that a sharded matrix is judged as one run."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from knowngood.errors import UsageError, some
from knowngood.judge.coverage import merged
from knowngood.model import Action, ComboFacts, Run

_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)
_T = TypeVar("_T", bound=Hashable)


def merge(runs: Sequence[Run]) -> Run:
    """Return one run that holds everything that ``runs``, at least one, recorded; their order does not matter.

    Where several runs have the same combo, the facts of the run that finished it count, else those of the later run. A
    combo that only a missing shard has was not run; ``elsewhere`` still names it, and ``missing`` names the shards.
    Raises ``UsageError``: the runs are of several matrices, or of several versions of one.
    """
    _check(runs)
    ordered = [run for run, _ in groupby(sorted(runs, key=_age))]  # a log that is given twice counts once
    best = _best(ordered)
    absent = {combo.id: combo for run in ordered for combo in run.elsewhere if combo.id not in best}
    cover = merged((run.cover for run in ordered), frozenset(best))
    if cover is not None:
        left_out = {combo.id: combo for combo in cover.left_out}
        if _lacking(ordered):
            left_out = {name: combo for name, combo in left_out.items() if name not in absent}
        else:
            # Every shard is there: what one of them expected of another, that one left out.
            left_out, absent = left_out | absent, {}
        cover = replace(cover, left_out=tuple(left_out.values()))
    order = tuple(name for name in _order(ordered) if name in best or name in absent)
    combos = tuple(best[name] if name in best else ComboFacts(combo=absent[name]) for name in order)
    unfinished = {facts.combo.id for facts in combos if not facts.finished}
    if len(ordered) == 1 and not absent:
        return ordered[0]
    stopped = [run.interrupted for run in ordered if any(facts.combo.id in unfinished for facts in run.combos)]
    first = ordered[0]
    return Run(
        info=replace(
            first.info,
            platform=", ".join(_unique(run.info.platform for run in ordered)),
            isolation=", ".join(_unique(run.info.isolation for run in ordered)),
            cpu=", ".join(_unique(run.info.cpu for run in ordered)),
            shard=", ".join(f"{number}/{of}" for of, number in _shards(ordered)) if absent else "",
        ),
        combos=combos,
        elsewhere=tuple(absent[name] for name in order if name in absent),
        cover=cover,
        order=_unique(name for run in ordered for name in run.order),
        indexes=_unique(choice for run in ordered for choice in run.indexes),
        interrupted=next(filter(None, stopped), None),
        finished=not unfinished,
        unknown_events=sum(run.unknown_events for run in ordered),
        bad_lines=sum(run.bad_lines for run in ordered),
    )


def missing(run: Run) -> tuple[str, ...]:
    """Return the shards, such as ``3/8``, that ``run`` lacks; none when it has every combo."""
    return _lacking([run]) if run.elsewhere else ()


def _lacking(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the shards that are missing beside those that the runs are, or were merged from."""
    present = _shards(runs)
    return tuple(
        f"{number}/{of}"
        for of in _unique(of for of, _ in present)
        for number in range(1, of + 1)
        if (of, number) not in present
    )


def below(run: Run, folder: str) -> Run:
    """Return ``run`` with the paths of its logs below ``folder``, for a merged run with logs in several folders."""
    return replace(run, combos=tuple(_moved(facts, folder) for facts in run.combos))


def _moved(facts: ComboFacts, folder: str) -> ComboFacts:
    def moved(action: Action | None) -> Action | None:
        return replace(action, log=f"{folder}/{action.log}") if action and action.log else action

    steps = tuple(replace(step, resolve=moved(step.resolve), install=moved(step.install)) for step in facts.steps)
    probes = tuple(replace(attempt, action=moved(attempt.action) or attempt.action) for attempt in facts.probes)
    trouble = facts.trouble
    if trouble and trouble.log:
        trouble = replace(trouble, log=f"{folder}/{trouble.log}")
    return replace(facts, create=moved(facts.create), steps=steps, probes=probes, trouble=trouble)


def _check(runs: Sequence[Run]) -> None:
    matrices = {(run.info.matrix, run.info.digest) for run in runs}
    if len(matrices) > 1:
        lines = []
        for matrix, digest in sorted(matrices):
            names = [run.info.id for run in runs if (run.info.matrix, run.info.digest) == (matrix, digest)]
            lines.append(f"{matrix} {digest[:12]} ({some(names)})")
        what = "several matrices" if len({matrix for matrix, _ in matrices}) > 1 else "several versions of one matrix"
        raise UsageError(
            f"runs of {what} cannot be merged",
            cause=some(lines),
            next_step="name logs of one matrix that all come from the same matrix file and probes",
        )


def _age(run: Run) -> tuple[str, str, int, int]:
    # If there are two copies of a log and one is cut short, the longer one is the later one.
    facts = sum(len(combo.steps) + len(combo.probes) for combo in run.combos)
    return run.info.started, run.info.id, sum(combo.finished for combo in run.combos), facts


def _best(ordered: Iterable[Run]) -> Mapping[str, ComboFacts]:
    """Return the facts that count, by combo, from runs in order, the oldest first."""
    best: dict[str, ComboFacts] = {}
    for run in ordered:
        absent = {combo.id for combo in run.elsewhere}
        for facts in run.combos:
            name = facts.combo.id
            if name not in absent and (name not in best or _worth(facts) >= _worth(best[name])):
                best[name] = facts
    return best


def _worth(facts: ComboFacts) -> tuple[bool, bool]:
    return facts.finished, facts.started


def _order(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the ids of all combos in the runs, in the order of the matrix."""
    names = [name for run in runs for name in (*_ids(run.combos), *(combo.id for combo in run.elsewhere))]
    matrix = {name: place for place, name in enumerate(_unique(name for run in runs for name in run.order))}
    return _unique(sorted(names, key=lambda name: matrix.get(name, len(matrix))))


def _ids(combos: Iterable[ComboFacts]) -> Iterable[str]:
    return (facts.combo.id for facts in combos)


def _shards(runs: Iterable[Run]) -> list[tuple[int, int]]:
    """Return (count, number) of each shard that the runs are, or were merged from, in order."""
    matches = {_SHARD.fullmatch(name) for run in runs for name in run.info.shard.split(", ")}
    pairs = {(int(match[2]), int(match[1])) for match in matches if match}
    return sorted((of, number) for of, number in pairs if 1 <= number <= of)


def _unique(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))
