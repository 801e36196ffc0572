"""What runs are compared with, and which run may become the baseline."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import Event, RunFinished, RunStarted, encode
from knowngood.judge.changes import snapshots
from knowngood.model import JudgedRun, Matrix, Status
from knowngood.project.baseline import Snapshots
from knowngood.project.project import Project
from knowngood.report import matrix_json
from knowngood.report.formats import ReportContext
from report.factory import combo, mission, passing, whole

JUDGED = whole(mission())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with the matrix that ``JUDGED`` is a complete run of."""
    matrix = Matrix(
        id="embedding",
        title="t",
        path=tmp_path / "matrices" / "embedding.toml",
        project=tmp_path,
        digest=JUDGED.run.info.digest,
        combos=tuple(cell.combo for cell in JUDGED.cells),
        probes=(),
    )
    return Project(tmp_path, matrix=matrix)


def record(project: Project, run_id: str) -> Path:
    """Record a run that was started and never probed anything; return its log."""
    info = replace(JUDGED.run.info, id=run_id)
    events: tuple[Event, ...] = (
        RunStarted(info=info, combos=tuple(cell.combo for cell in JUDGED.cells)),
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
    assert caught.value.next_step
    return caught.value


def test_an_accepted_run_is_what_later_runs_are_compared_with(project: Project) -> None:
    file = project.baseline.accept(JUDGED)

    found = project.baseline.find(None)
    assert file == project.folder / "reports" / "embedding" / "baseline.json"
    assert found.cells == snapshots(JUDGED)
    assert found.name.endswith("reports/embedding/baseline.json")


def test_accepting_a_run_does_not_publish_it(project: Project) -> None:
    file = project.baseline.accept(JUDGED)

    assert [path.name for path in file.parent.iterdir()] == ["baseline.json"]


def test_a_red_run_can_be_accepted(project: Project) -> None:
    cells = (replace(JUDGED.cells[0], as_expected=False, verdict=JUDGED.cells[1].verdict), *JUDGED.cells[1:])

    project.baseline.accept(replace(JUDGED, cells=cells))

    assert project.baseline.find(None).cells[0].status is Status.FAIL


def test_an_incomplete_run_is_refused_and_the_baseline_stays(project: Project) -> None:
    before = project.baseline.accept(JUDGED).read_bytes()

    error = refused(lambda: project.baseline.accept(replace(JUDGED, run=replace(JUDGED.run, finished=False))))

    assert "cannot be the baseline" in error.what
    assert error.cause == "it did not finish"
    assert project.baseline.file.read_bytes() == before


def test_without_a_baseline_the_next_step_is_to_accept_a_run(project: Project) -> None:
    error = refused(lambda: project.baseline.find(None))

    assert error.what == "embedding has no baseline yet"
    assert "knowngood run embedding --accept" in error.next_step


def test_a_published_report_is_not_the_baseline(project: Project) -> None:
    project.publication.publish(ReportContext(judged=JUDGED))

    assert refused(lambda: project.baseline.find(None)).what == "embedding has no baseline yet"


def test_any_run_can_be_named_instead_of_the_baseline(project: Project, tmp_path: Path) -> None:
    log = record(project, "20261124-071000-7f3a")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "matrix.json").write_text(matrix_json.render(JUDGED), encoding="utf-8")

    by_id = project.baseline.find("20261124")

    assert by_id.name == "run 20261124-071000-7f3a"
    assert {cell.status for cell in by_id.cells} == {Status.NOT_RUN}
    assert project.baseline.find(str(log)).cells == project.baseline.find(str(log.parent)).cells == by_id.cells
    assert project.baseline.find(str(tmp_path / "old")).cells == snapshots(JUDGED)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 200_000, "it is not JSON"),
        (b"{}", "it has no schema"),
        (b'{"schema": 99, "cells": []}', "its schema is 99"),
    ],
)
def test_a_file_that_is_not_a_report_is_refused_by_name(
    project: Project, tmp_path: Path, content: bytes, cause: str
) -> None:
    (tmp_path / "matrix.json").write_bytes(content)

    error = refused(lambda: project.baseline.find(str(tmp_path / "matrix.json")))

    assert "matrix.json" in error.what
    assert cause in error.cause


def test_a_run_of_another_matrix_is_refused_instead_of_compared_as_if_nothing_regressed(
    project: Project, tmp_path: Path
) -> None:
    other = replace(JUDGED, cells=(passing(combo("other")),))
    (tmp_path / "matrix.json").write_text(matrix_json.render(other), encoding="utf-8")

    error = refused(lambda: project.baseline.find(str(tmp_path / "matrix.json")))

    assert "has no combo of embedding" in error.what
    assert "other" in error.cause


def test_the_newest_run_is_compared_unless_another_is_named(project: Project) -> None:
    assert "embedding has no runs yet" in refused(lambda: project.baseline.find_current(None)).what

    record(project, "20261124-071000-7f3a")
    record(project, "20261125-071000-0001")

    assert project.baseline.find_current(None).name == "run 20261125-071000-0001"
    assert project.baseline.find_current("20261124").name == "run 20261124-071000-7f3a"


def test_messages_call_a_baseline_by_its_path_relative_to_the_current_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project.baseline.accept(JUDGED)

    assert project.baseline.find(None).name == "reports/embedding/baseline.json"


def test_a_run_of_some_combos_is_compared_with_those_and_the_others_are_counted(project: Project) -> None:
    before = Snapshots.of(JUDGED)

    comparison = project.baseline.compare(replace(JUDGED, cells=JUDGED.cells[:2]), before)

    assert [change.combo for change in comparison.changes] == [cell.combo.id for cell in JUDGED.cells[:2]]
    assert comparison.left_out == len(JUDGED.cells) - 2


@pytest.mark.parametrize(
    ("as_expected", "regressions"), [(False, ("legacy",)), (True, ())], ids=["nobody expects it", "excused"]
)
def test_a_regression_that_is_expected_or_a_known_issue_is_not_an_unexpected_one(
    project: Project, as_expected: bool, regressions: tuple[str, ...]
) -> None:
    failed = replace(JUDGED.cells[0], verdict=JUDGED.cells[1].verdict, as_expected=as_expected)
    judged: JudgedRun = replace(JUDGED, cells=(failed, *JUDGED.cells[1:]))

    comparison = project.baseline.compare(judged, Snapshots.of(JUDGED))

    assert comparison.unexpected_regressions(judged) == regressions
