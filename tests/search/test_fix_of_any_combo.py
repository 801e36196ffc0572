"""``knowngood fix`` for combos of every form: pip, several probes, the user's own project, requirements with a URL."""

import tomllib
from typing import TYPE_CHECKING

from search.test_fix import plant
from search.test_frontier import BACKEND

if TYPE_CHECKING:
    from search.conftest import Universe


def test_a_combo_that_pip_installs_is_fixed(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\ninstaller = "pip"\nsteps = [["app"]]\n', "import app")

    found = universe.found("loose", "--no-proof")

    assert (found["fix"], found["verified"]) == (["lib<2"], True)
    assert found["steps"] == [["app", "lib<2"]]


def test_a_fix_makes_every_probe_of_the_combo_pass(universe: "Universe") -> None:
    plant(universe)
    probes = (
        '[[probe]]\nid = "app"\nsource = "import app"\n'
        '[[probe]]\nid = "new"\nsource = "import lib; lib.__version__ > \'{}\' or 1/0"\n'
        '[[combo]]\nid = "loose"\nsteps = [["app"]]\n'
    )
    universe.project.write(probes.format("1.2"))

    lost = universe.fix("loose", "--keep", "app")
    universe.project.write(probes.format("1.1"))
    found = universe.fix("loose", "--no-proof", "--write")
    added = tomllib.loads(universe.project.matrix.read_text())["combo"][1]

    assert lost.returncode == 1, "no version of lib makes both pass"
    assert found.returncode == 0, found.stderr
    assert (added["steps"], added["probes"]) == ([["app", "lib<2"]], ["app", "new"])


def test_a_combo_with_the_project_of_the_user_is_fixed(universe: "Universe") -> None:
    plant(universe)
    folder = universe.project.folder
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1"\ndependencies = ["lib>=1.0"]\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    universe.matrix('[project]\n[[combo]]\nid = "own"\nsteps = [["."]]\n', "import mine, lib\nlib.old()")

    found = universe.found("own", "--no-proof")

    assert (found["fix"], found["steps"], found["verified"]) == (["lib<2"], [[".", "lib<2"]], True)


def test_a_requirement_with_a_url_stays(universe: "Universe") -> None:
    plant(universe)
    app, lib = (next(universe.index.folder.glob(f"{name}*.whl")).as_uri() for name in ("app-1.0", "lib-2.0"))
    universe.matrix(
        f'[[combo]]\nid = "good"\nsteps = [["app @ {app}"]]\n[[combo]]\nid = "bad"\nsteps = [["app", "lib @ {lib}"]]\n',
        "import app",
    )

    good, bad = (universe.found(combo, "--no-proof") for combo in ("good", "bad"))
    demanded = universe.run("upgrade", "good", "--to", f"app @ {lib}")

    assert (good["fix"], good["steps"]) == (["lib<2"], [[f"app @ {app}", "lib<2"]])
    assert (bad["class"], bad["fix"], bad["verified"]) == ("none", [], False)
    other_sets = [each for each in bad["tried"] if each["change"]["requirements"]]
    assert {each["says"] for each in other_sets} == {"unsolvable"}
    assert demanded.returncode == 1


def test_a_demand_with_a_url_takes_the_place_of_a_specifier(universe: "Universe") -> None:
    plant(universe)
    lib = next(universe.index.folder.glob("lib-1.0*.whl")).as_uri()
    universe.matrix('[[combo]]\nid = "old"\nsteps = [["app", "lib>=1.1,<2"]]\n', "import app")

    result = universe.fix("old", "--to", f"lib @ {lib}")

    assert "Trailing" not in result.stdout
    assert result.returncode == 0, result.stderr
    assert f"There is nothing to fix: old works with lib @ {lib}." in result.stdout.replace("\n", " ")


def test_a_budget_that_cuts_the_last_candidates_short_proves_nothing(universe: "Universe") -> None:
    for name in ("lib", "more"):
        universe.release(name, "1.0", "2.0", files={f"{name}.py": ""})
    universe.matrix('[[combo]]\nid = "lost"\nsteps = [["lib", "more"]]\n', "import lib, more\nassert False, 'never'")

    document = universe.found("lost", "--cells", "2", "--jobs", "8")

    assert (document["class"], document["why"], document["ended"]) == ("none found", "the budget is spent", "budget")
