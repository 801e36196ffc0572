"""The public Python API, used by a script that imports nothing else of ours."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import knowngood
from support.index import Index, serve
from support.project import Project
from support.wheels import build_wheel

MATRIX = """
[matrix]
[index.local]
url = "{url}"

[[probe]]
id = "imports"
source = '''
import tiny
assert tiny.__version__ == "1.0", tiny.__version__
'''

[[combo]]
id = "good"
steps = [["tiny==1.0"]]

[[combo]]
id = "bad"
steps = [["tiny==2.0"]]
"""

SCRIPT = """
import json
from pathlib import Path

from knowngood import Project, read_report, render_report, run_matrix

events = []
project = Project.open("m")
run = run_matrix(project, jobs=1, on_event=lambda event: events.append(event.event))
judged = project.judge(run)
Path("matrix.json").write_text(render_report(judged, "json"), encoding="utf-8")
report = read_report("matrix.json")
some = project.judge(run_matrix(project, only=["g*"]))
print(json.dumps({
    "statuses": {cell.combo.id: cell.verdict.status for cell in judged.cells},
    "read": {cell.combo.id: cell.verdict.status for cell in report.cells},
    "some": [cell.combo.id for cell in some.cells],
    "events": [events[0], events[-1]],
    "markdown": render_report(judged, "markdown").splitlines()[0],
    "newest": project.runs.find(None).id == some.run.info.id,
}))
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    folder = tmp_path / "index"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        build_wheel(folder, "tiny", version)
    with serve(folder) as running:
        yield running


def test_a_script_opens_a_project_runs_judges_renders_and_reads_a_report(tmp_path: Path, index: Index) -> None:
    project = Project(folder=tmp_path / "project")
    project.write(MATRIX.format(url=index.url))
    (project.folder / "script.py").write_text(SCRIPT, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "statuses": {"good": "pass", "bad": "fail"},
        "read": {"good": "pass", "bad": "fail"},
        "some": ["good"],
        "events": ["run-started", "run-finished"],
        "markdown": "# m",
        "newest": True,
    }
    assert done.stderr == "", "the API prints nothing"


def test_an_offline_run_asks_no_index(tmp_path: Path, index: Index) -> None:
    project = Project(folder=tmp_path / "project")
    project.write(MATRIX.format(url=index.url))
    opened = knowngood.Project.open("m", start=project.folder)

    run = knowngood.run_matrix(opened, only=["good"], offline=True, isolation="none", environ=project.environment())

    assert run.info.isolation == "none"
    (cell,) = opened.judge(run).cells
    assert (cell.verdict.status, cell.verdict.reason) == ("infra", "offline")


def test_the_script_uses_only_public_names() -> None:
    imported = [node for node in ast.walk(ast.parse(SCRIPT)) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imported if node.module == "knowngood" for alias in node.names}

    assert names == set(knowngood.__all__) - {"__version__"}


def test_importing_the_package_imports_none_of_its_modules() -> None:
    script = "import sys, knowngood; print([name for name in sys.modules if name.startswith('knowngood.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(knowngood.__file__).parent / "py.typed").is_file()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="papyrus"):
        knowngood.render_report(None, "papyrus")  # type: ignore[arg-type]


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="absent"):
        _ = knowngood.absent
