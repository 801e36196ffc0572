"""Resolve to the lowest versions that a project allows, and to what an index had on a day."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowngood.model import Cell
from knowngood.project.project import Project
from knowngood.report import words
from knowngood.run.engine import execute
from knowngood.run.request import RunRequest
from knowngood.run.selection import select
from support.index import Index
from support.runs import machine
from support.wheels import build_wheel
from support.workshop import MINOR

NOW = datetime(2026, 6, 30, tzinfo=UTC)
Run = Callable[..., dict[str, Cell]]


@pytest.fixture
def run(tmp_path: Path, index: Index, environ: Mapping[str, str]) -> Run:
    """Return a function that runs a matrix whose probe passes, and returns the cell of each combo."""

    def carried_out(text: str, **variables: str) -> dict[str, Cell]:
        file = tmp_path / "matrices" / "m.toml"
        file.parent.mkdir(exist_ok=True)
        head = f'[matrix]\npython = "{MINOR}"\n[[probe]]\nid = "works"\nsource = "pass"\n'
        file.write_text(head + text, encoding="utf-8")
        here = machine(
            {**environ, "UV_DEFAULT_INDEX": index.url, "PIP_INDEX_URL": index.url, **variables}, tmp_path / "cache"
        )
        project = select(Project.open("m", start=tmp_path), here, now=NOW)
        judged = project.judge(execute(RunRequest(project=project, combos=project.matrix.combos, machine=here)))
        return {cell.combo.id: cell for cell in judged.cells}

    return carried_out


def project_and_its_needs(index: Index, folder: Path) -> None:
    """Write a project that requires ``bound>=1.5`` and ``free``, a group with ``check>=1``, and what they need."""
    for name in ("bound", "free", "deep", "check"):
        for version in ("1.0", "1.5", "2.0", "3.0"):
            needs = {"bound": ("deep>=1",), "check": ("deep",)}.get(name, ())
            build_wheel(index.folder, name, version, requires=needs)
    wheel = build_wheel(folder, "mine", "1.0", requires=("bound>=1.5", "free", 'extra>=1; extra == "x"'))
    assert wheel.name == "mine-1.0-py3-none-any.whl"
    (folder / "pyproject.toml").write_text('[dependency-groups]\ntest = ["check>=1"]\n', encoding="utf-8")


LOWEST = """
[[grid]]
steps = [["./mine-1.0-py3-none-any.whl", "--group test"]]
axes.resolution = ["highest", "lowest-direct", "lowest"]
"""


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_only_what_the_project_bounds_is_lowest_and_the_rest_is_named(
    run: Run, index: Index, tmp_path: Path, installer: str
) -> None:
    project_and_its_needs(index, tmp_path)

    cells = run(LOWEST.replace("[[grid]]", f'[[grid]]\ninstaller = "{installer}"'))

    assert {name: cell.verdict.status.value for name, cell in cells.items()} == dict.fromkeys(cells, "pass")
    installed = {name: {**cell.installed} for name, cell in cells.items()}
    for versions in installed.values():
        versions.pop("pip", None)
    same = {"mine": "1.0", "free": "3.0", "check": "3.0"}
    assert installed == {
        "highest": {**same, "bound": "3.0", "deep": "3.0"},
        "lowest-direct": {**same, "bound": "1.5", "deep": "3.0"},
        "lowest": {**same, "bound": "1.5", "deep": "1.0"},
    }
    assert [cell.highest for cell in cells.values()] == [(), ("check", "free"), ("check", "free")]
    assert words.highest(cells["lowest"]) == (
        "check 3.0, free 3.0: without a lower bound in the project, so at the highest version"
    )


def test_a_combo_takes_the_lowest_versions_and_without_a_project_the_bounds_of_its_steps_count(
    run: Run, index: Index, tmp_path: Path
) -> None:
    project_and_its_needs(index, tmp_path)
    cells = run(
        '[[combo]]\nid = "low"\nresolution = "lowest-direct"\nsteps = [["bound>=1.5,<3", "free", "deep==2.0"]]\n'
    )
    assert cells["low"].installed == {"bound": "1.5", "deep": "2.0", "free": "3.0"}
    assert cells["low"].highest == ("free",)


def test_lowest_versions_without_a_solution_are_unsolvable_in_the_words_of_the_step(
    run: Run, index: Index, tmp_path: Path
) -> None:
    project_and_its_needs(index, tmp_path)
    cell = run(LOWEST.replace('--group test"', '--group test", "free>=9"'))["lowest-direct"]
    assert cell.verdict.status == "unsolvable"
    assert "knowngood-other" not in cell.message and "free>=9" in cell.message


def dated(index: Index) -> None:
    for version, day in (("1.0", "2026-01-10"), ("2.0", "2026-06-01"), ("3.0", "2026-06-28")):
        index.dates[build_wheel(index.folder, "lib", version).name] = f"{day}T12:00:00Z"


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_files_that_were_uploaded_after_the_day_do_not_count(run: Run, index: Index, installer: str) -> None:
    dated(index)
    text = f'[[grid]]\ninstaller = "{installer}"\nsteps = [["lib"]]\n'
    text += 'axes.as-of = ["now", "7d", "2026-06-01", 2026-05-31]\n'
    cells = run(text)
    assert {name: cell.installed["lib"] for name, cell in cells.items()} == {
        "now": "3.0",
        "as-of-7d": "2.0",
        "as-of-2026-06-01": "2.0",
        "as-of-2026-05-31": "1.0",
    }


def test_a_selector_looks_at_the_same_day(run: Run, index: Index) -> None:
    dated(index)
    cells = run('[[grid]]\naxes.lib = ["latest"]\naxes.as-of = ["now", "7d"]\n')
    assert {name: cell.combo.versions for name, cell in cells.items()} == {
        "lib-latest": (("lib", "3.0"),),
        "lib-latest-as-of-7d": (("lib", "2.0"),),
    }


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_index_without_upload_times_makes_a_combo_undecided_and_not_unsolvable(
    run: Run, index: Index, installer: str
) -> None:
    build_wheel(index.folder, "lib", "1.0")
    cell = run(f'[[combo]]\nid = "a"\nsteps = [["lib"]]\nas-of = "2026-01-01"\ninstaller = "{installer}"\n')["a"]
    assert (cell.verdict.status, cell.verdict.reason) == ("infra", "no-upload-times")
    assert cell.message == (
        "step 1: the index of lib does not say when files were uploaded, so as-of cannot be applied to it"
    )


def test_a_folder_of_find_links_which_uv_does_not_filter_makes_a_combo_undecided(
    run: Run, index: Index, tmp_path: Path
) -> None:
    dated(index)
    build_wheel(tmp_path / "links", "lib", "4.0")
    text = '[[combo]]\nid = "a"\nsteps = [["lib"]]\nas-of = "2026-01-31"\n'
    cell = run(text, UV_FIND_LINKS=str(tmp_path / "links"))["a"]
    assert (cell.verdict.status, cell.verdict.reason) == ("infra", "no-upload-times")
    assert "find-links" in cell.message
