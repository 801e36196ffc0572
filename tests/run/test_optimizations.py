"""Test that optimizations change no verdict: compare the cells of a matrix with all of them and with none."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import pytest

from knowngood.events import Event, HarnessFailed, PhaseStarted, ProbeFinished
from knowngood.model import Cell, InstallerName, Phase, Seconds, Status, WarningPolicy
from knowngood.project.runs import Runs
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from support.index import Index
from support.runs import cells, matrix, record, request
from support.wheels import build_sdist, build_wheel
from support.workshop import combo

WORKS = """
import gc, warnings
from probe_api import array, check, record

@check
def the_version_is_good():
    import solid
    record(version=solid.__version__, threads=1)
    array("vectors", [[1.0, 2.0], [3.0, 4.5]])
    warnings.warn("getting old")
    if solid.__version__ == "3.0":
        import os
        os.abort()
    assert solid.__version__ != "2.0", "2.0 does not work"

@check(needs=[the_version_is_good])
def cycles_are_collected_when_asked():
    cycle = []
    cycle.append(cycle)
    del cycle
    record(found=gc.collect() > 0)
"""
PROBES = {
    "works": WORKS,
    "crashes-at-exit": "import atexit, os, solid\natexit.register(os.abort)\nprint('all is well')",
    "fails-at-exit": "import atexit, os, solid\natexit.register(os._exit, 7)",
    "hangs-at-exit": "import atexit, time, solid\natexit.register(time.sleep, 60)",
}
COMBOS = (
    combo(("solid==1.0",), name="passes"),
    combo(("solid==1.0",), name="passes-too"),
    combo(("solid==1.0",), ("solid",), name="in-steps"),
    combo(("solid==2.0",), name="fails"),
    combo(("solid==3.0",), name="crashes"),
    combo(("solid==1.0",), ("wants-new",), name="drifts"),
    combo(("wants-old", "wants-new"), name="unsolvable"),
    combo(("breaks",), name="does-not-build"),
    combo(("solid==1.0",), name="with-pip", installer=InstallerName.PIP),
    combo(("solid==1.0",), name="crashes-at-exit", probes=("crashes-at-exit",)),
    combo(("solid==1.0",), name="fails-at-exit", probes=("fails-at-exit",)),
    combo(("solid==1.0",), name="hangs-at-exit", probes=("hangs-at-exit",), timeout=1.0),
)


@pytest.fixture
def stocked(index: Index) -> Index:
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(index.folder, "solid", version)
    build_wheel(index.folder, "wants-old", "1.0", requires=("solid<2",))
    build_wheel(index.folder, "wants-new", "1.0", requires=("solid>=2,<3",))
    build_sdist(index.folder, "breaks", "1.0", backend="raise RuntimeError('no compiler here')\n")
    return index


def probed(events: list[Event]) -> int:
    return sum(isinstance(event, PhaseStarted) and event.phase is Phase.PROBE for event in events)


def comparable(cell: Cell, store: Runs, run: str) -> dict[str, object]:
    """Return the fields of a cell without times, memory, logs and the paths of its run."""
    kept = replace(
        cell,
        seconds=Seconds(),
        log=None,
        reused=None,
        checks=tuple(replace(check, seconds=None) for check in cell.checks),
        metrics={name: value for name, value in cell.metrics.items() if not name.endswith("_mib")},
    )

    def normalized(value: object) -> str:
        text = repr(value).replace(str(store.environments), "PLACES")
        # A reused message names the run that recorded it.
        text = re.sub(rf"{re.escape(str(store.folder))}/[\w-]+", "RUN", text)
        # An environment is in the folder of its run, or in the pool.
        return re.sub(r"RUN/combos/[\w-]+/env|PLACES/[\w-]+-[0-9a-f]{12}/env", "ENV", text)

    return {field.name: normalized(getattr(kept, field.name)) for field in fields(kept)}


def test_all_optimizations_and_none_give_the_same_cells(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject = matrix(tmp_path, stocked.url, COMBOS, probes=PROBES, reference="passes")
    linking = dict(environ) | {"UV_LINK_MODE": "hardlink"}
    runs: tuple[tuple[str, dict[str, object]], ...] = (
        ("none", {"optimizations": frozenset()}),
        ("all", {}),
        ("all-warm", {"fresh": True}),
        ("all-kept", {"fresh_probes": True}),
        ("all-known", {}),
    )

    compared, events = {}, {}
    for name, how in runs:
        what = request(subject, tmp_path / "runs" / "tiny" / name, linking, **how)  # type: ignore[arg-type]
        events[name] = record(what)
        compared[name] = {one: comparable(cell, what.project.runs, name) for one, cell in cells(events[name]).items()}

    statuses = {name: cell.verdict.status for name, cell in cells(events["none"]).items()}
    assert statuses == {
        "passes": Status.PASS,
        "passes-too": Status.PASS,
        "in-steps": Status.PASS,
        "fails": Status.FAIL,
        "crashes": Status.CRASH,
        "drifts": Status.FAIL,
        "unsolvable": Status.UNSOLVABLE,
        "does-not-build": Status.BUILD_FAIL,
        "with-pip": Status.PASS,
        "crashes-at-exit": Status.CRASH,
        "fails-at-exit": Status.FAIL,
        "hangs-at-exit": Status.TIMEOUT,
    }
    for name in compared:
        for combo_id in statuses:
            assert compared[name][combo_id] == compared["none"][combo_id], (name, combo_id)
    # The optimizations were in effect at all.
    assert probed(events["none"]) == probed(events["all-kept"]) == 13
    assert probed(events["all"]) == probed(events["all-warm"]) == 12
    assert probed(events["all-known"]) == 0


DIES_AT_EXIT = {
    "of an abort": ("import atexit, os\natexit.register(os.abort)", "SIGABRT"),
    "of a fault": (
        "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGSEGV)",
        "SIGSEGV",
    ),
    "when what it holds is torn down": (
        "import os, sys\nclass Native:\n  def __del__(self, abort=os.abort): abort()\nsys.modules['native'] = Native()",
        "SIGABRT",
    ),
}


@pytest.mark.parametrize("how", DIES_AT_EXIT)
def test_a_crash_at_interpreter_exit_is_found_on_every_run(
    how: str, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe, signal = DIES_AT_EXIT[how]
    subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",)),), probes={"works": probe})

    for name in ("first", "fresh-probes", "fresh", "last"):
        what = request(
            subject,
            tmp_path / "runs" / "tiny" / name,
            environ,
            fresh=name == "fresh",
            fresh_probes=name == "fresh-probes",
        )
        judged = cells(record(what))["one"]

        assert judged.verdict.status is Status.CRASH, name
        assert f"died of {signal}" in judged.message


def test_an_alarm_printed_at_exit_is_found_on_every_run(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe = (
        "import atexit\natexit.register(print, 'A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0')"
    )
    strict = replace(combo(("solid==1.0",)), warnings=WarningPolicy.FAIL)
    subject = matrix(tmp_path, stocked.url, (strict,), probes={"works": probe})

    for name in ("first", "second"):
        judged = cells(record(request(subject, tmp_path / "runs" / "tiny" / name, environ, fresh_probes=True)))["one"]

        assert judged.verdict.status is Status.FAIL, name
        assert judged.warnings


def test_bytecode_is_shared_between_locks_of_a_run_only_with_the_optimization(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe = (
        "import os, solid\nfrom probe_api import check, record\n"
        "with check('links'):\n  record(links=os.stat(solid.__cached__).st_nlink)"
    )
    combos = (combo(("solid==1.0",), name="first"), combo(("solid==1.0",), ("solid",), name="second"))
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": probe})
    linking = dict(environ) | {"UV_LINK_MODE": "hardlink"}

    def links(name: str, optimizations: frozenset[Optimization]) -> list[object]:
        # Each run has a state of its own: how long combos took before would change their order.
        folder = tmp_path / name / "runs" / "tiny" / "run"
        events = record(request(subject, folder, linking, jobs=1, optimizations=optimizations))
        assert sum(isinstance(event, ProbeFinished) for event in events) == 2
        return [cell.metrics["links"] for cell in cells(events).values()]

    without = frozenset[Optimization]()
    assert links("none", without) == [1, 1]
    # The second one's is linked to the store's and the first one's.
    assert links("bytecode", without | {Optimization.BYTECODE})[1] != 1


def test_a_deleted_environment_gets_no_bytecode(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    # A probe that is not declared, which no matrix file can request, stands for a bug of ours. It raises when it
    # should run.
    combos = (
        combo(("solid==1.0",), name="broken", probes=("nobody-knows",), installer=InstallerName.PIP),
        combo(("solid==1.0",), installer=InstallerName.PIP),
    )
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": "import solid"})
    what = request(
        subject,
        tmp_path / "runs" / "tiny" / "one",
        environ,
        jobs=1,
        optimizations=ALL_OPTIMIZATIONS - {Optimization.KEPT},
    )

    events = record(what)

    assert [event.combo for event in events if isinstance(event, HarnessFailed)] == ["broken"]
    assert [event.combo for event in events if isinstance(event, ProbeFinished)] == ["one"]
    assert not (what.project.runs.folder / "one" / "combos" / "broken" / "env").exists(), (
        "nothing is created in a deleted environment"
    )
