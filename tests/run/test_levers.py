"""What makes a run fast changes no verdict: the same matrix with every lever and with none, compared cell by cell."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import pytest

from knowngood.build.installers import HUGE_PAGES
from knowngood.events import Event, HarnessFailed, PhaseStarted, ProbeFinished
from knowngood.model import Cell, Combo, InstallerName, Phase, Seconds, Status, WarningPolicy
from knowngood.run.levers import ALL, Lever
from support.index import Index
from support.runs import cells, conduct, matrix, plan
from support.wheels import build_sdist, build_wheel
from support.workshop import UV, combo

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
    assert solid.__version__ != "2.0", "2.0 is no good"

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


def comparable(cell: Cell, run: Path) -> dict[str, object]:
    """Return the fields of a cell without times, memory, logs and the paths of its run."""
    kept = replace(
        cell,
        seconds=Seconds(),
        log=None,
        reused=None,
        checks=tuple(replace(check, seconds=None) for check in cell.checks),
        metrics={name: value for name, value in cell.metrics.items() if not name.endswith("_mib")},
    )

    def told(value: object) -> str:
        text = repr(value).replace(str(run.parent / "environments"), "PLACES")
        # What was taken over names the run that found it out.
        text = re.sub(rf"{re.escape(str(run.parent))}/[\w-]+", "RUN", text)
        # An environment is in the folder of its run, or in the place where it stays.
        return re.sub(r"RUN/combos/[\w-]+/env|PLACES/[\w-]+-[0-9a-f]{12}/env", "ENV", text)

    return {field.name: told(getattr(kept, field.name)) for field in fields(kept)}


def test_every_lever_and_none_give_the_same_cells(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    subject = matrix(tmp_path, stocked.url, COMBOS, probes=PROBES, reference="passes")
    linking = dict(environ) | {"UV_LINK_MODE": "hardlink"}
    runs: tuple[tuple[str, dict[str, object]], ...] = (
        ("none", {"levers": frozenset()}),
        ("all", {}),
        ("all-warm", {"fresh": True}),
        ("all-kept", {"fresh_probes": True}),
        ("all-known", {}),
    )

    told, events = {}, {}
    for name, how in runs:
        what = plan(subject, tmp_path / "runs" / name, linking, **how)  # type: ignore[arg-type]
        events[name] = conduct(what)
        told[name] = {one: comparable(cell, what.folder) for one, cell in cells(events[name]).items()}

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
    for name in told:
        for one in statuses:
            assert told[name][one] == told["none"][one], (name, one)
    # The levers were pulled at all.
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
def test_a_crash_while_the_interpreter_ends_is_seen_on_every_run(
    how: str, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe, signal = DIES_AT_EXIT[how]
    subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",)),), probes={"works": probe})

    for name in ("first", "fresh-probes", "fresh", "last"):
        what = plan(
            subject, tmp_path / "runs" / name, environ, fresh=name == "fresh", fresh_probes=name == "fresh-probes"
        )
        judged = cells(conduct(what))["one"]

        assert judged.verdict.status is Status.CRASH, name
        assert f"died of {signal}" in judged.message


LEAVES = "import atexit, os, pathlib\natexit.register(pathlib.Path({!r}).touch)"


def ends_whole(
    subject: Combo, left: Path, index: Index, environ: Mapping[str, str], tmp_path: Path, **how: object
) -> bool:
    """Run a combo with a probe that leaves a file in its teardown; return whether it came to that."""
    left.unlink(missing_ok=True)
    what = matrix(tmp_path, index.url, (subject,), probes={"works": LEAVES.format(str(left))})
    events = conduct(plan(what, tmp_path / "runs" / str(len(list(tmp_path.glob("runs/*")))), environ, **how))  # type: ignore[arg-type]
    assert cells(events)[subject.id].verdict.status is Status.PASS
    return left.exists()


def test_a_probe_leaves_quickly_only_where_a_teardown_went_well(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    left, one = tmp_path / "left", combo(("solid==1.0",))

    def whole(subject: Combo = one, **how: object) -> bool:
        return ends_whole(subject, left, stocked, environ, tmp_path, **({"fresh_probes": True} | how))

    assert whole()
    assert not whole()
    assert not whole(fresh=True)
    assert whole(levers=ALL - {Lever.EXIT})
    assert whole(combo(("solid==2.0",))), "another lock is another teardown"


def test_a_teardown_that_went_well_says_nothing_of_one_with_other_variables(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe = "import atexit, os\nif 'KG_BAD' in os.environ: atexit.register(os.abort)"
    for name, env, status in (("first", (), Status.PASS), ("second", (("KG_BAD", "1"),), Status.CRASH)):
        subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",), env=env),), probes={"works": probe})

        judged = cells(conduct(plan(subject, tmp_path / "runs" / name, environ)))["one"]

        assert judged.verdict.status is status


def test_an_alarm_that_is_raised_at_the_exit_is_heard_on_every_run(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe = (
        "import atexit\natexit.register(print, 'A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0')"
    )
    one = replace(combo(("solid==1.0",)), warnings=WarningPolicy.FAIL)
    subject = matrix(tmp_path, stocked.url, (one,), probes={"works": probe})

    for name in ("first", "second"):
        judged = cells(conduct(plan(subject, tmp_path / "runs" / name, environ, fresh_probes=True)))["one"]

        assert judged.verdict.status is Status.FAIL, name
        assert judged.warnings


def test_a_probe_that_raises_its_alarm_before_the_exit_leaves_quickly_too(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    left = tmp_path / "left"
    probe = "print('A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0')\n" + LEAVES.format(
        str(left)
    )
    one = replace(combo(("solid==1.0",)), warnings=WarningPolicy.FAIL)
    subject = matrix(tmp_path, stocked.url, (one,), probes={"works": probe})

    for name, whole in (("first", True), ("second", False)):
        left.unlink(missing_ok=True)
        judged = cells(conduct(plan(subject, tmp_path / "runs" / name, environ, fresh_probes=True)))["one"]

        assert judged.verdict.status is Status.FAIL, name
        assert judged.warnings
        assert left.exists() is whole


def test_an_alarm_that_is_new_when_a_probe_leaves_quickly_is_not_dropped(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    alarm = "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0"
    # Only the second interpreter says it: were its run made once more, nobody would hear.
    probe = (
        f"import pathlib\nseen = pathlib.Path({str(seen)!r})\n"
        f"count = len(seen.read_text()) if seen.exists() else 0\n"
        f"if count == 1: print({alarm!r})\nseen.write_text('x' * (count + 1))"
    )
    one = replace(combo(("solid==1.0",)), warnings=WarningPolicy.FAIL)
    subject = matrix(tmp_path, stocked.url, (one,), probes={"works": probe})

    for name, status in (("first", Status.PASS), ("second", Status.FAIL)):
        judged = cells(conduct(plan(subject, tmp_path / "runs" / name, environ, fresh_probes=True)))["one"]

        assert judged.verdict.status is status, name


def test_bytecode_is_shared_between_locks_within_a_run_and_only_with_the_lever(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    probe = (
        "import os, solid\nfrom probe_api import check, record\n"
        "with check('links'):\n  record(links=os.stat(solid.__cached__).st_nlink)"
    )
    combos = (combo(("solid==1.0",), name="first"), combo(("solid==1.0",), ("solid",), name="second"))
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": probe})
    linking = dict(environ) | {"UV_LINK_MODE": "hardlink"}

    def links(name: str, levers: frozenset[Lever]) -> list[object]:
        events = conduct(plan(subject, tmp_path / "runs" / name, linking, jobs=1, levers=levers))
        assert sum(isinstance(event, ProbeFinished) for event in events) == 2
        return [cell.metrics["links"] for cell in cells(events).values()]

    without = frozenset[Lever]()
    assert links("none", without) == [1, 1]
    # The second one's is linked to the store's and the first one's.
    assert links("bytecode", without | {Lever.BYTECODE})[1] != 1


def test_an_environment_whose_evaluation_failed_gets_no_bytecode_any_more(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    # A probe that nobody declares, which no matrix file can ask for, stands for a bug of ours. With pip it is met
    # twice: when the verdict is looked up, which is after the build, and when it is to be run.
    combos = (
        combo(("solid==1.0",), name="broken", probes=("nobody-knows",), installer=InstallerName.PIP),
        combo(("solid==1.0",), installer=InstallerName.PIP),
    )
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": "import solid"})
    what = plan(subject, tmp_path / "runs" / "one", environ, jobs=1, levers=ALL - {Lever.KEPT})

    events = conduct(what)

    assert [event.combo for event in events if isinstance(event, HarnessFailed)] == ["broken", "broken"]
    assert [event.combo for event in events if isinstance(event, ProbeFinished)] == ["one"]
    assert not (what.folder / "combos" / "broken" / "env").exists(), "nothing is made anew of what was deleted"


@pytest.mark.parametrize(
    ("name", "own", "levers", "told"),
    [
        ("pulled", {}, ALL, HUGE_PAGES["_RJEM_MALLOC_CONF"]),
        ("not", {}, ALL - {Lever.HUGE_PAGES}, "nothing"),
        ("own", {"_RJEM_MALLOC_CONF": "narenas:2"}, ALL, "narenas:2"),
    ],
)
def test_uv_is_told_how_to_allocate_and_probes_are_not(
    stocked: Index,
    environ: Mapping[str, str],
    tmp_path: Path,
    name: str,
    own: Mapping[str, str],
    levers: frozenset[Lever],
    told: str,
) -> None:
    heard = tmp_path / "heard"
    uv = tmp_path / "uv"
    uv.write_text(
        f'#!/bin/sh\necho "${{_RJEM_MALLOC_CONF-nothing}}" >> "{heard}"\nexec "{UV}" "$@"\n', encoding="utf-8"
    )
    uv.chmod(0o755)
    probe = "import os\nfrom probe_api import record\nrecord(own=os.environ.get('_RJEM_MALLOC_CONF', 'nothing'))"
    subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",)),), probes={"works": probe})
    what = plan(subject, tmp_path / "runs" / name, {**environ, **own}, levers=levers)

    judged = cells(conduct(replace(what, machine=replace(what.machine, uv=uv))))["one"]

    assert set(heard.read_text(encoding="utf-8").split()) == {told}
    assert judged.metrics["own"] == "nothing"


def test_the_allocator_of_uv_understands_what_it_is_told() -> None:
    done = subprocess.run([UV, "--version"], env=HUGE_PAGES, capture_output=True, text=True, check=True)

    assert done.stderr == ""
