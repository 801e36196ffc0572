"""The package as its users meet it: metadata, what is in it, links that work away from the repository."""

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowngood.__main__ import refusal
from support.workshop import UV

ROOT = Path(__file__).parent.parent


def build(target: Path) -> tuple[Path, Path]:
    """Build what is committed, and return the sdist and the wheel."""
    source = target / "source"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True, timeout=60)
    environ = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([UV, "build", "-q", "-o", target / "dist", source], check=True, timeout=300, env=environ)
    (sdist,), (wheel,) = (target / "dist").glob("*.tar.gz"), (target / "dist").glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    yield build(tmp_path_factory.mktemp("built"))


@pytest.mark.network
def test_an_uploader_accepts_the_package_and_a_second_build_is_the_same(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    twine = Path(sys.executable).with_name("twine")
    checked = subprocess.run([twine, "check", "--strict", *built], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout

    again = build(tmp_path)

    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


@pytest.mark.network
def test_the_sdist_has_every_committed_file_so_that_its_tests_can_run(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as sdist:
        packed = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    committed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(committed.stdout.splitlines()) <= packed


@pytest.mark.network
def test_the_wheel_is_typed_and_says_what_it_is(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        names = wheel.namelist()
        (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(name))
    assert "knowngood/py.typed" in names
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert {url.split(",")[0] for url in metadata.get_all("Project-URL", [])} >= {
        "Source",
        "Documentation",
        "Changelog",
    }
    assert metadata["Keywords"]
    text = str(metadata.get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(links) > 10
    assert [link for link in links if not link.startswith(("https://", "#"))] == [], "a package page has no other files"


@pytest.mark.network
def test_a_stranger_gets_a_matrix_from_the_wheel_in_a_new_folder(built: tuple[Path, Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "try"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["packaging>=23"]\n'
        "[tool.uv]\npackage = false\n"
    )
    uvx: list[str | Path] = [UV, "tool", "run", "--python", "3.11", "--from", str(built[1]), "knowngood"]
    environ = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "UV_TOOL_DIR": str(tmp_path / "tools")}
    for command in (["init", "--no-download"], ["run"]):
        done = subprocess.run(
            [*uvx, *command], cwd=project, capture_output=True, text=True, check=False, timeout=600, env=environ
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("platform", ["win32", "cygwin"])
def test_windows_is_refused_at_once_with_what_to_do(platform: str) -> None:
    lines = refusal(platform).splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "cause", "next"]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_linux_and_macos_are_not_refused(platform: str) -> None:
    assert refusal(platform) == ""
