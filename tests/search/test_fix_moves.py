"""What a fix may change beside versions, and what is refuted without a run."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search.test_fix import APP, NEW, OLD, plant
from support.project import wait_for
from support.wheels import build_sdist, build_wheel

if TYPE_CHECKING:
    from search.conftest import Universe


def test_a_distribution_that_overwrites_another_is_dropped(universe: "Universe") -> None:
    universe.release("good", "1.0", "2.0", files={"shared/__init__.py": "def work(): return 42\n"})
    universe.release("impostor", "1.0", files={"shared/__init__.py": "raise ImportError('remove impostor')\n"})
    universe.matrix(
        '[[combo]]\nid = "both"\nsteps = [["good==2.0"], ["impostor==1.0"]]\n', "import shared; shared.work()"
    )

    found = universe.found("both")

    assert found["verified"], found
    assert (found["dropped"], found["steps"]) == (["impostor"], [["good==2.0"]])


def test_the_pins_that_have_no_solution_are_relaxed_as_little_as_possible(universe: "Universe") -> None:
    universe.release("lib", "1.0", "1.1", "2.0", "2.1", "2.2", files=OLD)
    universe.release("base", "1.0", "2.0", files={"base.py": ""})
    universe.release("app", "1.0", requires=("lib>=2.1", "base>=2"), files=APP)
    universe.matrix('[[combo]]\nid = "pins"\nsteps = [["app==1.0", "lib==1.0", "base==1.0"]]\n', "import app, base")

    found = universe.found("pins")

    assert (found["class"], found["fix"]) == ("minimal", ["base>=2.0", "lib>=2.1"]), found["why"]
    assert found["scope"].startswith("single moves of 3 named distributions")
    assert found["cells"] <= 8


def test_many_cheaper_moves_are_refuted_by_the_files_that_stay(universe: "Universe") -> None:
    plant(universe)
    for name in ("one", "two", "three"):
        universe.release(name, *(f"1.{minor}" for minor in range(30)), files={f"{name}.py": ""})
    universe.release(
        "tool", "1.0", requires=("app", "one", "two", "three"), files={"tool.py": "import one, two, three, app\n"}
    )
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["tool", "lib"]]\n', "import tool")

    found = universe.found("loose")

    assert (found["class"], found["fix"]) == ("minimal", ["lib<2"]), found["why"]
    assert "are refuted from files" in found["scope"]
    assert found["cells"] <= 16


def test_a_cheaper_fix_that_the_proof_finds_takes_its_place(universe: "Universe") -> None:
    universe.release("lib", "1.0", files=OLD)
    universe.release("lib", "2.0", files={"lib.py": "import shim\nold = shim.old\n"}, requires=("shim",), month=6)
    universe.release("shim", "1.0", "1.1", files={"shim.py": "def old(): pass\n"}, month=5)
    universe.release("shim", "1.2", files={"shim.py": "def old(): raise ValueError('no')\n"}, month=7)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=2)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app", "lib"]]\n', "import app")

    found = universe.found("loose")

    assert (found["class"], found["fix"]) == ("minimal", ["shim<1.2"]), found["why"]


def test_an_island_that_works_beside_the_broken_version_is_found(universe: "Universe") -> None:
    universe.release("lib", "1.0", files=OLD)
    universe.release("lib", "1.1", "1.2", "1.3", files=NEW, month=3)
    universe.release("lib", "1.4", files=OLD, month=4)
    universe.release("lib", "1.5", files=NEW, month=5)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=2)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app", "lib==1.5"]]\n', "import app")

    found = universe.found("loose")

    assert found["fix"] in (["lib<1.5"], ["lib==1.4"]), found["fix"]
    assert found["bounds"] == [{"package": "lib", "works": "1.4", "fails": "1.5"}]


def test_a_search_that_was_killed_finds_its_verdicts_again(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import time; time.sleep(1)\nimport app")
    project = universe.project
    process = subprocess.Popen(
        project.command("fix", "loose", "--jobs", "1"),
        cwd=project.folder,
        env=project.environment(**universe.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: len(_finished(project.folder)) > 1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    done = _finished(project.folder)

    found = universe.found("loose", "--jobs", "1")

    assert found["fix"] == ["lib<2"]
    known = [tried for tried in found["tried"][: len(done)] if not tried["ran"]]
    assert len(known) >= len(done) - 1, found["tried"]


def _finished(folder: Path) -> list[str]:
    logs = (folder / ".knowngood" / "searches").glob("*/*/events.jsonl")
    lines = [line for log in logs for line in log.read_text().splitlines() if '"combo-finished"' in line]
    return [json.loads(line)["combo"] for line in lines if line.endswith("}")]


def test_a_lower_bound_does_not_lead_to_another_major_version(universe: "Universe") -> None:
    universe.release("lib", "1.0", "1.1", files=NEW)
    universe.release("lib", "1.2", "1.3", "2.0", files=OLD, month=2)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=3)
    universe.matrix('[[combo]]\nid = "old"\nsteps = [["app", "lib==1.0"]]\n', "import app")

    assert universe.found("old", "--no-proof")["fix"] == ["lib>=1.2,<2"]


def test_a_cheaper_pair_that_the_resolver_ties_takes_the_place_of_a_dearer_fix(universe: "Universe") -> None:
    universe.release("kit", "1.0", "1.1", "2.0", files={"kit.py": ""})
    universe.release("extra", "1.0", "2.0", files={"extra.py": ""})
    old, new = {"frame.py": "def old(): pass\n"}, {"frame.py": "def new(): pass\n"}
    universe.release("frame", "1.0", requires=("kit<1.1", "extra<2"), files=old)
    universe.release("frame", "1.9", requires=("kit>=1.1,<2", "extra>=2"), files=old)
    universe.release("frame", "2.0", requires=("kit>=2", "extra>=2"), files=new)
    passing = '[[combo]]\nid = "old"\nsteps = [["frame==1.0", "kit==1.0", "extra==1.0"]]\n'
    red = '[[combo]]\nid = "new"\nsteps = [["frame==2.0", "kit==2.0", "extra==2.0"]]\n'
    universe.matrix(passing + red, "import frame, kit, extra\nframe.old()")
    universe.run("run", "--progress", "none")

    found = universe.found("new")

    works = [each["change"]["requirements"] for each in found["tried"] if each["says"] == "works"]
    assert works[0] == ["extra==1.0", "frame==1.0", "kit==1.0"], "the set that passes is the first that works"
    assert (found["class"], found["fix"], found["verified"]) == ("minimal", ["frame<2", "kit<2"], True)
    assert found["scope"].endswith("; other sets of several moves were not tried")


def test_a_cheaper_pair_that_a_second_failure_names_takes_the_place_of_a_pin(universe: "Universe") -> None:
    universe.release("lib", "1.0", "2.0", files={"lib.py": "major = int('VERSION'[0])\n"})
    universe.release("tool", "1.0", files={"tool.py": "def helper(): pass\n"})
    universe.release("tool", "2.0", files={"tool.py": "def other(): pass\n"})
    universe.release("base", "1.0", requires=("lib", "tool"), files={"base.py": "import lib, tool\ndef old(): pass\n"})
    later = "import lib, tool\nif lib.major == 1:\n    from tool import helper\n    def old(): pass\n"
    universe.release("base", "2.0", requires=("lib", "tool"), files={"base.py": later})
    universe.matrix('[[combo]]\nid = "pinned"\nsteps = [["base==2.0"]]\n', "import base\nbase.old()")

    found = universe.found("pinned")

    works = [each["change"]["requirements"] for each in found["tried"] if each["says"] == "works"]
    assert works[0] == ["base<2"], "the diagnosis names it"
    assert (found["class"], found["fix"], found["verified"]) == ("minimal", ["lib<2", "tool<2"], True)
    assert "sets of moves that the resolver or another failure asks for" in found["scope"]


def test_a_part_that_is_not_needed_once_the_others_are_nearer_is_left_out(universe: "Universe") -> None:
    universe.release("extra", "1.0", "2.0", files={"extra.py": ""})
    old, new = {"frame.py": "def old(): pass\n"}, {"frame.py": "def new(): pass\n"}
    universe.release("frame", "1.0", requires=("extra<2",), files=old)
    universe.release("frame", "1.9", requires=("extra",), files=old)
    universe.release("frame", "2.0", requires=("extra",), files=new)
    passing = '[[combo]]\nid = "old"\nsteps = [["frame==1.0", "extra==1.0"]]\n'
    red = '[[combo]]\nid = "new"\nsteps = [["frame==2.0", "extra==2.0"]]\n'
    universe.matrix(passing + red, "import frame, extra\nframe.old()")
    universe.run("run", "--progress", "none")

    assert universe.found("new", "--no-proof")["fix"] == ["frame<2"]


def test_another_python_counts_as_another_set_although_the_lock_is_the_same(universe: "Universe") -> None:
    universe.release("lib", "1.0", files={"lib.py": "def old(): pass\n"})
    universe.release("lib", "2.0", files={"lib.py": "def new(): pass\n"})
    probe = "import sys, lib\nlib.old()\nassert sys.version_info < (3, 11), 'too new a Python'"
    universe.matrix('[[combo]]\nid = "c"\npython = "3.11"\nsteps = [["lib"]]\n', probe)

    found = universe.found("c", "--no-proof")
    if "not on this machine: Python" in found["scope"]:
        pytest.skip("this machine has no Python 3.10")

    assert (found["fix"], found["python"], found["verified"]) == (["lib<2"], "3.10", True)


def test_a_release_far_from_the_installed_one_is_found_where_no_diagnosis_names_it(universe: "Universe") -> None:
    check = "import lib\nassert lib.answer() == 42, 'another answer'"
    universe.release("lib", "1.0", "2.0", "3.0", files={"lib.py": "def answer(): return 42\n"})
    rest = tuple(f"{major}.0" for major in range(4, 13))
    universe.release("lib", *rest, files={"lib.py": "def answer(): return 0\n"})
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["lib"]]\n', check)

    found = universe.found("c", "--no-proof")

    assert (found["fix"], found["verified"]) == (["lib<4"], True)
    assert found["cells"] <= 16


BACKEND = """
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "lib-1.0-py3-none-any.whl"
    files = {"lib.py": "def old(): pass", "lib-1.0.dist-info/WHEEL":
        "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "lib-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: lib\\nVersion: 1.0\\n"}
    files["lib-1.0.dist-info/RECORD"] = "".join(f"{path},,\\n" for path in [*files, "lib-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


def test_a_release_that_has_to_be_built_is_tried_where_no_wheel_works(universe: "Universe") -> None:
    build_sdist(universe.index.folder, "lib", "1.0", backend=BACKEND)
    elsewhere = build_wheel(universe.index.folder, "lib", "1.0")
    elsewhere.rename(elsewhere.with_name("lib-1.0-cp39-cp39-win_amd64.whl"))
    universe.release("lib", "2.0", "3.0", files={"lib.py": "def new(): pass\n"})
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["lib"]]\n', "import lib\nlib.old()")

    found = universe.found("c", "--no-proof")

    assert (found["fix"], found["verified"]) == (["lib<2"], True)


def test_two_releases_that_no_diagnosis_names_are_found_among_all_release_lines(universe: "Universe") -> None:
    for name in ("one", "two"):
        universe.release(name, "1.0", "3.0", "4.0", "5.0", files={f"{name}.py": "ANSWER = 0\n"})
        universe.release(name, "2.0", files={f"{name}.py": "ANSWER = 42\n"})
    probe = "import one, two\nassert one.ANSWER == 42, 'the first'\nassert two.ANSWER == 42, 'the second'"
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["one", "two"]]\n', probe)

    found = universe.found("c", "--no-proof")
    lost = universe.found("c", "--no-proof", "--keep", "two")

    assert (found["fix"], found["verified"]) == (["one<3", "two<3"], True)
    assert (lost["class"], lost["fix"]) == ("none", [])
    assert "single moves of 2 loaded distributions, at the ends of their release lines" in lost["scope"]


def test_a_cheaper_move_is_also_tried_with_what_it_drags_along_held_where_it_is(universe: "Universe") -> None:
    for name in ("app", "drag"):
        universe.release(name, "1.0", "2.0", files={f"{name}.py": "V = 'VERSION'\n"})
    universe.release("lib", "1.0", requires=("drag<2",), files={"lib.py": "V = 'VERSION'\n"})
    universe.release("lib", "2.0", requires=("drag",), files={"lib.py": "V = 'VERSION'\n"})
    works = "app.V == '1.0' or (lib.V, drag.V) == ('2.0', '1.0')"
    combo = '[[combo]]\nid = "c"\nsteps = [["app==2.0", "lib<2"]]\n'
    universe.matrix(combo, f"import app, drag, lib\nassert {works}, 'they do not fit'")

    found = universe.found("c")

    assert (found["class"], found["fix"]) == ("minimal", ["drag==1.0", "lib>=2.0"]), found["why"]
