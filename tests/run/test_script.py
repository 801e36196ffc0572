"""Test that a script of the user can run combos: with a project, without the command line and without a terminal."""

import json
import subprocess
import sys
from pathlib import Path

from support.index import Index
from support.project import Project
from support.wheels import build_wheel

MATRIX = """
[index.local]
url = "{url}"

[[probe]]
id = "imports"
source = '''
import tiny
assert tiny.__version__ == "1.0"
'''

[[combo]]
id = "old"
steps = [["tiny==1.0"]]

[[combo]]
id = "new"
steps = [["tiny==2.0"]]
"""
SCRIPT = """
import json
import os

from knowngood.project.project import Project
from knowngood.run import host
from knowngood.run.engine import execute, plan
from knowngood.run.request import RunRequest

project = Project.open("m")
request = RunRequest(project=project, combos=project.matrix.combos, machine=host.here(os.environ))
counts = []
forecasts = plan(request)
run = execute(request, [lambda event, folding: counts.append(len(folding.run.combos))])
again = plan(request)
print(json.dumps({
    "possible": [forecast.possible for forecast in forecasts],
    "cells": {cell.combo.id: cell.verdict.status for cell in project.judge(run).cells},
    "log": str(project.runs.find(run.info.id).log),
    "events": len(counts),
    "reusable": [forecast.reusable is not None for forecast in again],
}))
"""


def test_a_script_plans_runs_and_judges_the_combos_of_a_project(index: Index, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        build_wheel(index.folder, "tiny", version)
    project = Project(folder=tmp_path)
    project.write(MATRIX.format(url=index.url))

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "the engine prints nothing"
    result = json.loads(done.stdout)
    assert result["possible"] == [True, True]
    assert result["cells"] == {"old": "pass", "new": "fail"}
    log = Path(result["log"])
    assert log.is_relative_to(tmp_path / ".knowngood") and len(log.read_text().splitlines()) == result["events"]
    assert result["reusable"] == [True, True]
