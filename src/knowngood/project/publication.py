"""Write the report of a run, publish that of a complete run into ``reports/MATRIX``, and extend its history there."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from knowngood.errors import KnowngoodError, UsageError, some
from knowngood.judge.history import extended
from knowngood.model import History, JudgedRun, Matrix, Status, StepFacts
from knowngood.process.files import LARGEST, is_regular, read_given, read_regular
from knowngood.project import files
from knowngood.project.files import near
from knowngood.project.runs import REPORT, RecordedRun
from knowngood.report import history_json, matrix_reader
from knowngood.report.formats import FORMATS, PUBLISHED, ReportContext
from knowngood.report.history_json import FILE
from knowngood.report.html.links import RUN, candidates, lock_of
from knowngood.report.publication import publication, published
from knowngood.report.text import plain, published_day

if TYPE_CHECKING:
    from knowngood.project.project import Project


class Publication:
    """The published report of a matrix, which others read and which is kept in git."""

    def __init__(self, project: "Project") -> None:
        self._project = project

    @property
    def folder(self) -> Path:
        """The folder of the published report."""
        return self._project.folder / "reports" / self._project.matrix.id

    @property
    def file(self) -> Path:
        """The published report for programs, once there is one."""
        return self.folder / REPORT

    @property
    def matrix(self) -> Matrix:
        """The matrix that is published."""
        return self._project.matrix

    @property
    def history(self) -> "HistoryFile":
        """The history of what was published."""
        return HistoryFile(self)

    def read(self) -> JudgedRun:
        """Return what is published. Raises ``UsageError``: nothing is, or it cannot be read."""
        return read_report(self.file, name=near(self.file))

    def latest(self) -> RecordedRun:
        """Return the newest run that can be published. Raises ``UsageError``: there is none."""
        newest = reason = None
        for recorded in self._project.runs.newest():
            reason_against = blocker(self._project.read(recorded), self._project.matrix)
            if reason_against is None:
                return recorded
            if newest is None:
                newest, reason = recorded, reason_against
        if newest is None:
            return self._project.runs.find(None)  # raises: there are no runs
        raise UsageError(
            f"{self._project.matrix.id} has no complete run",
            cause=f"{newest.name}, the newest, cannot be published: {reason}",
            next_step=f"run all combos to completion: knowngood run {self._project.matrix.id}",
        )

    def publish(self, context: ReportContext, *, locks: Sequence[Path] = ()) -> Path:
        """Write the report of a complete run, red or green, extend the history by it, and return its folder.

        ``locks`` are the folders of the run, or of the shards it was merged from. Raises ``UsageError``, and writes
        nothing, when the run is not complete, see ``blocker``, or when the history cannot be read.
        """
        reason = blocker(context.judged, self._project.matrix)
        if reason is not None:
            raise UsageError(
                f"run {context.judged.run.info.id} cannot be published",
                cause=reason,
                next_step="run all combos to completion: knowngood run --publish, without --only and --shard",
            )
        edition = publication(context)
        history = self.history.extended_by(edition.judged)
        # First: a report without its state would be compared with the wrong one the next time.
        self.history.write(history)
        write_report(replace(edition, history=history), self.folder, locks=locks)
        return self.folder


def blocker(judged: JudgedRun, matrix: Matrix) -> str | None:
    """Return why a run is not complete and can neither be published nor be the baseline; None when it is.

    A run is complete when every cell of the matrix, as its file is now, was decided. It may be red. Combos that
    ``--cover`` left out are not missing: what is published says that they were not run.
    """
    run = judged.run
    if run.interrupted:
        return f"it was interrupted by {run.interrupted}"
    if run.info.digest != matrix.digest:
        return "the matrix file or one of its probes changed since"
    left_out = {combo.id for combo in run.cover.left_out} if run.cover else set()
    ran = {facts.combo.id for facts in run.combos} - {combo.id for combo in run.elsewhere}
    if missing := [combo.id for combo in matrix.combos if combo.id not in ran | left_out]:
        return f"it ran only some combos; it is missing {some(missing)}"
    if not run.finished:
        return "it did not finish"
    if undecided := [cell.combo.id for cell in judged.undecided]:
        return f"not every cell could be decided: {some(list(dict.fromkeys(undecided)))}"
    return None


def write_report(context: ReportContext, folder: Path, *, locks: Sequence[Path] = ()) -> None:
    """Write the report of a run into ``folder``: for people, for programs, and the locks of the combos that passed.

    ``locks`` are the folders of the run, or of the shards it was merged from. Without any, locks are left as they are.
    Raises ``OSError``.
    """
    # One text after the other: those of thousands of combos do not fit into memory together.
    written = set()
    for name, lock in _locks(context.judged, locks):
        files.write(folder / name, lock)
        written.add(name)
    context = replace(context, beside=True, files=frozenset(written) | _evidence(context.judged, folder, locks))
    for format_ in PUBLISHED:
        files.write(folder / FORMATS[format_].file, FORMATS[format_].render(context))
    for path in (folder / "locks").glob("*.txt") if locks else ():
        if f"locks/{path.name}" not in written:
            path.unlink()


def read_report(file: Path, *, name: str) -> JudgedRun:
    """Return the run that a ``matrix.json`` reports; ``name`` is what messages call the file.

    Raises ``UsageError``: it cannot be read, or it is not a ``matrix.json`` of this version.
    """
    next_step = "publish a run of the matrix: knowngood run NAME --publish"
    try:
        return matrix_reader.loads(read_given(file), name=name)
    except FileNotFoundError:
        raise UsageError(f"there is no report {name}", next_step=next_step) from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read", cause=str(error), next_step=f"name a {REPORT}") from error


def _locks(judged: JudgedRun, run_folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield the path of a file for each passing combo, and its text: its locks with hashes, in the order of steps."""
    failed = {cell.combo.id for cell in judged.cells if cell.verdict.status is not Status.PASS}
    for facts in judged.run.combos:
        locks = [_lock(facts.combo.id, step, run_folders) for step in facts.steps]
        if facts.combo.id in failed or not locks:
            continue
        parts = [
            f"# step {step.number}: {plain(' '.join(step.requirements))}\n{lock}"
            for step, lock in zip(facts.steps, locks, strict=True)
            if lock is not None
        ]
        if len(parts) == len(locks):
            yield lock_of(facts.combo.id), "\n".join(parts)


def _evidence(judged: JudgedRun, folder: Path, run_folders: Sequence[Path]) -> set[str]:
    """Return the locks and logs of the run that a report in the run's own folder finds beside it."""
    if [folder.parent] != [*run_folders]:
        return set()
    paths = {path for cell in judged.cells for _, path in candidates(cell) if path.startswith(RUN)}
    return {path for path in paths if (folder.parent / path.removeprefix(RUN)).is_file()}


def _lock(combo: str, step: StepFacts, run_folders: Sequence[Path]) -> str | None:
    """Return the lock of a step as the run recorded it; None when no folder has it."""
    for folder in run_folders:
        path = folder / "combos" / combo / f"step{step.number}.lock"
        data = path.read_bytes() if path.is_file() else b""
        if data and step.lock in ("", hashlib.sha256(data).hexdigest()):
            return data.decode("utf-8", "replace")
    return None


class HistoryFile:
    """The history of what was published of a matrix, one entry a state. Only ``publish`` changes it."""

    def __init__(self, publication: "Publication") -> None:
        self._publication = publication

    @property
    def file(self) -> Path:
        """The file that holds the history, once a run was published."""
        return self._publication.folder / FILE

    def read(self) -> History | None:
        """Return the history; None when there is none yet. Raises ``UsageError``: it cannot be read."""
        if not self.file.exists() and not self.file.is_symlink():
            return None
        name = near(self.file)
        if not is_regular(self.file):
            raise history_json.refused(name, "it is not a regular file")
        data = read_regular(self.file, LARGEST)
        if len(data) == LARGEST:
            raise history_json.refused(name, f"it has {LARGEST} bytes or more, which knowngood never writes")
        return history_json.loads(data, name=name)

    def extended_by(self, judged: JudgedRun) -> History:
        """Return the history with what the published edition of a complete run found; nothing is written.

        Raises ``UsageError``: the history cannot be read.
        """
        history = self.read()
        before = self._published()
        extension = extended(
            history, judged, day=_day(judged), before=before, before_day=_day(before) if before else ""
        )
        return history_json.bounded(extension)

    def with_run(self, judged: JudgedRun) -> History | None:
        """Return the history as publishing a run would leave it; as it is, if the run is not complete.

        None where nothing was ever published. Raises ``UsageError``: the history cannot be read.
        """
        if not self.file.exists() and not self._publication.file.exists():
            return None
        if blocker(judged, self._publication.matrix) is not None:
            return self.read()
        return self.extended_by(published(judged))

    def write(self, history: History) -> None:
        """Write the history. Raises ``OSError``: it cannot be written, and is as it was."""
        files.write(self.file, history_json.render(history))

    def _published(self) -> JudgedRun | None:
        """Return the report that is published now; None when there is none that can be read."""
        try:
            return self._publication.read()
        except KnowngoodError:
            return None


def _day(judged: JudgedRun) -> str:
    day = published_day(judged.run.info)
    return day.date().isoformat() if day else judged.run.info.day.isoformat()
