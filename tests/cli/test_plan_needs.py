"""What ``knowngood plan`` says a run would download and take, of the disk and of time."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.index import Index, serve
from support.project import Project
from support.wheels import build_sdist, build_wheel

BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, settings=None):
    info = Path(folder, "compiled-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: compiled\\nVersion: 1.0\\n")
    return info.name

def build_wheel(*arguments, **options):
    raise RuntimeError("no plan builds a wheel")
"""
PROBE = '[[probe]]\nid = "imports"\nsource = "import tiny"\n'


@pytest.fixture
def sized(tmp_path: Path) -> Iterator[Index]:
    """An index that states the size of each file."""
    folder = tmp_path / "sized"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        build_wheel(folder, "tiny", version)
    build_wheel(folder, "mover", "1.0", requires=("tiny",))
    with serve(folder) as running:
        running.sizes = True
        yield running


def matrix(url: str, *combos: str) -> str:
    return f'[index.local]\nurl = "{url}"\n{PROBE}{"".join(combos)}'


def combo(name: str, steps: str, more: str = "") -> str:
    return f'[[combo]]\nid = "{name}"\nsteps = {steps}\n{more}\n'


def plan(project: Project, *arguments: str) -> dict[str, Any]:
    result = knowngood(project, "plan", "--format", "json", *arguments)
    document: dict[str, Any] = json.loads(result)
    return document


def knowngood(project: Project, *arguments: str) -> str:
    """Return what a command prints, which has a cache of uv for itself."""
    result = project.run(*arguments, UV_CACHE_DIR=str(project.folder / "uv"))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_plan_adds_up_the_files_to_download_each_once(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]'), combo("b", '[["tiny==1.0"], ["mover"]]')))

    document, text = plan(project), knowngood(project, "plan")

    files = ["tiny-1.0-py3-none-any.whl", "mover-1.0-py3-none-any.whl"]
    total = sum((sized.folder / file).stat().st_size for file in files)
    assert document["needs"]["download"] == total and document["needs"]["download_files"] == 2
    assert (document["needs"]["unknown_sizes"], document["needs"]["kept_files"]) == (0, 0)
    rows = {row["combo"]: row for row in document["combos"]}
    assert [file["name"] for file in rows["b"]["files"]] == files
    assert document["needs"]["disk"] == round(total * 3.3) and document["needs"]["disk_free"] > 0
    assert re.search(r"^download  1\.\d kB in 2 files$", text, re.MULTILINE), text
    assert re.search(r"^disk      about \d\.\d kB, since wheels unpack to 3\.3 times their size \(", text, re.MULTILINE)


def test_what_the_cache_of_uv_holds_is_not_counted(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]')))
    knowngood(project, "run")
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]'), combo("b", '[["tiny==1.0"], ["mover"]]')))

    document, text = plan(project, "--fresh"), knowngood(project, "plan", "--fresh")

    kept = {file["name"]: file["kept"] for row in document["combos"] for file in row["files"]}
    assert kept == {"tiny-1.0-py3-none-any.whl": True, "mover-1.0-py3-none-any.whl": False}
    assert document["needs"]["download"] == (sized.folder / "mover-1.0-py3-none-any.whl").stat().st_size
    assert re.search(r"^download  \d+ B in 1 file; 1 file on this machine already$", text, re.MULTILINE), text


def test_when_nothing_is_left_to_download_a_plan_says_so(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]')))
    knowngood(project, "run")

    assert "download  nothing: 1 file on this machine already\n" in knowngood(project, "plan", "--fresh")
    reused = knowngood(project, "plan")
    assert "download" not in reused and reused.endswith("1 combo: 0 to run, 1 reused, 0 impossible\n")


def test_an_index_that_states_no_sizes_makes_the_download_unknown_and_not_zero(project: Project, index: Index) -> None:
    project.write(matrix(index.url, combo("a", '[["tiny==1.0"]]')))

    document, text = plan(project), knowngood(project, "plan")

    assert (document["needs"]["download_files"], document["needs"]["unknown_sizes"]) == (1, 1)
    assert document["combos"][0]["files"][0]["size"] is None
    assert "download  1 file whose size the index does not say\ndisk      unknown (" in text


def test_wheels_of_a_folder_are_not_downloaded(project: Project, sized: Index) -> None:
    project.write(matrix(sized.folder.as_posix(), combo("a", '[["tiny==1.0"]]')))

    needs = plan(project)["needs"]

    assert (needs["download"], needs["download_files"], needs["kept_files"]) == (0, 0, 1)
    assert needs["disk"] == round((sized.folder / "tiny-1.0-py3-none-any.whl").stat().st_size * 3.3)


def test_what_pip_installs_is_said_to_be_unknown(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]', 'installer = "pip"'), combo("b", '[["tiny==1.0"]]')))

    document, text = plan(project), knowngood(project, "plan")

    assert document["needs"]["unresolved"] == 1 and document["combos"][0]["files"] is None
    assert "; unknown for 1 combo that pip resolves while it runs\ndisk      more than " in text


def test_the_time_is_that_of_earlier_runs_and_says_what_it_does_not_know(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]'), combo("b", '[["tiny==2.0"]]')))
    assert "how long it takes is unknown before the first run" in knowngood(project, "plan")
    assert plan(project)["needs"]["seconds"] is None

    knowngood(project, "run", "--only", "a")

    text = knowngood(project, "plan", "--fresh")
    assert re.search(r"^a +run +1 package +about \d\.\ds$", text, re.MULTILINE), text
    assert re.search(r"^b +run +1 package$", text, re.MULTILINE), text
    assert "(1 never ran, and count as the mean of the others)" in text.splitlines()[-1]
    assert plan(project, "--fresh")["needs"]["never_ran"] == 1


def test_several_matrices_are_planned_and_summed_up(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]')))
    other = matrix(sized.url, combo("b", '[["tiny==1.0"]]'), combo("none", '[["tiny==9"]]'))
    project.matrix.with_name("other.toml").write_text(other, encoding="utf-8")

    document, text = plan(project, "--all"), knowngood(project, "plan", "m", "other")

    size = (sized.folder / "tiny-1.0-py3-none-any.whl").stat().st_size
    assert [(row["matrix"], row["combo"]) for row in document["combos"]] == [
        ("m", "a"),
        ("other", "b"),
        ("other", "none"),
    ]
    assert [part["download"] for part in document["matrices"]] == [size, size]
    assert document["needs"]["download"] == size, "the second matrix finds the file in the cache"
    rows = [re.split(r"  +", line) for line in text[text.rindex("\nmatrix  ") :].strip().splitlines()]
    assert rows[0] == ["matrix", "combos", "run", "reused", "impossible", "unknown", "download", "time"]
    assert [row[:6] for row in rows[1:]] == [
        ["m", "1", "1", "0", "0", "0"],
        ["other", "2", "1", "0", "1", "0"],
        ["2 matrices", "3", "2", "0", "1", "0"],
    ]
    assert {row[7] for row in rows[1:]} == {"unknown"}


def test_an_option_for_one_matrix_is_an_error_with_several(project: Project, sized: Index) -> None:
    project.write(matrix(sized.url, combo("a", '[["tiny==1.0"]]')))
    project.matrix.with_name("other.toml").write_text(project.matrix.read_text(encoding="utf-8"), encoding="utf-8")

    result = project.run("plan", "--all", "--only", "a")

    assert (result.returncode, result.stdout) == (2, "")
    assert (
        "works with one matrix, not with 2\nnext: leave it out, or name one matrix: knowngood plan m " in result.stderr
    )


def test_a_plan_names_what_has_to_be_built_and_for_which_combos(project: Project, sized: Index) -> None:
    build_sdist(sized.folder, "compiled", "1.0", backend=BACKEND)
    combos = (combo("a", '[["compiled"]]'), combo("b", '[["tiny==1.0"], ["compiled"]]'), combo("c", '[["tiny"]]'))
    project.write(matrix(sized.url, *combos))

    files = {row["combo"]: {file["name"]: file["sdist"] for file in row["files"]} for row in plan(project)["combos"]}

    assert files == {
        "a": {"compiled-1.0.tar.gz": True},
        "b": {"tiny-1.0-py3-none-any.whl": False, "compiled-1.0.tar.gz": True},
        "c": {"tiny-2.0-py3-none-any.whl": False},
    }
    assert "build     compiled-1.0.tar.gz for a, b\n" in knowngood(project, "plan")
