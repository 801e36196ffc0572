"""Test that a package with an index of its own comes from there and from nowhere else, whatever other indexes have."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from knowngood.install.index import decide
from knowngood.model import ComboFacts, InstallerName
from knowngood.model import Index as Declared
from support.index import serve
from support.wheels import build_sdist, build_wheel
from support.workshop import Workshop

VERSIONS = {
    "a lower version": ("1.0", "2.0"),
    "an equal version": ("1.0", "1.0"),
    "a higher version": ("2.0", "1.0"),
    "a local version": ("1.0+cpu", "1.0"),
    "a pre-release where the default has a release": ("2.0rc1", "1.0"),
    "a release where the default has a pre-release": ("1.0", "2.0rc1"),
    "a development version where the default has a release": ("2.0.dev3", "1.0"),
    "a release where the default has a development version": ("1.0", "2.0.dev3"),
}
"""The version on the index that is declared for the package, and the one on the default index."""

OWN, DEFAULT = "ITS OWN INDEX", "THE DEFAULT INDEX"

BACKEND = """
import pathlib, sys, zipfile
import tool

def build_wheel(directory, *arguments, **options):
    name = "built-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("built.py", f"origin = {tool.origin!r}\\n")
        wheel.writestr("built-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: built\\nVersion: 1.0\\n")
        wheel.writestr("built-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("built-1.0.dist-info/RECORD", "")
    return name
"""


def stock(folder: Path, version: str, origin: str) -> None:
    """Put the package ``tool`` into a folder, with a module that says which index it is from."""
    build_wheel(folder, "tool", version, files={"tool.py": f"origin = {origin!r}\n"})


def origin(workshop: Workshop, module: str = "tool") -> str:
    """Return which index an installed module is from."""
    (site,) = workshop.environment().site_packages()
    return (site / f"{module}.py").read_text().partition("'")[2].partition("'")[0]


def install(
    installer: InstallerName, requirement: str, url: str, default: str, tmp_path: Path, environ: Mapping[str, str]
) -> tuple[ComboFacts, Workshop]:
    """Install a requirement with ``tool`` from ``url`` and everything else from ``default``."""
    routes = decide([
        Declared(name="special", url=url, packages=("tool",)),
        Declared(name="mirror", url=default),
    ])  # fmt: skip
    workshop = Workshop(folder=tmp_path / "work", environ=environ)
    return workshop.carry_out(installer, ((requirement,),), routes), workshop


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("place", ["an index", "a flat folder", "a folder with a folder for each package"])
@pytest.mark.parametrize("how", ["asked for", "needed by another package"])
@pytest.mark.parametrize("case", VERSIONS)
def test_a_package_comes_from_the_index_declared_for_it(
    case: str, how: str, place: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    own_version, default_version = VERSIONS[case]
    own_folder, default_folder = tmp_path / "own", tmp_path / "default"
    stock(own_folder / "tool" if "each" in place else own_folder, own_version, OWN)
    stock(default_folder, default_version, DEFAULT)
    build_wheel(default_folder, "needs-tool", "1.0", requires=("tool",))
    requirement = "tool" if how == "asked for" else "needs-tool"

    with serve(own_folder) as own, serve(default_folder) as default:
        url = own.url if place == "an index" else own_folder.as_uri()
        facts, workshop = install(installer, requirement, url, default.url, tmp_path, environ)

    assert facts.installed.get("tool") == own_version, facts.steps
    assert origin(workshop) == OWN


@pytest.mark.parametrize("installer", InstallerName)
def test_what_a_build_needs_comes_from_the_index_declared_for_it(
    installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(tmp_path / "own", "1.0", OWN)
    stock(tmp_path / "default", "2.0", DEFAULT)
    build_sdist(tmp_path / "default", "built", "1.0", backend=BACKEND, requires=("tool",))

    with serve(tmp_path / "own") as own, serve(tmp_path / "default") as default:
        facts, workshop = install(installer, "built", own.url, default.url, tmp_path, environ)

    assert facts.installed == {**facts.installed, "built": "1.0"}
    assert origin(workshop, "built") == OWN
