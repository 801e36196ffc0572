"""Interpreters that are found, what is kept of what they say, and when it is not believed any more."""

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from knowngood.install.interpreters import Interpreters
from support.workshop import MINOR


def test_an_interpreter_is_found_and_its_build_told(environ: Mapping[str, str], tmp_path: Path) -> None:
    found = Interpreters(outside=environ, cache=tmp_path / "pythons").find(platform.python_version())

    assert found is not None
    assert found.path.samefile(Path(sys.base_prefix) / "bin" / f"python{MINOR}")
    assert " ".join(sys.version.split()) in found.build


def test_what_no_machine_has_is_not_found(environ: Mapping[str, str], tmp_path: Path) -> None:
    assert Interpreters(outside=environ, cache=tmp_path / "pythons").find("3.99") is None


def test_what_an_interpreter_said_is_kept_until_its_file_changes(environ: Mapping[str, str], tmp_path: Path) -> None:
    source = (
        "import os, sys; from pathlib import Path; from knowngood.install.interpreters import Interpreters\n"
        "print(Interpreters(outside=os.environ, cache=Path(sys.argv[1])).find(sys.argv[2]).build)"
    )

    def build() -> str:
        # Each time in a process of its own, as runs are.
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


def test_a_cache_that_cannot_be_written_is_done_without(environ: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "pythons").write_text("no folder", encoding="utf-8")

    assert Interpreters(outside=environ, cache=tmp_path / "pythons").find(MINOR) is not None
