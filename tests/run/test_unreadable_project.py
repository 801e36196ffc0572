"""Test that a project that cannot be copied says nothing about the versions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.model import Cell, InstallerName, Phase, Probe, ProbeKind, Reason, Source, Status, Step
from support.index import Index
from support.runs import cells, matrix, record, request
from support.wheels import build_wheel
from support.workshop import combo

LONGEST_PATH = 4095
COMMAND = Probe(id="works", source="", path=None, kind=ProbeKind.COMMAND, arguments=("true",), inputs=("no-file",))
"""A command runs in a copy of the project. With inputs, its verdict depends on a snapshot as well."""


@pytest.fixture
def stocked(index: Index) -> Index:
    build_wheel(index.folder, "solid", "1.0")
    return index


def deep(project: Path, target: Path, length: int) -> Path:
    """Make a file in ``project`` whose path in a copy at ``target`` has ``length`` characters."""
    left = length - len(str(target)) - 1
    names = ["d" * 200] * (left // 201)
    names.append("f" * (left - 201 * len(names)))
    file = project.joinpath(*names)
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def run(
    project: Path, folder: Path, index: Index, environ: Mapping[str, str], installer: InstallerName, step: Step
) -> Cell:
    """Run one combo with a command in ``folder`` and return its cell."""
    subject = matrix(folder, index.url, (replace(combo(installer=installer), steps=(step,)),))
    subject = replace(subject, project=project, probes=(COMMAND,))
    return cells(record(request(subject, folder / "state" / "runs" / "tiny" / "r", environ)))["one"]


SOLID = Step(lines=("solid==1.0",), requirements=("solid==1.0",))
MINE = Step(lines=(".",), requirements=(), sources=(Source(path="."),))


@pytest.mark.parametrize("step", [SOLID, MINE], ids=["tested", "built"])
@pytest.mark.parametrize("installer", InstallerName)
def test_a_project_whose_snapshot_cannot_be_taken_is_infra(
    installer: InstallerName, step: Step, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    trees = tmp_path / "state" / "runs" / "tiny" / "r" / "trees" / "0"
    file = deep(tmp_path / "p", trees, LONGEST_PATH + 5)

    cell = run(tmp_path / "p", tmp_path, stocked, environ, installer, step)

    assert (cell.verdict.status, cell.verdict.reason) == (Status.INFRA, Reason.PROJECT_UNREADABLE), cell.message
    assert cell.message == (
        f"the project cannot be copied: {file.relative_to(tmp_path / 'p')}: File name too long; "
        "make sure that it can be read, or have git ignore it, and run again"
    )


def test_a_snapshot_that_cannot_be_copied_for_a_probe_is_infra(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "runs" / "tiny" / "r"
    work = folder / "combos" / "one" / "works.1" / "work"
    deep(tmp_path / "p", work, LONGEST_PATH + 5)

    cell = run(tmp_path / "p", tmp_path, stocked, environ, InstallerName.UV, SOLID)

    verdict = (cell.verdict.status, cell.verdict.phase, cell.verdict.reason)
    assert verdict == (Status.INFRA, Phase.PROBE, Reason.PROJECT_UNREADABLE), cell.message
    assert not (folder / "combos" / "one" / "harness-error.txt").exists()


def test_a_project_that_vanished_is_named(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    cell = run(tmp_path / "gone", tmp_path, stocked, environ, InstallerName.UV, SOLID)

    assert (cell.verdict.status, cell.verdict.reason) == (Status.INFRA, Reason.PROJECT_UNREADABLE), cell.message
    assert f"{tmp_path / 'gone'}: No such file or directory" in cell.message
