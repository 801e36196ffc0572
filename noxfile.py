"""Define the sessions of this project, each of which calls the ``knowngood`` command. ``nox -l`` lists them.

nox alone can load this file: to list the combos it uses only the standard library and packaging, which nox depends on.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
MATRIX = "embedding"  # the matrix to use when a command names none

sys.path.insert(0, str(ROOT / "src"))
from knowngood.declare.expand import combo_ids  # noqa: E402

nox.needs_version = ">=2026.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]


def _combos() -> list[str]:
    """Return the ids of the combos, or none if the file is invalid; the session then explains why."""
    try:
        return list(combo_ids(tomllib.loads((ROOT / "matrices" / f"{MATRIX}.toml").read_text(encoding="utf-8"))))
    except (OSError, ValueError, RecursionError):
        return []


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups, unless this environment already has exactly these."""
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(pyproject + repr(groups).encode()).hexdigest()
    stamp = Path(session.virtualenv.location).resolve() / "knowngood-installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), *groups))
    stamp.write_text(wanted, encoding="utf-8")


def _knowngood(session: nox.Session, verb: str, *arguments: str) -> None:
    """Run a verb and exit with its exit code, which nox would turn into 1."""
    _install(session)
    command = [str(Path(session.bin) / "python"), "-m", "knowngood", verb, *arguments]
    try:
        # By default nox gives knowngood too little time to end its processes and to write its report.
        session.run(*command, interrupt_timeout=30, terminate_timeout=30)
    except nox.command.CommandFailed as failed:
        code = getattr(failed, "return_code", None) or 1
        if code == 1:
            raise
        raise SystemExit(code) from None


def _with_matrix(arguments: list[str]) -> list[str]:
    """Return ``arguments`` with ``--matrix`` in front, unless they name a matrix."""
    named = any(argument.split("=")[0] == "--matrix" for argument in arguments)
    return arguments if named else ["--matrix", MATRIX, *arguments]


@nox.session
def matrix(session: nox.Session) -> None:
    """Build and probe every combo, and print the table; options such as ``--publish`` go after ``--``."""
    _knowngood(session, "run", *_with_matrix(session.posargs))


@nox.session
@nox.parametrize("name", [nox.param(combo_id, id=combo_id) for combo_id in _combos()])
def combo(session: nox.Session, name: str) -> None:
    """Build and probe one combo and keep its environment for a closer look."""
    _knowngood(session, "run", *_with_matrix(session.posargs), "--only", name, "--keep", "--fresh")


@nox.session
def report(session: nox.Session) -> None:
    """Render the last run, or the event logs named after ``--``, as a report."""
    _knowngood(session, "report", *_with_matrix(session.posargs))


@nox.session
def publish(session: nox.Session) -> None:
    """Publish the newest complete run in reports/, red or green; ``-- --accept`` makes it the baseline, too."""
    _knowngood(session, "publish", *_with_matrix(session.posargs))


@nox.session
def plan(session: nox.Session) -> None:
    """Resolve only: print which combos are solvable and which a run would probe; ``-- --format github`` for CI."""
    _knowngood(session, "plan", *_with_matrix(session.posargs))


@nox.session
def cache(session: nox.Session) -> None:
    """List or share the cached verdicts: ``-- ls``, ``-- export FILE``, ``-- import FILE``."""
    _knowngood(session, "cache", *(session.posargs or ["ls"]))


@nox.session
def export(session: nox.Session) -> None:
    """Export the proven combo named after ``--`` as requirements, constraints, ``pylock.toml`` or for a Dockerfile."""
    _knowngood(session, "export", *_with_matrix(session.posargs))


@nox.session
def diff(session: nox.Session) -> None:
    """Compare the last run with the baseline, and fail if something regressed."""
    _knowngood(session, "diff", *_with_matrix(session.posargs))


@nox.session
def explain(session: nox.Session) -> None:
    """Explain the combo named after ``--``, or every cell that is not as expected."""
    _knowngood(session, "explain", *_with_matrix(session.posargs))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; ``-- -m "real or network"`` runs those with real packages, ``-- -m browser`` those of pages."""
    _install(session, "tests")
    default = ["-n", "auto", "-m", "not real and not network and not browser"]
    session.run("python", "-m", "pytest", *(session.posargs or default))


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style with ruff."""
    _install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy in strict mode."""
    _install(session, "types")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Update the tested-versions tables in the docs; ``-- --check`` fails if a page is stale."""
    _knowngood(session, "docs", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation site into docs/_build/html; a warning is an error."""
    _install(session, "docs")
    session.run("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Compare knowngood with tox, nox and uv alone, and write bench/RESULTS.md; options go after ``--``."""
    _install(session, "bench", "tests")
    session.run("python", "bench/run.py", *session.posargs)
