"""The map of two packages that were planted on an index."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.conftest import Universe


def plant(universe: "Universe") -> None:
    """Plant ``app`` and ``lib`` of six release lines each: an app works with libs that are not newer than itself."""
    for line in range(1, 7):
        universe.release("lib", f"{line}.0", files={"lib.py": f"number = {line}\n"})
        check = f"import lib\nassert lib.number <= {line}, 'too new'\n"
        universe.release("app", f"{line}.0", requires=("lib<6",) if line < 4 else ("lib",), files={"app.py": check})
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["app", "lib"]]\n', "import app")


def test_a_map_distinguishes_measured_cells_from_implied_ones(universe: "Universe") -> None:
    plant(universe)

    document = universe.searched("frontier", "c", "app", "lib")
    shown = universe.run("frontier", "c", "app", "lib")

    says = [[cell["says"][0] for cell in row] for row in document["map"]]
    assert ["".join(row) for row in says] == ["wffffu", "wwfffu", "wwwffu", "wwwwff", "wwwwwf", "wwwwww"]
    assert document["measured"] < 36
    assert document["cells"] <= 26
    assert {cell["how"] for row in document["map"] for cell in row} == {"measured", "implied"}
    assert all((cell["combo"] is None) == (cell["how"] == "implied") for row in document["map"] for cell in row)
    assert "app (rows) and lib (columns) in c" in shown.stdout
    assert "(✓)" in shown.stdout
    assert "AssertionError: too new" in shown.stdout


def test_a_map_needs_two_packages_and_can_be_limited(universe: "Universe") -> None:
    plant(universe)

    same = universe.run("frontier", "c", "lib", "Lib")
    limited = universe.run("frontier", "c", "app", "lib", "--last", "2", "--format", "markdown")

    assert (same.returncode, "both packages are lib" in same.stderr) == (2, True)
    assert "### app x lib in c" in limited.stdout
    assert "left out: 4 older of app and 4 older of lib (--last 0 for all)" in limited.stdout
    assert limited.stdout.count("\n| ") == 4
