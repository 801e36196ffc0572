"""Tests of one combo from start to end, for real: its stages, what is tried again, and how it is stopped."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from knowngood.cache.environments import EnvironmentPool
from knowngood.events import Event, Retrying, RunStarted
from knowngood.model import Cell, InstallerName, Phase, Reason, Status
from knowngood.run.context import prepare
from knowngood.run.evaluate import Stage, evaluate
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization, Task
from knowngood.run.stop import Stop
from support.facts import info
from support.index import Index, closed_url
from support.runs import cells, machine, names, task
from support.wheels import build_wheel
from support.workshop import combo


@pytest.fixture
def stocked(index: Index) -> Index:
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(index.folder, "solid", version)
    return index


class Evaluated:
    """A combo that was evaluated as any caller can: by exhausting the generator of its stages."""

    def __init__(
        self,
        task: Task,
        folder: Path,
        environ: Mapping[str, str],
        also: Callable[[Event, Stop], object] = lambda event, stop: None,
    ) -> None:
        self.task = task
        self.events: list[Event] = []
        self.stages: list[Stage] = []
        self.stop = Stop()

        def emit(event: Event) -> None:
            self.events.append(event)
            also(event, self.stop)

        machine_here = machine(environ, folder / "cache", jobs=1)
        with prepare(
            task.settings,
            machine=machine_here,
            folder=folder,
            environments=folder / "environments",
            project=folder,
            stop=self.stop,
        ) as context:
            self.folder = context.folder(task.combo.id)
            self.stages.extend(pause.next for pause in evaluate(task, context, emit))

    @property
    def cell(self) -> Cell:
        """The judged cell of its one probe."""
        return cells([RunStarted(info=info(), combos=(self.task.combo,)), *self.events])[self.task.combo.id]


NONE = frozenset[Optimization]()


@pytest.mark.parametrize("installer", InstallerName)
def test_an_installer_that_an_outage_stopped_is_tried_once_more(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    stocked.page_status["solid"] = 503

    def repair(event: Event, stop: Stop) -> None:
        if isinstance(event, Retrying):
            stocked.page_status.clear()

    subject = task(combo(("solid==1.0",), installer=installer), stocked.url)
    evaluated = Evaluated(subject, tmp_path, environ, repair)

    (retry,) = (event for event in evaluated.events if isinstance(event, Retrying))
    assert (retry.phase, retry.delay) == (Phase.RESOLVE, 2.0)
    assert "503" in retry.why
    assert evaluated.cell.verdict.status is Status.PASS


def test_an_outage_that_lasts_is_infra(environ: Mapping[str, str], tmp_path: Path) -> None:
    evaluated = Evaluated(task(combo(("solid==1.0",)), closed_url()), tmp_path, environ)

    verdict = evaluated.cell.verdict
    assert (verdict.status, verdict.reason) == (Status.INFRA, Reason.INDEX_UNREACHABLE)
    assert names(evaluated.events).count("retrying") == 1
    assert names(evaluated.events)[-1] == "combo-finished"
    assert "environment-created" not in names(evaluated.events)
    assert evaluated.stages == [Stage.CLOSE]


@pytest.mark.parametrize(
    ("requirement", "status"),
    [("solid==9.9", Status.UNSOLVABLE), ("solid==2.0", Status.FAIL)],
)
def test_a_failure_of_the_versions_is_not_tried_again(
    requirement: str, status: Status, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    evaluated = Evaluated(task(combo((requirement,)), stocked.url), tmp_path, environ)

    assert evaluated.cell.verdict.status is status
    assert "retrying" not in names(evaluated.events)


def test_a_probe_that_crashes_only_once_passes_with_two_attempts(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    been = tmp_path / "been-here"
    flaky = f"import os, pathlib\nbeen = pathlib.Path({str(been)!r})\nif not been.exists(): been.touch(); os.abort()\n"

    evaluated = Evaluated(task(combo(("solid==1.0",)), stocked.url, probe=flaky), tmp_path / "run", environ)

    assert (evaluated.cell.verdict.status, evaluated.cell.attempts) == (Status.PASS, 2)


def test_a_probe_that_hangs_is_ended_in_time_twice(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    hangs = task(combo(("solid==1.0",), timeout=0.5), stocked.url, probe="import time; time.sleep(600)")

    started = time.monotonic()
    cell = Evaluated(hangs, tmp_path, environ).cell

    assert (cell.verdict.status, cell.attempts, cell.check) == (Status.TIMEOUT, 2, "script")
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("installer", InstallerName)
def test_the_events_of_a_combo_come_in_the_order_of_its_stages(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject = combo(("solid==1.0",), ("solid",), installer=installer)

    evaluated = Evaluated(task(subject, stocked.url), tmp_path, environ)

    resolved, created, installed = "step-resolved", "environment-created", "step-installed"
    ahead = [resolved, resolved, created, installed, installed]
    one_by_one = [created, resolved, installed, resolved, installed]
    of_interest = {resolved, created, installed, "environment-measured", "probe-finished", "combo-finished"}
    assert [name for name in names(evaluated.events) if name in of_interest] == [
        *(ahead if installer is InstallerName.UV else one_by_one),
        "environment-measured",
        "probe-finished",
        "combo-finished",
    ]
    assert evaluated.stages == [Stage.BUILD, Stage.PROBE, Stage.CLOSE]


@pytest.mark.parametrize("optimizations", [ALL_OPTIMIZATIONS, NONE], ids=["all", "none"])
def test_a_combo_that_was_stopped_has_no_end(
    optimizations: frozenset[Optimization], stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    def stop_at_once(event: Event, stop: Stop) -> None:
        if event.event == "environment-created":
            stop("SIGTERM")

    subject = task(combo(("solid==1.0",)), stocked.url, optimizations=optimizations)
    evaluated = Evaluated(subject, tmp_path, environ, stop_at_once)

    assert "combo-finished" not in names(evaluated.events)
    assert list(tmp_path.rglob("pyvenv.cfg")) == []
    assert evaluated.cell.verdict.reason is Reason.INTERRUPTED


def test_a_combo_that_starts_again_finds_nothing_of_its_earlier_try(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    leftover = tmp_path / "combos" / "one" / "env" / "left-over"
    leftover.parent.mkdir(parents=True)
    leftover.touch()

    evaluated = Evaluated(task(combo(("solid==1.0",)), stocked.url, optimizations=NONE), tmp_path, environ)

    assert evaluated.cell.verdict.status is Status.PASS
    assert not leftover.exists()


def test_closing_the_stages_lets_go_of_the_environment(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject = task(combo(("solid==1.0",)), stocked.url)
    pool, events = tmp_path / "environments", list[Event]()
    here, run = machine(environ, tmp_path / "cache", jobs=1), tmp_path / "run"
    with prepare(
        subject.settings, machine=here, folder=run, environments=pool, project=tmp_path, stop=Stop()
    ) as context:
        stages = evaluate(subject, context, events.append)
        assert next(stages).next is Stage.BUILD
        assert next(stages).next is Stage.PROBE
        assert len(list(pool.glob("*/env/pyvenv.cfg"))) == 1

        stages.close()

        with EnvironmentPool(folder=pool).take("one", "k") as other:
            assert not other.folder.exists()
    assert "combo-finished" not in names(events)
