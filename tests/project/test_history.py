"""The history beside a published report: what publishing does to it, and that a broken one loses nothing."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.model import JudgedRun, Matrix, Status
from knowngood.process.files import LARGEST
from knowngood.project.project import Project
from knowngood.report.formats import ReportContext
from report.factory import mission, whole

CELLS = tuple(replace(cell, lock=f"{number:064x}") for number, cell in enumerate(whole(mission()).cells))
JUDGED = replace(whole(mission()), cells=CELLS)


def on(day: str, judged: JudgedRun = JUDGED) -> ReportContext:
    """Return the report of a run of a day."""
    info = replace(judged.run.info, started=f"{day}T07:10:00+00:00")
    return ReportContext(judged=replace(judged, run=replace(judged.run, info=info)))


def moved(version: str) -> JudgedRun:
    """Return a run in which the first combo has another numpy."""
    cell = replace(CELLS[0], lock="f" * 64, installed={**CELLS[0].installed, "numpy": version})
    return replace(JUDGED, cells=(cell, *CELLS[1:]))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    matrix = Matrix(
        id="embedding",
        title="t",
        path=tmp_path / "matrices" / "embedding.toml",
        project=tmp_path,
        digest=JUDGED.run.info.digest,
        combos=tuple(cell.combo for cell in CELLS),
        probes=(),
    )
    return Project(tmp_path, matrix=matrix)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_publishing_the_same_verdicts_again_changes_the_day_and_nothing_else(project: Project) -> None:
    folder = project.publication.publish(on("2026-11-20"))
    project.publication.publish(on("2026-11-22", moved("2.0")))
    before = contents(folder)
    project.publication.publish(on("2026-11-24", moved("2.0")))
    after = contents(folder)
    project.publication.publish(on("2026-11-24", moved("2.0")))

    assert contents(folder) == after
    assert {name: dayless(data) for name, data in after.items()} == {
        name: dayless(data) for name, data in before.items()
    }


def dayless(data: bytes) -> str:
    """Return a text in which the days of the two publications are one, and strips have no length."""
    text = data.decode().replace("2026-11-24", "2026-11-22").replace(" to 2026-11-22", "")
    return re.sub(r'viewBox="0 0 \d+ 10"|width="\d+" height="(10|5)"', "", text)


def test_a_published_state_has_the_releases_that_moved_and_the_page_links_to_it(project: Project) -> None:
    project.publication.publish(on("2026-11-20"))
    folder = project.publication.publish(on("2026-11-22", moved("2.0")))

    history = project.publication.history.read()
    assert history is not None
    state = history.states[-1]
    assert [(each.package, each.after, each.combos) for each in state.releases] == [("numpy", "2.0", ("legacy",))]
    for name in ("index.html", "matrix.md", "feed.xml"):
        assert f"#state-{state.id}" in (folder / name).read_text(encoding="utf-8")


def test_a_run_that_is_not_published_shows_the_state_that_it_would_be(project: Project) -> None:
    history = project.publication.history
    assert history.with_run(on("2026-11-19").judged) is None
    folder = project.publication.publish(on("2026-11-20"))
    before = contents(folder)

    extended = history.with_run(on("2026-11-22", moved("2.0")).judged)
    partial = replace(JUDGED, run=replace(JUDGED.run, finished=False))

    assert extended is not None and len(extended.states) == 2
    assert history.with_run(partial) == history.read()
    assert contents(folder) == before


def test_a_history_goes_on_after_the_report_beside_it_was_lost(project: Project) -> None:
    folder = project.publication.publish(on("2026-11-20"))
    (folder / "matrix.json").write_text("{", encoding="utf-8")
    project.publication.publish(on("2026-11-22", moved("2.0")))

    history = project.publication.history.read()
    assert history is not None
    assert [(state.first, state.releases) for state in history.states] == [("2026-11-20", ()), ("2026-11-22", ())]


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)


def make_conflict(path: Path) -> None:
    path.write_text("<<<<<<< ours\n", encoding="utf-8")


@pytest.mark.parametrize("spoil", [make_pipe, make_link, make_large, make_conflict, Path.mkdir])
def test_a_broken_history_is_an_error_and_nothing_is_written(project: Project, spoil: object) -> None:
    folder = project.publication.publish(on("2026-11-20"))
    file = project.publication.history.file
    file.unlink()
    spoil(file)  # type: ignore[operator]
    before = {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()}

    with pytest.raises(UsageError, match="cannot be read as a history, and it was left as it is") as caught:
        project.publication.publish(on("2026-11-22", moved("2.0")))

    assert caught.value.cause and "restore it" in caught.value.next_step
    assert {path.name: path.lstat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_verdict_of_a_cell_is_kept_with_its_lock(project: Project) -> None:
    project.publication.publish(on("2026-11-20"))

    history = project.publication.history.read()
    assert history is not None
    kept = {cell.combo: (cell.status, cell.lock) for cell in history.states[0].cells}
    assert kept["legacy"] == (Status.PASS, CELLS[0].lock)
    assert len(kept) == len(CELLS)
