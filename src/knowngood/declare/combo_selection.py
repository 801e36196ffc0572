"""Select the combos to run by ``--only``, ``--shard`` and ``--deal``. Selecting nothing is an error."""

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from knowngood.errors import NothingSelectedError, UsageError, some
from knowngood.model import Combo

_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of ``count`` parts of a selection; ``number`` is counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``k/n``, such as ``2/8``. Raises ``UsageError`` for anything else, and when k is not from 1 to n."""
        match = _SHARD.fullmatch(text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            cause = "a shard is k/n, with k from 1 to n"
            raise UsageError(f"invalid shard {text[:40]!r}", cause=cause, next_step="write it as --shard 1/4")
        return cls(number=int(match[1]), count=int(match[2]))

    def deal(self, combos: tuple[Combo, ...]) -> tuple[Combo, ...]:
        """Return every ``count``-th combo, starting at ``number``; together the shards have each combo exactly once."""
        return combos[self.number - 1 :: self.count]


def select(combos: tuple[Combo, ...], only: tuple[str, ...]) -> tuple[Combo, ...]:
    """Return the combos whose id matches a pattern, in the order of the matrix; without patterns, return all.

    A pattern is an id or a glob. Raises ``NothingSelectedError`` when a pattern matches nothing, even if others do: it
    is probably mistyped.
    """
    if not only:
        return combos
    ids = [combo.id for combo in combos]
    unmatched = [pattern for pattern in only if not any(_matches(pattern, combo_id) for combo_id in ids)]
    if unmatched:
        near = list(dict.fromkeys(combo_id for pattern in unmatched for combo_id in _near(pattern, ids)))
        raise NothingSelectedError(
            f"no combo matches {', '.join(repr(pattern[:100]) for pattern in unmatched[:5])}",
            cause=f"near matches: {some(near)}" if near else f"combos: {some(ids) or 'none'}",
            next_step="`knowngood list` prints all combos of a matrix",
        )
    return tuple(combo for combo in combos if any(_matches(pattern, combo.id) for pattern in only))


def choose(combos: tuple[Combo, ...], *, only: tuple[str, ...] = (), shard: Shard | None = None) -> tuple[Combo, ...]:
    """Return the combos that ``only`` selects, or one shard of them. Raises ``NothingSelectedError`` for none."""
    chosen = select(combos, only)
    if not chosen:
        raise NothingSelectedError("the matrix has no combos", next_step="add a [[combo]] to it")
    if shard is None:
        return chosen
    part = shard.deal(chosen)
    if not part:
        raise NothingSelectedError(
            f"shard {shard.number}/{shard.count} is empty",
            cause=f"{len(chosen)} selected combos are too few for {shard.count} shards",
            next_step=f"use at most {len(chosen)} shards",
        )
    return part


def divide(selected: tuple[Combo, ...], shard: Shard, dealt: str | None) -> tuple[Combo, ...]:
    """Return the combos of one shard of ``selected``: those in ``dealt`` (ids, comma-separated), or every n-th one.

    Raises ``NothingSelectedError`` when the shard is empty, and ``UsageError`` when ``dealt`` has an id that is not
    selected.
    """
    if dealt is None:
        return choose(selected, shard=shard)
    ids = dict.fromkeys(combo_id for combo_id in dealt.split(",") if combo_id)
    unknown = sorted(ids.keys() - {combo.id for combo in selected})
    if unknown:
        raise UsageError(
            f"--deal names combos that are not selected: {some([repr(combo_id[:100]) for combo_id in unknown])}",
            next_step="copy --deal from `knowngood plan` for the same matrix and selection",
        )
    if not ids:
        raise NothingSelectedError("--deal names no combo", next_step="omit --deal to give each shard every n-th combo")
    return tuple(combo for combo in selected if combo.id in ids)


def _matches(pattern: str, combo_id: str) -> bool:
    return pattern == combo_id or fnmatchcase(combo_id, pattern)


def _near(pattern: str, ids: list[str]) -> list[str]:
    stem = pattern[:100].strip("*?").lower()
    containing = [combo_id for combo_id in ids if stem and stem in combo_id]
    return containing[:5] or difflib.get_close_matches(stem, ids, n=5, cutoff=0.5)
