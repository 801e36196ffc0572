"""What a run would do, before it does it; and the same dealt to several jobs of a CI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowngood.cache.verdicts import Entry
from knowngood.model import ComboFacts

_UNKNOWN = 60.0  # seconds; what a combo is taken to cost when none of its matrix was ever run
_START = 60.0  # seconds that a job of a CI takes before it comes to its first combo: less work is not worth one


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is known of one combo once it is resolved."""

    facts: ComboFacts
    possible: bool
    """Whether there is anything to build."""
    known: Entry | None
    """What an earlier run found out for the same lock."""

    @property
    def distributions(self) -> dict[str, str]:
        """Canonical name -> version of what would be installed, as far as that is known."""
        return {name: version for step in self.facts.steps for name, version in step.resolved.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The combos of one job, and about how many seconds they take."""

    combos: tuple[str, ...]
    seconds: float


def costs(forecasts: Sequence[Forecast], past: Mapping[str, float], *, everything: bool) -> dict[str, float]:
    """Return about how many seconds each combo will take, in the order given: next to none where it is known.

    ``past`` holds what combos took; where there is nothing for one it is taken to cost what the others do on average.
    """
    usual = sum(past.values()) / len(past) if past else _UNKNOWN
    return {
        one.facts.combo.id: past.get(one.facts.combo.id, usual)
        if one.possible and (everything or one.known is None)
        else 0.0
        for one in forecasts
    }


def deal(cost: Mapping[str, float], *, most: int) -> tuple[Job, ...]:
    """Deal combos to at most ``most`` jobs so that all take about as long; fewer where there is little to do."""
    wanted = min(most, max(1, round(sum(cost.values()) / _START)), max(1, sum(1 for each in cost.values() if each)))
    hands: list[list[str]] = [[] for _ in range(wanted)]
    sums = [0.0] * wanted
    # The longest first, each to whom has least: never more than a third above the best there is.
    for combo in sorted(cost, key=lambda combo: -cost[combo]):
        least = sums.index(min(sums))
        hands[least].append(combo)
        sums[least] += cost[combo]
    order = {combo: number for number, combo in enumerate(cost)}
    dealt = zip(hands, sums, strict=True)
    return tuple(Job(combos=tuple(sorted(hand, key=order.__getitem__)), seconds=round(each, 1)) for hand, each in dealt)
