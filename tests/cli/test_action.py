"""The composite action: it fits its schema, an auditor accepts it, and its steps work when they are run."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.index import Index
from support.project import Project

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
FILES = [ACTION, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def tool(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name(str(command[0]))
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=60, check=False)


def steps() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    return loaded


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_fits_the_schema_of_github_and_an_auditor_accepts_it(path: Path) -> None:
    schema = "vendor.github-actions" if path == ACTION else "vendor.github-workflows"
    checked = tool("check-jsonschema", "--builtin-schema", schema, path)
    audited = tool("zizmor", "--offline", "--no-config", path)

    assert checked.returncode == 0, checked.stdout
    assert audited.returncode == 0, audited.stdout


def test_the_pre_commit_hook_calls_a_verb_that_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *verb = hook["entry"].split()
    assert program == "knowngood"
    helped = subprocess.run(
        [sys.executable, "-m", program, verb[0], "--help"], capture_output=True, text=True, check=True
    )
    assert verb[1] in helped.stdout


def run_step(name: str, project: Project, inputs: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the script of a step as a runner does, with the knowngood of this environment instead of an installed one."""
    (step,) = (step for step in steps() if step.get("name") == name)
    machine = project.folder / "runner"
    programs = machine / "knowngood" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "knowngood").write_text(f'#!/bin/sh\nexec {sys.executable} -m knowngood "$@"\n')
    (programs / "knowngood").chmod(0o755)
    context = {f"inputs.{key}": value for key, value in inputs.items()} | {"runner.temp": str(machine)}
    given = {
        key: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: context[found[1]], value) for key, value in step["env"].items()
    }
    files = {"GITHUB_OUTPUT": str(machine / "output"), "GITHUB_STEP_SUMMARY": str(machine / "summary")}
    environ = project.environment() | given | files | {"RUNNER_TEMP": str(machine), "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=project.folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(("version", "code"), [("1.0", 0), ("2.0", 1)])
@pytest.mark.parametrize("named", [True, False])
def test_the_action_runs_a_matrix_exits_as_it_does_and_leaves_summary_annotations_and_report(
    project: Project, index: Index, version: str, code: int, *, named: bool
) -> None:
    project.write(
        f'[index.local]\nurl = "{index.url}"\n'
        '[[probe]]\nid = "p"\nsource = "import tiny; assert tiny.__version__ == \'1.0\'"\n'
        f'[[combo]]\nid = "c"\nsteps = [["tiny=={version}"]]\n'
    )

    ran = run_step("Run the matrix", project, {"matrix": "m" if named else "", "options": "--budget 15m --jobs 1"})

    runner = project.folder / "runner"
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "1 combo, 1 cell" in (runner / "summary").read_text()
    assert ("::error" in ran.stdout) == bool(code)
    output = (runner / "output").read_text().strip().removeprefix("report=")
    assert list(Path(output).glob("*/*/report/index.html"))


def test_a_mistake_in_a_matrix_is_the_error_of_the_job_and_nothing_else_is(project: Project) -> None:
    project.write("[matrx]\n")

    ran = run_step("Run the matrix", project, {"matrix": "", "options": ""})

    assert ran.returncode == 2
    assert "unknown table" in ran.stderr
    assert "cannot access" not in ran.stderr, "there is no report to look for"


def test_no_input_is_pasted_into_a_script() -> None:
    assert not [step["run"] for step in steps() if "${{" in step.get("run", "")]
