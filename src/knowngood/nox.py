"""Give a noxfile the sessions that call ``knowngood``: ``matrix``, ``combo(ID)``, and one for each other verb.

    from knowngood.nox import sessions

    sessions()

nox alone can import this module: it needs only the standard library, packaging and nox. Where nox has no knowngood, the
noxfile asks for it in its PEP 723 header, and nox runs the file in an environment that has both.
"""

import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import nox

from knowngood import strict_json
from knowngood.declare.grids import combo_ids
from knowngood.declare.selectors import NOTHING, Selections, from_json
from knowngood.declare.values import slug
from knowngood.process.files import LARGEST, read_regular
from knowngood.sessions import VERBS

_TAKE_NO_MATRIX = frozenset({"cache", "docs", "import", "init", "scan"})
"""Verbs that no default matrix is passed to."""
_NAMING = ("--matrix", "--all")
"""Options that say which matrices are meant."""

Install = Callable[[nox.Session], object]


def sessions(prefix: str = "", *, matrix: str | None = None, install: Install | None = None) -> tuple[str, ...]:
    """Define the sessions of knowngood in the noxfile that calls this, and return their names.

    ``prefix`` begins the name of each session. A session that the noxfile has already keeps its name and its work. None
    of these runs when a user types ``nox`` alone.

    ``matrix`` is meant when a command names none; by default it is the only one in ``matrices/``. Sessions run in the
    environment of nox, which has knowngood if it can import this. With ``install`` each session has an environment of
    its own, and that function installs knowngood into it.
    """
    calls = _Calls(matrix=matrix, install=install)
    combos = [nox.param(combo, id=name) for name, combo in _combos(Path.cwd() / "matrices", matrix)]
    wanted = {"matrix": calls.run, "combo": nox.parametrize("combo", combos)(calls.one_combo())}
    wanted |= {verb: calls.verb(verb, sentence) for verb, sentence in VERBS.items()}
    define = partial(nox.session, default=False, venv_backend=None if install is not None else "none")
    new = [name for name in wanted if f"{prefix}{name}" not in nox.registry.get()]
    for name in new:
        define(name=f"{prefix}{name}")(wanted[name])
    return tuple(f"{prefix}{name}" for name in new)


_Session = Callable[[nox.Session], None]
_Combo = tuple[str | None, str]
"""The matrix of a combo, None for the default, and its id."""


def _combos(folder: Path, matrix: str | None) -> Iterator[tuple[str, _Combo]]:
    """Yield an id for ``nox -l`` and a combo for each combo of the matrices in ``folder``, or only of ``matrix``.

    Where several matrices have the same id, those after the first are ``MATRIX/ID``. An invalid file has no combos; the
    session then explains why.
    """
    files = sorted(folder.glob("*.toml"))
    if matrix is not None:
        files = [file for file in files if file.stem == matrix]
    seen: set[str] = set()
    for file in files:
        try:
            ids = combo_ids(tomllib.loads(_text(file)), _selections(folder.parent, file.stem))
        except (ValueError, RecursionError):
            continue
        for combo_id in ids:
            name = f"{file.stem}/{combo_id}" if combo_id in seen else combo_id
            seen.add(combo_id)
            yield name, (file.stem if len(files) > 1 else None, combo_id)


def _text(file: Path) -> str:
    return read_regular(file, LARGEST, linked=True).decode("utf-8")


def _selections(project: Path, matrix: str) -> Selections:
    """Return what the selectors of a matrix stood for in its last run."""
    file = project / ".knowngood" / "runs" / (slug(matrix) or "matrix") / "selections.json"
    try:
        return from_json(strict_json.loads(read_regular(file, LARGEST)))
    except ValueError:
        return NOTHING


class _Calls:
    """Makes the functions of sessions. Each runs a verb and exits with its exit code, which nox would turn into 1."""

    def __init__(self, *, matrix: str | None, install: Install | None) -> None:
        self._matrix = matrix
        self._install = install

    def run(self, session: nox.Session) -> None:
        """Build and probe every combo, and print the table; options such as ``--publish`` go after ``--``."""
        self._call(session, "run", *_with_matrix(session.posargs, self._matrix))

    def one_combo(self) -> "Callable[[nox.Session, _Combo], None]":
        """Return the function of the session ``combo``; nox keeps its parameters in an attribute of it."""

        def call(session: nox.Session, combo: _Combo) -> None:
            """Build and probe one combo and keep its environment for a closer look."""
            matrix, combo_id = combo
            arguments = _with_matrix(session.posargs, matrix or self._matrix)
            self._call(session, "run", *arguments, "--only", combo_id, "--keep", "--fresh")

        return call

    def verb(self, verb: str, sentence: str) -> _Session:
        """Return the function of a verb other than ``run``."""

        def call(session: nox.Session) -> None:
            arguments: Sequence[str] = session.posargs
            if verb == "cache":
                arguments = arguments or ["ls"]
            elif verb not in _TAKE_NO_MATRIX:
                arguments = _with_matrix(arguments, self._matrix)
            self._call(session, verb, *arguments)

        call.__doc__ = sentence
        return call

    def _call(self, session: nox.Session, verb: str, *arguments: str) -> None:
        python = sys.executable
        if self._install is not None:
            self._install(session)
            python = str(Path(session.bin) / "python")
        command = [python, "-m", "knowngood", verb, *arguments]
        try:
            # By default nox gives knowngood too little time to end its processes and to write its report.
            session.run(*command, interrupt_timeout=30, terminate_timeout=30, external=True)
        except nox.command.CommandFailed as failed:
            code = getattr(failed, "return_code", None) or 1
            if code == 1:
                raise
            raise SystemExit(code) from None


def _with_matrix(arguments: Sequence[str], matrix: str | None) -> list[str]:
    """Return ``arguments`` with ``--matrix`` in front, unless they name matrices or none is meant."""
    if matrix is None or any(argument.split("=")[0] in _NAMING for argument in arguments):
        return [*arguments]
    return ["--matrix", matrix, *arguments]
