"""What ``knowngood frontier`` finds in spaces that were planted on an index."""

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.project import wait_for

if TYPE_CHECKING:
    from search.conftest import Universe

COMBO = '[[combo]]\nid = "c"\nsteps = [["app", "lib"]]\n'


def lines(universe: "Universe", first: int, last: int, files: dict[str, str], **options: Any) -> None:
    """Plant release lines of ``lib``, ``1.FIRST.x`` to ``1.LAST.x``, with two releases each."""
    versions = [f"1.{line}.{patch}" for line in range(first, last + 1) for patch in (0, 1)]
    universe.release("lib", *versions, files=files, **options)


def plant_app(universe: "Universe", requires: str = "lib") -> None:
    """Plant an app that calls ``lib``, and a combo with both."""
    universe.release("app", "1.0", requires=(requires,), files=APP)
    universe.matrix(COMBO, "import app")


def search(universe: "Universe", *arguments: str) -> dict[str, Any]:
    return universe.searched("frontier", *arguments)


def shape(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["from"], each["to"], each["says"]) for each in document["intervals"]]


OLD = {"lib.py": "__version__ = 'VERSION'\n"}
GOOD = {"lib.py": "__version__ = 'VERSION'\ndef call(): pass\n"}
NEW = {"lib.py": "__version__ = 'VERSION'\nraise RuntimeError('too new')\n"}
APP = {"app.py": "import lib\nlib.call()\n"}


def test_intervals_with_their_causes_and_what_works_against_what_is_declared(universe: "Universe") -> None:
    lines(universe, 0, 9, OLD)
    lines(universe, 10, 25, GOOD)
    lines(universe, 26, 39, NEW)
    plant_app(universe, "lib>=1.4,<1.30")

    document = search(universe, "c", "lib")

    assert shape(document) == [
        ("1.0.0", "1.3.1", "unsolvable"),
        ("1.4.0", "1.9.1", "fails"),
        ("1.10.0", "1.25.1", "works"),
        ("1.26.0", "1.29.1", "fails"),
        ("1.30.0", "1.39.1", "unsolvable"),
    ]
    assert document["works"] == {"from": "1.10.0", "to": "1.25.1"}
    assert document["declared"] == [
        {"source": "app 1.0", "requirement": "lib<1.30,>=1.4", "suggested": "lib<1.26,>=1.10.0"}
    ]
    (lie,) = document["lies"]
    assert (lie["source"], len(lie["admits"]), lie["forbids"]) == ("app 1.0", 2, [])
    assert document["cells"] <= 19
    causes = {each["cause"].partition(":")[0] for each in document["intervals"] if each["says"] == "fails"}
    assert causes == {"AttributeError", "RuntimeError"}


def test_an_island_in_a_long_stretch_is_found_by_spot_checks(universe: "Universe") -> None:
    lines(universe, 0, 17, GOOD)
    lines(universe, 18, 22, NEW)
    lines(universe, 23, 39, GOOD)
    plant_app(universe)

    document = search(universe, "c", "lib")

    assert shape(document) == [
        ("1.0.0", "1.17.1", "works"),
        ("1.18.0", "1.22.1", "fails"),
        ("1.23.0", "1.39.1", "works"),
    ]
    assert document["cells"] <= 25


def test_spot_checks_of_calendar_versions_look_into_the_middle(universe: "Universe") -> None:
    for year in range(12):
        universe.release("lib", f"{2010 + year}.0", files=GOOD if 4 <= year < 8 else NEW)
    plant_app(universe)

    document = search(universe, "c", "lib", "--no-bounds")

    assert shape(document) == [
        ("2010.0", "2013.0", "fails"),
        ("2014.0", "2017.0", "works"),
        ("2018.0", "2021.0", "fails"),
    ]
    assert document["cells"] < 12


def test_a_boundary_inside_of_a_release_line_is_found_to_the_release(universe: "Universe") -> None:
    universe.release("lib", "1.0", "1.1", "2.0.0", "2.0.1", files=GOOD)
    universe.release("lib", "2.0.2", "2.0.3", "2.1", files=NEW)
    plant_app(universe)

    assert shape(search(universe, "c", "lib")) == [("1.0", "2.0.1", "works"), ("2.0.2", "2.1", "fails")]


def test_a_bound_that_forbids_what_works_is_a_lie_too(universe: "Universe") -> None:
    universe.release("lib", "1.0", files=OLD)
    universe.release("lib", "2.0", "3.0", "4.0", "5.0", files=GOOD)
    plant_app(universe, "lib<4")

    document = search(universe, "c", "lib")
    plain = universe.run("frontier", "c", "lib")
    narrow = search(universe, "c", "lib", "--no-bounds")

    assert [(each["from"], each["to"], each["says"]) for each in document["beyond"]] == [("4.0", "5.0", "works")]
    assert document["works"] == {"from": "2.0", "to": "5.0"}
    assert document["lies"] == [
        {"source": "app 1.0", "requirement": "lib<4", "admits": ["1.0"], "forbids": ["4.0 … 5.0"]}
    ]
    assert document["declared"][0]["suggested"] == "lib>=2.0"
    assert "lib in c: declared lib<4 (app 1.0); works from 2.0" in plain.stdout
    assert "app 1.0 declares lib<4, which admits 1.0: it fails and forbids 4.0 … 5.0: they work." in plain.stdout
    assert (narrow["beyond"], narrow["works"]) == ([], {"from": "2.0", "to": "3.0"})


def test_the_bounds_that_were_found_are_written_and_nothing_else(universe: "Universe") -> None:
    universe.release("lib", "1.0", "1.1", files=OLD)
    universe.release("lib", "1.2", "1.3", files=GOOD)
    universe.release("lib", "2.0", files=NEW)
    folder = universe.project.folder
    before = (
        '# mine\n[project]\nname = "mine"\nversion = "1"  # one\n'
        'dependencies = [\n  "lib>=1.0",  # the only one\n]\n[tool.setuptools]\npackages = []\n'
    )
    (folder / "pyproject.toml").write_text(before)
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["."]]\n', "import lib; lib.call()")
    backend = folder / "backend.py"
    backend.write_text(BACKEND)
    text = before + '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(text)

    result = universe.run("frontier", "c", "lib", "--write")

    assert "declared lib>=1.0 (mine 1); works from 1.2 to 1.3" in result.stdout, result.stderr
    assert "written  pyproject.toml: lib>=1.0 is now lib<2,>=1.2" in result.stderr
    assert (folder / "pyproject.toml").read_text() == text.replace("lib>=1.0", "lib<2,>=1.2")


BACKEND = """
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    import re
    text = open("pyproject.toml").read()
    needs = re.search('"(lib[^"]*)"', text)[1]
    name = "mine-1-py3-none-any.whl"
    files = {"mine.py": "", "mine-1.dist-info/WHEEL":
        "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "mine-1.dist-info/METADATA": f"Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\nRequires-Dist: {needs}\\n"}
    files["mine-1.dist-info/RECORD"] = "".join(f"{path},,\\n" for path in [*files, "mine-1.dist-info/RECORD"])
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


def test_what_cannot_be_tested_is_unknown_and_never_a_no(universe: "Universe") -> None:
    universe.release("lib", "1.0", "2.0", "3.0", "4.0", files=GOOD)
    universe.release("lib", "5.0", files=NEW)
    plant_app(universe)
    universe.index.file_status["lib-4.0-py3-none-any.whl"] = 503

    assert shape(search(universe, "c", "lib")) == [
        ("1.0", "3.0", "works"),
        ("4.0", "4.0", "unknown"),
        ("5.0", "5.0", "fails"),
    ]


def test_a_budget_leaves_unknown_what_was_not_asked(universe: "Universe") -> None:
    lines(universe, 0, 19, GOOD)
    lines(universe, 20, 39, NEW)
    plant_app(universe)

    document = search(universe, "c", "lib", "--cells", "3")
    again = search(universe, "c", "lib")

    assert (document["cells"], document["ended"]) == (3, "budget")
    assert "unknown" in {each["says"] for each in document["intervals"]}
    assert again["ended"] == "complete"
    assert again["cells"] <= 13, "what ran before is reused"
    assert "reused" in {point["how"] for point in again["points"]}


def test_names_that_mean_nothing_are_errors_with_a_hint(universe: "Universe") -> None:
    universe.release("lib", "1.0", files=GOOD)
    plant_app(universe)

    missing = universe.run("frontier", "c", "libb")
    combo = universe.run("frontier", "d", "lib")
    version = universe.run("frontier", "c", "lib==1.0")

    assert (missing.returncode, combo.returncode, version.returncode) == (2, 4, 2)
    assert "error: no index has a package libb\nnext: did you mean lib?" in missing.stderr
    assert "error: no combo matches 'd'" in combo.stderr
    assert "error: 'lib==1.0' is not the name of a package" in version.stderr


def test_an_interrupted_search_prints_what_is_known(universe: "Universe") -> None:
    lines(universe, 0, 19, GOOD)
    universe.release(
        "app", "1.0", requires=("lib",), files={"app.py": APP["app.py"] + "import time; time.sleep(1.5)\n"}
    )
    universe.matrix(COMBO, "import app")
    process = subprocess.Popen(
        universe.project.command("frontier", "c", "lib", "--format", "json"),
        cwd=universe.project.folder,
        env=universe.project.environment(**universe.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: "probe-finished" in "".join(path.read_text() for path in searched(universe)))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    document = json.loads(output)
    assert document["ended"] == "interrupted"
    assert "unknown" in {each["says"] for each in document["intervals"]}


def searched(universe: "Universe") -> list[Path]:
    return list((universe.project.folder / ".knowngood" / "searches").glob("*/*/events.jsonl"))
