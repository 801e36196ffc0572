"""Keep the runs of a matrix, one folder each, and find the run that a user names."""

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from filelock import FileLock, Timeout

from knowngood import strict_json
from knowngood.errors import UsageError, some
from knowngood.events import SCHEMA, RunFinished, decode, fold
from knowngood.model import Combo, ComboFacts, Run, Selection
from knowngood.process.files import LARGEST, read_regular, write_atomically
from knowngood.project.files import near

STATE = ".knowngood"
"""The folder of a project that holds its runs, out of sight of git."""
SEARCHES = "searches"
"""The folder beside that of the runs which holds what searches ran."""
LOG = "events.jsonl"
"""The name of the event log in the folder of a run."""
REPORT = "matrix.json"
"""The name of a report that programs read."""
OWNER = "project"
"""The name of the file in the folder of a run that holds the path of its project, where that is elsewhere."""

_LAST_LINE = 4096  # bytes that hold the line of the last event of a complete run
_DURATIONS = "durations.json"
_LONGEST = 10**8  # seconds that a combo may have taken
_RESUMABLE = timedelta(hours=24)  # after that an index may offer other versions, and the run would mix two days
_SCHEMA_KEY = b'"schema_version"'
_FORMS = "name a run by the start of its id, by its folder, or by its events.jsonl or matrix.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A run on disk: its event log in the folder of the run, or only a ``matrix.json`` rendered from it."""

    file: Path
    """The event log or the ``matrix.json``."""
    name: str
    """What messages call the run: ``run ID``, or the path as a user would type it."""

    @property
    def id(self) -> str:
        """The id of a run that is kept: the name of its folder."""
        return self.folder.name

    @property
    def has_log(self) -> bool:
        """Whether the events and the locks of the run are there, and not only its verdicts."""
        return self.file.suffix != ".json"

    @property
    def log(self) -> Path:
        """The event log. Raises ``UsageError`` when only a ``matrix.json`` is there."""
        if not self.has_log:
            raise UsageError(
                f"{self.name} holds verdicts only",
                cause="this needs the events and the locks of the run",
                next_step=f"name the run by its id or by its {LOG}",
            )
        return self.file

    @property
    def folder(self) -> Path:
        """The folder of the run, which logs and locks are relative to."""
        return self.file.parent

    def lock(self) -> FileLock:
        """Return the lock that the writer of the log holds; it is free once that process is gone, however it ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / "lock", blocking=False)

    def read(self) -> Run:
        """Return the run that the log records.

        Raises ``UsageError``: there is no log, it cannot be read, it records no run, or a newer version wrote it.
        """
        try:
            schema, run = _schema(self.log), read(self.log)
        except OSError as error:
            raise UsageError(f"{self.name} cannot be read", cause=str(error), next_step=_FORMS) from error
        if schema > SCHEMA:
            raise UsageError(
                f"a newer version of knowngood recorded {self.name}",
                cause=f"its event log has schema {schema}, and this version reads schemas up to {SCHEMA}",
                next_step="update knowngood, or name another run",
            )
        if run is None:
            raise UsageError(f"{self.name} is not the event log of a run", next_step=f"name an {LOG} of knowngood run")
        return run

    def request(self) -> Run | None:
        """Return the run as its first event declares it, without reading the rest of a long log.

        None: it declares none, or a newer version wrote the log, so that this one must not add to it.
        """
        with self.log.open("rb") as lines:
            return None if _schema(self.log) > SCHEMA else fold(decode(itertools.islice(lines, 1)))

    def ended(self) -> bool:
        """Return whether the last line of the log ends a complete run, without reading the lines before it."""
        with self.log.open("rb") as lines:
            lines.seek(max(0, lines.seek(0, os.SEEK_END) - _LAST_LINE))
            return any(isinstance(event, RunFinished) for event in decode(lines.readlines()[-1:]))


def read(log: Path) -> Run | None:
    """Return the run that an event log records, finished or not; None when it records none."""
    with log.open("rb") as lines:
        return fold(decode(lines))


def _schema(log: Path) -> int:
    """Return the version of the events in a log, as its first line states it; 0 when it states none."""
    with log.open("rb") as lines:
        # Without the key there is no need to parse the line of a run of thousands of combos.
        first = lines.readline()
    if _SCHEMA_KEY not in first:
        return 0
    try:
        version = strict_json.loads(first).get("schema_version")
    except (ValueError, AttributeError):
        return 0
    return version if isinstance(version, int) else 0


def at(text: str) -> RecordedRun | None:
    """Return the run at the path ``text``; None when there is no such path.

    The path is an event log, a ``matrix.json``, or a folder that holds one of them. Raises ``UsageError`` for a folder
    that holds neither.
    """
    path = Path(text)
    if text and path.is_dir():
        for name in (LOG, REPORT):
            if (path / name).is_file():
                return RecordedRun(file=path / name, name=near(path / name))
        raise UsageError(f"{near(path)} holds no run", cause=f"it has no {LOG} and no {REPORT}", next_step=_FORMS)
    return RecordedRun(file=path, name=near(path)) if text and path.is_file() else None


def all_at(text: str) -> tuple[RecordedRun, ...]:
    """Return the run at the path ``text``, as ``at``, or all event logs in a folder at any depth; none: no such path.

    Raises ``UsageError`` for a folder without any.
    """
    path = Path(text)
    if not text or not path.is_dir() or (path / REPORT).is_file():
        return tuple(filter(None, [at(text)]))
    runs = tuple(_below(path))
    if not runs:
        raise UsageError(f"{near(path)} holds no run", cause=f"it has no {LOG}, at any depth", next_step=_FORMS)
    return runs


def _below(folder: Path) -> Iterator[RecordedRun]:
    """Yield the event logs below a folder in order of their paths; the other files of a run are not looked at."""
    if (folder / LOG).is_file():
        yield RecordedRun(file=folder / LOG, name=near(folder / LOG))
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.is_symlink():
            yield from _below(child)


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """The runs of one matrix."""

    folder: Path
    """It holds a folder for each run."""
    project: Path
    """The folder of the project that the runs belong to."""

    @property
    def matrix(self) -> str:
        """The id of the matrix."""
        return self.folder.name

    @property
    def environments(self) -> Path:
        """The folder in which environments stay for the next run."""
        return self.folder.parent.parent / "environments" / self.folder.name

    def find(self, text: str | None) -> RecordedRun:
        """Return the run that a user names: this is the only grammar for a run.

        ``text`` is the path of an ``events.jsonl``, of a ``matrix.json``, or of a folder that holds one; or the start
        of the id of a run; None stands for the newest run. Raises ``UsageError``: there is no such run, or more than
        one.
        """
        if text is not None and (recorded := at(text)):
            return recorded
        runs = list(self.newest())
        if text is not None:
            # A search is named like a run, but is never the newest one.
            runs += Runs(folder=self.folder.parent.parent / SEARCHES / self.matrix, project=self.project).newest()
        matching = [run for run in runs if text is None or (text and run.id.startswith(text))]
        if matching and (text is None or len(matching) == 1):
            return matching[0]
        if matching:
            cause = f"{len(matching)} runs begin like this: {some([run.id for run in matching])}"
            raise UsageError(f"{text!r} is ambiguous", cause=cause, next_step="give more of the id")
        if not runs:
            what = f"no run {text!r}" if text is not None else f"{self.matrix} has no runs yet"
            cause = "" if text is None else f"there is no such file, and {self.matrix} has no runs yet"
            raise UsageError(what, cause=cause, next_step=f"run the matrix first, or {_FORMS}")
        cause = f"there is no such file, and the newest runs of {self.matrix} are {some([run.id for run in runs])}"
        raise UsageError(f"no run {text!r}", cause=cause, next_step=_FORMS)

    def find_all(self, text: str) -> tuple[RecordedRun, ...]:
        """Return the runs that a user names, as ``find``, or all that are in a folder at any depth; at least one."""
        return all_at(text) or (self.find(text),)

    def newest_with(self, combo: str, *, finished: bool = True) -> RecordedRun | None:
        """Return the newest run in which a combo that matches the glob ``combo`` finished, or just was selected."""
        for recorded in self.newest():
            request = recorded.request()
            if request is None or not _matches(request.combos, combo):
                continue
            run = read(recorded.log) if finished else request
            if run and _matches((facts for facts in run.combos if facts.finished or not finished), combo):
                return recorded
        return None

    def new(self, run_id: str) -> RecordedRun:
        """Return a new run, which is recorded once something is written to its log."""
        recorded = RecordedRun(file=self.folder / run_id / LOG, name=f"run {run_id}")
        if self.folder.parent.parent != self.project / STATE:
            recorded.folder.mkdir(parents=True, exist_ok=True)
            (recorded.folder / OWNER).write_text(f"{self.project}\n", encoding="utf-8")
        return recorded

    def newest(self) -> Iterator[RecordedRun]:
        """Yield the runs, newest first: their ids begin with the time."""
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir(), reverse=True):
                if (path / LOG).is_file():
                    yield RecordedRun(file=path / LOG, name=f"run {path.name}")

    def unfinished(self, digest: str, combos: Callable[[], tuple[Combo, ...]]) -> RecordedRun | None:
        """Return the newest run of just these combos that was cut short and that no living process still writes.

        ``combos`` is only called when there is a run of the same matrix: it takes long for thousands of combos.
        """
        for recorded in self.newest():
            request = recorded.request()
            if request is None or request.info.digest != digest or _combos(request) != combos():
                continue
            age = _age(request)
            if recorded.ended():
                return None
            run = read(recorded.log)
            if run is None or run.finished or age > _RESUMABLE or not any(facts.finished for facts in run.combos):
                return None
            try:
                with recorded.lock():
                    return recorded
            except Timeout:
                return None
        return None

    def selected(self, digest: str) -> tuple[Selection, ...]:
        """Return what the newest run of a matrix chose for its selectors, if it was cut short and can be resumed."""
        for recorded in self.newest():
            request = recorded.request()
            if request is None or request.info.digest != digest:
                continue
            age = _age(request)
            return () if recorded.ended() or age > _RESUMABLE else request.info.selections
        return ()

    def covered(self, digest: str, strength: int, selection: tuple[Combo, ...]) -> Run | None:
        """Return the newest run that covers the grids of a selection, as it began, if it can be resumed."""
        wanted = {combo.id for combo in selection}
        for recorded in self.newest():
            request = recorded.request()
            cover = request.cover if request is not None and request.info.digest == digest else None
            if request is None or cover is None or cover.strength != strength:
                continue
            if {combo.id for combo in (*_combos(request), *request.elsewhere, *cover.left_out)} == wanted:
                age = _age(request)
                return None if recorded.ended() or age > _RESUMABLE else request
        return None

    def past_seconds(self) -> dict[str, float]:
        """Return how many seconds each combo took in the last run that finished it, by id."""
        try:
            past = strict_json.loads(read_regular(self.folder / _DURATIONS, LARGEST))
            seconds = {str(combo): float(seconds) for combo, seconds in past.items()}
        except (ValueError, AttributeError, TypeError):
            return {}
        return {combo: taken for combo, taken in seconds.items() if 0 <= taken < _LONGEST}

    def note_seconds(self, run: Run) -> None:
        """Record how many seconds the combos of a run took, except those whose verdict was reused."""
        seconds = {facts.combo.id: _seconds(facts) for facts in run.combos if facts.finished and not facts.reused}
        if seconds:
            # The durations are only estimates, so a full disk must not fail the run.
            with contextlib.suppress(OSError):
                write_atomically(self.folder / _DURATIONS, json.dumps(self.past_seconds() | seconds).encode())


def _matches(combos: "Iterator[ComboFacts] | tuple[ComboFacts, ...]", pattern: str) -> bool:
    ids = [facts.combo.id for facts in combos]
    return pattern in ids or any(fnmatchcase(name, pattern) for name in ids)


def _age(run: Run) -> timedelta:
    """Return how long ago a run began; the longest time when its log does not say that."""
    try:
        begun = datetime.fromisoformat(run.info.started)
        return datetime.now(UTC) - (begun if begun.tzinfo else begun.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return timedelta.max


def _combos(run: Run) -> tuple[Combo, ...]:
    return tuple(facts.combo for facts in run.combos)


def _seconds(facts: ComboFacts) -> float:
    """Return how many seconds the commands of a combo took."""
    actions = [facts.create, *(step.resolve for step in facts.steps), *(step.install for step in facts.steps)]
    actions += [probe.action for probe in facts.probes]
    return round(sum(action.seconds for action in actions if action), 3)
