"""Whole runs over tiny wheels: a matrix made by hand, a plan for it, and a conductor that carries it out for real."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from knowngood.events import Event, fold
from knowngood.judge.verdict import judge
from knowngood.model import Asset, Cell, Combo, Index, Matrix, Probe, Run
from knowngood.run.engine import Conductor, Plan
from knowngood.run.host import Machine
from knowngood.run.optimizations import ALL, Optimization
from support.facts import RULES, info
from support.workshop import PYTHON, UV

PROBE = """
import os
from probe_api import check, record

@check
def the_version_is_good():
    import solid
    record(version=solid.__version__)
    if solid.__version__ == "3.0":
        os.abort()
    assert solid.__version__ == "1.0", "only 1.0 is any good"
"""
"""Passes with solid 1.0, fails with 2.0 and crashes with 3.0."""


def matrix(
    folder: Path,
    url: str,
    combos: tuple[Combo, ...],
    *,
    probes: Mapping[str, str] | None = None,
    assets: tuple[Asset, ...] = (),
    reference: str | None = None,
) -> Matrix:
    """Return a matrix whose packages all come from the index at ``url``."""
    sources = {"works": PROBE} if probes is None else probes
    return Matrix(
        id="tiny",
        title="Tiny",
        path=folder / "tiny.toml",
        project=folder,
        digest="d1",
        combos=combos,
        probes=tuple(Probe(id=name, source=source, path=None) for name, source in sources.items()),
        indexes=(Index(name="loopback", url=url),),
        assets=assets,
        reference=reference,
    )


def plan(
    subject: Matrix,
    folder: Path,
    environ: Mapping[str, str],
    *,
    jobs: int = 2,
    keep: bool = False,
    resumed: Run | None = None,
    cache: Path | None = None,
    fresh: bool = False,
    fresh_probes: bool = False,
    optimizations: frozenset[Optimization] = ALL,
) -> Plan:
    """Return the plan to run all of ``subject`` in ``folder``, as the command line makes it."""
    return Plan(
        matrix=subject,
        combos=subject.combos,
        info=info(subject.reference, run=folder.name, started=datetime.now(UTC).isoformat(timespec="seconds")),
        folder=folder,
        resumed=resumed,
        rules=RULES,
        machine=Machine(
            outside=environ, uv=UV, python=PYTHON, cache_folder=cache or folder.parent / "cache", jobs=jobs, cores=2
        ),
        place_folder=folder.parent / "environments",
        keep=keep,
        fresh=fresh,
        fresh_probes=fresh_probes,
        optimizations=optimizations,
    )


def conduct(what: Plan, also: Callable[[Event, Conductor], object] = lambda event, conductor: None) -> list[Event]:
    """Carry out a plan to its end and return what it told; ``also`` hears each event as it happens."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        also(event, conductor)

    conductor = Conductor(what, emit)
    conductor.run()
    return events


def cells(events: list[Event]) -> dict[str, Cell]:
    """Return the judged cell of each combo; there is one probe."""
    run = fold(events)
    assert run is not None
    return {cell.combo.id: cell for cell in judge(run, RULES).cells}


def names(events: list[Event], combo: str | None = None) -> list[str]:
    """Return the kinds of the events, of one combo or of all."""
    return [event.event for event in events if combo is None or getattr(event, "combo", None) == combo]
