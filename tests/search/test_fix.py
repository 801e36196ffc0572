"""What ``knowngood fix`` finds in spaces that were planted on an index."""

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.project import wait_for

if TYPE_CHECKING:
    from search.conftest import Universe

OLD = {"lib.py": "def old(): pass\n__version__ = 'VERSION'\n"}
NEW = {"lib.py": "def new(): pass\n__version__ = 'VERSION'\n"}
APP = {"app.py": "import lib\nlib.old()\n"}


def plant(universe: "Universe") -> None:
    """Plant an app that was made for a name that its library removed in 2.0."""
    universe.release("lib", "1.0", "1.1", "1.2", files=OLD)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=2)
    universe.release("lib", "2.0", "2.1", "2.2", "3.0", files=NEW, month=6)


def test_a_fix_is_the_bound_at_which_it_breaks_and_is_shown_to_be_minimal(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    found = universe.found("loose")

    assert (found["class"], found["fix"], found["verified"]) == ("minimal", ["lib<2"], True)
    assert found["bounds"] == [{"package": "lib", "works": "1.2", "fails": "2.0"}]
    assert found["steps"] == [["app", "lib<2"]]
    assert found["needed"] == [{"part": "lib<2", "without": "fails"}]
    assert found["scope"].endswith("; other sets of several moves were not tried"), "the proof is about single moves"
    assert 2 <= found["cells"] <= 15


def test_a_pin_of_the_user_that_has_to_move_is_said_aloud(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "pinned"\nsteps = [["app==1.0", "lib==2.1"]]\n', "import app")

    result = universe.fix("pinned")

    assert result.returncode == 0, result.stderr
    assert "fix lib<2 (verified)" in result.stdout
    assert "It changes what you pinned: lib." in result.stdout
    assert 'steps = [["app==1.0", "lib<2"]]' in result.stdout


def test_what_breaks_behind_the_first_failure_is_found_too(universe: "Universe") -> None:
    plant(universe)
    universe.release("tool", "4.0", "4.1", files={"tool.py": "def repair(): pass\n"})
    universe.release("tool", "5.0", "5.1", files={"tool.py": "def other(): pass\n"}, month=7)
    universe.release(
        "user", "1.0", requires=("tool", "app"), files={"user.py": "import app, tool\ntool.repair()\n"}, month=2
    )
    universe.matrix('[[combo]]\nid = "both"\nsteps = [["user"]]\n', "import user")

    found = universe.found("both")

    assert (found["fix"], found["verified"]) == (["lib<2", "tool<5"], True)
    assert sorted(part["part"] for part in found["needed"]) == ["lib<2", "tool<5"]
    assert {part["without"] for part in found["needed"]} == {"fails"}


def test_no_fix_is_said_when_everything_in_the_scope_was_tried(universe: "Universe") -> None:
    universe.release("lib", "1.0", "2.0", files=NEW)
    universe.release("app", "1.0", requires=("lib",), files=APP)
    universe.matrix('[[combo]]\nid = "lost"\nsteps = [["app"]]\n', "import app")

    result = universe.fix("lost")

    assert result.returncode == 1
    assert "No fix: everything in the scope was tried" in result.stdout
    assert "scope" in result.stdout


def test_a_combo_that_works_needs_no_fix(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "good"\nsteps = [["app", "lib<2"]]\n', "import app")

    result = universe.fix("good")

    assert (result.returncode, result.stdout.splitlines()[0]) == (0, "There is nothing to fix: good works.")


def test_what_has_to_stay_stays(universe: "Universe") -> None:
    plant(universe)
    universe.release("app", "2.0", requires=("lib",), files={"app.py": "import lib\nlib.new()\n"}, month=8)
    universe.matrix('[[combo]]\nid = "pinned"\nsteps = [["app==1.0", "lib==2.1"]]\n', "import app")

    kept = universe.found("pinned", "--keep", "lib")
    demanded = universe.found("pinned", "--to", "lib>=2.2")

    assert kept["fix"] == ["app>=2.0"]
    assert kept["steps"] == [["app>=2.0", "lib==2.1"]]
    assert demanded["fix"] == ["app>=2.0"]
    assert "lib>=2.2" in demanded["steps"][0]


def test_a_later_step_that_moved_an_earlier_pin_is_found(universe: "Universe") -> None:
    plant(universe)
    universe.release("late", "1.0", requires=("lib>=2",), files={"late.py": ""}, month=6)
    universe.release("late", "0.9", requires=("lib",), files={"late.py": ""}, month=1)
    universe.matrix('[[combo]]\nid = "steps"\nsteps = [["app", "lib<2"], ["late"]]\n', "import app, late")

    found = universe.found("steps")

    assert found["verified"], found
    assert found["fix"] == ["late<1"] or found["joined"], found


def test_a_set_without_a_solution_gets_one(universe: "Universe") -> None:
    universe.release("lib", "1.0", "2.0", files=OLD)
    universe.release("app", "1.0", requires=("lib<2",), files=APP)
    universe.release("app", "2.0", requires=("lib>=2",), files=APP)
    universe.matrix('[[combo]]\nid = "conflict"\nsteps = [["app==1.0", "lib==2.0"]]\n', "import app")

    found = universe.found("conflict")

    assert found["verified"], found
    assert found["fix"] in (["lib<2"], ["app>=2.0"]), found


def test_the_combo_that_works_is_written_and_passes(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    result = universe.fix("loose", "--write")
    run = universe.run("run", "--only", "loose-fixed")

    assert "written  matrices/m.toml: loose-fixed" in result.stderr
    assert "# lib 1.2 works, 2.0 does not." in universe.project.matrix.read_text()
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_candidate_is_in_a_run_that_other_verbs_read(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    found = universe.found("loose")
    tried = found["tried"][-1]["combo"]
    explained = universe.run("explain", tried, "--run", found["run"])
    newest = universe.run("explain", "loose")

    assert explained.returncode == 0, explained.stderr
    assert tried in explained.stdout
    assert "no run" in newest.stderr, "a search is not the newest run of the matrix"


def test_a_search_stops_at_its_budget_with_what_it_has_and_finds_it_again(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    short = universe.fix("loose", "--cells", "1")
    again = universe.found("loose")
    third = universe.found("loose")

    assert short.returncode == 1
    assert "the budget is spent" in short.stdout
    assert again["fix"] == third["fix"] == ["lib<2"]
    # Only what has to be fresh runs again.
    assert third["cells"] <= 2 < again["cells"]


def test_an_index_that_is_down_leaves_it_undecided(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")
    universe.index.page_status["*"] = 503

    result = universe.fix("loose")

    assert result.returncode == 3, result.stdout
    assert result.stdout.startswith("Undecided")


def test_a_search_is_interrupted_and_goes_on_when_it_is_repeated(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import time; time.sleep(1)\nimport app")
    project = universe.project
    process = subprocess.Popen(
        project.command("fix", "loose"),
        cwd=project.folder,
        env=project.environment(**universe.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    searches = project.folder / ".knowngood" / "searches"
    wait_for(lambda: any('"combo-finished"' in log.read_text() for log in searches.glob("*/*/events.jsonl")))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    assert not project.processes_left()
    assert universe.found("loose")["fix"] == ["lib<2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), "no combo matches 'nope'"),
        (("loose", "--to", "numpy=>2"), "invalid requirement 'numpy=>2'"),
        (("loose", "--to", "lib<2; python_version < '3'"), "has a marker"),
        (("loose", "--to", "lib==1.0 --hash=sha256:00"), "invalid requirement 'lib==1.0 --hash"),
        (("loose", "--to=-r needs.txt"), "invalid requirement '-r needs.txt'"),
        (("loose", "--keep", "lib<2"), "--keep 'lib<2' is not a name"),
        (("loose", "--keep", "lib[x]"), "--keep 'lib[x]' is not a name"),
        (("loose", "--keep", "Lib", "--to", "lib<2"), "--keep and --to both name lib"),
        (("loose", "--to", "lib<2", "--to", "lib>3"), "several --to name lib"),
        (("loose", "--budget", "soon"), "--budget: "),
        (("loose", "--cells", "0"), "--cells"),
    ],
)
def test_bad_input_is_an_error_with_a_hint(universe: "Universe", arguments: tuple[str, ...], message: str) -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    result = universe.fix(*arguments)

    assert result.returncode in (2, 4)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_only_what_is_needed_of_a_set_that_works_is_changed(universe: "Universe") -> None:
    for name in ("one", "two", "lib"):
        universe.release(name, "1.0", files={f"{name}.py": "ANSWER = 42\n"})
    for name in ("one", "two"):
        universe.release(name, "2.0", files={f"{name}.py": "ANSWER = 42\n"}, month=3)
    universe.release("lib", "2.0", files={"lib.py": "ANSWER = 41\n"}, month=3)
    good = '[[combo]]\nid = "good"\nsteps = [["one<2", "two<2", "lib<2"]]\n'
    # With a network there are no trials, which would find this fix before the search.
    combos = "network = true\nreuse = true\n" + good + '[[combo]]\nid = "new"\nsteps = [["one", "two", "lib"]]\n'
    universe.matrix(combos, "import lib, one, two\nassert (lib.ANSWER, one.ANSWER, two.ANSWER) == (42, 42, 42)")
    assert universe.run("run").returncode == 1

    found = universe.found("new")

    assert "the versions of good, which passes" in {tried["why"] for tried in found["tried"]}
    assert (found["class"], found["fix"]) == ("minimal", ["lib<2"])


def test_what_no_step_names_is_limited_in_the_step_that_installs_it(universe: "Universe") -> None:
    plant(universe)
    universe.release("other", "1.0")
    universe.matrix('[[combo]]\nid = "steps"\nsteps = [["other"], ["app"]]\n', "import app")

    assert universe.found("steps", "--no-proof")["steps"] == [["other"], ["app", "lib<2"]]


def test_no_more_cells_run_than_the_budget_has(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    found = universe.found("loose", "--cells", "2", "--jobs", "4")

    assert found["cells"] == 2
    assert found["class"] in ("none found", "undecided")


def test_a_combo_of_a_grid_with_a_selector_is_fixed(universe: "Universe") -> None:
    plant(universe)
    grid = '[[grid]]\nsteps = [["app"]]\naxes = { lib = ["minors:>=1.2"] }\n'
    universe.matrix(grid, "import app")
    assert universe.run("run").returncode == 1

    found = universe.found("lib2.1.x", "--no-proof")

    assert (found["fix"], found["verified"]) == (["lib<2"], True)
