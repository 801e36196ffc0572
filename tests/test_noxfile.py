"""A real nox loads the noxfile in a copy of the project."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def nox(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "nox", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the parts of the project that the noxfile reads."""
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "matrices", tmp_path / "matrices")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_nox_lists_every_session_with_a_sentence_and_every_combo_by_its_id(copy: Path) -> None:
    listed = nox(copy, "-l").stdout
    sessions = dict(re.findall(r"^[*-] (\S+) -> (.+)$", listed, re.MULTILINE))
    matrix = tomllib.loads((copy / "matrices" / "embedding.toml").read_text(encoding="utf-8"))

    assert {f"combo({combo['id']})" for combo in matrix["combo"]} < sessions.keys()
    assert {"matrix", "publish", "report", "diff", "tests", "lint", "types"} < sessions.keys()
    assert all(sentence.endswith(".") for sentence in sessions.values())
    assert re.findall(r"^[*-] \S+$", listed, re.MULTILINE) == []


def test_nox_still_lists_its_sessions_when_the_matrix_is_invalid(copy: Path) -> None:
    (copy / "matrices" / "embedding.toml").write_text("[[combo]\n", encoding="utf-8")

    listed = nox(copy, "-l")

    assert listed.returncode == 0
    assert "- matrix -> " in listed.stdout
    assert "Traceback" not in listed.stderr


def test_the_noxfile_imports_only_nox_and_the_dependencies_of_nox(copy: Path) -> None:
    script = (
        "import sys, importlib.abc\n"
        "class Refuse(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] in {'pydantic', 'tomli', 'rich', 'click', 'uv', 'filelock', 'tabulate'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.path.insert(0, 'src')\n"
        "import tomllib\n"
        "from knowngood.declare.expand import combo_ids\n"
        "print(combo_ids(tomllib.load(open('matrices/embedding.toml', 'rb'))))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, check=True)

    assert "'legacy'" in result.stdout
