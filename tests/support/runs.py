"""Execute whole runs over tiny wheels: a matrix made by hand, and a request that is carried out for real."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from knowngood.events import Event, Folding, fold
from knowngood.install.index import Routes
from knowngood.judge.verdict import judge
from knowngood.model import Asset, Cell, Combo, Index, Isolation, Matrix, Probe
from knowngood.project.project import Project
from knowngood.run.engine import execute
from knowngood.run.executors.interface import RunSettings, Task
from knowngood.run.host import Machine
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from support.facts import RULES
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


def machine(environ: Mapping[str, str], cache: Path, *, jobs: int = 2) -> Machine:
    """Return the description of a machine whose caches are below ``cache``."""
    return Machine(outside=environ, uv=UV, python=PYTHON, cache_folder=cache, jobs=jobs, cores=2)


def request(
    subject: Matrix,
    folder: Path,
    environ: Mapping[str, str],
    *,
    jobs: int = 2,
    cache: Path | None = None,
    **options: Any,
) -> RunRequest:
    """Return the request to run all of ``subject`` in ``folder``, which is ``STATE/runs/MATRIX/ID``.

    ``options`` are fields of the request. The runs of one matrix share a cache, unless ``cache`` is another folder.
    """
    assert folder.parent.parent.name == "runs", folder
    # The same on every machine, whether it has a sandbox or not.
    options.setdefault("isolation", Isolation.NONE)
    return RunRequest(
        project=Project(subject.project, matrix=subject, state_dir=folder.parents[2]),
        combos=subject.combos,
        machine=machine(environ, cache or folder.parents[2] / "cache", jobs=jobs),
        run_id=folder.name,
        **options,
    )


def record(what: RunRequest, also: Callable[[Event, Stop], object] = lambda event, stop: None) -> list[Event]:
    """Execute a request and return its events; ``also`` is called with each as it happens, and can stop the run."""
    events: list[Event] = []
    stop = Stop()

    def sink(event: Event, folding: Folding) -> None:
        events.append(event)
        also(event, stop)

    execute(what, [sink], stop=stop)
    return events


def task(subject: Combo, url: str, *, probe: str = PROBE, **options: Any) -> Task:
    """Return the task to evaluate a combo with packages from ``url``; ``options`` are fields of the settings."""
    settings = RunSettings(
        run="r",
        matrix="tiny",
        probes=(Probe(id="works", source=probe, path=None),),
        assets=(),
        routes=Routes(default=url),
        rules=RULES,
        **options,
    )
    return Task(combo=subject, settings=settings)


def cells(events: list[Event]) -> dict[str, Cell]:
    """Return the judged cell of each combo, which has one probe."""
    run = fold(events)
    assert run is not None
    return {cell.combo.id: cell for cell in judge(run, RULES).cells}


def names(events: list[Event], combo: str | None = None) -> list[str]:
    """Return the names of the events, of one combo or of all."""
    return [event.event for event in events if combo is None or getattr(event, "combo", None) == combo]
