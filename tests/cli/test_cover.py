"""``--cover``: of a grid, only as many combos run as have every pair of values that can be installed."""

import json
import signal
import subprocess
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from support.index import Index, serve
from support.project import Project, wait_for
from support.wheels import build_wheel

VALUES = ("1.0", "2.0")
AXES = ("ant", "bee", "cat", "dog")
PROBE = '[[probe]]\nid = "imports"\nsource = "import ant, bee, cat, dog"\n'
GRID = "[[grid]]\n" + "".join(f"axes.{axis} = {json.dumps(VALUES)}\n" for axis in AXES)
REFUSED = frozenset(
    {
        frozenset({("ant", "1.0"), ("bee", "2.0")}),  # bee 2.0 requires ant>=2
        frozenset({("cat", "1.0"), ("dog", "1.0")}),  # dog 1.0 requires cat>=2, and cat 1.0 is named
    }
)
"""The pairs of values that no set of versions can have."""

Values = frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index with two versions of ant, bee, cat and dog, of which two pairs cannot be installed together."""
    folder = tmp_path_factory.mktemp("zoo")
    for axis, version in product(AXES, VALUES):
        requires = {("bee", "2.0"): ("ant>=2",), ("dog", "1.0"): ("cat>=2",)}.get((axis, version), ())
        build_wheel(folder, axis, version, requires=requires)
    with serve(folder) as index:
        yield index


def write(project: Project, index: Index, tables: str = GRID, *, probe: str = PROBE) -> None:
    project.write(f'[matrix]\n[index.zoo]\nurl = "{index.url}"\n{probe}{tables}')


def run(project: Project, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return project.run_matrix("--progress", "none", *arguments)


def report(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.report / "matrix.json").read_text(encoding="utf-8"))
    return document


def values(cell: dict[str, Any]) -> Values:
    """Return what the combo of a cell asks for: (package, version) pairs."""
    pins = [line.partition("==") for step in cell["steps"] for line in step]
    return frozenset((name, version) for name, _, version in pins if version)


def passed(project: Project, strength: int) -> set[Values]:
    """Return the pairs of values of the cells that passed."""
    cells = [values(cell) for cell in report(project)["cells"] if cell["verdict"]["status"] == "pass"]
    return {frozenset(pair) for cell in cells for pair in combinations(sorted(cell), strength)}


def solvable(strength: int, *, without: Values = frozenset()) -> set[Values]:
    """Return the pairs that some combo has which can be installed; ``without`` is excluded from the grid."""
    combos = [frozenset(zip(AXES, chosen, strict=True)) for chosen in product(VALUES, repeat=len(AXES))]
    able = [
        combo for combo in combos if not any(pair <= combo for pair in REFUSED) and not (without and without <= combo)
    ]
    return {frozenset(pair) for combo in able for pair in combinations(sorted(combo), strength)}


def test_every_pair_that_can_be_installed_is_tested_and_the_rest_of_the_grid_is_not_run(
    project: Project, zoo: Index
) -> None:
    write(project, zoo)

    result = run(project, "--cover", "2")

    assert result.returncode == 0, result.stdout + result.stderr
    assert passed(project, 2) == solvable(2)
    document = report(project)
    assert len(document["cells"]) == 16
    left_out = [cell for cell in document["cells"] if cell["verdict"]["status"] == "not-run"]
    assert {cell["verdict"]["reason"] for cell in left_out} == {"not-covered"}
    assert 16 - len(left_out) < 9, "of 16 combos 9 can be installed, and 5 have all pairs"
    assert f"covered 22 of 24 pairs, 2 unsolvable; {len(left_out)} combos not run (--cover 2)" in result.stdout
    assert "ant=1.0 with bee=2.0" in result.stdout
    cover = document["run"]["cover"]
    assert {frozenset(known["values"].items()) for known in cover["unsolvable"]} == REFUSED
    assert (cover["pairs"], cover["covered"], cover["open"], cover["not_run"]) == (24, 22, 0, len(left_out))


def test_triples_are_covered_too(project: Project, zoo: Index) -> None:
    write(project, zoo)

    result = run(project, "--cover", "3")

    assert result.returncode == 0, result.stdout + result.stderr
    assert passed(project, 3) == solvable(3)
    # Each of the two pairs is in 2 x 2 triples.
    assert "covered 24 of 32 triples, 8 unsolvable" in result.stdout


def test_excluded_values_are_not_missed_included_ones_are_covered_and_other_combos_always_run(
    project: Project, zoo: Index
) -> None:
    alone = '[[combo]]\nid = "alone"\nsteps = [["ant==1.0", "bee", "cat", "dog"]]\n'
    excluded = frozenset({("ant", "2.0"), ("dog", "2.0")})
    exclude = 'exclude = [{ ant = "2.0", dog = "2.0" }]\n'
    include = 'include = [{ ant = "2.0", bee = "1.0", cat = "2.0", dog = "2.0", resolution = "lowest" }]\n'
    write(project, zoo, GRID.replace("[[grid]]\n", f"[[grid]]\n{exclude}{include}") + alone)

    result = run(project, "--cover", "2")

    assert result.returncode == 0, result.stdout + result.stderr
    cells = report(project)["cells"]
    included = [cell for cell in cells if excluded <= values(cell)]
    assert [cell["verdict"]["status"] for cell in included] == ["pass"], "it alone has its pairs with the resolution"
    assert [cell["verdict"]["status"] for cell in cells if cell["combo"] == "alone"] == ["pass"]
    assert passed(project, 2) >= solvable(2, without=excluded)


def test_a_plan_names_the_combos_that_a_run_then_runs(project: Project, zoo: Index) -> None:
    write(project, zoo)

    result = project.run("plan", "--cover", "2", "--format", "json")

    assert result.returncode == 0, result.stderr
    planned = json.loads(result.stdout)
    assert {row["status"] for row in planned["combos"]} == {"run"}
    (matrix,) = planned["matrices"]
    assert matrix["cover"]["covered"] == 22 and len(matrix["cover"]["unsolvable"]) == 2
    table = project.run("plan", "--cover", "2").stdout
    assert "covered 22 of 24 pairs, 2 unsolvable" in table
    run(project, "--cover", "2")
    ran = {cell["combo"] for cell in report(project)["cells"] if cell["verdict"]["status"] == "pass"}
    assert ran == {row["combo"] for row in planned["combos"]}


def test_shards_divide_the_cover_and_their_merged_report_is_that_of_one_run(project: Project, zoo: Index) -> None:
    write(project, zoo)
    dealt = json.loads(project.run("plan", "--cover", "2", "--format", "github", "--shards", "2").stdout)["include"]
    for number in (1, 2):
        deal = ("--deal", dealt[number - 1]["combos"]) if len(dealt) == 2 else ()
        result = project.run(
            "run",
            "--progress",
            "none",
            "--cover",
            "2",
            "--shard",
            f"{number}/2",
            *deal,
            "--state-dir",
            f"state{number}",
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "incomplete run" in result.stdout, "the pairs of the other shard are open"
    folders = [str(next(Path(project.folder / f"state{number}" / "runs" / "m").glob("2*"))) for number in (1, 2)]

    merged = project.run("report", *folders, "--format", "json")

    assert merged.returncode == 0, merged.stderr
    document = json.loads(merged.stdout)
    assert document["run"]["cover"]["covered"] == 22
    statuses = [cell["verdict"]["status"] for cell in document["cells"]]
    assert len(statuses) == 16 and {*statuses} == {"pass", "not-run"}


def test_a_published_cover_says_so_everywhere_and_is_not_compared_with_what_it_left_out(
    project: Project, zoo: Index
) -> None:
    write(project, zoo)

    result = project.run("run", "--progress", "none", "--cover", "2", "--publish", "--accept")

    assert result.returncode == 0, result.stdout + result.stderr
    folder = project.folder / "reports" / "m"
    published = json.loads((folder / "matrix.json").read_text(encoding="utf-8"))
    left_out = sum(cell["verdict"]["reason"] == "not-covered" for cell in published["cells"])
    sentence = f"covered 22 of 24 pairs, 2 unsolvable; {left_out} combos not run (--cover 2)"
    for name in ("matrix.md", "index.html"):
        assert sentence in (folder / name).read_text(encoding="utf-8")
    badge = json.loads(project.run("report", "--format", "badge").stdout)
    assert badge["message"] == f"all {16 - left_out} combos pass; {left_out} not run" and badge["color"] == "green"
    again = project.run("run", "--progress", "none", "--cover", "2", "--publish")
    assert again.returncode == 0 and "unchanged" in again.stdout
    assert json.loads((folder / "matrix.json").read_text(encoding="utf-8")) == published
    whole = project.run("diff", "--format", "json")
    assert {change["kind"] for change in json.loads(whole.stdout)["changes"]} == {"still-pass"}


def test_a_cover_of_a_grid_that_an_index_cannot_resolve_is_undecided_and_proves_nothing(
    project: Project, zoo: Index
) -> None:
    write(project, zoo)
    zoo.page_status["dog"] = 503
    try:
        result = run(project, "--cover", "2")
    finally:
        zoo.page_status.clear()

    assert result.returncode == 3, result.stdout + result.stderr
    cover = report(project)["run"]["cover"]
    assert cover["covered"] == 0 and cover["open"] + len(cover["unsolvable"]) == 24
    # What needs no dog is still proven.
    assert {frozenset(known["values"].items()) for known in cover["unsolvable"]} <= REFUSED
    assert {cell["verdict"]["status"] for cell in report(project)["cells"]} == {"infra", "not-run"}


def test_an_interrupted_cover_is_resumed_with_the_combos_that_it_chose(project: Project, zoo: Index) -> None:
    slow = PROBE.replace("import ant, bee, cat, dog", "import time, ant; time.sleep(2)")
    write(project, zoo, probe=slow)
    how = ("--cover", "2", "--isolation", "none")
    first = project.start("run", "matrices/m.toml", "--report-dir", "report", *how, "--jobs", "1")
    wait_for(lambda: project.logs() and project.events("combo-finished"), seconds=120)
    first.send_signal(signal.SIGINT)
    printed, errors = first.communicate(timeout=60)
    assert first.returncode == 130 and "of 24 pairs" in printed, printed + errors
    begun = {cell["combo"] for cell in report(project)["cells"] if cell["verdict"]["reason"] != "not-covered"}

    second = run(project, *how)

    assert second.returncode == 0, second.stdout + second.stderr
    assert "resolving" not in second.stderr
    assert {cell["combo"] for cell in report(project)["cells"] if cell["verdict"]["status"] == "pass"} == begun
    assert report(project)["run"]["command"].endswith("--cover 2 --isolation none")


@pytest.mark.parametrize("number", ["1", "7", "two", ""])
def test_a_number_that_cannot_be_covered_is_an_error_with_a_hint(project: Project, zoo: Index, number: str) -> None:
    write(project, zoo)
    for verb in ("run", "plan") if number == "1" else ("run",):
        result = project.run(verb, f"--cover={number}")
        assert result.returncode == 2
        assert f"error: invalid --cover {number!r}" in result.stderr and "write --cover 2" in result.stderr


def test_without_a_grid_there_is_nothing_to_cover(project: Project, zoo: Index) -> None:
    write(project, zoo, '[[combo]]\nid = "alone"\nsteps = [["ant", "bee", "cat", "dog"]]\n')

    result = project.run("run", "--cover", "2")

    assert result.returncode == 2
    assert "none of m is of one" in result.stderr and "[[grid]]" in result.stderr
