"""Real torch, transformers and a real model embed sentences on the CPU. Run with ``-m real``."""

import base64
import json
import math
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DIMENSIONS = 384

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the combos ``legacy`` and ``legacy-numpy2``, and return their cells by combo."""
    folder = tmp_path_factory.mktemp("real")
    selection = ["--only", "legacy", "--only", "legacy-numpy2"]
    # Runs are kept in the project, because on its file system uv can link torch instead of copying it.
    subprocess.run(
        [sys.executable, "-m", "knowngood", "run", "embedding", *selection, "--fresh", "--report-dir", folder],
        cwd=ROOT,
        check=True,
    )
    report = json.loads((folder / "matrix.json").read_text(encoding="utf-8"))
    return {cell["combo"]: cell for cell in report["cells"]}


def test_the_legacy_set_embeds_sentences(cells: dict[str, Any]) -> None:
    cell = cells["legacy"]

    assert cell["verdict"] == {"status": "pass", "phase": "probe", "reason": "all-passed"}
    assert {"numpy": "1.24.3", "torch": "2.1.2", "sentence-transformers": "2.2.2"}.items() <= cell["installed"].items()
    assert cell["drift"] == []
    assert cell["metrics"]["cat_kitten"] > 0.6 > 0.1 > cell["metrics"]["cat_bank"]
    assert cell["metrics"]["encode_seconds"] > 0


def test_the_recorded_vectors_are_finite_and_normalized(cells: dict[str, Any]) -> None:
    recorded = cells["legacy"]["arrays"]["embeddings"]
    count, width = recorded["shape"]
    data = base64.b64decode(recorded["data"])
    vectors = list(struct.iter_unpack(f"<{width}f", data))

    assert (recorded["dtype"], width, len(vectors)) == ("float32", DIMENSIONS, count)
    for vector in vectors:
        assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-4)


def test_the_same_set_on_numpy_2_prints_a_warning_and_cannot_encode(cells: dict[str, Any]) -> None:
    cell = cells["legacy-numpy2"]

    assert cell["verdict"]["status"] == "fail"
    assert cell["as_expected"] is True
    failed = {check["name"]: check["message"] for check in cell["checks"] if check["outcome"] == "failed"}
    assert "Numpy is not available" in failed["encode"]
    assert any("compiled using NumPy 1.x" in warning for warning in cell["warnings"])
    assert cell["installed"]["numpy"].startswith("2.")
