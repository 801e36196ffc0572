from pathlib import Path

import pytest

from knowngood.errors import UsageError
from support.importing import PROJECT, imported, line_with

LOOPS = """
import nox

VERSIONS = {"old": "django~=4.2.0", "new": "django~=5.2.0"}

for name, wanted in VERSIONS.items():
    @nox.session(name=f"compat-{name}", python="3.12")
    def compat(session, wanted=wanted):
        session.install(wanted)
        session.run("pytest")

for name in load():
    @nox.session
    def computed(session):
        session.install("six")


def define(name):
    @nox.session(name=name)
    def made(session):
        session.install("six")
"""


def test_sessions_that_a_loop_defines_are_read_and_others_are_named(tmp_path: Path) -> None:
    result = imported(tmp_path, "noxfile.py", LOOPS)

    assert result.steps == {"compat-old": [["django~=4.2.0"]], "compat-new": [["django~=5.2.0"]]}
    assert "load()" in result.remark(line_with(LOOPS, "in load()"))
    assert "made is not read" in result.remark(line_with(LOOPS, "def made"))


OF_UV = """
# /// script
# dependencies = ["httpx"]
# [tool.uv]
# exclude-newer = "2025-01-01T00:00:00Z"
# sources = { httpx = { path = "x" } }
# find-links = ["x"]
# ///
"""


def test_settings_of_uv_in_a_script_are_options_or_named(tmp_path: Path) -> None:
    result = imported(tmp_path, "tool.py", OF_UV)

    assert result.steps == {"tool": [["httpx", "--exclude-newer 2025-01-01T00:00:00Z"]]}
    assert [what.split(" in ")[0] for _, what in result.remarks if "[tool.uv]" in what] == [
        "[tool.uv] sources is not read",
        "[tool.uv] find-links",
    ]


NOXFILE = """
import nox
import os

PYTHONS = ["3.11", "3.12"]
FLASKS = [f"{major}.0" for major in (2, 3)]
raise SystemExit("a noxfile is never executed")


def install(session, *, extra="test"):
    session.install("-e", f".[{extra}]")


@nox.session(python=PYTHONS)
@nox.parametrize("flask", FLASKS)
def tests(session, flask):
    install(session)
    packages = ["pytest"]
    if flask == "2.0":
        packages.append("werkzeug<3")
    if os.environ.get("CI"):
        session.install("codecov-tool")
    session.install(f"flask=={flask}", *packages)
    session.env["MODE"] = "fast"
    session.run("pytest", "tests", *session.posargs)


@nox.session(python="3.12")
@nox.parametrize("python,numpy", [nox.param("3.11", "1.26.4", id="old"), ("3.12", "2.0.2")])
def pairs(session: nox.Session, numpy: str) -> None:
    session.install(f"numpy=={numpy}")
    session.run("python", "-m", "unittest")


@nox.session
@nox.parametrize("version", load_versions())
def computed(session, version):
    session.install(version)


@nox.session(venv_backend="none")
def docs(session):
    session.log("nothing to install")
"""


def test_sessions_with_their_pythons_and_parameters_are_combos(tmp_path: Path) -> None:
    result = imported(tmp_path, "noxfile.py", NOXFILE, {"pyproject.toml": PROJECT})

    rows = {(combo.python, tuple(step.lines for step in combo.steps)) for combo in result.matrix.combos}
    for python in ("3.11", "3.12"):
        assert (python, (("-e .[test]",), ("flask==2.0", "pytest", "werkzeug<3"))) in rows
        assert (python, (("-e .[test]",), ("flask==3.0", "pytest"))) in rows
    assert ("3.11", (("numpy==1.26.4",),)) in rows
    assert ("3.12", (("numpy==2.0.2",),)) in rows
    assert len(rows) == 6
    kinds = {(str(probe.kind), probe.arguments) for probe in result.matrix.probes}
    assert kinds == {("pytest", ("tests",)), ("command", ("python", "-m", "unittest"))}
    whole = "\n".join(what for _, what in result.remarks)
    assert "os.environ" in whole and "codecov-tool" in whole
    assert "computed" in whole and "load_versions" in whole


RIOTFILE = """
from riot import Venv, latest

SUPPORTED_PYTHON_VERSIONS = ["3.10", "3.11", "3.12"]


def select_pys(min_version="3.10", max_version="3.12"):
    raise SystemExit("a riotfile is never executed")


venv = Venv(
    pkgs={"pytest": latest},
    env={"MODE": "fast"},
    venvs=[
        Venv(
            name="web",
            command="pytest {cmdargs} tests/web",
            pkgs={"flask": ["~=2.0", latest], "redis[hiredis]": ["==5.0"]},
            venvs=[
                Venv(pys=select_pys(max_version="3.11"), pkgs={"werkzeug": "<3"}),
                Venv(pys="3.12", env={"MODE": ["slow", "fast"]}),
            ],
        ),
        *[Venv(name=name, command="python -m unittest", pys=3.12) for name in ("a", "b")],
        Venv(name="lint", pys="3.12", command="black .", pkgs=unknown()),
        Venv(name="gone", pys=elsewhere(), command="pytest"),
    ],
)
"""


def test_the_leaves_of_a_riotfile_inherit_and_are_combos(tmp_path: Path) -> None:
    result = imported(tmp_path, "riotfile.py", RIOTFILE)

    rows = {(combo.python, dict(combo.env)["MODE"], frozenset(combo.steps[0].lines)) for combo in result.matrix.combos}
    for flask in ("flask~=2.0", "flask"):
        for python in ("3.10", "3.11"):
            assert (python, "fast", frozenset({"pytest", flask, "redis[hiredis]==5.0", "werkzeug<3"})) in rows
        for mode in ("slow", "fast"):
            assert ("3.12", mode, frozenset({"pytest", flask, "redis[hiredis]==5.0"})) in rows
    assert ("3.12", "fast", frozenset({"pytest"})) in rows
    assert len(rows) == 9
    assert ("tests/web",) in {probe.arguments for probe in result.matrix.probes}
    assert "unknown()" in result.remark(line_with(RIOTFILE, "unknown()"))
    assert "gone is left out" in "".join(what for _, what in result.remarks)


SCRIPT = """#!/usr/bin/env python
# /// script
# requires-python = ">=3.12"
# dependencies = [
#   "rich>=13",
#   "requests<3",
# ]
# ///
raise SystemExit("a script is never executed")
"""


def test_a_script_says_what_it_needs(tmp_path: Path) -> None:
    result = imported(tmp_path, "tool.py", SCRIPT)

    assert result.steps == {"tool": [["rich>=13", "requests<3"]]}
    assert result.pythons == {"tool": "3.12"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("noxfile.py", "def ("),
        ("noxfile.py", "x = " + "(" * 500),
        ("noxfile.py", "import nox\n"),
        ("noxfile.py", "import nox\nN = [0] * 10**12\n@nox.session\ndef t(session): session.install(*N)\n"),
        ("noxfile.py", "import nox\n@nox.session(python=[str(n) for n in range(10**9)])\ndef t(s): s.install('x')\n"),
        ("riotfile.py", "venv = 1\n"),
        ("tool.py", "print(1)\n"),
        ("tool.py", "# /// script\n# dependencies = [\n# ///\n"),
        ("tool.py", "# /// script\n# dependencies = []\n# ///\n"),
    ],
)
def test_python_that_says_nothing_or_is_broken_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, name, text)
