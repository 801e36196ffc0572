"""Test that the embedding matrix gives the same verdicts, messages and vectors with all optimizations and with none."""

import base64
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.workshop import UV

ROOT = Path(__file__).parent.parent
COMPARED = ("verdict", "as_expected", "check", "message", "diagnosis", "drift", "installed", "warnings", "python")
RUNS = (
    ("none", ("--no-optimization", "all")),
    ("cold", ()),
    ("warm", ("--fresh",)),
    ("kept", ("--fresh-probes",)),
    ("known", ()),
)

pytestmark = pytest.mark.real

Cells = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder in the project, because uv can link torch instead of copying it on that file system."""
    (ROOT / ".knowngood").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="optimizations-", dir=ROOT / ".knowngood") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def runs(home: Path) -> dict[str, Cells]:
    """The cells of each run, by name. All caches but that of uv are empty before the first run."""
    wheels = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    environ = os.environ | {"XDG_CACHE_HOME": str(home / "cache"), "UV_CACHE_DIR": wheels}
    found: dict[str, Cells] = {}
    for name, options in RUNS:
        report = home / name
        places = ["--state-dir", str(home / "state"), "--report-dir", str(report)]
        done = subprocess.run(
            [sys.executable, "-m", "knowngood", "run", "embedding", *options, *places], cwd=ROOT, env=environ
        )
        assert done.returncode in (0, 1), name
        document = json.loads((report / "matrix.json").read_text(encoding="utf-8"))
        found[name] = {(cell["combo"], cell["probe"]): cell for cell in document["cells"]}
    return found


def numbers(array: dict[str, Any]) -> list[float]:
    kind = {"f4": "f", "f8": "d"}[array["encoding"]]
    data = base64.b64decode(array["data"])
    return list(struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data))


@pytest.mark.parametrize("name", [name for name, _ in RUNS[1:]])
def test_all_optimizations_and_none_give_the_same_cells_of_the_embedding_matrix(
    runs: dict[str, Cells], name: str
) -> None:
    assert runs[name].keys() == runs["none"].keys()
    for where, expected in runs["none"].items():
        for field in COMPARED:
            assert runs[name][where][field] == expected[field], (where, field)


@pytest.mark.parametrize("name", [name for name, _ in RUNS[1:]])
def test_all_optimizations_and_none_compute_the_same_vectors(runs: dict[str, Cells], name: str) -> None:
    compared = 0
    for where, expected in runs["none"].items():
        arrays = runs[name][where]["arrays"]
        assert arrays.keys() == expected["arrays"].keys(), where
        for array, recorded in expected["arrays"].items():
            assert arrays[array]["shape"] == recorded["shape"], where
            assert numbers(arrays[array]) == pytest.approx(numbers(recorded), abs=1e-6), where
            compared += 1
    assert compared


def test_the_optimizations_were_in_effect(runs: dict[str, Cells]) -> None:
    assert not [cell for name in ("none", "warm", "kept") for cell in runs[name].values() if cell["reused"]]
    decided = [cell for cell in runs["known"].values() if cell["verdict"]["phase"] != "resolve"]
    assert decided and all(cell["reused"] for cell in decided)
