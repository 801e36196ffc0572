"""Test that a run can do without the network: with a folder of wheels, and with what uv has kept."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.install.index import check_folders, decide
from knowngood.install.registry import OUTPUTS
from knowngood.model import Index as Declared
from knowngood.model import InstallerName, Reason, Status
from support.index import serve
from support.runs import matrix
from support.wheels import build_wheel
from support.workshop import Workshop, failed


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    build_wheel(tmp_path / "dist", "tool", "1.0")
    build_wheel(tmp_path / "dist", "needs-tool", "1.0", requires=("tool",))
    return tmp_path


@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
@pytest.mark.parametrize("url", ["dist", "./dist/", "file"])
@pytest.mark.parametrize("installer", InstallerName)
def test_a_folder_of_wheels_is_an_index(
    installer: InstallerName, url: str, offline: bool, wheels: Path, environ: Mapping[str, str]
) -> None:
    declared = Declared(name="wheels", url=(wheels / "dist").as_uri() if url == "file" else url)
    routes = decide([declared], project=wheels, offline=offline)

    facts = Workshop(folder=wheels / "work", environ=environ).carry_out(installer, (("needs-tool",),), routes)

    assert {"tool": "1.0", "needs-tool": "1.0"}.items() <= facts.installed.items(), facts.steps


@pytest.mark.parametrize("requirement", ["missing", "tool==9.0", "tool @ http://127.0.0.1:9/tool-1.0-py3-none-any.whl"])
@pytest.mark.parametrize("installer", InstallerName)
def test_what_is_missing_offline_says_nothing_about_the_versions(
    installer: InstallerName, requirement: str, wheels: Path, environ: Mapping[str, str]
) -> None:
    routes = decide([Declared(name="wheels", url="dist")], project=wheels, offline=True)

    action = failed(Workshop(folder=wheels / "work", environ=environ).carry_out(installer, ((requirement,),), routes))

    status, reason = OUTPUTS[installer].classify(action)
    assert status is Status.INFRA, action.output
    if "@" not in requirement:
        assert reason is Reason.OFFLINE, action.output
        message = OUTPUTS[installer].message(action, status)
        assert message.startswith(f"this run is offline: {requirement} is not on this machine"), message
        assert message.endswith("; it comes from index wheels (dist); add it to that folder"), message


def test_offline_uv_uses_what_it_has_kept_of_an_index(wheels: Path, environ: Mapping[str, str]) -> None:
    with serve(wheels / "dist") as index:
        declared = [Declared(name="own", url=index.url, packages=("tool",)), Declared(name="mirror", url=index.url)]
        workshop = Workshop(folder=wheels / "work", environ=environ)
        workshop.carry_out(InstallerName.UV, (("needs-tool",),), decide(declared), environment="before")
        asked = len(index.requests)
        facts = workshop.carry_out(InstallerName.UV, (("needs-tool",),), decide(declared, offline=True))

        assert facts.installed["tool"] == "1.0", facts.steps
        assert len(index.requests) == asked


@pytest.mark.parametrize(("name", "problem"), [("gone", "does not exist"), ("empty", "holds no wheel")])
def test_a_folder_without_packages_is_an_error_before_anything_runs(name: str, problem: str, tmp_path: Path) -> None:
    from knowngood.errors import UsageError

    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError, match=f"the folder {name} {problem}") as caught:
        check_folders(replace(matrix(tmp_path, "", ()), indexes=(Declared(name="wheels", url=name),)))

    assert str(tmp_path / name) in caught.value.cause
