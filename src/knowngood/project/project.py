"""Open a project: its matrix, its runs, the rules that judge them, its baseline and its published report."""

import itertools
import json
import os
import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from platformdirs import user_state_path

from knowngood import strict_json
from knowngood.declare.combo_selection import select
from knowngood.declare.matrix_file import parse
from knowngood.declare.schema import JSON_SCHEMA
from knowngood.declare.selectors import NOTHING, Selections, from_json, to_json
from knowngood.declare.values import slug
from knowngood.errors import UsageError, similar, some
from knowngood.model import JudgedRun, Matrix, Run, Searched
from knowngood.process.files import LARGEST, read_given, read_regular, write_atomically
from knowngood.project.files import FolderFiles, near, write
from knowngood.project.runs import OWNER, SEARCHES, STATE, RecordedRun, Runs, all_at
from knowngood.project.searched import found_in

if TYPE_CHECKING:
    from knowngood.judge.evidence import Rules
    from knowngood.project.baseline import Baseline
    from knowngood.project.publication import Publication


_SELECTIONS = "selections.json"
"""The file that keeps what selectors stood for, in the folder of the runs of a matrix."""

FIRST = (
    'combo = [{ id = "today", steps = [["requests"]] }]',
    'probe = [{ id = "imports", source = "import requests" }]',
)
"""The lines of a smallest matrix, for a user who has none."""
SIGNS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Dockerfile", "Pipfile", "tox.ini")
"""Files that show that a folder is one of a project."""


class Project:
    """A folder with a matrix, and all that belongs to it. What it holds is read from disk when it is first used."""

    folder: Path
    """What paths in the matrix are relative to."""

    def __init__(
        self,
        folder: Path,
        *,
        matrix: Matrix | Path | str,
        state_dir: Path | None = None,
        signatures: Path | None = None,
    ) -> None:
        """Make a project of a folder and a matrix: the matrix itself, its file, or its id."""
        self.folder = folder
        self._declared = matrix
        self._state_dir = state_dir
        self._signatures = signatures

    @classmethod
    def open(
        cls,
        matrix: str | Path | None = None,
        *,
        start: Path | None = None,
        state_dir: Path | None = None,
        signatures: Path | None = None,
    ) -> Self:
        """Return the project of a matrix.

        ``matrix`` is the path of a TOML file, or the name of one in ``start/matrices``; None stands for the only file
        there. ``start`` is the current folder by default. Runs are kept below ``state_dir``, by default in
        ``.knowngood`` of the project. ``signatures`` is a file of known breakages, by default ``signatures.toml`` of
        the project, if there is one.

        Raises ``UsageError``: there is no such file, or it cannot be read. Raises ``MatrixFileError`` with everything
        that is wrong with it.
        """
        file = _named(matrix, (start or Path.cwd()).absolute())
        project = cls(_folder(file), matrix=file, state_dir=state_dir, signatures=signatures)
        _ = project.matrix
        return project

    @classmethod
    def of_run(
        cls,
        run: str | None,
        *,
        matrix: str | Path | None = None,
        start: Path | None = None,
        state_dir: Path | None = None,
        signatures: Path | None = None,
    ) -> Self:
        """Return the project that the run belongs to which ``run`` names, as in ``Runs.find``.

        With ``matrix`` it is that matrix's. A run that is named by its path belongs to the project that keeps it, and
        a run from elsewhere, such as a download, to ``start``: the matrix file may then be missing until it is used.
        """
        recorded = next(iter(all_at(run)), None) if run is not None and matrix is None else None
        if recorded is None:
            return cls.open(matrix, start=start, state_dir=state_dir, signatures=signatures)
        request = recorded.request() if recorded.has_log else None
        folder = _owner(recorded) or (start or Path.cwd()).absolute()
        name = request.info.matrix if request else recorded.folder.name
        return cls(folder, matrix=name, state_dir=state_dir, signatures=signatures)

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix. Raises ``UsageError`` or ``MatrixFileError``, as ``open``."""
        declared = self._declared
        if isinstance(declared, Matrix):
            return declared
        file = declared if isinstance(declared, Path) else _declaring(declared, self.folder)
        if file is None:
            raise UsageError(
                f"the matrix of this run is not here: {declared}",
                cause=f"there is no {declared}.toml in {near(self.folder / 'matrices')}",
                next_step="name its file with --matrix",
            )
        return self._parse(file, _read_selections(self._kept_selections(slug(file.stem) or "matrix")))

    def with_selections(self, selections: Selections) -> "Project":
        """Return the project with the versions that the selectors of its matrix stand for from now on.

        They are kept for the next time that the matrix is read. A matrix that was not read from a file stays as it is.
        """
        matrix = self.matrix
        if isinstance(self._declared, Matrix):
            return self
        parsed = self._parse(matrix.path, selections)
        write_atomically(self.runs.folder / _SELECTIONS, json.dumps(to_json(selections.all), indent=1).encode() + b"\n")
        changed = Project(self.folder, matrix=matrix.path, state_dir=self._state_dir, signatures=self._signatures)
        changed.matrix = parsed
        return changed

    def with_text(self, text: bytes) -> Matrix:
        """Return the matrix that its file would declare with another text. Raises ``MatrixFileError``."""
        return self._parse(self.matrix.path, Selections(all=self.matrix.selections), text)

    def _parse(self, file: Path, selections: Selections, text: bytes | None = None) -> Matrix:
        try:
            text = read_given(file) if text is None else text
        except OSError as error:
            raise UsageError(f"{file} cannot be read", cause=str(error), next_step="fix its permissions") from error
        folder = _folder(file)
        return parse(text, path=file, project=folder, files=FolderFiles(folder), selections=selections)

    def _kept_selections(self, matrix_id: str) -> Path | None:
        """Return the file with the versions that selectors stood for in the last run; None when there is none."""
        states = [self._state_dir] if self._state_dir else [self.folder / STATE, _state_of_user(self.folder)]
        files = (state / "runs" / matrix_id / _SELECTIONS for state in states)
        return next((file for file in files if file.is_file()), None)

    @cached_property
    def runs(self) -> Runs:
        """The runs of the matrix. Raises ``UsageError`` when no run can be kept in their folder."""
        matrix_id = self._declared if isinstance(self._declared, str) else self.matrix.id
        return Runs(folder=self._state() / "runs" / matrix_id, project=self.folder)

    @cached_property
    def searches(self) -> Runs:
        """The runs that searches made, apart from those of the matrix itself. Raises as ``runs``."""
        return Runs(folder=self.runs.folder.parent.parent / SEARCHES / self.runs.matrix, project=self.folder)

    @property
    def searched(self) -> tuple[Searched, ...]:
        """What searches about the combos of the matrix found. No folder is made for it."""
        matrix_id = self._declared if isinstance(self._declared, str) else self.matrix.id
        for state in [self._state_dir] if self._state_dir else [self.folder / STATE, _state_of_user(self.folder)]:
            if (folder := state / SEARCHES / matrix_id).is_dir():
                return found_in(folder)
        return ()

    @cached_property
    def rules(self) -> "Rules":
        """What runs are judged by: the known breakages of knowngood and of the project, and how to read installers."""
        from knowngood.install.registry import OUTPUTS  # a list does not pay for the rules
        from knowngood.judge.evidence import Rules
        from knowngood.project.signatures import OURS, load

        own = self._signatures or self.folder / "signatures.toml"
        return Rules(signatures=load(OURS, *([own] if self._signatures or own.is_file() else [])), installers=OUTPUTS)

    @cached_property
    def publication(self) -> "Publication":
        """The published report of the matrix."""
        from knowngood.project.publication import Publication

        return Publication(self)

    @cached_property
    def baseline(self) -> "Baseline":
        """The run that other runs of the matrix are compared with."""
        from knowngood.project.baseline import Baseline

        return Baseline(self)

    @property
    def combo_ids(self) -> tuple[str, ...]:
        """The ids of all combos of the matrix, in its order."""
        return tuple(combo.id for combo in self.matrix.combos)

    def judge(self, run: Run) -> JudgedRun:
        """Return the verdicts of a run by the rules of this project."""
        from knowngood.judge.verdict import judge

        return judge(run, self.rules)

    def read(self, recorded: RecordedRun) -> JudgedRun:
        """Return the verdicts of a recorded run: judged again from its log, or as its ``matrix.json`` reports them.

        Raises ``UsageError``: it cannot be read, or it records no run.
        """
        if recorded.has_log:
            return self.judge(recorded.read())
        from knowngood.project.publication import read_report

        return read_report(recorded.file, name=recorded.name)

    def read_all(self, runs: Sequence[RecordedRun]) -> tuple[JudgedRun, Path]:
        """Return the verdicts of recorded runs as one run, and the folder that its logs are relative to.

        The runs are usually the shards of one matrix. Raises ``UsageError``: they are of several matrices, or one of
        several has no event log.
        """
        from knowngood.judge.merge import below, merge

        if len(runs) == 1 and not runs[0].has_log:
            return self.read(runs[0]), runs[0].folder
        logs = {recorded.log.absolute(): recorded for recorded in runs}
        common = Path(os.path.commonpath([log.parent for log in logs]))
        moved = []
        for log, recorded in logs.items():
            place = log.parent.relative_to(common).as_posix()
            moved.append(recorded.read() if place == "." else below(recorded.read(), place))
        return self.judge(merge(moved)), common

    def run_of(self, combo: str, run: str | None) -> RecordedRun:
        """Return the run to read about a combo: the one that ``run`` names, by default the newest that finished it.

        ``combo`` is an id or a glob. A run that selected the combo and did not finish it is returned when there is no
        other. Raises ``NothingSelectedError``: the matrix has no such combo. Raises ``UsageError``: there is no run.
        """
        if run is not None:
            return self.runs.find(run)
        recorded = self.runs.newest_with(combo) or self.runs.newest_with(combo, finished=False)
        if recorded is None:
            select(self.matrix.combos, (combo,))
            self.runs.find(None)
            raise UsageError(f"no run of {self.matrix.id} includes {combo}", next_step="run it: knowngood run")
        return recorded

    def _state(self) -> Path:
        """Return the folder that holds runs, made if need be; a project that is read-only keeps them for its user."""
        folder = (self._state_dir or self.folder / STATE).absolute()
        if self._state_dir is None and not os.access(folder if folder.exists() else self.folder, os.W_OK):
            folder = _state_of_user(self.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
            # Matrix files name it, so that editors know the keys of the version that is installed.
            write(folder / JSON_SCHEMA.name, JSON_SCHEMA.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(
                f"no runs can be kept in {folder}", cause=str(error), next_step="name another folder with --state-dir"
            ) from error
        return folder


def matrices(start: Path) -> dict[str, Path]:
    """Return the matrix files in ``start/matrices``, by name."""
    return {path.stem: path for path in sorted((start / "matrices").glob("*.toml")) if path.is_file()}


def _state_of_user(project: Path) -> Path:
    """Return the folder that keeps the runs of a project that is read-only."""
    return user_state_path("knowngood") / str(project).strip("/").replace("/", "-")


def _read_selections(file: Path | None) -> Selections:
    try:
        return from_json(strict_json.loads(read_regular(file, LARGEST))) if file is not None else NOTHING
    except ValueError:
        return NOTHING


def _named(matrix: str | Path | None, start: Path) -> Path:
    """Return the absolute path of a matrix file: a path relative to ``start``, or the name of one in its matrices."""
    files = matrices(start)
    if matrix is None and len(files) == 1:
        return next(iter(files.values()))
    if matrix is not None and str(matrix) in files:
        return files[str(matrix)]
    path = start / (matrix or "")
    if matrix is not None and path.is_file():
        return path
    # The id of a matrix is its name in plain letters: that of größe.toml is groesse.
    if matrix is not None and len(same := [file for name, file in files.items() if slug(name) == str(matrix)]) == 1:
        return same[0]
    what = "which matrix?" if matrix is None else f"no matrix {str(matrix)!r}"
    if not files:
        if matrix is None:
            what = "there is no matrix here"
        raise UsageError(what, cause=_looked(start, path, matrix), next_step=_begin(start))
    if matrix is None:
        next_step = "name one, or the path of its file; `run --all` takes all of them"
        raise UsageError(what, cause=f"matrices/ holds: {some([*files])}", next_step=next_step)
    missing = f"there is no such file, and matrices/ holds: {some([*files])}"
    near = similar(str(matrix), [*files])
    next_step = "give one of the names in matrices/, or the path of a TOML file"
    if len(near) == 1:
        next_step = f"did you mean {shlex.quote(near[0])}?"
    raise UsageError(what, cause="it is a folder" if path.is_dir() else missing, next_step=next_step)


def _looked(start: Path, path: Path, matrix: str | Path | None) -> str:
    """Return where a matrix was looked for, in a project that has none."""
    folder = start / "matrices"
    empty = f"{folder} holds no TOML file" if folder.is_dir() else f"there is no folder {folder}"
    if matrix is None:
        return empty
    return f"{path} is a folder, and {empty}" if path.is_dir() else f"there is no file {path}, and {empty}"


def _begin(start: Path) -> str:
    """Return what to do in a folder without a matrix: go to the project above it, or write the first matrix."""
    above = next((folder for folder in start.parents if any((folder / "matrices").glob("*.toml"))), None)
    if above is not None:
        return f"run it in the folder of the project: cd {shlex.quote(str(above))}"
    if any((start / sign).is_file() for sign in SIGNS):
        return "let knowngood look at the project and write the first one: knowngood init"
    return (
        "in the folder of a project: knowngood init; elsewhere write the first one, matrices/first.toml, "
        f"with two lines: `{FIRST[0]}` and `{FIRST[1]}`"
    )


def _folder(matrix_file: Path) -> Path:
    """Return the folder of the project of a matrix file: the one that holds it, or the one above ``matrices``."""
    return matrix_file.parent.parent if matrix_file.parent.name == "matrices" else matrix_file.parent


def _declaring(matrix_id: str, folder: Path) -> Path | None:
    """Return the file of a project that declares a matrix, by the id of the matrix; None when there is none."""
    files = sorted(itertools.chain((folder / "matrices").glob("*.toml"), folder.glob("*.toml")))
    return next((file for file in files if slug(file.stem) == matrix_id), None)


def _owner(recorded: RecordedRun) -> Path | None:
    """Return the folder of the project that keeps a run; None when none does.

    What was downloaded from another machine may be in a ``.knowngood`` as well, but beside no matrix.
    """
    parents = recorded.folder.absolute().parents
    if len(parents) > 3 and parents[2].name == STATE:
        folder = parents[3]
        if _declaring(parents[0].name, folder) or (folder / "signatures.toml").is_file():
            return folder
    owner = recorded.folder / OWNER
    project = Path(owner.read_text(encoding="utf-8").strip()) if owner.is_file() else None
    return project if project and project.is_dir() else None
