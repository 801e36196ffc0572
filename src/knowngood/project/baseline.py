"""Baselines as files: where one is found, and how a run becomes the one that a project publishes."""

from dataclasses import dataclass
from pathlib import Path

from knowngood.errors import UsageError, some
from knowngood.judge.changes import compare, selected
from knowngood.judge.snapshots import Snapshot, snapshots
from knowngood.model import Change, ChangeKind, JudgedRun, Matrix, Status
from knowngood.project.files import near
from knowngood.project.files import write as write_file
from knowngood.project.project import Project
from knowngood.project.runs import LOG, REPORT, RecordedRun
from knowngood.report import matrix_json
from knowngood.report.formats import FORMATS, PUBLISHED, ReportContext
from knowngood.report.text import plain


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a comparison: what it is called, and its cells."""

    name: str
    cells: tuple[Snapshot, ...]


def published(matrix: Matrix) -> Path:
    """Return the folder that holds the published report of a matrix, which is its baseline."""
    return matrix.project / "reports" / matrix.id


def find(text: str | None, project: Project) -> Side:
    """Return the cells to compare with: those of the run that ``text`` names, as in ``Runs.find``.

    None stands for the published report of the matrix. Raises ``UsageError``: there is none, it cannot be read, or it
    is of another matrix.
    """
    if text is not None:
        return _cells(project.runs.find(text), project)
    file = published(project.matrix) / REPORT
    if not file.is_file():
        raise UsageError(
            f"{project.matrix.id} has no baseline yet",
            cause=f"there is no {file}",
            next_step="make a complete run the baseline with `knowngood run --accept`, or name one with --baseline",
        )
    return _cells(RecordedRun(file=file, name=near(file)), project)


def current(text: str | None, project: Project) -> Side:
    """Return the cells of the run that is compared: the one that ``text`` names, by default the newest.

    Raises ``UsageError``: there is none, it cannot be read, or it is of another matrix.
    """
    return _cells(project.runs.find(text), project)


def side(judged: JudgedRun) -> Side:
    """Return a run that was just judged as one side of a comparison."""
    return Side(name=f"run {judged.run.info.id}", cells=snapshots(judged))


def changes(before: Side, now: Side, matrix: Matrix) -> tuple[tuple[Change, ...], int]:
    """Return what became of each cell, and how many others of ``before`` still exist but had no part in ``now``."""
    kept = selected(before.cells, now.cells, (combo.id for combo in matrix.combos))
    return compare(kept, now.cells), len(before.cells) - len(kept)


def surprise(found: tuple[Change, ...], judged: JudgedRun) -> str | None:
    """Return why a run should not be published unasked: a regression that nobody expects; None when there is none."""
    unexpected = {(cell.combo.id, cell.probe) for cell in judged.cells if cell.as_expected is False}
    regressed = [
        one.combo for one in found if one.kind is ChangeKind.REGRESSED and (one.combo, one.probe) in unexpected
    ]
    return f"{some(list(dict.fromkeys(regressed)))} regressed against it" if regressed else None


def refusal(judged: JudgedRun, matrix: Matrix) -> str | None:
    """Return why a run cannot be the baseline: only one in which every cell was decided can; None when it can."""
    run = judged.run
    if run.interrupted or not run.finished:
        return f"the run is incomplete: {f'ended by {run.interrupted}' if run.interrupted else 'its log has no end'}"
    if run.info.digest != matrix.digest:
        return "the matrix file or one of its probes is not what it was when the run began"
    had = {facts.combo.id for facts in run.combos}
    if missing := [one.id for one in matrix.combos if one.id not in had]:
        return f"it is a run of some combos only: {some(missing)} had no part in it"
    if undecided := [cell.combo.id for cell in judged.cells if cell.as_expected is None]:
        return f"not every cell was decided: {some(list(dict.fromkeys(undecided)))}"
    return None


def accept(
    judged: JudgedRun, matrix: Matrix, changed: tuple[Change, ...] = (), *, run_folder: Path | None = None
) -> Path:
    """Make a run the baseline, whatever became of its cells, and return the folder it was written to.

    ``changed`` is what it changed against the baseline before; ``run_folder`` holds its locks. Raises ``UsageError``:
    it is not complete, see ``refusal``.
    """
    why = refusal(judged, matrix)
    if why is not None:
        next_step = "run all combos to their end: knowngood run --accept, without --only and --shard"
        raise UsageError(f"run {judged.run.info.id} cannot be the baseline", cause=why, next_step=next_step)
    folder = published(matrix)
    write(judged, folder, changed, run_folder=run_folder)
    return folder


def write(judged: JudgedRun, folder: Path, changed: tuple[Change, ...] = (), *, run_folder: Path | None = None) -> None:
    """Write the report of a run into ``folder``: for people, for programs, and the locks of what passed."""
    context = ReportContext(judged=judged, changes=changed)
    for one in map(FORMATS.__getitem__, PUBLISHED):
        write_file(folder / one.file, one.render(context))
    if run_folder is not None:
        _write_locks(judged, folder / "locks", run_folder)


def _write_locks(judged: JudgedRun, folder: Path, run_folder: Path) -> None:
    """Write what each passing combo was installed from, hashes and all, in the order of its steps."""
    failed = {cell.combo.id for cell in judged.cells if cell.verdict.status is not Status.PASS}
    written = set()
    for facts in judged.run.combos:
        locks = [run_folder / "combos" / facts.combo.id / f"step{step.number}.lock" for step in facts.steps]
        if facts.combo.id in failed or not locks or not all(lock.is_file() for lock in locks):
            continue
        parts = [
            f"# step {step.number}: {plain(' '.join(step.requirements))}\n{lock.read_text(encoding='utf-8')}"
            for step, lock in zip(facts.steps, locks, strict=True)
        ]
        write_file(folder / f"{facts.combo.id}.txt", "\n".join(parts))
        written.add(f"{facts.combo.id}.txt")
    for old in folder.glob("*.txt") if folder.is_dir() else ():
        if old.name not in written:
            old.unlink()


def _cells(recorded: RecordedRun, project: Project) -> Side:
    """Return the cells of a run. One without any combo of the matrix would compare as if nothing had regressed."""
    cells = snapshots(project.judge(recorded.read())) if recorded.has_log else _published_cells(recorded)
    if not {cell.combo for cell in cells} & {combo.id for combo in project.matrix.combos}:
        raise UsageError(
            f"{recorded.name} has no combo of {project.matrix.id}",
            cause=f"its combos are: {some([cell.combo for cell in cells]) or 'none'}",
            next_step="name a run of this matrix",
        )
    return Side(name=recorded.name, cells=cells)


def _published_cells(recorded: RecordedRun) -> tuple[Snapshot, ...]:
    try:
        return snapshots(matrix_json.loads(recorded.file.read_bytes(), name=recorded.name))
    except OSError as error:
        next_step = f"name a {REPORT} or an {LOG} of knowngood"
        raise UsageError(f"{recorded.name} cannot be read", cause=str(error), next_step=next_step) from error
