"""``knowngood scan``: what the files of wheels and environments predict before anything runs."""

from pathlib import Path

import pytest

from support.project import Project
from support.wheels import build_wheel

FOR_1 = b"\x7fELF numpy.core._multiarray_umath module compiled against ABI version 0x%x"
FOR_2 = b"\x7fELF numpy._core._multiarray_umath numpy.core._multiarray_umath compiled against NumPy C-API version"


def wheel(folder: Path, name: str, content: bytes) -> str:
    return str(build_wheel(folder, name, "1.0", binary={f"{name}/_x.cpython-311-x86_64-linux-gnu.so": content}))


def test_wheels_that_cannot_work_with_a_numpy_are_named_before_they_are_installed(
    project: Project, tmp_path: Path
) -> None:
    old, new = wheel(tmp_path, "oldish", FOR_1), wheel(tmp_path, "newish", FOR_2)

    result = project.run("scan", old, new, "--numpy", "2.0.2")

    assert result.returncode == 1, result.stderr
    newish, oldish, last = result.stdout.splitlines()
    assert newish == "newish newish/_x.cpython-311-x86_64-linux-gnu.so built for NumPy 2, and runs on 1.x: fits"
    assert oldish == "oldish oldish/_x.cpython-311-x86_64-linux-gnu.so built for NumPy 1.x only: cannot work"
    assert last.startswith("oldish 1.0 was compiled for NumPy 1.x (oldish/_x")


def test_wheels_that_fit_their_numpy_are_not_predicted_to_fail(project: Project, tmp_path: Path) -> None:
    result = project.run("scan", wheel(tmp_path, "oldish", FOR_1), "--numpy", "1.26.4")

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "nothing is predicted to fail (1 extensions use NumPy)"


@pytest.mark.parametrize("name", ["no.whl", "folder"])
def test_a_path_that_is_neither_a_wheel_nor_an_environment_is_refused(
    project: Project, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("no wheel", encoding="utf-8") if name.endswith(".whl") else path.mkdir()

    result = project.run("scan", str(path))

    assert result.returncode == 2
    assert f"error: {path} is not a" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_invalid_numpy_version_is_refused(project: Project, tmp_path: Path) -> None:
    result = project.run("scan", wheel(tmp_path, "oldish", FOR_1), "--numpy", "../2")

    assert result.returncode == 2
    assert "error: invalid version '../2'" in result.stderr
