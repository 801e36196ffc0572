"""Baselines as files: where one is found, and how a run becomes the one that a project publishes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowngood.errors import UsageError, some
from knowngood.judge.changes import compare, selected
from knowngood.judge.snapshots import Snapshot, snapshots, snapshots_of_json
from knowngood.model import Change, ChangeKind, JudgedRun, Matrix, Run, Status
from knowngood.project import project as files
from knowngood.project.runs import RunFolder, Store, read
from knowngood.report.formats import FORMATS, PUBLISHED, ReportContext
from knowngood.report.text import plain

Judge = Callable[[Run], JudgedRun]
"""How a recorded run is judged: both sides by the same rules, or what those say would look like a change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of a comparison: what it is called, and its cells."""

    name: str
    cells: tuple[Snapshot, ...]


def published(matrix: Matrix) -> Path:
    """Return the folder that holds the published report of a matrix, which is its baseline."""
    return matrix.project / "reports" / matrix.id


def find(asked: str | None, matrix: Matrix, store: Store, *, judge: Judge) -> Side:
    """Return the baseline ``asked`` for: a file, a folder that holds one, or (the beginning of) the id of a run.

    The file is a ``matrix.json`` or an event log. Without ``asked`` it is the published report of the matrix. Raises
    ``UsageError``: there is none, it cannot be read, or it is of another matrix.
    """
    if asked is not None:
        return _of_matrix(_look_up(asked, store, judge), matrix)
    file = published(matrix) / "matrix.json"
    if not file.is_file():
        raise UsageError(
            f"{matrix.id} has no baseline yet",
            cause=f"there is no {file}",
            next_step="make a complete run the baseline with `knowngood run --accept`, or name one with --baseline",
        )
    return _of_matrix(_read(file, judge), matrix)


def current(asked: str | None, matrix: Matrix, store: Store, *, judge: Judge) -> Side:
    """Return the run that is compared: what ``asked`` names, as in ``find``, else the newest that is kept.

    Raises ``UsageError``: there is none, it cannot be read, or it is of another matrix.
    """
    if asked is not None:
        return _of_matrix(_look_up(asked, store, judge), matrix)
    newest = next(store.newest(), None)
    if newest is None:
        raise UsageError(
            f"no run of {matrix.id} is kept", next_step="run the matrix first, or name an event log with --run"
        )
    return _of_run(newest, judge)


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
        files.write(folder / one.file, one.render(context))
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
        files.write(folder / f"{facts.combo.id}.txt", "\n".join(parts))
        written.add(f"{facts.combo.id}.txt")
    for old in folder.glob("*.txt") if folder.is_dir() else ():
        if old.name not in written:
            old.unlink()


def _look_up(asked: str, store: Store, judge: Judge) -> Side:
    path = Path(asked)
    if asked and path.is_dir():
        held = [path / name for name in ("matrix.json", "events.jsonl") if (path / name).is_file()]
        if not held:
            raise UsageError(f"{asked} holds no run", cause="there is neither matrix.json nor events.jsonl in it")
        return _read(held[0], judge)
    if path.is_file():
        return _read(path, judge)
    runs = list(store.newest())
    found = [run for run in runs if run.path.name.startswith(asked)] if asked else []
    if len(found) == 1:
        return _of_run(found[0], judge)
    names = [run.path.name for run in found or runs]
    if found:
        raise UsageError(f"which run is {asked!r}?", cause=f"it begins {some(names)}", next_step="give more of the id")
    cause = f"there is no such file, and the kept runs are: {some(names) or 'none'}"
    raise UsageError(
        f"no run {asked!r}", cause=cause, next_step="name a matrix.json, an events.jsonl, or the id of a run"
    )


def _of_run(run: RunFolder, judge: Judge) -> Side:
    return Side(name=f"run {run.path.name}", cells=_read(run.log, judge).cells)


def _read(file: Path, judge: Judge) -> Side:
    name = str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
    try:
        if file.suffix == ".jsonl":
            run = read(file)
            if run is None:
                raise UsageError(f"{name} is not the event log of a run", next_step="name an events.jsonl of a run")
            return Side(name=name, cells=snapshots(judge(run)))
        return Side(name=name, cells=snapshots_of_json(json.loads(file.read_bytes()), name=name))
    except (OSError, ValueError, RecursionError) as error:
        cause = "it is not JSON" if isinstance(error, ValueError | RecursionError) else str(error)
        next_step = "name a matrix.json or an events.jsonl of knowngood"
        raise UsageError(f"{name} cannot be read", cause=cause, next_step=next_step) from error


def _of_matrix(side: Side, matrix: Matrix) -> Side:
    """Return ``side``; one without any combo of the matrix would compare as if all were well."""
    if not {cell.combo for cell in side.cells} & {combo.id for combo in matrix.combos}:
        raise UsageError(
            f"{side.name} tells of no combo of {matrix.id}",
            cause=f"it tells of: {some([cell.combo for cell in side.cells]) or 'none'}",
            next_step="name a run of this matrix",
        )
    return side
