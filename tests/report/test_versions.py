"""Test the view by package: which tested versions work, as ranges."""

from browser.runs import grid
from knowngood.model import Cell, Phase, Reason, Status
from knowngood.report.html.versions import by_package
from report.factory import cell, combo, mission, only, passing


def made(works: bool, python: str = "3.11.7", **installed: str) -> Cell:
    """Return a cell with these versions that passes or fails."""
    given = combo("-".join((python, *installed.values())), steps=(tuple(installed),))
    if works:
        return passing(given, installed=installed, python=python)
    return cell(given, Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, installed=installed, python=python)


def ranges(*cells: Cell) -> dict[str, list[tuple[str, str]]]:
    """Return package -> (versions, result) of each range."""
    return {package.name: [(each.text, each.result) for each in package.ranges] for package in by_package(only(*cells))}


def test_neighbors_with_the_same_result_are_one_range_in_the_order_of_versions() -> None:
    works = {"2.10.0": True, "2.9.0": True, "2.1.0": False, "2.2.0": False, "2.9.1": True, "3.0": False}
    assert ranges(*(made(works[version], torch=version) for version in works))["torch"] == [
        ("2.1.0 to 2.2.0", "does not work"),
        ("2.9.0 to 2.10.0", "works"),
        ("3.0", "does not work"),
    ]


def test_a_version_that_works_in_some_cells_names_the_versions_of_the_package_that_decides() -> None:
    cells = [
        made(numpy < "2" or torch > "2.1", numpy=numpy, torch=torch)
        for numpy in ("1.24", "1.26", "2.0")
        for torch in ("2.1", "2.3", "2.5")
    ]
    assert ranges(*cells) == {
        "numpy": [("1.24 to 1.26", "works"), ("2.0", "works with torch 2.3 to 2.5")],
        "torch": [("2.1", "works with numpy 1.24 to 1.26"), ("2.3 to 2.5", "works")],
    }


def test_a_version_that_no_single_package_decides_names_the_combos_that_work() -> None:
    cells = [
        made((numpy, torch) in (("1", "1"), ("2", "2")), numpy=numpy, torch=torch) for numpy, torch in ("11", "22")
    ]
    cells += [made(False, python="3.12.1", numpy="1", torch="1")]
    assert ranges(*cells)["numpy"] == [("1", "works with python 3.11.7"), ("2", "works")]
    cells += [made(False, numpy="1", torch="1")]
    assert ranges(*cells)["numpy"][0] == ("1", "works in 3.11.7-1-1")


def test_undecided_cells_do_not_count_and_a_package_with_one_version_is_not_listed() -> None:
    assert "python" not in ranges(*mission().cells), "the cell with another Python was not run"
    assert ranges(made(True, numpy="1"), made(True, numpy="1")) == {}


def test_a_set_that_was_never_installed_counts_with_the_versions_that_it_asked_for() -> None:
    unsolvable = cell(
        combo("a", steps=(("flask==3.0", "werkzeug==2.2"),)), Status.UNSOLVABLE, Phase.RESOLVE, Reason.CONFLICT
    )
    cells = [made(True, flask="3.0", werkzeug="3.0"), made(True, flask="2.2", werkzeug="2.2"), unsolvable]
    assert ranges(*cells)["flask"] == [("2.2", "works"), ("3.0", "works with werkzeug 3.0")]


def test_the_number_of_cells_is_that_of_the_range() -> None:
    numpy = next(package for package in by_package(grid()) if package.name == "numpy")
    assert [(each.text, each.numbers) for each in numpy.ranges] == [
        ("1.24.4", "3 of 4 cells"),
        ("1.26.4", "4 of 4 cells"),
        ("2.0.2", "3 of 4 cells"),
        ("2.3.5", "2 of 3 cells"),
    ]
