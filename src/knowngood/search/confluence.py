"""Find out whether all orders of a combo's steps lead to the same set, and if not, what each of them does."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, permutations

from knowngood.report.text import count, strict_json, wrap
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change
from knowngood.search.frame import Frame
from knowngood.search.trail import GLYPHS, Trail, ask_each, message

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""
_MOST_ORDERS = 24  # of four steps all; of more the first of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """A set that some orders of the steps lead to."""

    orders: tuple[tuple[int, ...], ...]
    """Positions of the steps, counted from 0."""
    versions: dict[str, str]
    says: Says
    cause: str
    combo: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Confluence:
    """Where the orders of a combo's steps lead."""

    base: Answer
    endings: tuple[Ending, ...]
    """That of the order in the matrix first."""
    orders: int
    """How many orders there are."""

    @property
    def meets(self) -> bool:
        """Whether all orders that were tried lead to one set."""
        return len(self.endings) == 1

    @property
    def parting(self) -> tuple[str, ...]:
        """The packages whose version depends on the order."""
        names = {name for ending in self.endings for name in ending.versions}
        return tuple(sorted(name for name in names if len({ending.versions.get(name) for ending in self.endings}) > 1))


def find(oracle: Oracle, base: Answer) -> Confluence:
    """Return where the orders of the steps lead: each is resolved, and each distinct set runs once."""
    steps = len(oracle.combo.steps)
    orders = list(islice(permutations(range(steps)), _MOST_ORDERS))
    asked = [_candidate(order) for order in orders]
    sets: dict[object, list[tuple[int, ...]]] = {}
    versions: dict[object, dict[str, str]] = {}
    for order, resolved in zip(orders, oracle.resolve(asked), strict=True):
        key: object = tuple(sorted(resolved.versions.items())) if resolved.says is None else (resolved.says, order)
        sets.setdefault(key, []).append(order)
        versions[key] = resolved.versions
    candidates = {key: _candidate(members[0]) for key, members in sets.items()}
    answers = ask_each(oracle, list(candidates.values()))
    endings = []
    for key, candidate in candidates.items():
        answer = answers.get(candidate.change)
        endings.append(
            Ending(
                orders=tuple(sets[key]),
                versions=versions[key],
                says=answer.says if answer is not None else Says.UNKNOWN,
                cause=message(answer) if answer is not None else "not asked",
                combo=answer.combo.id if answer is not None else "",
            )
        )
    total = 1
    for number in range(2, steps + 1):
        total *= number
    return Confluence(base=base, endings=tuple(endings), orders=total)


def _candidate(order: Sequence[int]) -> Candidate:
    same = [*order] == [*range(len(order))]
    return Candidate(change=Change(frame=Frame(order=() if same else tuple(order))), why="another order of the steps")


def text(found: Confluence, trail: Trail, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    combo, tried = found.base.combo.id, sum(len(ending.orders) for ending in found.endings)
    some = f"{tried} of {count(found.orders, 'order')}" if tried < found.orders else f"all {count(tried, 'order')}"
    if found.meets:
        lines = wrap(f"{combo}: {some} of its steps lead to the same set.", width, most=2)
    else:
        sets = count(len(found.endings), "different set")
        parting = f"; they differ in {', '.join(found.parting)}" if found.parting else ""
        lines = wrap(f"{combo}: {some} of its steps lead to {sets}{parting}.", width, most=4)
    for ending in found.endings:
        orders = " or ".join("".join(str(place + 1) for place in order) for order in ending.orders[:3])
        more = f" and {len(ending.orders) - 3} more" if len(ending.orders) > 3 else ""
        differing = ", ".join(f"{name} {ending.versions.get(name, 'absent')}" for name in found.parting)
        because = f": {ending.cause}" if ending.cause else ""
        line = (
            f"{GLYPHS[ending.says]} steps {orders}{more}  {ending.says}{f'  {differing}' if differing else ''}{because}"
        )
        lines += [f"  {part}" for part in wrap(line, width - 2, most=3)]
    return "\n".join([*lines, trail.line]) + "\n"


def as_json(found: Confluence, trail: Trail) -> str:
    """Return the result as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "confluence",
            "combo": found.base.combo.id,
            "meets": found.meets,
            "orders": found.orders,
            "parting": list(found.parting),
            "endings": [
                {
                    "orders": [[place + 1 for place in order] for order in ending.orders],
                    "says": str(ending.says),
                    "cause": ending.cause,
                    "combo": ending.combo or None,
                    "versions": ending.versions,
                }
                for ending in found.endings
            ],
            **trail.document,
        }
    )
