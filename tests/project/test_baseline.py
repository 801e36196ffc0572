"""Which file is the baseline, and which run may become it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import Event, RunFinished, RunStarted, encode
from knowngood.judge.snapshots import snapshots
from knowngood.model import ComboFacts, JudgedRun, Matrix, Status, StepFacts
from knowngood.project import baseline
from knowngood.project.project import Project
from knowngood.report import matrix_json
from report.factory import combo, mission, passing, whole

JUDGED = whole(mission())


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    """Return the matrix that ``JUDGED`` is a complete run of."""
    return Matrix(
        id="embedding",
        title="t",
        path=tmp_path / "matrices" / "embedding.toml",
        project=tmp_path,
        digest=JUDGED.run.info.digest,
        combos=tuple(cell.combo for cell in JUDGED.cells),
        probes=(),
    )


@pytest.fixture
def project(matrix: Matrix) -> Project:
    return Project(matrix.project, matrix=matrix)


def record(project: Project, run_id: str, judged: JudgedRun = JUDGED) -> Path:
    """Keep a run that was started and never came to probe anything; return its log."""
    info = replace(judged.run.info, id=run_id)
    events: tuple[Event, ...] = (
        RunStarted(info=info, combos=tuple(cell.combo for cell in judged.cells)),
        RunFinished(),
    )
    log = project.runs.new(run_id).log
    log.parent.mkdir(parents=True)
    lines = (encode(event, seq=seq, at=datetime.now(UTC), elapsed=0.0) for seq, event in enumerate(events, start=1))
    log.write_bytes(b"".join(lines))
    return log


def refused(call: Callable[[], object]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        call()
    return caught.value


def test_an_accepted_run_is_the_baseline_of_its_matrix(matrix: Matrix, project: Project) -> None:
    folder = baseline.accept(JUDGED, matrix)

    found = baseline.find(None, project)
    assert found.cells == snapshots(JUDGED)
    assert found.name.endswith("reports/embedding/matrix.json")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("badge.json", "badge.svg", "feed.xml", "index.html", "matrix.json", "matrix.md")
    ]
    assert (folder / "matrix.md").read_text(encoding="utf-8").startswith("# ")


def test_a_run_with_regressions_can_be_accepted_too(matrix: Matrix, project: Project) -> None:
    cells = (replace(JUDGED.cells[0], as_expected=False, verdict=JUDGED.cells[1].verdict), *JUDGED.cells[1:])

    baseline.accept(replace(JUDGED, cells=cells), matrix)

    assert baseline.find(None, project).cells[0].status is Status.FAIL


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda judged: replace(judged, run=replace(judged.run, finished=False)), "its log has no end"),
        (lambda judged: replace(judged, run=replace(judged.run, interrupted="SIGTERM")), "ended by SIGTERM"),
        (
            lambda judged: replace(
                judged, run=replace(judged.run, combos=judged.run.combos[1:]), cells=judged.cells[1:]
            ),
            "a run of some combos only: legacy had no part in it",
        ),
        (
            lambda judged: replace(judged, cells=(replace(judged.cells[0], as_expected=None), *judged.cells[1:])),
            "not every cell was decided: legacy",
        ),
        (
            lambda judged: replace(judged, run=replace(judged.run, info=replace(judged.run.info, digest="0"))),
            "is not what it was when the run began",
        ),
    ],
    ids=["no end", "interrupted", "a selection", "undecided", "another matrix file"],
)
def test_only_a_complete_run_can_be_accepted_and_the_old_baseline_stays(
    matrix: Matrix, change: Callable[[JudgedRun], JudgedRun], cause: str
) -> None:
    published = baseline.accept(JUDGED, matrix) / "matrix.json"
    before = published.read_bytes()

    error = refused(lambda: baseline.accept(change(JUDGED), matrix))

    assert cause in error.cause
    assert error.next_step
    assert published.read_bytes() == before


def test_a_project_without_a_baseline_is_told_how_to_get_one(project: Project) -> None:
    error = refused(lambda: baseline.find(None, project))

    assert error.what == "embedding has no baseline yet"
    assert "--accept" in error.next_step


def test_a_baseline_is_named_by_its_file_or_by_the_folder_that_holds_it(project: Project, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    file = tmp_path / "old" / "matrix.json"
    file.write_text(matrix_json.render(JUDGED), encoding="utf-8")

    assert baseline.find(str(file), project).cells == snapshots(JUDGED)
    assert baseline.find(str(file.parent), project).cells == snapshots(JUDGED)


def test_a_baseline_may_be_an_event_log_or_the_beginning_of_the_id_of_a_run(project: Project) -> None:
    log = record(project, "20261124-071000-7f3a")
    record(project, "20261125-071000-0001")

    by_path = baseline.find(str(log), project)
    by_folder = baseline.find(str(log.parent), project)
    by_id = baseline.find("20261124", project)

    assert by_id.name == "run 20261124-071000-7f3a"
    assert by_id.cells == by_path.cells == by_folder.cells
    assert {cell.status for cell in by_id.cells} == {Status.NOT_RUN}


def test_an_id_that_several_runs_begin_with_is_refused_with_their_names(project: Project) -> None:
    record(project, "20261124-071000-7f3a")
    record(project, "20261124-081000-0001")

    error = refused(lambda: baseline.find("20261124", project))

    assert "20261124-081000-0001, 20261124-071000-7f3a" in error.cause


@pytest.mark.parametrize("asked", ["20991231", ""])
def test_what_is_neither_file_nor_run_is_refused_with_the_runs_there_are(project: Project, asked: str) -> None:
    record(project, "20261124-071000-7f3a")

    error = refused(lambda: baseline.find(asked, project))

    assert error.what == f"no run {asked!r}"
    assert "20261124-071000-7f3a" in error.cause


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("matrix.json", b"{", "it is not JSON"),
        ("matrix.json", b"\xff\xfe", "it is not JSON"),
        ("matrix.json", b"[" * 200_000, "it is not JSON"),
        ("matrix.json", b"{}", "it has no schema"),
        ("matrix.json", b'{"schema": 99, "cells": []}', "its schema is 99"),
        ("events.jsonl", b"", ""),
        ("events.jsonl", b"not an event\n", ""),
    ],
)
def test_a_file_that_is_no_run_is_refused_by_name_with_a_next_step(
    project: Project, tmp_path: Path, name: str, content: bytes, cause: str
) -> None:
    (tmp_path / name).write_bytes(content)

    error = refused(lambda: baseline.find(str(tmp_path / name), project))

    assert name in error.what
    assert cause in error.cause
    assert error.next_step


def test_a_folder_that_holds_no_run_is_refused(project: Project, tmp_path: Path) -> None:
    assert "holds no run" in refused(lambda: baseline.find(str(tmp_path), project)).what


def test_a_run_of_another_matrix_is_refused_instead_of_compared_as_if_all_were_well(
    project: Project, tmp_path: Path
) -> None:
    other = replace(JUDGED, cells=(passing(combo("other")),))
    (tmp_path / "matrix.json").write_text(matrix_json.render(other), encoding="utf-8")

    error = refused(lambda: baseline.find(str(tmp_path / "matrix.json"), project))

    assert "has no combo of embedding" in error.what
    assert "other" in error.cause


def test_without_a_name_the_newest_run_is_what_is_compared(project: Project) -> None:
    assert "embedding has no runs yet" in refused(lambda: baseline.current(None, project)).what

    record(project, "20261124-071000-7f3a")
    record(project, "20261125-071000-0001")

    assert baseline.current(None, project).name == "run 20261125-071000-0001"
    assert baseline.current("20261124", project).name == "run 20261124-071000-7f3a"


def test_a_file_below_here_is_called_by_its_relative_path(
    matrix: Matrix, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    baseline.accept(JUDGED, matrix)

    assert baseline.find(None, project).name == "reports/embedding/matrix.json"
    assert json.loads(Path("reports/embedding/matrix.json").read_bytes())["schema"] == 2


def test_a_run_of_some_combos_is_compared_with_those_and_the_others_are_counted(matrix: Matrix) -> None:
    before = baseline.side(JUDGED)
    now = baseline.side(replace(JUDGED, cells=JUDGED.cells[:2]))

    found, left_out = baseline.changes(before, now, matrix)

    assert [one.combo for one in found] == [cell.combo.id for cell in JUDGED.cells[:2]]
    assert left_out == len(JUDGED.cells) - 2


@pytest.mark.parametrize(
    ("as_expected", "why"), [(False, "legacy regressed against it"), (True, None)], ids=["nobody expects it", "excused"]
)
def test_only_a_regression_that_nobody_expects_keeps_a_run_from_being_published(
    matrix: Matrix, as_expected: bool, why: str | None
) -> None:
    failed = replace(JUDGED.cells[0], verdict=JUDGED.cells[1].verdict, as_expected=as_expected)
    judged = replace(JUDGED, cells=(failed, *JUDGED.cells[1:]))

    found, _ = baseline.changes(baseline.side(JUDGED), baseline.side(judged), matrix)

    assert baseline.surprise(found, judged) == why


def test_the_locks_of_what_passed_are_published_and_those_of_before_go(matrix: Matrix, tmp_path: Path) -> None:
    judged = replace(JUDGED, run=replace(JUDGED.run, combos=tuple(map(built, JUDGED.run.combos))))
    run_folder, old = tmp_path / "run", baseline.published(matrix) / "locks" / "gone.txt"
    for facts in judged.run.combos:
        lock = run_folder / "combos" / facts.combo.id / "step1.lock"
        lock.parent.mkdir(parents=True)
        lock.write_text("numpy==1.24.3 --hash=sha256:0\n", encoding="utf-8")
    old.parent.mkdir(parents=True)
    old.touch()

    folder = baseline.accept(judged, matrix, run_folder=run_folder)

    passed = {cell.combo.id for cell in judged.cells if cell.verdict.status is Status.PASS}
    locks = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "locks").iterdir()}
    assert locks == dict.fromkeys(passed, "# step 1: numpy\nnumpy==1.24.3 --hash=sha256:0\n")


def built(facts: ComboFacts) -> ComboFacts:
    return replace(facts, steps=(StepFacts(number=1, requirements=("numpy",)),))
