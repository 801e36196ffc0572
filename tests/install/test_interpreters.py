"""Find interpreters, and keep their descriptions until their files change."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from knowngood.install.interpreters import Interpreters
from support.workshop import MINOR


def test_an_interpreter_is_found_with_its_path_and_its_build(environ: Mapping[str, str], tmp_path: Path) -> None:
    interpreter = Interpreters(outside=environ, cache=tmp_path / "pythons").find(platform.python_version())

    assert interpreter is not None
    assert interpreter.path.samefile(Path(sys.base_prefix) / "bin" / f"python{MINOR}")
    assert " ".join(sys.version.split()) in interpreter.build


def test_a_version_that_the_machine_does_not_have_is_not_found(environ: Mapping[str, str], tmp_path: Path) -> None:
    assert Interpreters(outside=environ, cache=tmp_path / "pythons").find("3.99") is None


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
