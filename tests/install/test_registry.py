"""Test that an installer is a folder and a line in the registry: nothing else in the source knows its words."""

import re
from pathlib import Path

import pytest

from knowngood.install import index as install_variables
from knowngood.install import registry
from knowngood.install.access import Network
from knowngood.install.index import Routes, Variables
from knowngood.install.pip.installer import PIP
from knowngood.install.uv.installer import UV
from knowngood.model import InstallerName

SOURCE = Path(registry.__file__).parents[1]
OURS = {InstallerName.UV: UV, InstallerName.PIP: PIP}


@pytest.mark.parametrize("name", InstallerName)
def test_only_the_folder_of_an_installer_names_its_environment_variables(name: InstallerName) -> None:
    variable = re.compile(rf"\b{OURS[name].variables.prefix}[A-Z]")
    # Files of other tools set these variables as well, and importing reads them.
    folders = (SOURCE / "install" / name, SOURCE / "project" / "importing")
    elsewhere = [path for path in SOURCE.rglob("*.py") if path.parent not in folders]

    assert [str(path.relative_to(SOURCE)) for path in elsewhere if variable.search(path.read_text("utf-8"))] == []


def test_every_installer_has_its_own_identity_and_the_versions_of_its_tools() -> None:
    assert len(set(registry.identities().values())) == len(InstallerName)
    assert registry.identities()[InstallerName.UV] == registry.versions()["uv"]
    assert registry.versions()["virtualenv"] in registry.identities()[InstallerName.PIP]


def test_a_third_installer_keeps_those_of_the_users_variables_that_it_declares() -> None:
    conda = Variables(
        prefix="CONDA_",
        kept=re.compile("CONDA_(PKGS_DIRS|CHANNELS)"),
        sources=re.compile("CONDA_CHANNELS"),
        settings=lambda outside: {name: value for name, value in outside.items() if name.startswith("CONDA_")},
        indexes=lambda settings: (),
        links=lambda settings: (),
        network=lambda settings: Network(),
        make=lambda routes, settings, addresses: {"CONDA_ALWAYS_YES": "1", "CONDA_CHANNELS": routes.default or ""},
        is_closed=lambda routes: routes.default is not None,
    )
    outside = {"HOME": "/home", "CONDA_PREFIX": "/base", "CONDA_PKGS_DIRS": "/pkgs", "CONDA_CHANNELS": "http://mine"}

    variables = install_variables.environment(Routes(default="http://declared"), [conda], outside)

    assert variables == {
        "HOME": "/home",
        "NO_COLOR": "1",
        "CONDA_PKGS_DIRS": "/pkgs",
        "CONDA_ALWAYS_YES": "1",
        "CONDA_CHANNELS": "http://declared",
    }


def test_without_an_installer_that_owns_them_the_variables_of_an_activated_environment_are_dropped() -> None:
    outside = {"HOME": "/home", "CONDA_PREFIX": "/base", "VIRTUAL_ENV": "/venv", "PYTHONPATH": "/lib"}

    assert install_variables.environment(Routes(), [], outside) == {"HOME": "/home", "NO_COLOR": "1"}
