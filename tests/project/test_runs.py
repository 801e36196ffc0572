"""Runs on disk: their event logs, finding one again, and resuming one that was cut short."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowngood.errors import UsageError
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
from knowngood.model import Combo, RunInfo
from knowngood.project.runs import RecordedRun, Runs, read
from knowngood.run.engine import EventLog
from support.facts import action, attempt, check, combo, info

ONE, TWO = combo("one"), combo("two")
COMBOS = (ONE, TWO)
DONE = (ComboStarted(combo="one"), ComboFinished(combo="one"))
FIRST, SECOND, THIRD = "20260101-000000-aaaa", "20260102-000000-aaaa", "20260103-000000-aaaa"


def today(run: str = SECOND, *, age: timedelta = timedelta(0)) -> RunInfo:
    return info(run=run, started=(datetime.now(UTC) - age).isoformat(timespec="seconds"))


def record(runs: Runs, about: RunInfo, events: Sequence[Event], combos: tuple[Combo, ...] = COMBOS) -> RecordedRun:
    recorded = runs.new(about.id)
    log = EventLog(recorded.log)
    for event in (RunStarted(info=about, combos=combos), *events):
        log(event)
    log.close()
    return recorded


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(folder=tmp_path / ".knowngood" / "runs" / "m", project=tmp_path)


def refused(runs: Runs, text: str | None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        runs.find(text)
    assert caught.value.next_step
    return caught.value


def test_a_run_can_be_read_while_it_is_still_being_written(runs: Runs) -> None:
    recorded = runs.new("a")
    log = EventLog(recorded.log)
    for event in (RunStarted(info=today("a"), combos=COMBOS), *DONE):
        log(event)

    run = recorded.read()
    log.close()

    assert [facts.finished for facts in run.combos] == [True, False]


def test_line_numbers_continue_when_a_log_is_opened_again(runs: Runs) -> None:
    recorded = record(runs, today(), DONE)
    log = EventLog(recorded.log)
    log(RunFinished())
    log.close()

    assert [json.loads(line)["seq"] for line in recorded.log.read_bytes().splitlines()] == [1, 2, 3, 4]


def test_a_line_torn_by_a_killed_writer_is_ended_and_counted_as_bad(runs: Runs) -> None:
    recorded = record(runs, today(), DONE)
    with recorded.log.open("ab") as file:
        file.write(b'{"seq":4,"event":"combo-star')

    torn = recorded.read()
    log = EventLog(recorded.log)
    log(ComboStarted(combo="two"))
    log(ComboFinished(combo="two"))
    log.close()
    repaired = recorded.read()

    assert torn.bad_lines == repaired.bad_lines == 1
    assert [facts.finished for facts in repaired.combos] == [True, True]
    assert json.loads(recorded.log.read_bytes().splitlines()[-1])["seq"] == 6


def test_a_new_run_is_not_recorded_before_its_first_event(runs: Runs) -> None:
    with pytest.raises(UsageError):
        runs.new("a").read()

    assert list(runs.newest()) == []
    assert runs.past_seconds() == {}


def test_runs_come_newest_first_and_folders_without_a_log_are_skipped(runs: Runs) -> None:
    for run in ("20260101-000000-ffff", "20260103-000000-aaaa", "20260102-000000-cccc"):
        record(runs, today(run), ())
    (runs.folder / "20260104-000000-dddd").mkdir()

    assert [recorded.id for recorded in runs.newest()] == [
        "20260103-000000-aaaa",
        "20260102-000000-cccc",
        "20260101-000000-ffff",
    ]


def test_a_run_is_named_by_the_start_of_its_id_and_by_default_the_newest_is_meant(runs: Runs) -> None:
    first, second = record(runs, today(FIRST), ()), record(runs, today(SECOND), ())

    assert runs.find("20260101") == first
    assert runs.find(SECOND) == second
    assert runs.find(None) == second
    assert second.name == f"run {SECOND}"


def test_a_run_is_named_by_its_log_its_folder_or_a_matrix_json(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = record(runs, today(FIRST), ())
    (tmp_path / "download").mkdir()
    report = tmp_path / "download" / "matrix.json"
    report.write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert runs.find(str(recorded.log)).file == recorded.log
    assert runs.find(str(recorded.folder)).file == recorded.log
    assert runs.find("download").file.absolute() == report
    assert runs.find("download/matrix.json").name == "download/matrix.json"


def test_a_folder_with_a_log_and_a_report_stands_for_the_log(runs: Runs) -> None:
    recorded = record(runs, today(FIRST), ())
    (recorded.folder / "matrix.json").write_text("{}", encoding="utf-8")

    assert runs.find(str(recorded.folder)).file == recorded.log


def test_the_start_of_several_ids_is_refused_with_their_names(runs: Runs) -> None:
    for run in (FIRST, SECOND):
        record(runs, today(run), ())

    error = refused(runs, "2026")

    assert error.what == "'2026' is ambiguous"
    assert f"{SECOND}, {FIRST}" in error.cause


@pytest.mark.parametrize("text", ["20991231", ""])
def test_a_name_that_matches_neither_a_file_nor_a_run_is_refused_with_the_newest_runs(runs: Runs, text: str) -> None:
    record(runs, today(FIRST), ())

    error = refused(runs, text)

    assert error.what == f"no run {text!r}"
    assert FIRST in error.cause


def test_before_the_first_run_the_next_step_is_to_run_the_matrix(runs: Runs) -> None:
    assert refused(runs, None).what == "m has no runs yet"
    assert "m has no runs yet" in refused(runs, "2026").cause
    assert refused(runs, "2026").next_step.startswith("run the matrix first")


def test_a_folder_without_a_run_is_refused(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "holds no run" in refused(runs, str(tmp_path / "empty")).what


def test_a_folder_of_folders_stands_for_all_its_logs_and_no_deeper_than_a_log(runs: Runs, tmp_path: Path) -> None:
    first, second = record(runs, today(FIRST), ()), record(runs, today(SECOND), ())
    environment = first.folder / "combos" / "one" / "env"
    environment.mkdir(parents=True)
    (environment / "events.jsonl").write_text("not ours\n", encoding="utf-8")

    assert [recorded.file for recorded in runs.find_all(str(tmp_path))] == [first.log, second.log]
    assert [recorded.file for recorded in runs.find_all("20260101")] == [first.log]


@pytest.mark.parametrize("content", [b"", b"not an event\n"])
def test_a_log_that_records_no_run_is_refused_by_name(runs: Runs, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.jsonl").write_bytes(content)

    with pytest.raises(UsageError, match="is not the event log of a run") as caught:
        runs.find(str(tmp_path / "events.jsonl")).read()

    assert "events.jsonl" in caught.value.what and caught.value.next_step


def test_a_matrix_json_has_no_events_and_says_how_to_name_the_run_instead(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text("{}", encoding="utf-8")

    with pytest.raises(UsageError, match="holds verdicts only") as caught:
        runs.find(str(tmp_path / "matrix.json")).read()

    assert "events.jsonl" in caught.value.next_step


def test_the_newest_run_with_a_combo_is_one_that_finished_it(runs: Runs) -> None:
    first = record(runs, today(FIRST), DONE)
    second = record(runs, today(SECOND), ())
    record(runs, today(THIRD), (), combos=(combo("other"),))

    assert runs.newest_with("one") == runs.newest_with("o?e") == first
    assert runs.newest_with("two") is None
    assert runs.newest_with("two", finished=False) == second
    assert runs.newest_with("absent", finished=False) is None


def test_a_run_that_is_kept_outside_its_project_remembers_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    elsewhere = Runs(folder=tmp_path / "state" / "runs" / "m", project=project)

    recorded = elsewhere.new(FIRST)

    assert (recorded.folder / "project").read_text(encoding="utf-8") == f"{project}\n"


@pytest.mark.parametrize("end", [(), (Interrupted(signal="SIGTERM"),)])
def test_a_run_that_was_cut_short_is_resumed(runs: Runs, end: tuple[Event, ...]) -> None:
    recorded = record(runs, today(), (*DONE, *end))

    assert runs.unfinished("d1", lambda: COMBOS) == recorded


@pytest.mark.parametrize(
    ("about", "events", "digest", "combos"),
    [
        pytest.param(today(), (*DONE, RunFinished()), "d1", COMBOS, id="it is complete"),
        pytest.param(today(), DONE, "d2", COMBOS, id="the matrix file changed"),
        pytest.param(today(), DONE, "d1", (ONE,), id="the selection changed"),
        pytest.param(today(), DONE, "d1", (TWO, ONE), id="the order changed"),
        pytest.param(today(), DONE, "d1", (ONE, replace(TWO, timeout=1.0)), id="a combo changed"),
        pytest.param(today(age=timedelta(hours=25)), DONE, "d1", COMBOS, id="it is older than a day"),
        pytest.param(today(), (ComboStarted(combo="one"),), "d1", COMBOS, id="no combo finished"),
    ],
)
def test_a_run_is_not_resumed_when(
    runs: Runs, about: RunInfo, events: tuple[Event, ...], digest: str, combos: tuple[Combo, ...]
) -> None:
    record(runs, about, events)

    assert runs.unfinished(digest, lambda: combos) is None


def test_an_unfinished_run_is_not_resumed_after_a_newer_complete_one(runs: Runs) -> None:
    record(runs, today(FIRST), DONE)
    record(runs, today(SECOND), (*DONE, RunFinished()))

    assert runs.unfinished("d1", lambda: COMBOS) is None


def test_a_newer_run_of_another_selection_does_not_hide_an_unfinished_one(runs: Runs) -> None:
    recorded = record(runs, today(FIRST), DONE)
    record(runs, today(SECOND), (), combos=(ONE,))

    assert runs.unfinished("d1", lambda: COMBOS) == recorded


def test_a_run_that_another_process_still_writes_is_not_resumed(runs: Runs) -> None:
    recorded = record(runs, today(), DONE)
    holding = f"""
import sys
from pathlib import Path
from knowngood.project.runs import RecordedRun
with RecordedRun(file=Path({str(recorded.file)!r}), name="it").lock():
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        assert runs.unfinished("d1", lambda: COMBOS) is None
        # A process that is killed releases the lock as well.
        other.kill()

    assert runs.unfinished("d1", lambda: COMBOS) == recorded


def test_a_log_on_a_full_disk_is_an_infrastructure_error_with_a_next_step(tmp_path: Path) -> None:
    # A limit on the size of files fails as a full disk does.
    writing = f"""
import resource
from pathlib import Path
from knowngood.errors import UndecidedError
from knowngood.events import ComboStarted
from knowngood.run.engine import EventLog

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


def test_the_duration_of_a_combo_is_that_of_the_last_run_that_finished_it(runs: Runs) -> None:
    def finished(seconds: float) -> tuple[Event, ...]:
        command = replace(action(), seconds=seconds)
        return (
            ComboStarted(combo="one"),
            StepResolved(combo="one", step=1, requirements=(), action=command, resolved={}),
            EnvironmentCreated(combo="one", action=command, python_version="3.11.7"),
            StepInstalled(combo="one", step=1, requirements=(), action=command, installed={}),
            ProbeFinished(combo="one", probe="works", action=command, transcript=attempt(check("a")).transcript),
            ComboFinished(combo="one"),
        )

    for run_id, events in ((FIRST, finished(100.0)), (SECOND, finished(2.0)), (THIRD, finished(50.0)[:-1])):
        run = read(record(runs, today(run_id), events).log)
        assert run is not None
        runs.note_seconds(run)

    assert runs.past_seconds() == {"one": 8.0}


def test_a_log_of_a_newer_version_is_refused_with_a_word_and_never_continued(tmp_path: Path) -> None:
    runs = Runs(folder=tmp_path / "matrix", project=tmp_path)
    recorded = runs.new(SECOND)
    log = EventLog(recorded.file)
    log(replace(RunStarted(info=today(), combos=COMBOS), schema_version=99))
    for event in DONE:
        log(event)
    log.close()

    with pytest.raises(UsageError, match="a newer version of knowngood recorded run 2026") as refused:
        recorded.read()
    assert "schema 99" in refused.value.cause and "update knowngood" in refused.value.next_step
    assert runs.unfinished("d1", lambda: COMBOS) is None


@pytest.mark.parametrize("started", ["yesterday", "2026-01-01T00:00:00", ""])
def test_a_log_without_a_valid_time_is_not_continued(started: str, tmp_path: Path) -> None:
    runs = Runs(folder=tmp_path / "matrix", project=tmp_path)
    log = EventLog(runs.new(SECOND).file)
    log(RunStarted(info=replace(today(), started=started), combos=COMBOS))
    for event in DONE:
        log(event)
    log.close()

    assert runs.unfinished("d1", lambda: COMBOS) is None
    assert runs.selected("d1") == ()


@pytest.mark.parametrize(
    "text", ['{"one": 1e999}', '{"one": NaN}', '{"one": 1' + "0" * 400 + "}", "[" * 100_000, "[1]"]
)
def test_durations_that_are_not_numbers_are_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text(text)

    assert Runs(folder=tmp_path, project=tmp_path).past_seconds() == {}
