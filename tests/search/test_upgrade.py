"""The paths that ``knowngood upgrade`` finds among packages that were planted on an index."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.conftest import Universe


def plant(universe: "Universe", count: int) -> str:
    """Plant packages that all moved from 1.0 to 2.0, and return the lines of a combo that pins them."""
    for number in range(count):
        universe.release(f"p{number:02}", "1.0", "2.0", files={f"p{number:02}.py": "version = 'VERSION'\n"})
    return ", ".join(f'"p{number:02}==1.0"' for number in range(count))


def test_twenty_moves_take_few_cells_and_what_blocks_is_named(universe: "Universe") -> None:
    lines = plant(universe, 19)
    universe.release("lib", "1.0", "1.1", "1.2", files={"lib.py": "def call(): pass\n"})
    universe.release("lib", "1.3", "2.0", files={"lib.py": "def renamed(): pass\n"})
    universe.matrix(f'[[combo]]\nid = "now"\nsteps = [[{lines}, "lib==1.0"]]\n', "import lib\nlib.call()")

    document = universe.searched("upgrade", "now")

    assert not document["reached"]
    (blocked,) = document["blocked"]
    assert blocked["moves"] == [{"package": "lib", "from": "1.0", "to": "2.0"}]
    assert (blocked["works"], blocked["fails"]) == ("1.2", "1.3")
    assert blocked["frontier"] == [
        {"package": "lib", "from": "1.0", "to": "1.2", "says": "works"},
        {"package": "lib", "from": "1.3", "to": "2.0", "says": "fails"},
    ]
    assert len(document["steps"]) == 20
    assert document["steps"][-1]["versions"]["lib"] == "1.2"
    assert all(version == "2.0" for name, version in document["steps"][-1]["versions"].items() if name != "lib")
    assert document["cells"] <= 30


def test_versions_that_do_not_work_on_the_way_do_not_block_a_goal_that_works(universe: "Universe") -> None:
    universe.release("lib", "1.0", "1.1", files={"lib.py": "def call(): pass\n"})
    universe.release("lib", "2.0", "2.1", files={"lib.py": "def renamed(): pass\n"})
    universe.release("lib", "3.0", files={"lib.py": "def call(): pass\n"})
    universe.release("other", "1.0", "2.0", files={"other.py": ""})
    universe.matrix('[[combo]]\nid = "now"\nsteps = [["lib==1.0", "other==1.0"]]\n', "import lib\nlib.call()")

    document = universe.searched("upgrade", "now")

    assert document["reached"], document
    assert document["steps"][-1]["versions"] == {"lib": "3.0", "other": "2.0"}


def test_what_is_tied_moves_together_and_what_needs_another_moves_later(universe: "Universe") -> None:
    universe.release("core", "1.0", files={"core.py": "number = 1\n"})
    universe.release("core", "2.0", files={"core.py": "number = 2\n"})
    universe.release("plug", "1.0", requires=("core<2",), files={"plug.py": ""})
    universe.release("plug", "2.0", requires=("core>=2",), files={"plug.py": ""})
    universe.release("apart", "1.0", "2.0", files={"apart.py": "version = 'VERSION'\n"})
    check = "import core, apart\nassert apart.version == '1.0' or core.number == 2, 'apart needs core 2'"
    universe.matrix('[[combo]]\nid = "now"\nsteps = [["core==1.0", "plug==1.0", "apart==1.0"]]\n', check)

    document = universe.searched("upgrade", "now", "--to", "apart>=2")
    body = universe.run("upgrade", "now", "--to", "apart>=2", "--format", "markdown")
    lines = universe.run("upgrade", "now", "--to", "apart>=2", "--format", "requirements")

    assert document["reached"], document
    assert [[move["package"] for move in step["moves"]] for step in document["steps"]] == [["core", "plug"], ["apart"]]
    assert document["steps"][0]["requirements"] == ["core==2.0", "plug==2.0", "apart==1.0"]
    assert "Now can be upgraded to apart&#62;=2 in 2 steps, each of which works." in body.stdout
    assert "# step 1: core 1.0 -> 2.0, plug 1.0 -> 2.0\ncore==2.0\nplug==2.0\napart==1.0\n" in lines.stdout


def test_what_cannot_be_upgraded_says_why(universe: "Universe") -> None:
    universe.release("lib", "1.0", files={"lib.py": "def call(): pass\n"})
    combos = '[[combo]]\nid = "now"\nsteps = [["lib"]]\n'
    universe.matrix(combos, "import lib\nlib.call()")

    newest = universe.run("upgrade", "now")
    missing = universe.run("upgrade", "now", "--to", "lib>=9")
    wrong = universe.run("upgrade", "now", "--to", "lib>>9")
    universe.matrix(combos, "import lib\nlib.renamed()")
    broken = universe.run("upgrade", "now")

    assert (newest.returncode, newest.stdout.splitlines()[0]) == (0, "now is up to date.")
    assert (missing.returncode, "no set of versions meets it" in missing.stdout) == (1, True)
    assert "no release of lib meets >=9; the newest is 1.0" in " ".join(missing.stdout.split())
    assert (wrong.returncode, "error: invalid requirement 'lib>>9'" in wrong.stderr) == (2, True)
    assert (broken.returncode, "now does not work as it is" in broken.stdout) == (1, True)


def test_what_forbids_a_demand_is_named_with_its_range_and_the_path_goes_as_far_as_it_can(
    universe: "Universe",
) -> None:
    universe.release("lib", "1.0", "1.1", "2.0", "3.0", files={"lib.py": "def call(): pass\n"})
    universe.release("app", "1.0", "1.1", requires=("lib<2",), files={"app.py": ""})
    universe.release("app", "2.0", requires=("lib<3",), files={"app.py": ""})
    universe.matrix('[[combo]]\nid = "now"\nsteps = [["lib==1.0", "app==1.0"]]\n', "import lib, app\nlib.call()")

    document = universe.searched("upgrade", "now", "--to", "lib>=3")
    shown = universe.run("upgrade", "now", "--to", "lib>=3")

    assert not document["reached"]
    assert document["steps"][-1]["versions"] == {"app": "2.0", "lib": "2.0"}, "as far as a resolver can"
    assert [[move["package"] for move in step["moves"]] for step in document["steps"]] == [["app"], ["lib"]]
    (blocked,) = document["blocked"]
    assert (blocked["says"], blocked["blocker"]) == ("unsolvable", "app")
    assert blocked["frontier"] == [
        {"package": "lib", "from": "1.0", "to": "2.0", "says": "works"},
        {"package": "lib", "from": "3.0", "to": "3.0", "says": "unsolvable"},
    ]
    assert blocked["blocking"] == [{"package": "app", "from": "1.0", "to": "2.0", "says": "unsolvable"}]
    said = " ".join(shown.stdout.split())
    assert "now cannot be upgraded to lib>=3; 2 steps on the way there work." in said
    assert "blocked by app: lib 1.0 -> 3.0; lib 1.0 to 2.0 can be resolved, lib 3.0 cannot be resolved" in said
    assert shown.returncode == 1


def test_a_demand_for_a_package_that_no_index_has_is_blocked_with_what_the_resolver_says(universe: "Universe") -> None:
    universe.release("lib", "1.0", files={"lib.py": "def call(): pass\n"})
    universe.matrix('[[combo]]\nid = "now"\nsteps = [["lib==1.0"]]\n', "import lib")

    (blocked,) = universe.searched("upgrade", "now", "--to", "nolib>1")["blocked"]

    assert (blocked["says"], blocked["frontier"]) == ("unsolvable", [])
    assert "nolib was not found" in blocked["cause"]


def test_the_frontier_of_packages_that_are_tied_moves_them_together(universe: "Universe") -> None:
    universe.release("core", "1.0", "1.1", files={"core.py": "def call(): pass\n"})
    universe.release("core", "2.0", files={"core.py": "def renamed(): pass\n"})
    for version in ("1.0", "1.1", "2.0"):
        universe.release("plug", version, requires=(f"core=={version}",), files={"plug.py": ""})
    universe.matrix('[[combo]]\nid = "now"\nsteps = [["core==1.0", "plug==1.0"]]\n', "import core, plug\ncore.call()")

    document = universe.searched("upgrade", "now")

    (blocked,) = document["blocked"]
    assert (blocked["works"], blocked["fails"]) == ("1.1", "2.0")
    assert document["steps"][-1]["versions"] == {"core": "1.1", "plug": "1.1"}
    assert [move["package"] for move in document["steps"][-1]["moves"]] == ["core", "plug"]
