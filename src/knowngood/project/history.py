"""Keep the history of a matrix beside its published report: read it, and extend it by what a run found."""

from pathlib import Path
from typing import TYPE_CHECKING

from knowngood.errors import KnowngoodError
from knowngood.judge.history import extended
from knowngood.model import History, JudgedRun
from knowngood.process.files import LARGEST, is_regular, read_regular
from knowngood.project import files
from knowngood.project.files import near
from knowngood.report import history_json
from knowngood.report.history_json import FILE
from knowngood.report.publication import published
from knowngood.report.text import published_day

if TYPE_CHECKING:
    from knowngood.project.publication import Publication


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
        from knowngood.project.publication import blocker

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
