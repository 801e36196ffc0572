"""Steps carried out for real by both installers: what they leave, what they move, and whether that was predicted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowngood.install.index import Routes
from knowngood.install.interface import Step
from knowngood.judge.drift import ledger, violations
from knowngood.model import InstallerName
from support.index import Index
from support.wheels import build_wheel
from support.workshop import BASE_PYTHON, MINOR, Workshop

OURS = {"pip", "setuptools", "wheel"}  # what an installer brings along itself


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
    ends: Mapping[str, str]
    drift: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()


SCENARIOS = {
    "one package": Scenario(steps=(("base-lib",),), ends={"base-lib": "2.0"}),
    "a name written otherwise": Scenario(steps=(("Base_Lib==1.0",),), ends={"base-lib": "1.0"}),
    "an older version that still fits is kept": Scenario(
        steps=(("base-lib==1.0",), ("wants-any",)), ends={"base-lib": "1.0", "wants-any": "1.0"}
    ),
    "a later step moves it down": Scenario(
        steps=(("base-lib>=1",), ("wants-old",)),
        ends={"base-lib": "1.5", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 2.0 to 1.5",),
    ),
    "a later step moves what was pinned": Scenario(
        steps=(("base-lib==1.0",), ("wants-new",)),
        ends={"base-lib": "2.0", "wants-new": "1.0"},
        drift=("step 2 moved base-lib from 1.0 to 2.0",),
        violated=("base-lib==1.0 was asked for, 2.0 is installed",),
    ),
    "two later steps move it to and fro": Scenario(
        steps=(("base-lib==1.5",), ("wants-new",), ("wants-old",)),
        ends={"base-lib": "1.5", "wants-new": "1.0", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 1.5 to 2.0", "step 3 moved base-lib from 2.0 to 1.5"),
    ),
    "a later step breaks what an earlier one needs": Scenario(
        steps=(("wants-old",), ("base-lib==2.0",)),
        ends={"base-lib": "2.0", "wants-old": "1.0"},
        drift=("step 2 moved base-lib from 1.5 to 2.0",),
    ),
    "what a step brings along is kept by the next": Scenario(
        steps=(("wants-old",), ("wants-both",)),
        ends={"base-lib": "1.5", "wants-old": "1.0", "wants-any": "1.0", "wants-both": "1.0", "extra-part": "0.1"},
    ),
    "a step that changes nothing": Scenario(
        steps=(("wants-old",), ("base-lib",)), ends={"base-lib": "1.5", "wants-old": "1.0"}
    ),
    "a pre-release that was asked for": Scenario(
        steps=(("extra-part==0.2rc1",), ("wants-both",)),
        ends={"extra-part": "0.2rc1", "wants-both": "1.0", "wants-any": "1.0", "base-lib": "2.0"},
    ),
    "a marker that does not apply": Scenario(
        steps=(("base-lib==1.0", "extra-part; python_version < '3'"),), ends={"base-lib": "1.0"}
    ),
}


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("name", SCENARIOS)
def test_steps_leave_what_was_foretold_and_tell_what_moved(
    name: str, installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    scenario = SCENARIOS[name]

    facts = Workshop(folder=tmp_path, environ=environ).carry_out(installer, scenario.steps, Routes(default=stocked.url))

    assert [step.install.exit.ok for step in facts.steps if step.install] == [True] * len(scenario.steps)
    assert {name: version for name, version in facts.installed.items() if name not in OURS} == scenario.ends
    # Resolved ahead, each step preferring what earlier ones chose, and really installed: the same.
    predicted: dict[str, str] = {}
    for step in facts.steps:
        predicted.update(step.resolved)
        assert step.installed is not None
        assert {name: version for name, version in step.installed.items() if name not in OURS} == predicted
    told = [f"step {one.step} moved {one.package} from {one.before} to {one.after}" for one in ledger(facts)]
    assert tuple(told) == scenario.drift
    assert tuple(str(one) for one in violations(facts)) == scenario.violated


def test_uv_resolves_every_step_before_the_environment_exists(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    uv = workshop.installer(InstallerName.UV, Routes(default=stocked.url))
    pip = workshop.installer(InstallerName.PIP, Routes(default=stocked.url))

    assert (uv.resolves_ahead, pip.resolves_ahead) == (True, False)


def test_an_older_lock_in_the_folder_of_a_step_is_no_preference(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    uv = workshop.installer(InstallerName.UV, Routes(default=stocked.url))
    step = Step(number=1, requirements=("base-lib",), folder=tmp_path / "steps")
    step.folder.mkdir()
    step.file("lock").write_text("base-lib==1.0\n", encoding="utf-8")

    _, resolved = uv.resolve(step, workshop.environment(), MINOR, {})

    assert resolved == {"base-lib": "2.0"}


@pytest.mark.parametrize("installer", InstallerName)
def test_an_environment_is_made_with_the_interpreter_that_was_asked_for_and_is_isolated(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)
    facts = workshop.carry_out(installer, (("wants-any",),), Routes(default=stocked.url))
    environment = workshop.environment()

    assert environment.python_version() == facts.python_version
    assert facts.python_version is not None and facts.python_version.startswith(f"{MINOR}.")
    assert set(facts.installed) - OURS == {"wants-any", "base-lib"}
    assert 1_000 < environment.survey().size < 50_000_000
    settings = (environment.folder / "pyvenv.cfg").read_text(encoding="utf-8")
    assert "include-system-site-packages = false" in settings


@pytest.mark.parametrize("installer", InstallerName)
def test_an_environment_that_cannot_be_made_is_an_action_that_failed(
    installer: InstallerName, environ: Mapping[str, str], tmp_path: Path
) -> None:
    workshop = Workshop(folder=tmp_path, environ=environ)

    action = workshop.installer(installer, Routes(), python=tmp_path / "no" / "python").create(
        workshop.environment(), MINOR, tmp_path / "log"
    )

    assert not action.exit.ok
    assert workshop.environment().installed() == {}
    assert workshop.environment().python_version() is None


def test_metadata_cut_short_is_no_distribution(tmp_path: Path) -> None:
    environment = Workshop(folder=tmp_path, environ={}).environment()
    site = environment.folder / "lib" / "python3.11" / "site-packages"
    for name, metadata in {"whole": "Name: Whole_Thing\nVersion: 1.0+cpu\n", "torn": "Metadata-Version: 2.1\n"}.items():
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (site / "empty-1.0.dist-info").mkdir()

    assert environment.installed() == {"whole-thing": "1.0+cpu"}


@pytest.mark.parametrize("installer", InstallerName)
def test_settings_that_would_change_versions_do_not_reach_an_installer(
    installer: InstallerName, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    elsewhere = {
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

    facts = Workshop(folder=tmp_path, environ={**environ, **elsewhere}).carry_out(
        installer, (("base-lib", "extra-part"),), Routes(default=stocked.url)
    )

    assert {name: facts.installed[name] for name in ("base-lib", "extra-part")} == {
        "base-lib": "2.0",
        "extra-part": "0.1",
    }
    assert BASE_PYTHON.exists()
