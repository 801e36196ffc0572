"""One combo, start to end, for real: what is tried again, and what is not."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from knowngood.events import Event, Retrying, RunStarted
from knowngood.install import registry
from knowngood.install.index import Routes
from knowngood.install.interpreters import Interpreters
from knowngood.model import Combo, InstallerName, Phase, Probe, Reason, Status
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.run.evaluate import Bench, evaluate
from knowngood.run.stop import Stop
from support.facts import RULES, info
from support.index import Index, closed_url
from support.runs import PROBE, cells, names
from support.wheels import build_wheel
from support.workshop import UV, combo


@pytest.fixture
def stocked(index: Index) -> Index:
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(index.folder, "solid", version)
    return index


def bench(url: str, folder: Path, environ: Mapping[str, str], *, probe: str = PROBE) -> Bench:
    processes = Processes(folder, grace=1.0)
    return Bench(
        processes=processes,
        uv=UV,
        environ=registry.environment(Routes(default=url), environ),
        interpreters=Interpreters(outside=environ, cache=folder / "pythons"),
        launcher=Launcher(processes=processes, outside=environ, assets={}, threads=1),
        probes={"works": Probe(id="works", source=probe, path=None)},
        trouble=None,
        keep=False,
        stop=Stop(),
        rules=RULES,
    )


def told(events: list[Event], subject: Combo) -> list[Event]:
    return [RunStarted(info=info(), combos=(subject,)), *events]


@pytest.mark.parametrize("installer", InstallerName)
def test_what_stands_in_the_way_is_tried_once_more_and_may_have_passed(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    stocked.page_status["solid"] = 503
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, Retrying):
            stocked.page_status.clear()

    subject = combo(("solid==1.0",), installer=installer)
    evaluate(subject, bench(stocked.url, tmp_path, environ), emit)

    (retry,) = (event for event in events if isinstance(event, Retrying))
    assert (retry.phase, retry.delay) == (Phase.RESOLVE, 2.0)
    assert "503" in retry.why
    assert cells(told(events, subject))["one"].verdict.status is Status.PASS


def test_what_still_stands_in_the_way_the_second_time_is_infra(environ: Mapping[str, str], tmp_path: Path) -> None:
    subject, events = combo(("solid==1.0",)), list[Event]()

    evaluate(subject, bench(closed_url(), tmp_path, environ), events.append)

    cell = cells(told(events, subject))["one"]
    assert (cell.verdict.status, cell.verdict.reason) == (Status.INFRA, Reason.INDEX_UNREACHABLE)
    assert names(events).count("retrying") == 1
    assert names(events)[-1] == "combo-finished"
    assert "environment-created" not in names(events)


@pytest.mark.parametrize(
    ("asked", "status"),
    [("solid==9.9", Status.UNSOLVABLE), ("solid==2.0", Status.FAIL)],
)
def test_what_is_the_fault_of_the_versions_is_not_tried_again(
    asked: str, status: Status, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject, events = combo((asked,)), list[Event]()

    evaluate(subject, bench(stocked.url, tmp_path, environ), events.append)

    assert cells(told(events, subject))["one"].verdict.status is status
    assert "retrying" not in names(events)


def test_a_probe_that_crashes_only_once_passes_with_two_attempts(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    been = tmp_path / "been-here"
    flaky = f"import os, pathlib\nbeen = pathlib.Path({str(been)!r})\nif not been.exists(): been.touch(); os.abort()\n"
    subject, events = combo(("solid==1.0",)), list[Event]()

    evaluate(subject, bench(stocked.url, tmp_path / "run", environ, probe=flaky), events.append)

    cell = cells(told(events, subject))["one"]
    assert (cell.verdict.status, cell.attempts) == (Status.PASS, 2)


def test_a_probe_that_hangs_is_ended_in_time_twice(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    subject, events = combo(("solid==1.0",), timeout=0.5), list[Event]()

    started = time.monotonic()
    evaluate(subject, bench(stocked.url, tmp_path, environ, probe="import time; time.sleep(600)"), events.append)

    cell = cells(told(events, subject))["one"]
    assert (cell.verdict.status, cell.attempts, cell.check) == (Status.TIMEOUT, 2, "script")
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("installer", InstallerName)
def test_the_events_of_a_combo_come_in_the_order_of_its_life(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject, events = combo(("solid==1.0",), ("solid",), installer=installer), list[Event]()

    evaluate(subject, bench(stocked.url, tmp_path, environ), events.append)

    resolved, created, installed = "step-resolved", "environment-created", "step-installed"
    ahead = [resolved, resolved, created, installed, installed]
    one_by_one = [created, resolved, installed, resolved, installed]
    told_of = {resolved, created, installed, "environment-measured", "probe-finished", "combo-finished"}
    assert [name for name in names(events) if name in told_of] == [
        *(ahead if installer is InstallerName.UV else one_by_one),
        "environment-measured",
        "probe-finished",
        "combo-finished",
    ]


def test_a_combo_that_was_stopped_has_no_end(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    place, events = bench(stocked.url, tmp_path, environ), list[Event]()

    def emit(event: Event) -> None:
        events.append(event)
        if event.event == "environment-created":
            place.stop("SIGTERM")
            place.processes.cancel()

    subject = combo(("solid==1.0",))
    evaluate(subject, place, emit)

    assert "combo-finished" not in names(events)
    assert not (place.folder(subject) / "env").exists()
    assert cells(told(events, subject))["one"].verdict.reason is Reason.INTERRUPTED


def test_a_combo_that_starts_again_finds_nothing_of_its_earlier_try(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    place = bench(stocked.url, tmp_path, environ)
    left = place.folder(combo()) / "env" / "left-over"
    left.parent.mkdir(parents=True)
    left.touch()
    subject, events = combo(("solid==1.0",)), list[Event]()

    evaluate(subject, place, events.append)

    assert cells(told(events, subject))["one"].verdict.status is Status.PASS
    assert not left.exists()
