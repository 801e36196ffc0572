"""Build histories by hand: one with a regression and a combo that is gone, and long ones."""

from dataclasses import replace
from datetime import date, timedelta

from knowngood.model import CellState, History, MovedRelease, Phase, Reason, State, Status


def cell(combo: str = "legacy", status: Status = Status.PASS, **changes: object) -> CellState:
    base = CellState(
        combo=combo,
        probe="embedding",
        status=status,
        phase=Phase.PROBE,
        reason=Reason.ALL_PASSED,
        as_expected=status is Status.PASS,
        lock="1" * 64,
        message="" if status is Status.PASS else "it broke",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def state(first: str, last: str, *cells: CellState, **changes: object) -> State:
    base = State(id=f"{first}-{date.fromisoformat(first).toordinal():08x}", first=first, last=last, cells=cells)
    return replace(base, **changes)  # type: ignore[arg-type]


MOVED = MovedRelease(package="numpy", before="2.3.4", after="2.3.5", combos=("modern",))
HISTORY = History(
    matrix="embedding",
    states=(
        state("2026-11-01", "2026-11-09", cell(), cell("modern"), id="2026-11-01-00000001"),
        state(
            "2026-11-10",
            "2026-11-12",
            cell(),
            cell("modern", Status.FAIL),
            id="2026-11-10-00000002",
            releases=(MOVED,),
            more_releases=4,
        ),
        state("2026-11-15", "2026-11-24", cell(lock="2" * 64), id="2026-11-15-00000003"),
    ),
)


def long(states: int, cells: int) -> History:
    """Return a history in which every state has another verdict for every cell."""
    days = [(date(2025, 1, 1) + timedelta(days=number)).isoformat() for number in range(states)]
    return History(
        matrix="m",
        states=tuple(
            state(day, day, *(cell(f"c{n}", [Status.PASS, Status.FAIL][number % 2]) for n in range(cells)))
            for number, day in enumerate(days)
        ),
    )
