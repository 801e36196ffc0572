"""What is published of a run, and which runs may be published."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import RunStarted, encode
from knowngood.model import ComboFacts, JudgedRun, Matrix, Status, StepFacts
from knowngood.project.project import Project
from knowngood.project.publication import blocker, read_report, write_report
from knowngood.report.formats import ReportContext
from report.factory import mission, whole

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


def test_a_published_report_is_for_people_programs_badges_and_feeds(project: Project) -> None:
    folder = project.publication.publish(ReportContext(judged=JUDGED))

    assert folder == project.folder / "reports" / "embedding"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("badge.json", "badge.svg", "feed.xml", "history.json", "index.html", "matrix.json", "matrix.md")
    ]
    assert (folder / "matrix.md").read_text(encoding="utf-8").startswith("# ")
    assert len(read_report(folder / "matrix.json", name="it").cells) == len(JUDGED.cells)


def test_a_complete_red_run_can_be_published(project: Project) -> None:
    cells = tuple(replace(cell, as_expected=False) for cell in JUDGED.cells)

    assert blocker(replace(JUDGED, cells=cells), project.matrix) is None


INCOMPLETE: list[tuple[str, Callable[[JudgedRun], JudgedRun], str]] = [
    ("not finished", lambda judged: replace(judged, run=replace(judged.run, finished=False)), "it did not finish"),
    (
        "interrupted",
        lambda judged: replace(judged, run=replace(judged.run, interrupted="SIGTERM")),
        "it was interrupted by SIGTERM",
    ),
    (
        "a selection",
        lambda judged: replace(judged, run=replace(judged.run, combos=judged.run.combos[1:]), cells=judged.cells[1:]),
        "it ran only some combos; it is missing legacy",
    ),
    (
        "undecided",
        lambda judged: replace(judged, cells=(replace(judged.cells[0], as_expected=None), *judged.cells[1:])),
        "not every cell could be decided: legacy",
    ),
    (
        "another matrix file",
        lambda judged: replace(judged, run=replace(judged.run, info=replace(judged.run.info, digest="0"))),
        "the matrix file or one of its probes changed since",
    ),
]


@pytest.mark.parametrize(
    ("change", "cause"), [case[1:] for case in INCOMPLETE], ids=[name for name, _, _ in INCOMPLETE]
)
def test_an_incomplete_run_is_refused_and_the_published_report_stays(
    project: Project, change: Callable[[JudgedRun], JudgedRun], cause: str
) -> None:
    file = project.publication.publish(ReportContext(judged=JUDGED)) / "matrix.json"
    before = file.read_bytes()

    with pytest.raises(UsageError, match="cannot be published") as caught:
        project.publication.publish(ReportContext(judged=change(JUDGED)))

    assert caught.value.cause == cause
    assert caught.value.next_step
    assert file.read_bytes() == before


def test_without_a_complete_run_the_latest_one_says_what_it_lacks(project: Project) -> None:
    with pytest.raises(UsageError, match="embedding has no runs yet"):
        project.publication.latest()
    log = project.runs.new("20261124-071000-7f3a").log
    log.parent.mkdir(parents=True)
    started = RunStarted(info=JUDGED.run.info, combos=tuple(cell.combo for cell in JUDGED.cells))
    log.write_bytes(encode(started, seq=1, at=datetime.now(UTC), elapsed=0.0))

    with pytest.raises(UsageError, match="embedding has no complete run") as caught:
        project.publication.latest()

    assert caught.value.cause == "run 20261124-071000-7f3a, the newest, cannot be published: it did not finish"


def test_the_locks_of_passing_combos_are_published_and_others_are_deleted(project: Project, tmp_path: Path) -> None:
    judged = replace(JUDGED, run=replace(JUDGED.run, combos=tuple(map(with_a_step, JUDGED.run.combos))))
    run_folder, old = tmp_path / "run", project.publication.folder / "locks" / "gone.txt"
    for facts in judged.run.combos:
        lock = run_folder / "combos" / facts.combo.id / "step1.lock"
        lock.parent.mkdir(parents=True)
        lock.write_text("numpy==1.24.3 --hash=sha256:0\n", encoding="utf-8")
    old.parent.mkdir(parents=True)
    old.touch()

    folder = project.publication.publish(ReportContext(judged=judged), locks=[tmp_path / "elsewhere", run_folder])

    passed = {cell.combo.id for cell in judged.cells if cell.verdict.status is Status.PASS}
    locks = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "locks").iterdir()}
    assert locks == dict.fromkeys(passed, "# step 1: numpy\nnumpy==1.24.3 --hash=sha256:0\n")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert {*re.findall('href="(locks/[^"]*)"', page)} == {f"locks/{combo}.txt" for combo in passed}
    assert "step1.lock" not in page, "what is published has no run beside it"


def test_the_report_in_the_folder_of_a_run_links_to_the_locks_and_logs_of_the_run(tmp_path: Path) -> None:
    run_folder, report = tmp_path / "run", tmp_path / "run" / "report"
    failed = next(cell for cell in JUDGED.cells if cell.verdict.status is Status.FAIL and cell.log)
    files = {f"combos/{failed.combo.id}/step1.lock", str(failed.log)}
    for name in files:
        (run_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run_folder / name).touch()

    write_report(ReportContext(judged=JUDGED), report, locks=[run_folder])

    page = (report / "index.html").read_text(encoding="utf-8")
    linked = [name for name in re.findall('href="([^"#]*)" download', page) if not name.startswith("locks/")]
    assert {*linked} == {f"../{name}" for name in files}
    assert all((report / name).is_file() for name in linked)


def with_a_step(facts: ComboFacts) -> ComboFacts:
    return replace(facts, steps=(StepFacts(number=1, requirements=("numpy",)),))


def test_a_report_that_does_not_exist_is_refused_with_the_way_to_publish_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no report reports/m/matrix.json") as caught:
        read_report(tmp_path / "matrix.json", name="reports/m/matrix.json")

    assert "--publish" in caught.value.next_step
