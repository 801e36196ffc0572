"""A real nox loads our noxfile in a copy of the project, and runs the sessions of ``knowngood.nox`` elsewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from knowngood.cli.main import main
from knowngood.sessions import VERBS

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


def test_the_sessions_import_only_the_standard_library_packaging_and_nox(copy: Path) -> None:
    script = (
        "import sys, importlib.abc, nox\n"
        "nox_brings = {name.partition('.')[0] for name in sys.modules}\n"
        "class Refuse(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top not in sys.stdlib_module_names | nox_brings | {'knowngood', 'packaging'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.path.insert(0, 'src')\n"
        "from knowngood.nox import sessions\n"
        "print(sessions(matrix='embedding'))\n"
        "print(sorted(nox.registry.get()['combo'].parametrize, key=str))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, check=True)

    assert "('matrix', 'combo', 'init'" in result.stdout
    assert "[legacy, " in result.stdout


MATRIX = """
[[probe]]
id = "works"
source = "print(1)"
"""
NOXFILE = """
import nox

nox.options.default_venv_backend = "none"

@nox.session
def docs(session):
    \"\"\"The docs of the user.\"\"\"

from knowngood.nox import sessions

DEFINED = sessions({arguments})

@nox.session
def tests(session):
    \"\"\"The tests of the user.\"\"\"
"""


def write(folder: Path, arguments: str, **matrices: str) -> None:
    (folder / "noxfile.py").write_text(NOXFILE.format(arguments=arguments), encoding="utf-8")
    (folder / "matrices").mkdir()
    for name, combos in matrices.items():
        text = MATRIX + "".join(f'[[combo]]\nid = "{combo}"\nsteps = [["tiny"]]\n' for combo in combos.split())
        (folder / "matrices" / f"{name}.toml").write_text(text, encoding="utf-8")


def listed(folder: Path) -> dict[str, str]:
    done = nox(folder, "-l")
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^([*-] \S+)(?: -> (.+))?$", done.stdout, re.MULTILINE))


def test_a_noxfile_gets_a_session_for_each_verb_and_keeps_its_own(tmp_path: Path) -> None:
    write(tmp_path, "", shop="old new")

    names = listed(tmp_path)

    verbs = set(main.commands) - {"run", "docs"}
    expected = {"matrix", "combo(old)", "combo(new)"} | verbs
    assert names.keys() == {f"- {name}" for name in expected} | {"* docs", "* tests"}
    assert names["* docs"] == "The docs of the user."


def test_a_prefix_begins_the_name_of_every_session(tmp_path: Path) -> None:
    write(tmp_path, '"kg-"', shop="old")

    names = listed(tmp_path)

    expected = {"kg-matrix", "kg-combo(old)"} | {f"kg-{verb}" for verb in VERBS}
    assert names.keys() == {f"- {name}" for name in expected} | {"* docs", "* tests"}
    assert all(names[f"- {name}"].endswith(".") for name in expected)


def test_combos_of_several_matrices_are_distinguished_by_the_matrix(tmp_path: Path) -> None:
    write(tmp_path, "", shop="old new", web="new")

    names = {name for name in listed(tmp_path) if "combo" in name}
    done = nox(tmp_path, "-s", "combo(web/new)", "--", "--no-such-option")

    assert names == {"- combo(old)", "- combo(new)", "- combo(web/new)"}
    assert "knowngood run --matrix web --no-such-option --only new --keep --fresh" in done.stderr


def test_a_session_exits_as_the_verb_does(tmp_path: Path) -> None:
    write(tmp_path, 'matrix="shop"', shop="old")
    (tmp_path / "matrices" / "shop.toml").write_text("[[combo]]\n", encoding="utf-8")

    done = nox(tmp_path, "-s", "plan")

    assert done.returncode == 2, done.stderr
    assert "missing key 'id'" in done.stdout


def test_a_session_shows_the_combos_of_the_matrix_that_a_command_names(tmp_path: Path) -> None:
    write(tmp_path, 'matrix="shop"', shop="old", web="new")

    default, named = (nox(tmp_path, "-s", "list", *more).stdout for more in ((), ("--", "--matrix", "web")))

    assert default.startswith("old ") and named.startswith("new ")
