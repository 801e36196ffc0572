"""Which combos of a matrix are run: ``--only`` patterns and ``--shard k/n``. Selecting nothing is an error."""

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from knowngood.errors import NothingSelectedError, UsageError
from knowngood.model import Combo

_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """The ``number``-th of ``count`` parts of a matrix, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2/8``.

        Raises ``UsageError``: it is not a shard, or there is no such part.
        """
        match = _SHARD.fullmatch(text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            cause = "a shard is written k/n, with k from 1 to n"
            raise UsageError(f"no such shard: {text[:40]!r}", cause=cause, next_step="write it as --shard 1/4")
        return cls(number=int(match[1]), count=int(match[2]))

    def deal(self, combos: tuple[Combo, ...]) -> tuple[Combo, ...]:
        """Deal the combos out like cards and give this hand; the hands of all shards make up the whole."""
        return combos[self.number - 1 :: self.count]


def select(combos: tuple[Combo, ...], only: tuple[str, ...]) -> tuple[Combo, ...]:
    """Keep the combos that a pattern names, by id or as a glob, in the order of the matrix; all when there is none.

    Raises ``NothingSelectedError``: a pattern names no combo, even if others do: it is likely mistyped.
    """
    if not only:
        return combos
    ids = [combo.id for combo in combos]
    lost = [pattern for pattern in only if not any(_names(pattern, combo_id) for combo_id in ids)]
    if lost:
        near = dict.fromkeys(match for pattern in lost for match in _near(pattern, ids))
        known = ", ".join(near or ids[:10]) or "none"
        raise NothingSelectedError(
            f"no combo is named {', '.join(repr(pattern[:100]) for pattern in lost)}",
            cause=f"{'near matches' if near else 'combos'}: {known}{', …' if not near and len(ids) > 10 else ''}",
            next_step="see them all with `knowngood list` or `nox -l`",
        )
    return tuple(combo for combo in combos if any(_names(pattern, combo.id) for pattern in only))


def choose(combos: tuple[Combo, ...], *, only: tuple[str, ...] = (), shard: Shard | None = None) -> tuple[Combo, ...]:
    """Select, then take one shard of what is left.

    Raises ``NothingSelectedError``: no combo remains.
    """
    chosen = select(combos, only)
    if not chosen:
        raise NothingSelectedError("the matrix has no combos", next_step="add a [[combo]] to it")
    if shard is None:
        return chosen
    hand = shard.deal(chosen)
    if not hand:
        raise NothingSelectedError(
            f"shard {shard.number}/{shard.count} is empty",
            cause=f"{len(chosen)} selected combos cannot fill {shard.count} shards",
            next_step=f"use at most {len(chosen)} shards",
        )
    return hand


def divide(selected: tuple[Combo, ...], shard: Shard, dealt: str | None) -> tuple[Combo, ...]:
    """Return the combos of one shard of ``selected``: those named in ``dealt`` (ids, comma-separated), or its hand.

    Raises ``NothingSelectedError``: it has none. ``UsageError``: what was dealt is not part of what is selected.
    """
    if dealt is None:
        return choose(selected, shard=shard)
    ids = dict.fromkeys(one for one in dealt.split(",") if one)
    unknown = sorted(ids.keys() - {combo.id for combo in selected})
    if unknown:
        raise UsageError(
            f"--deal names {', '.join(repr(one[:100]) for one in unknown[:5])}, which is not selected",
            next_step="take what `knowngood plan` says for the same matrix and selection",
        )
    if not ids:
        raise NothingSelectedError("--deal names no combo", next_step="leave it out to deal like cards")
    return tuple(combo for combo in selected if combo.id in ids)


def _names(pattern: str, combo_id: str) -> bool:
    return pattern == combo_id or fnmatchcase(combo_id, pattern)


def _near(pattern: str, ids: list[str]) -> list[str]:
    stem = pattern[:100].strip("*?").lower()
    inside = [combo_id for combo_id in ids if stem and stem in combo_id]
    return inside[:5] or difflib.get_close_matches(stem, ids, n=5, cutoff=0.5)
