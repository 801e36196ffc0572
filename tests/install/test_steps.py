"""Carry out steps with every real installer: what they install and move, and that the resolution predicts it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowngood.install import registry
from knowngood.install.environment import Environment
from knowngood.install.index import Routes
from knowngood.install.interface import Step, Tools
from knowngood.install.snapshot import Snapshot
from knowngood.judge.conflicts import ledger, violations
from knowngood.model import InstallerName
from knowngood.process import Processes
from support.declared import declared
from support.index import Index
from support.wheels import build_wheel
from support.workshop import BASE_PYTHON, MINOR, Workshop

BROUGHT = {"pip", "setuptools", "wheel"}  # packages that an installer puts into an environment by itself


@pytest.fixture
def stocked(index: Index) -> Index:
    """Stock an index with a base library in three versions and packages that want some of them."""
    for version in ("1.0", "1.5", "2.0"):
        build_wheel(index.folder, "base-lib", version)
    build_wheel(index.folder, "wants-any", "1.0", requires=("base-lib",))
    build_wheel(index.folder, "wants-old", "1.0", requires=("base-lib<2",))
    build_wheel(index.folder, "wants-new", "1.0", requires=("base-lib>=2",))
    build_wheel(index.folder, "wants-both", "1.0", requires=("wants-any", "extra-part"))
    build_wheel(index.folder, "extra-part", "0.1")
    build_wheel(index.folder, "extra-part", "0.2rc1")
    return index


@dataclass(frozen=True, kw_only=True)
class Scenario:
    steps: tuple[tuple[str, ...], ...]
    installed: Mapping[str, str]
    drift: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()


SCENARIOS = {
    "one package": Scenario(steps=(("base-lib",),), installed={"base-lib": "2.0"}),
    "a name in another spelling": Scenario(steps=(("Base_Lib==1.0",),), installed={"base-lib": "1.0"}),
    "an older version that still fits is kept": Scenario(
        steps=(("base-lib==1.0",), ("wants-any",)), installed={"base-lib": "1.0", "wants-any": "1.0"}
    ),
    "a later step moves it down": Scenario(
        steps=(("base-lib>=1",), ("wants-old",)),
        installed={"base-lib": "1.5", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 2.0 to 1.5",),
    ),
    "a later step moves what was pinned": Scenario(
        steps=(("base-lib==1.0",), ("wants-new",)),
        installed={"base-lib": "2.0", "wants-new": "1.0"},
        drift=("step 2 moved base-lib from 1.0 to 2.0",),
        violated=("base-lib==1.0 was asked for, 2.0 is installed",),
    ),
    "two later steps move it up and down": Scenario(
        steps=(("base-lib==1.5",), ("wants-new",), ("wants-old",)),
        installed={"base-lib": "1.5", "wants-new": "1.0", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 1.5 to 2.0", "step 3 moved base-lib from 2.0 to 1.5"),
    ),
    "a later step breaks a requirement of an earlier one": Scenario(
        steps=(("wants-old",), ("base-lib==2.0",)),
        installed={"base-lib": "2.0", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 1.5 to 2.0",),
    ),
    "a dependency of an earlier step is kept": Scenario(
        steps=(("wants-old",), ("wants-both",)),
        installed={"base-lib": "1.5", "wants-old": "1.0", "wants-any": "1.0", "wants-both": "1.0", "extra-part": "0.1"},
    ),
    "a step that changes nothing": Scenario(
        steps=(("wants-old",), ("base-lib",)), installed={"base-lib": "1.5", "wants-old": "1.0"}
    ),
    "a pre-release that was asked for": Scenario(
        steps=(("extra-part==0.2rc1",), ("wants-both",)),
        installed={"extra-part": "0.2rc1", "wants-both": "1.0", "wants-any": "1.0", "base-lib": "2.0"},
    ),
    "a marker that does not apply": Scenario(
        steps=(("base-lib==1.0", "extra-part; python_version < '3'"),), installed={"base-lib": "1.0"}
    ),
}


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("name", SCENARIOS)
def test_steps_install_what_their_resolution_predicted_and_drift_is_reported(
    name: str, installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    scenario = SCENARIOS[name]

    facts = Workshop(folder=tmp_path, environ=environ).carry_out(installer, scenario.steps, Routes(default=stocked.url))

    assert [step.install.exit.ok for step in facts.steps if step.install] == [True] * len(scenario.steps)
    assert {name: version for name, version in facts.installed.items() if name not in BROUGHT} == scenario.installed
    # What each step resolved to, on top of the earlier ones, is what is installed.
    predicted: dict[str, str] = {}
    for step in facts.steps:
        predicted.update(step.resolved)
        assert step.installed is not None
        assert {name: version for name, version in step.installed.items() if name not in BROUGHT} == predicted
    moves = ledger(facts, violations(facts))
    drift = [f"step {move.step} moved {move.package} from {move.before} to {move.after}" for move in moves]
    assert tuple(drift) == scenario.drift
    assert tuple(map(str, violations(facts))) == scenario.violated


def test_uv_resolves_before_the_environment_exists_and_pip_only_inside_it(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    uv = workshop.installer(InstallerName.UV, Routes(default=stocked.url))
    pip = workshop.installer(InstallerName.PIP, Routes(default=stocked.url))

    assert (uv.resolves_ahead, pip.resolves_ahead) == (True, False)


def test_an_older_lock_in_the_folder_of_a_step_has_no_influence(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    uv = workshop.installer(InstallerName.UV, Routes(default=stocked.url))
    step = Step(number=1, declared=declared(("base-lib",))[0], folder=tmp_path / "steps")
    step.folder.mkdir()
    step.file("lock").write_text("base-lib==1.0\n", encoding="utf-8")

    resolution = uv.resolve(step, workshop.environment(), MINOR, {})

    assert resolution.versions == {"base-lib": "2.0"}


@pytest.mark.parametrize("installer", InstallerName)
def test_an_environment_has_the_python_of_the_combo_and_only_the_packages_of_its_steps(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    facts = workshop.carry_out(installer, (("wants-any",),), Routes(default=stocked.url))
    environment = workshop.environment()

    assert environment.python_version() == facts.python_version
    assert facts.python_version is not None and facts.python_version.startswith(f"{MINOR}.")
    assert set(facts.installed) - BROUGHT == {"wants-any", "base-lib"}
    assert 1_000 < Snapshot.of(environment).survey().size < 50_000_000
    settings = (environment.folder / "pyvenv.cfg").read_text(encoding="utf-8")
    assert "include-system-site-packages = false" in settings


@pytest.mark.parametrize("installer", InstallerName)
def test_an_environment_that_cannot_be_created_is_a_failed_action_and_not_an_exception(
    installer: InstallerName, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)

    action = workshop.installer(installer, Routes(), python=tmp_path / "no" / "python").create(
        workshop.environment(), MINOR, tmp_path / "log"
    )

    assert not action.exit.ok
    assert workshop.environment().installed() == {}
    assert workshop.environment().python_version() is None


def test_a_distribution_whose_metadata_is_cut_short_does_not_count_as_installed(tmp_path: Path) -> None:
    environment = Workshop(folder=tmp_path, environ={}).environment()
    site = environment.folder / "lib" / "python3.11" / "site-packages"
    for name, metadata in {"whole": "Name: Whole_Thing\nVersion: 1.0+cpu\n", "torn": "Metadata-Version: 2.1\n"}.items():
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (site / "empty-1.0.dist-info").mkdir()

    assert environment.installed() == {"whole-thing": "1.0+cpu"}


@pytest.mark.parametrize("installer", InstallerName)
def test_settings_of_the_user_that_would_change_versions_do_not_reach_an_installer(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    settings = {
        "UV_RESOLUTION": "lowest",
        "UV_EXCLUDE_NEWER": "2000-01-01",
        "UV_CONSTRAINT": str(tmp_path / "constraints.txt"),
        "UV_PRERELEASE": "allow",
        "PIP_CONSTRAINT": str(tmp_path / "constraints.txt"),
        "PIP_PRE": "1",
        "PIP_TARGET": str(tmp_path / "target"),
        "PIP_REQUIRE_VIRTUALENV": "1",
        "VIRTUAL_ENV": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "constraints.txt").write_text("base-lib==1.0\n", encoding="utf-8")

    facts = Workshop(folder=tmp_path, environ={**environ, **settings}).carry_out(
        installer, (("base-lib", "extra-part"),), Routes(default=stocked.url)
    )

    assert {name: facts.installed[name] for name in ("base-lib", "extra-part")} == {
        "base-lib": "2.0",
        "extra-part": "0.1",
    }
    assert BASE_PYTHON.exists()


@pytest.mark.parametrize(
    ("path", "text", "version"),
    [
        ("pyvenv.cfg", "home = /usr/bin\nversion_info = 3.11.7.final.0\n", "3.11.7"),
        ("pyvenv.cfg", "home = /usr/bin\nversion = 3.12.1\n", "3.12.1"),
        ("pyvenv.cfg", "version_info = 3.14.0rc1\n", "3.14.0rc1"),
        ("pyvenv.cfg", "home = /usr/bin\n", None),
        ("include/python3.11/patchlevel.h", '/* text */\n#define PY_VERSION      "3.11.7+"\n', "3.11.7"),
        ("include/python3.11/Python.h", "", None),
    ],
)
def test_the_version_of_python_is_read_from_a_venv_and_from_a_whole_python(
    path: str, text: str, version: str | None, tmp_path: Path
) -> None:
    environment = Workshop(folder=tmp_path, environ={}).environment()
    file = environment.folder / path
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")

    assert environment.python_version() == version


@pytest.mark.parametrize("installer", InstallerName)
def test_an_installer_does_not_create_an_environment_for_a_python_that_the_machine_does_not_have(
    installer: InstallerName, environ: Mapping[str, str], tmp_path: Path
) -> None:
    tools = Tools(processes=Processes(tmp_path), environ=environ, find_python=lambda version: None)
    subject = registry.make(installer, tools)

    assert subject.identify_python("3.99") is None
    with pytest.raises(LookupError, match=r"no Python 3\.99"):
        subject.create(Environment(folder=tmp_path / "env"), "3.99", tmp_path / "log")
