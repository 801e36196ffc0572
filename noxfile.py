"""The front door: every session is thin and calls the ``knowngood`` command. ``nox -l`` lists them.

nox alone is enough to read this file: to list the combos, the code of the project needs the standard library and
packaging, and packaging comes with nox.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
MATRIX = "embedding"  # the matrix that is meant when a command names none

sys.path.insert(0, str(ROOT / "src"))
from knowngood.declare.expand import combo_ids  # noqa: E402

nox.needs_version = ">=2026.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]


def _combos() -> list[str]:
    """Return the ids of the combos of the matrix; none when the file is broken, which the session then explains."""
    try:
        return list(combo_ids(tomllib.loads((ROOT / "matrices" / f"{MATRIX}.toml").read_text(encoding="utf-8"))))
    except (OSError, ValueError, RecursionError):
        return []


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups, unless this environment was made for just the same."""
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(pyproject + repr(groups).encode()).hexdigest()
    stamp = Path(session.virtualenv.location).resolve() / "knowngood-installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), *groups))
    stamp.write_text(wanted, encoding="utf-8")


def _knowngood(session: nox.Session, verb: str, *arguments: str) -> None:
    """Run a verb and leave with its exit code: nox would make 1 of every other."""
    _install(session)
    command = [str(Path(session.bin) / "python"), "-m", "knowngood", verb, *arguments]
    try:
        # The harness needs time to end what it started and to write its report, more than nox gives by itself.
        session.run(*command, interrupt_timeout=30, terminate_timeout=30)
    except nox.command.CommandFailed as failed:
        code = getattr(failed, "return_code", None) or 1
        if code == 1:
            raise
        raise SystemExit(code) from None


def _named(arguments: list[str]) -> list[str]:
    """Name the usual matrix in front of ``arguments`` unless they name one themselves."""
    named = any(one.split("=")[0] == "--matrix" for one in arguments)
    return arguments if named else ["--matrix", MATRIX, *arguments]


@nox.session
def matrix(session: nox.Session) -> None:
    """Build and probe every combo, print the table and write the report; options go after ``--``."""
    _knowngood(session, "run", *_named(session.posargs))


@nox.session
@nox.parametrize("name", [nox.param(one, id=one) for one in _combos()])
def combo(session: nox.Session, name: str) -> None:
    """Build and probe one combo and keep its environment for a closer look."""
    _knowngood(session, "run", *_named(session.posargs), "--only", name, "--keep", "--fresh")


@nox.session
def report(session: nox.Session) -> None:
    """Render the report of the last run, or of the event logs named after ``--``, once more."""
    _knowngood(session, "report", *_named(session.posargs))


@nox.session
def plan(session: nox.Session) -> None:
    """Resolve only: tell which combos can exist and which a run would probe; ``-- --format github`` for a CI."""
    _knowngood(session, "plan", *_named(session.posargs))


@nox.session
def cache(session: nox.Session) -> None:
    """Look at the cache of verdicts, or hand it on: ``-- ls``, ``-- export FILE``, ``-- import FILE``."""
    _knowngood(session, "cache", *(session.posargs or ["ls"]))


@nox.session
def export(session: nox.Session) -> None:
    """Write the proven combo named after ``--`` as requirements, constraints, ``pylock.toml`` or for a Dockerfile."""
    _knowngood(session, "export", *_named(session.posargs))


@nox.session
def diff(session: nox.Session) -> None:
    """Compare the last run with the published report, or with ``--baseline``, and fail when something regressed."""
    _knowngood(session, "diff", *_named(session.posargs))


@nox.session
def explain(session: nox.Session) -> None:
    """Tell all that is known of the combo named after ``--``; without one, of all that is not as expected."""
    _knowngood(session, "explain", *_named(session.posargs))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; ``-- -m "real or network"`` runs those that install real packages, ``-- -m browser`` the pages."""
    _install(session, "tests")
    usual = ["-n", "auto", "-m", "not real and not network and not browser"]
    session.run("python", "-m", "pytest", *(session.posargs or usual))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, layers of imports aside, with ruff."""
    _install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    _install(session, "types")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the tested matrix into the docs; ``-- --check`` fails when a page is stale."""
    _knowngood(session, "docs", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation site into docs/_build/html; a warning is an error."""
    _install(session, "docs")
    session.run("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure knowngood against tox, nox and uv alone, and write bench/RESULTS.md; options go after ``--``."""
    _install(session, "bench")
    session.run("python", "bench/run.py", *session.posargs)
