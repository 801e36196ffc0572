"""``knowngood export`` as a user sees it: each export is installed, and gives the proven versions."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from knowngood.install.environment import Environment
from support.index import Index, serve
from support.project import Project
from support.wheels import build_sdist, build_wheel
from support.workshop import UV

MATRIX = """
[matrix]

[index.local]
url = "{url}"

[index.special]
url = "{special}"
packages = ["special"]

[[probe]]
id = "imports"
source = "import tiny"

[[combo]]
id = "good"
title = "A pin, then what brings more"
steps = [["tiny<2"], ["special"]]

[[combo]]
id = "plain"
steps = [["tiny<2"], ["helper"]]

[[combo]]
id = "by-pip"
installer = "pip"
steps = [["tiny<2"], ["special"]]

[[combo]]
id = "odd"
title = "It passes, though no resolver would have it"
steps = [["odd"], ["tiny==2.0"]]

[[combo]]
id = "moved"
title = "A later step moves a pin"
steps = [["tiny==1.0"], ["mover"]]
expect = {{ status = "fail", reason = "mover needs tiny 2" }}

[[combo]]
id = "none"
steps = [["tiny==3.0"]]
expect = "unsolvable"
"""
GOOD = {"helper": "1.0", "special": "1.0+cpu", "tiny": "1.0"}
PLAIN = {"helper": "1.0", "tiny": "1.0"}
ODD = {"odd": "1.0", "tiny": "2.0"}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Index]]:
    """Serve a default index, and one that ``special`` alone is taken from though it has a newer ``tiny`` as well."""
    usual, special = tmp_path_factory.mktemp("usual"), tmp_path_factory.mktemp("special")
    build_wheel(usual, "tiny", "1.0")
    build_sdist(usual, "tiny", "1.0")
    build_wheel(usual, "tiny", "2.0")
    build_wheel(usual, "helper", "1.0")
    build_wheel(usual, "mover", "1.0", requires=("tiny>=2",))
    build_wheel(usual, "odd", "1.0", requires=("tiny<2",))
    build_wheel(special, "special", "1.0+cpu", requires=("tiny", "helper"))
    build_wheel(special, "tiny", "9.0")
    with serve(usual) as first, serve(special) as second:
        yield first, second


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, shops: tuple[Index, Index]) -> Project:
    """Return a project whose matrix was run once."""
    project = Project(folder=tmp_path_factory.mktemp("project"))
    project.write(MATRIX.format(url=shops[0].url, special=shops[1].url))
    result = project.run("run", "--publish")
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def export(project: Project, *arguments: str) -> str:
    result = project.run("export", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


class Room:
    """A new virtualenv, and commands that are run in it without any setting of this machine."""

    def __init__(self, folder: Path) -> None:
        make = [sys.executable, "-m", "virtualenv", "--no-periodic-update", "--no-setuptools", str(folder / "env")]
        subprocess.run(make, check=True, capture_output=True)
        self.folder = folder
        self.environment = Environment(folder=folder / "env")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "PYTHON"))}
        path = f"{folder / 'env' / 'bin'}:{os.environ['PATH']}"
        self.variables = kept | {"PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "0", "PATH": path}

    def run(self, *command: str | Path) -> None:
        result = subprocess.run(
            command, cwd=self.folder, env=self.variables, capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stdout + result.stderr

    def pip(self, *arguments: str | Path) -> None:
        self.run(self.environment.python, "-m", "pip", "install", "--disable-pip-version-check", *arguments)

    def uv(self, *arguments: str | Path) -> None:
        self.run(UV, "pip", "install", "--no-config", "--python", self.environment.python, *arguments)

    @property
    def installed(self) -> dict[str, str]:
        return {name: version for name, version in self.environment.installed().items() if name != "pip"}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.mark.parametrize(("combo", "proven"), [("plain", PLAIN), ("by-pip", GOOD), ("odd", ODD)])
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_requirements_install_the_proven_versions(
    ran: Project, room: Room, combo: str, proven: dict[str, str], installer: str
) -> None:
    file = room.folder / "requirements.txt"
    file.write_text(export(ran, combo), encoding="utf-8")

    getattr(room, installer)("--require-hashes", "--no-deps", "-r", file)

    assert room.installed == proven


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_requirements_of_a_set_without_conflicts_need_no_option(ran: Project, room: Room, installer: str) -> None:
    file = room.folder / "requirements.txt"
    file.write_text(export(ran, "good"), encoding="utf-8")

    getattr(room, installer)("-r", file)

    assert room.installed == GOOD


@pytest.mark.parametrize("combo", ["good", "by-pip"])
def test_a_pylock_installs_the_proven_versions(ran: Project, room: Room, combo: str) -> None:
    file = room.folder / "pylock.toml"

    result = ran.run("export", combo, "--format", "pylock", "--output", str(file))

    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert "wrote " in result.stderr
    read = Pylock.from_dict(tomllib.loads(file.read_text(encoding="utf-8")))
    assert {package.name: str(package.version) for package in read.packages} == GOOD
    room.uv("-r", file)
    assert room.installed == GOOD


def test_the_pylock_of_a_pip_combo_has_only_the_files_that_pip_installed(ran: Project) -> None:
    tiny = [
        Pylock.from_dict(tomllib.loads(export(ran, combo, "--format", "pylock"))).packages[-1]
        for combo in ("good", "by-pip")
    ]

    assert [len(package.wheels or ()) for package in tiny] == [1, 1]
    assert [package.sdist is not None for package in tiny] == [True, False]


@pytest.mark.parametrize(("combo", "proven"), [("good", GOOD), ("by-pip", GOOD), ("odd", ODD)])
def test_the_dockerfile_lines_install_the_proven_versions(
    ran: Project, room: Room, combo: str, proven: dict[str, str]
) -> None:
    text = export(ran, combo, "--format", "dockerfile")

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    instructions = [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line]
    assert [one.split()[0] for one in instructions] == ["ARG", "RUN", "RUN", "RUN"]
    room.variables |= {"CONSTRAINTS": str(room.folder / "constraints.txt")}
    for instruction in instructions[1:]:
        room.run("/bin/bash", "-c", instruction.removeprefix("RUN "))
    assert room.installed == proven


def test_constraints_keep_other_installs_at_the_proven_versions(
    ran: Project, shops: tuple[Index, Index], room: Room
) -> None:
    file = room.folder / "constraints.txt"
    ran.run("export", "good", "--format", "constraints", "--output", str(file))

    room.pip("--index-url", shops[0].url, "--constraint", file, "tiny")

    assert room.installed == {"tiny": "1.0"}


def test_an_export_begins_with_its_evidence(ran: Project, shops: tuple[Index, Index]) -> None:
    (log,) = ran.logs()
    text = export(ran, "good", "--format", "constraints")

    assert text.startswith("# Proven by knowngood: ")
    assert "\n# combo      good: A pin, then what brings more\n" in text
    assert f"\n# run        {log.parent.name} of 20" in text
    assert f"\n# probe      imports: pass on Python {sys.version_info.major}." in text
    assert f"\n# index      local: {shops[0].url}\n" in text
    assert f"\n# index      special: {shops[1].url} for special\n" in text
    assert text.endswith(" --only good --fresh\n\nhelper==1.0\nspecial==1.0+cpu\ntiny==1.0\n")


def test_the_command_in_the_evidence_runs_the_combo_again(ran: Project) -> None:
    (line,) = [line for line in export(ran, "odd").splitlines() if line.startswith("# prove it")]
    name, *arguments = shlex.split(line.removeprefix("# prove it"))

    result = ran.run(*arguments)

    assert name == "knowngood"
    assert result.returncode == 0, result.stderr
    ran_again = ran.logs()[-1].parent
    assert ran_again.name in export(ran, "odd")
    assert ran_again.name not in export(ran, "good")


@pytest.mark.parametrize("formats", ["requirements", "constraints", "dockerfile", "pylock"])
def test_a_combo_that_did_not_pass_is_exported_only_with_anyway(ran: Project, tmp_path: Path, formats: str) -> None:
    file = tmp_path / "pylock.toml"
    asked = ("moved", "--format", formats, "--output", str(file))

    refused = ran.run("export", *asked)
    assert (refused.returncode, refused.stdout, file.exists()) == (2, "", False)
    assert "error: moved is not proven: it did not pass in run " in refused.stderr
    assert "cause: imports: fail (drift): tiny==1.0 was asked for, 2.0 is installed\n" in refused.stderr
    assert "next: see `knowngood explain moved`; --anyway exports it" in refused.stderr

    export(ran, *asked, "--anyway")
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# NOT PROVEN - NOT PROVEN - NOT PROVEN: ")
    assert "\n# WHY        imports: fail (drift): tiny==1.0 was asked for, 2.0 is installed\n" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["goof"], 4, "near matches: good"),
        (["*o*"], 2, "cause: *o* matches good, odd, moved, none"),
        (["none", "--anyway"], 2, "cause: none of its packages was installed"),
        (["good", "--run", "1999"], 2, "the newest runs of m are "),
        (["good", "--matrix", "other"], 2, "no matrix 'other'"),
        (["good", "--format", "pylock", "--output", "lock.toml"], 2, "next: write it as --output pylock.toml"),
        (["good", "--output", "matrices"], 2, "error: matrices cannot be written"),
    ],
)
def test_an_impossible_export_is_refused_with_a_next_step(
    ran: Project, arguments: list[str], code: int, message: str
) -> None:
    result = ran.run("export", *arguments)

    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert "next: " in result.stderr


@pytest.fixture
def copied(ran: Project, tmp_path: Path) -> Project:
    """Return a copy of the project with its first run, to be spoilt."""
    shutil.copytree(ran.folder, tmp_path / "copy", symlinks=True)
    return Project(folder=tmp_path / "copy")


def test_without_its_lock_a_combo_has_no_hashes_and_no_pylock(copied: Project) -> None:
    log = copied.logs()[0]
    run = ("--run", str(log))
    assert "--hash" in export(copied, "plain", *run)
    (log.parent / "combos" / "plain" / "step2.lock").unlink()

    assert "--hash" not in export(copied, "plain", *run)
    result = copied.run("export", "plain", *run, "--format", "pylock")
    assert (result.returncode, result.stdout) == (2, "")
    assert "error: the lock of step 2 of the run is gone" in result.stderr
    assert "next: run plain again" in result.stderr


def test_a_lock_that_was_changed_after_the_run_is_refused(copied: Project) -> None:
    log = copied.logs()[0]
    with (log.parent / "combos" / "good" / "step2.lock").open("a", encoding="utf-8") as lock:
        lock.write("evil==6.6.6\n")

    result = copied.run("export", "good", "--run", str(log.parent))

    assert (result.returncode, result.stdout) == (2, "")
    assert "step2.lock is not the lock that the run recorded" in result.stderr


def test_if_only_the_published_report_is_left_the_next_step_is_to_run_the_combo(copied: Project) -> None:
    for log in copied.logs():
        log.unlink()

    result = copied.run("export", "good")

    assert result.returncode == 2
    assert "error: good did not finish in any run" in result.stderr
    assert "cause: reports/m/matrix.json holds verdicts only" in result.stderr
    assert "next: run it: knowngood run matrices/m.toml --only good" in result.stderr


def test_a_pylock_is_not_made_from_files_that_the_index_no_longer_offers(
    ran: Project, shops: tuple[Index, Index], tmp_path: Path
) -> None:
    file = tmp_path / "pylock.toml"
    shops[0].page_status["tiny"] = 404
    try:
        gone = ran.run("export", "good", "--format", "pylock", "--output", str(file))
    finally:
        del shops[0].page_status["tiny"]
    shops[0].wrong_hash.add("helper-1.0-py3-none-any.whl")
    try:
        other = ran.run("export", "good", "--format", "pylock", "--output", str(file))
    finally:
        shops[0].wrong_hash.clear()

    assert (gone.returncode, other.returncode, file.exists()) == (3, 3, False)
    assert "error: uv could not look up the files of the proven versions" in gone.stderr
    assert "cause: helper 1.0: no index offers a file that the run installed" in other.stderr
