"""Run a matrix without the network: a wheelhouse in the project, and an index that is down."""

import json
from pathlib import Path

from support.project import Project
from support.wheels import build_wheel

MATRIX = """
[matrix]
python = "3.11"
[index.house]
url = "wheelhouse"
[index.dead]
url = "http://127.0.0.1:9/simple"
packages = ["gone"]
[[probe]]
id = "works"
source = "import tool"
[[combo]]
id = "uv"
steps = [["needs-tool"]]
[[combo]]
id = "pip"
steps = [["needs-tool"]]
installer = "pip"
[[combo]]
id = "lacks"
steps = [["gone"]]
"""


def test_a_wheelhouse_is_enough_and_what_it_lacks_is_infra(tmp_path: Path) -> None:
    build_wheel(tmp_path / "wheelhouse", "tool", "1.0")
    build_wheel(tmp_path / "wheelhouse", "needs-tool", "1.0", requires=("tool",))
    project = Project(folder=tmp_path)
    project.write(MATRIX)

    project.run_matrix("--offline")

    report = json.loads((project.report / "matrix.json").read_text(encoding="utf-8"))
    cells = {cell["combo"]: cell for cell in report["cells"]}
    assert {name: cell["verdict"]["status"] for name, cell in cells.items()} == {
        "uv": "pass",
        "pip": "pass",
        "lacks": "infra",
    }
    assert cells["lacks"]["message"] == (
        "step 1: this run is offline: gone is not on this machine; "
        "it comes from index dead (http://127.0.0.1:9/simple); run again without --offline"
    )
