import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowngood.events import (
    ComboFinished,
    ComboStarted,
    EnvironmentCreated,
    Event,
    Interrupted,
    ProbeFinished,
    RunFinished,
    RunStarted,
    StepInstalled,
    StepResolved,
)
from knowngood.model import RunInfo
from knowngood.project.runs import EventLog, RunFolder, Store
from support.facts import action, attempt, check, combo, info

ONE, TWO = combo("one"), combo("two")
COMBOS = (ONE, TWO)
DONE = (ComboStarted(combo="one"), ComboFinished(combo="one"))


def today(run: str = "20260102-000000-aaaa", *, age: timedelta = timedelta(0)) -> RunInfo:
    return info(run=run, started=(datetime.now(UTC) - age).isoformat(timespec="seconds"))


def record(store: Store, about: RunInfo, events: Sequence[Event]) -> RunFolder:
    folder = store.new(about.id)
    log = EventLog(folder.log)
    for event in (RunStarted(info=about, combos=COMBOS), *events):
        log(event)
    log.close()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(folder=tmp_path / "runs")


def test_what_is_recorded_can_be_read_while_the_run_still_goes_on(store: Store) -> None:
    folder = store.new("a")
    log = EventLog(folder.log)
    for event in (RunStarted(info=today("a"), combos=COMBOS), *DONE):
        log(event)

    run = folder.read()
    log.close()

    assert run is not None and [one.finished for one in run.combos] == [True, False]


def test_lines_are_numbered_on_when_a_log_is_opened_again(store: Store) -> None:
    folder = record(store, today(), DONE)
    log = EventLog(folder.log)
    log(RunFinished())
    log.close()

    assert [json.loads(line)["seq"] for line in folder.log.read_bytes().splitlines()] == [1, 2, 3, 4]


def test_a_line_that_was_torn_when_its_writer_was_killed_is_ended_and_counted(store: Store) -> None:
    folder = record(store, today(), DONE)
    with folder.log.open("ab") as file:
        file.write(b'{"seq":4,"event":"combo-star')

    torn = folder.read()
    log = EventLog(folder.log)
    log(ComboStarted(combo="two"))
    log(ComboFinished(combo="two"))
    log.close()
    mended = folder.read()

    assert torn is not None and torn.bad_lines == 1
    assert mended is not None and mended.bad_lines == 1
    assert [one.finished for one in mended.combos] == [True, True]
    assert json.loads(folder.log.read_bytes().splitlines()[-1])["seq"] == 6


def test_a_folder_without_a_log_tells_of_no_run(store: Store) -> None:
    assert store.new("a").read() is None
    assert list(store.newest()) == []
    assert store.past_seconds() == {}


def test_runs_come_newest_first_and_folders_without_a_log_are_passed_over(store: Store) -> None:
    for run in ("20260101-000000-ffff", "20260103-000000-aaaa", "20260102-000000-cccc"):
        record(store, today(run), ())
    (store.folder / "20260104-000000-dddd").mkdir()

    assert [folder.path.name for folder in store.newest()] == [
        "20260103-000000-aaaa",
        "20260102-000000-cccc",
        "20260101-000000-ffff",
    ]


@pytest.mark.parametrize("end", [(), (Interrupted(signal="SIGTERM"),)])
def test_a_run_that_was_cut_short_is_found_again(store: Store, end: tuple[Event, ...]) -> None:
    folder = record(store, today(), (*DONE, *end))

    assert store.unfinished("d1", COMBOS) == folder


@pytest.mark.parametrize(
    ("about", "events", "digest", "combos"),
    [
        pytest.param(today(), (*DONE, RunFinished()), "d1", COMBOS, id="it came to its end"),
        pytest.param(today(), DONE, "d2", COMBOS, id="the question is another one"),
        pytest.param(today(), DONE, "d1", (ONE,), id="the selection is another one"),
        pytest.param(today(), DONE, "d1", (TWO, ONE), id="the order is another one"),
        pytest.param(today(), DONE, "d1", (ONE, replace(TWO, timeout=1.0)), id="a combo is another one"),
        pytest.param(today(age=timedelta(hours=25)), DONE, "d1", COMBOS, id="it is too old"),
        pytest.param(today(), (ComboStarted(combo="one"),), "d1", COMBOS, id="nothing was done"),
    ],
)
def test_a_run_is_not_taken_up_again_when(
    store: Store, about: RunInfo, events: tuple[Event, ...], digest: str, combos: tuple[object, ...]
) -> None:
    record(store, about, events)

    assert store.unfinished(digest, combos) is None  # type: ignore[arg-type]


def test_a_newer_run_that_ended_stands_before_an_older_one_that_did_not(store: Store) -> None:
    record(store, today("20260101-000000-aaaa"), DONE)
    record(store, today("20260102-000000-aaaa"), (*DONE, RunFinished()))

    assert store.unfinished("d1", COMBOS) is None


def test_a_newer_run_of_another_selection_does_not_hide_an_older_one(store: Store) -> None:
    folder = record(store, today("20260101-000000-aaaa"), DONE)
    other = store.new("20260102-000000-aaaa")
    log = EventLog(other.log)
    log(RunStarted(info=today("20260102-000000-aaaa"), combos=(ONE,)))
    log.close()

    assert store.unfinished("d1", COMBOS) == folder


def test_a_run_that_another_process_still_writes_is_left_to_it(store: Store) -> None:
    folder = record(store, today(), DONE)
    holding = f"""
import sys
from pathlib import Path
from knowngood.project.runs import RunFolder
with RunFolder(path=Path({str(folder.path)!r})).lock():
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        assert store.unfinished("d1", COMBOS) is None
        # However it goes: the lock goes with it.
        other.kill()

    assert store.unfinished("d1", COMBOS) == folder


def test_a_log_that_the_disk_does_not_take_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    # A limit on the size of files answers as a full disk does.
    writing = f"""
import resource
from pathlib import Path
from knowngood.errors import UndecidedError
from knowngood.events import ComboStarted
from knowngood.project.runs import EventLog

log = EventLog(Path({str(tmp_path / "events.jsonl")!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    for number in range(100):
        log(ComboStarted(combo=f"combo-{{number}}"))
except UndecidedError as error:
    print(error.exit_code, error.next_step)
"""
    done = subprocess.run([sys.executable, "-c", writing], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.startswith("3 make room on the disk")
    assert (tmp_path / "events.jsonl").stat().st_size <= 1000


def test_the_time_that_a_combo_takes_is_known_from_the_last_run_that_finished_it(store: Store) -> None:
    def finished(seconds: float) -> tuple[Event, ...]:
        one = attempt(check("a"))
        took = replace(action(), seconds=seconds)
        return (
            ComboStarted(combo="one"),
            StepResolved(combo="one", step=1, requirements=(), action=took, resolved={}),
            EnvironmentCreated(combo="one", action=took, python_version="3.11.7"),
            StepInstalled(combo="one", step=1, requirements=(), action=took, installed={}),
            ProbeFinished(combo="one", probe="works", action=took, transcript=one.transcript),
            ComboFinished(combo="one"),
        )

    for run_id, events in (
        ("20260101-000000-aaaa", finished(100.0)),
        ("20260102-000000-aaaa", finished(2.0)),
        ("20260103-000000-aaaa", finished(50.0)[:-1]),
    ):
        record(store, today(run_id), events)
        run = store.new(run_id).read()
        assert run is not None
        store.note_seconds(run)

    assert store.past_seconds() == {"one": 8.0}
