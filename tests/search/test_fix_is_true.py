"""What ``knowngood fix`` says and writes is true, whatever it is asked about."""

import hashlib
import tomllib
from typing import TYPE_CHECKING

import pytest

from search.test_fix import APP, NEW, OLD, plant

if TYPE_CHECKING:
    from search.conftest import Universe


def test_a_table_says_all_that_ran(universe: "Universe") -> None:
    plant(universe)
    universe.release("other", "1.0")
    universe.project.folder.joinpath("limits.txt").write_text("other<9\n")
    universe.project.folder.joinpath("needs.txt").write_text("app\nlib>1.0\n-c limits.txt\n")
    own = 'timeout = 90\nenv = { A = "b" }\nas-of = "2024-12-01"\nresolution = "highest"\nwarnings = "note"\n'
    combo = f'[[combo]]\nid = "loose"\nsteps = [["-r needs.txt", "other"]]\ninstaller = "uv"\n{own}'
    universe.matrix(f'[matrix]\ninstaller = "pip"\nwarnings = "fail"\n{combo}', "import app")

    result = universe.fix("loose", "--no-proof", "--write")
    added = tomllib.loads(universe.project.matrix.read_text())["combo"][1]

    assert result.returncode == 0, result.stderr
    assert "lacks" not in result.stdout
    assert added["steps"] == [["-r needs.txt", "other", "lib<2"]]
    assert (added["installer"], added["timeout"], added["env"]) == ("uv", 90, {"A": "b"})
    assert (added["as-of"], added["warnings"], "resolution" in added) == ("2024-12-01", "note", False)


def test_hashes_of_what_does_not_change_stay(universe: "Universe") -> None:
    plant(universe)
    digest = {
        name: hashlib.sha256(next(universe.index.folder.glob(f"{name}.whl")).read_bytes()).hexdigest()
        for name in ("app-1.0*", "lib-2.0*")
    }
    app, lib = (f"{name[:3]}=={name[4:7]} --hash=sha256:{digest[name]}" for name in digest)
    universe.matrix(f'[[combo]]\nid = "hashed"\nsteps = [["{app}", "{lib}"]]\n', "import app")

    assert universe.found("hashed", "--no-proof")["steps"] == [[app, "lib<2"]]


def test_what_a_table_cannot_say_is_said(universe: "Universe") -> None:
    plant(universe)
    universe.project.folder.joinpath("limits.txt").write_text("lib<3\n")
    universe.project.folder.joinpath("needs.txt").write_text("app\nlib==2.1\n-c limits.txt\n")
    universe.matrix('[[combo]]\nid = "pinned"\nsteps = [["-r needs.txt"]]\n', "import app")

    result = universe.fix("pinned", "--no-proof")

    assert 'steps = [["app", "lib<2"]]' in result.stdout
    assert "# It lacks constraints of step 1." in result.stdout
    assert "This table does not contain all that ran: it lacks constraints of step 1." in result.stdout


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_file_that_cannot_take_a_table_stays_as_it_is_and_the_result_is_printed(
    universe: "Universe", form: str
) -> None:
    plant(universe)
    universe.matrix("", "import app")
    file = universe.project.matrix
    file.write_text('combo = [{ id = "loose", steps = [["app"]] }]\n' + file.read_text())
    before = file.read_bytes()

    result = universe.fix("loose", "--no-proof", "--write", "--format", form)

    assert result.returncode == 2
    assert "lib<2" in result.stdout
    assert "error: nothing was written" in result.stderr
    assert "[[combo]]" in result.stderr.rpartition("next: ")[2]
    assert file.read_bytes() == before


def test_a_table_goes_behind_what_a_file_has(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n[matrix]\ntitle = "x" # end', "import app")
    file, real = universe.project.matrix, universe.project.folder / "real.toml"
    before = file.read_bytes().replace(b"\n", b"\r\n")
    file.unlink()
    real.write_bytes(before)
    file.symlink_to(real)

    result = universe.fix("loose", "--no-proof", "--write")

    assert result.returncode == 0, result.stderr
    assert file.is_symlink()
    assert real.read_bytes().startswith(before + b"\r\n\r\n# loose with lib<2")
    assert b"\n" not in real.read_bytes().replace(b"\r\n", b"")


def test_what_works_because_of_a_demand_is_said(universe: "Universe") -> None:
    plant(universe)
    universe.release("app", "2.0", requires=("lib",), files={"app.py": "import lib\nlib.new()\n"}, month=8)
    universe.matrix('[[combo]]\nid = "pinned"\nsteps = [["app==1.0", "lib==2.1"]]\n', "import app")

    works = universe.fix("pinned", "--to", "lib<2")
    moves = universe.fix("pinned", "--to", "lib>=2.2", "--no-proof")

    assert works.stdout.startswith("There is nothing to fix: pinned works with lib<2.")
    assert "# pinned with app>=2.0, lib>=2.2: verified" in moves.stdout


def test_without_a_solution_pins_are_compared_and_what_has_to_stay_stays(universe: "Universe") -> None:
    plant(universe)
    universe.release("strict", "1.0", requires=("lib<1.2",), files={"strict.py": ""})
    universe.matrix('[[combo]]\nid = "conflict"\nsteps = [["app", "strict", "lib==1.2"]]\n', "import app")

    found = universe.found("conflict")
    kept = universe.found("conflict", "--keep", "lib")

    assert (found["class"], found["fix"], found["verified"]) == ("minimal", ["lib<1.2"], True)
    assert (kept["class"], kept["fix"]) == ("none", [])
    assert all("lib" not in text for tried in kept["tried"] for text in tried["change"]["requirements"])


def test_a_name_to_keep_that_is_not_there_is_said(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    result = universe.fix("loose", "--no-proof", "--keep", "libb")

    assert "note: loose does not install libb, which --keep names" in result.stderr


def test_a_combo_that_passes_when_it_is_run_again_is_undecided(universe: "Universe") -> None:
    plant(universe)
    seen = universe.project.folder / "seen"
    probe = f"import lib, pathlib\nif hasattr(lib, 'new') and not (seen := pathlib.Path({str(seen)!r})).exists():\n"
    outside = '[matrix]\nisolation = "none"\n\n'
    universe.matrix(
        f'{outside}[[combo]]\nid = "flaky"\nsteps = [["app"]]\n', f"{probe}    seen.touch()\n    import app\n"
    )

    result = universe.fix("flaky", "--jobs", "1")

    assert result.returncode == 3, result.stdout
    assert "Undecided: the unchanged combo failed, and passed when it ran again." in result.stdout


def test_a_requirement_whose_marker_does_not_hold_is_not_changed(universe: "Universe") -> None:
    plant(universe)
    old = "lib<1.2; python_version < '3.8'"
    universe.matrix(f'[[combo]]\nid = "old"\nsteps = [["app", "{old}"]]\n', "import app")

    assert universe.found("old", "--no-proof")["steps"] == [["app", old, "lib<2"]]


@pytest.mark.parametrize(
    ("good", "bad", "fix"),
    [
        (("1.0a1", "1.0a2"), "2.0b1", "lib<2.0b1"),
        (("1.0+cpu", "1.1+cpu"), "2.0+cpu", "lib<2"),
        (("1!1.0", "1!1.1"), "1!2.0", "lib<1!2"),
    ],
)
def test_versions_of_any_form_are_moved(universe: "Universe", good: tuple[str, ...], bad: str, fix: str) -> None:
    universe.release("lib", *good, files=OLD)
    universe.release("lib", bad, files=NEW, month=5)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=2)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app", "lib"]]\n', "import app")

    found = universe.found("loose", "--no-proof")

    assert (found["verified"], found["fix"]) == (True, [fix])


def test_a_local_version_above_the_installed_one_is_found(universe: "Universe") -> None:
    universe.release("lib", "1.0+cpu", files=NEW)
    universe.release("lib", "2.0+cpu", files=OLD, month=5)
    universe.release("app", "1.0", requires=("lib",), files=APP, month=2)
    universe.matrix('[[combo]]\nid = "old"\nsteps = [["app", "lib<2"]]\n', "import app")

    found = universe.found("old", "--no-proof")

    assert (found["verified"], found["fix"]) == (True, ["lib>=2.0"])


def test_what_has_no_solution_says_why(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    result = universe.fix("loose", "--to", "lib>=99")

    assert result.returncode == 1
    assert "nothing that was tried has a solution (step 1: " in " ".join(result.stdout.split())
