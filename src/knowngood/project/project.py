"""The files around a matrix: where it is, its probes, where runs and reports go."""

import contextlib
import os
from pathlib import Path

from platformdirs import user_state_path

from knowngood import atomic
from knowngood.declare.file import parse
from knowngood.errors import UsageError
from knowngood.install.registry import OUTPUTS
from knowngood.judge.rules import Rules
from knowngood.model import Matrix
from knowngood.project.runs import Store


def find_matrix(asked: str | None, folder: Path) -> Path:
    """Return the matrix file for ``asked``: a path, or the name of a file in ``folder/matrices``.

    Without ``asked`` it is the only file there. Raises ``UsageError`` when there is none, or more than one to choose
    from.
    """
    known = {path.stem: path for path in sorted((folder / "matrices").glob("*.toml"))}
    names = ", ".join(known) or "none"
    if asked is None:
        if len(known) == 1:
            return next(iter(known.values()))
        cause = f"matrices/ holds: {names}"
        raise UsageError(
            "which matrix?", cause=cause, next_step="name one: knowngood run NAME, or the path of its file"
        )
    if asked in known:
        return known[asked]
    path = Path(asked)
    if not path.is_file():
        cause = "it is a folder" if path.is_dir() else f"there is no such file, and matrices/ holds: {names}"
        raise UsageError(
            f"no matrix {asked!r}", cause=cause, next_step="give the path of a TOML file, or one of the names"
        )
    return path


def load_matrix(path: Path) -> Matrix:
    """Read and check the matrix file at ``path``.

    Its project, which probe paths are relative to, is the folder that holds it, or the one above a ``matrices`` folder.
    Raises ``MatrixFileError`` with everything that is wrong, or ``UsageError`` when the file cannot be read.
    """
    path = path.absolute()
    project = path.parent.parent if path.parent.name == "matrices" else path.parent
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", cause=str(error), next_step="mend its permissions") from error

    def read_probe(name: str) -> str | None:
        script = project / name
        return script.read_text(encoding="utf-8", errors="surrogateescape") if script.is_file() else None

    return parse(text, path=path, project=project, read_probe=read_probe)


def store(matrix: Matrix, asked: Path | None) -> Store:
    """Return where runs of ``matrix`` are kept: below ``asked``, or in its project, out of sight of git.

    A project that cannot be written to has them in the user's own state. Raises ``UsageError`` when nothing can be
    written there, either.
    """
    folder = (asked or matrix.project / ".knowngood").absolute()
    if asked is None and not os.access(folder if folder.exists() else matrix.project, os.W_OK):
        folder = user_state_path("knowngood") / str(matrix.project).strip("/").replace("/", "-")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"no runs can be kept in {folder}", cause=str(error), next_step="name another folder with --state-dir"
        ) from error
    return Store(folder=folder / "runs" / matrix.id)


def rules(project: Path, asked: Path | None) -> Rules:
    """Return what to judge by: our known breakages, and those of ``asked`` or of the project's ``signatures.toml``."""
    # Only here: a plan and a list need none.
    from knowngood.project.signatures import OURS, load

    own = asked or project / "signatures.toml"
    signatures = load(OURS, *([own] if asked or own.is_file() else []))
    return Rules(signatures=signatures, installers=OUTPUTS)


def write(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` holds all of it or, after a crash or on a full disk, what it held before.

    A file that holds it already is left alone: most locks of a report are those of the report before.
    """
    data = text.encode("utf-8")
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    atomic.write(path, data)
