"""Define the sessions of this project: those of ``knowngood.nox``, and those of its development. ``nox -l`` lists them.

nox alone can load this file: ``knowngood.nox`` needs only the standard library and packaging, which nox depends on.
"""

import hashlib
import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent

sys.path.insert(0, str(ROOT / "src"))
from knowngood.nox import sessions  # noqa: E402

nox.needs_version = ">=2026.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups, unless this environment already has exactly these."""
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(pyproject + repr(groups).encode()).hexdigest()
    stamp = Path(session.virtualenv.location).resolve() / "knowngood-installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), *groups))
    stamp.write_text(wanted, encoding="utf-8")


sessions(matrix="embedding", install=_install)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; ``-- -m "real or network"`` runs those with real packages, ``-- -m browser`` those of pages."""
    _install(session, "tests")
    # Most tests wait for processes that they start: one worker for each core would leave the cores idle.
    workers = str((os.cpu_count() or 1) + 1)
    default = ["-n", workers, "--dist", "worksteal", "-m", "not real and not network and not browser"]
    session.run("python", "-m", "pytest", *(session.posargs or default))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Read 10,000 random files of each kind; ``-- --examples N`` sets another number."""
    _install(session, "tests")
    options = (
        session.posargs if "--examples" in " ".join(session.posargs) else ["--examples", "10000", *session.posargs]
    )
    session.run("python", "-m", "pytest", "-n", str(os.cpu_count() or 1), "tests/fuzz", *options)


@nox.session
def soak(session: nox.Session) -> None:
    """Provoke faults in real runs and print which promises held; ``-- --minutes M``, ``-- --help`` has the options."""
    _install(session, "tests")
    session.run("python", "bench/soak.py", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Simulate a run on 500 workers and print what it costs the client; ``-- --help`` has the options."""
    _install(session, "tests")
    session.run("python", "bench/cluster.py", *session.posargs)


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
def site(session: nox.Session) -> None:
    """Build the documentation site into docs/_build/html; a warning is an error."""
    _install(session, "docs")
    session.run("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "docs", "docs/_build/html")


@nox.session
def screenshots(session: nox.Session) -> None:
    """Make the pictures of the README and the docs again; needs chromium and chromedriver."""
    _install(session, "tests")
    session.run("python", ".ci/screenshots.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Compare knowngood with tox, nox and uv alone, and write bench/RESULTS.md; options go after ``--``."""
    _install(session, "bench", "tests")
    session.run("python", "bench/run.py", *session.posargs)
