"""Compare runs with the baseline of a matrix, and make a run the baseline."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from knowngood.errors import UsageError, some
from knowngood.judge.changes import Snapshot, compare, selected, snapshots
from knowngood.model import Change, ChangeKind, JudgedRun
from knowngood.project import files
from knowngood.project.files import near
from knowngood.project.publication import blocker
from knowngood.project.runs import RecordedRun
from knowngood.report import matrix_json
from knowngood.report.publication import published

if TYPE_CHECKING:
    from knowngood.project.project import Project

FILE = "baseline.json"
"""The name of the baseline beside the published report of a matrix; it has the format of a ``matrix.json``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshots:
    """The cells of one run, for a comparison."""

    name: str
    """What messages call the run."""
    cells: tuple[Snapshot, ...]

    @classmethod
    def of(cls, judged: JudgedRun) -> "Snapshots":
        """Return the cells of a judged run."""
        return cls(name=f"run {judged.run.info.id}", cells=snapshots(judged))


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A run compared with a baseline."""

    baseline: str
    """What messages call the baseline."""
    changes: tuple[Change, ...]
    """What changed in each cell."""
    left_out: int
    """How many cells of the baseline still exist and were not part of the run."""

    def unexpected_regressions(self, judged: JudgedRun) -> tuple[str, ...]:
        """Return the combos that regressed and that neither an expectation nor a known issue excuses."""
        unexpected = {(cell.combo.id, cell.probe) for cell in judged.cells if cell.as_expected is False}
        regressed = (
            change.combo
            for change in self.changes
            if change.kind is ChangeKind.REGRESSED and (change.combo, change.probe) in unexpected
        )
        return tuple(dict.fromkeys(regressed))


class Baseline:
    """The run that other runs of a matrix are compared with. Only ``accept`` changes it."""

    def __init__(self, project: "Project") -> None:
        self._project = project

    @property
    def file(self) -> Path:
        """The file that holds the baseline, once there is one."""
        return self._project.publication.folder / FILE

    def find(self, run: str | None) -> Snapshots:
        """Return the cells to compare with: those of the run that ``run`` names, by default of the baseline.

        Raises ``UsageError``: there is none, it cannot be read, or it is of another matrix.
        """
        if run is not None:
            return self._cells(self._project.runs.find(run))
        if not self.file.is_file():
            raise UsageError(
                f"{self._project.matrix.id} has no baseline yet",
                cause=f"there is no {near(self.file)}",
                next_step=f"make a complete run the baseline with `knowngood run {self._project.matrix.id} --accept`, "
                "or name a run with --baseline",
            )
        return self._cells(RecordedRun(file=self.file, name=near(self.file)))

    def find_current(self, run: str | None) -> Snapshots:
        """Return the cells of the run that ``run`` names, by default the newest. Raises as ``find``."""
        return self._cells(self._project.runs.find(run))

    def compare(self, after: Snapshots | JudgedRun, before: Snapshots) -> Comparison:
        """Compare a run with a baseline. A combo that still exists and was not selected in ``after`` is not gone."""
        if isinstance(after, JudgedRun):
            after = Snapshots.of(after)
        kept = selected(before.cells, after.cells, self._project.combo_ids)
        return Comparison(
            baseline=before.name, changes=compare(kept, after.cells), left_out=len(before.cells) - len(kept)
        )

    def accept(self, judged: JudgedRun) -> Path:
        """Make a run the baseline, whatever its verdicts are, and return the file.

        Raises ``UsageError`` when the run is not complete, see ``blocker``.
        """
        reason = blocker(judged, self._project.matrix)
        if reason is not None:
            raise UsageError(
                f"run {judged.run.info.id} cannot be the baseline",
                cause=reason,
                next_step="run all combos to completion: knowngood run --accept, without --only and --shard",
            )
        files.write(self.file, matrix_json.render(published(judged)))
        return self.file

    def _cells(self, recorded: RecordedRun) -> Snapshots:
        """Return the cells of a run. One without any combo of the matrix would compare as if nothing regressed."""
        cells = snapshots(self._project.read(recorded))
        matrix = self._project.matrix.id
        if not {cell.combo for cell in cells} & set(self._project.combo_ids):
            raise UsageError(
                f"{recorded.name} has no combo of {matrix}",
                cause=f"its combos are: {some([cell.combo for cell in cells]) or 'none'}",
                next_step="name a run of this matrix",
            )
        return Snapshots(name=recorded.name, cells=cells)
