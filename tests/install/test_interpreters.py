"""Find interpreters, and keep their descriptions until their files change."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from knowngood.install.interpreters import Interpreters
from support.workshop import MINOR


def test_an_interpreter_is_found_with_its_path_and_its_build(environ: Mapping[str, str], tmp_path: Path) -> None:
    interpreter = Interpreters(outside=environ, cache=tmp_path / "pythons").find(platform.python_version())

    assert interpreter is not None
    assert interpreter.path.samefile(Path(sys.base_prefix) / "bin" / f"python{MINOR}")
    assert " ".join(sys.version.split()) in interpreter.build


def test_a_version_that_the_machine_does_not_have_is_not_found(environ: Mapping[str, str], tmp_path: Path) -> None:
    assert Interpreters(outside=environ, cache=tmp_path / "pythons").find("3.99") is None


@pytest.mark.parametrize(
    ("version", "says", "next_step"),
    [
        ("3.14", "this machine has no Python 3.14: it is not on PATH", "install it (uv python install 3.14)"),
        ("3.13t", "this machine has no Python 3.13t: it is not on PATH", "install it (uv python install 3.13t)"),
        ("pypy3.10", "this machine has no PyPy 3.10: it is not on PATH", "install it (uv python install pypy3.10)"),
        ("4.7", "neither pyenv nor uv has it", "uv cannot install it either: name another Python"),
        ("pypy3.99", "this machine has no PyPy 3.99", "uv cannot install it either: name another Python"),
    ],
)
def test_a_version_that_is_missing_is_said_to_be_with_where_it_was_looked_for_and_what_to_do(
    version: str, says: str, next_step: str, environ: Mapping[str, str], tmp_path: Path
) -> None:
    sentence = Interpreters(outside=environ, cache=tmp_path / "pythons").absence(version)

    assert says in sentence and next_step in sentence and sentence.endswith("and run again")


def test_the_description_of_an_interpreter_is_kept_until_its_file_changes(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    source = (
        "import os, sys; from pathlib import Path; from knowngood.install.interpreters import Interpreters\n"
        "print(Interpreters(outside=os.environ, cache=Path(sys.argv[1])).find(sys.argv[2]).build)"
    )

    def build() -> str:
        # In a new process each time, as every run is one.
        command = [sys.executable, "-c", source, str(tmp_path / "pythons"), MINOR]
        return subprocess.check_output(command, env=dict(environ), text=True).strip()

    first = build()
    for entry in (tmp_path / "pythons").rglob("*.json"):
        kept = json.loads(entry.read_text(encoding="utf-8"))
        kept["content"]["version"] = "made up"
        entry.write_text(json.dumps(kept), encoding="utf-8")

    assert build().startswith("made up ")

    for entry in (tmp_path / "pythons").rglob("*.json"):
        kept = json.loads(entry.read_text(encoding="utf-8"))
        entry.write_text(json.dumps(kept | {"st_mtime": kept["st_mtime"] - 1}), encoding="utf-8")

    assert build() == first


def test_an_interpreter_is_found_even_when_the_cache_cannot_be_written(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pythons").write_text("no folder", encoding="utf-8")

    assert Interpreters(outside=environ, cache=tmp_path / "pythons").find(MINOR) is not None
