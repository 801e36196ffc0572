"""Tests of what a verdict depends on, with real runs: when any of it changes, the probe runs again."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from knowngood.events import BasisKnown, Event, PhaseStarted, ProbeFinished
from knowngood.model import Phase, Probe, ProbeKind, Status, Transcript
from support.index import Index
from support.repositories import repository
from support.runs import cells, matrix, record, request
from support.wheels import build_wheel, repack
from support.workshop import combo

ONE = combo(("solid==1.0",))


@dataclass(frozen=True, kw_only=True)
class Home:
    """A project whose probes read its files, and the runs of it, which share a cache."""

    project: Path
    state: Path
    url: str
    environ: Mapping[str, str]

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            (self.project / path).parent.mkdir(parents=True, exist_ok=True)
            (self.project / path).write_text(textwrap.dedent(text), encoding="utf-8")

    def run(
        self, probe: Probe | str, *, environ: Mapping[str, str] | None = None, also: Iterable[Probe] = (), **how: object
    ) -> list[Event]:
        """Run one combo, and return its events. The text of a probe may have PROJECT in place of the folder."""
        if isinstance(probe, str):
            text = textwrap.dedent(probe).replace("PROJECT", str(self.project))
            probe = Probe(id="works", source=text)
        subject = replace(
            matrix(self.project, self.url, (replace(ONE, probes=(probe.id, *(other.id for other in also))),)),
            probes=(probe, *also),
        )
        count = len(list(self.state.glob("runs/tiny/*")))
        folder = self.state / "runs" / "tiny" / f"r{count}"
        return record(request(subject, folder, {**self.environ, **(environ or {})}, **how))  # type: ignore[arg-type]


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    build_wheel(index.folder, "solid", "1.0")
    project = tmp_path / "project"
    project.mkdir()
    return Home(project=project, state=tmp_path / "state", url=index.url, environ=environ)


def ran(events: list[Event]) -> bool:
    """Return whether the probe ran; otherwise its verdict was reused."""
    return any(isinstance(event, PhaseStarted) and event.phase is Phase.PROBE for event in events)


def status(events: list[Event]) -> Status:
    return cells(events)["one"].verdict.status


def transcript(events: list[Event]) -> Transcript:
    return next(event.transcript for event in events if isinstance(event, ProbeFinished))


DATA = """
import pathlib
assert (pathlib.Path("PROJECT") / "data.txt").read_text() == "good"
"""
MODULE = """
import sys
sys.path.insert(0, "PROJECT/lib")
import helper
assert helper.VALUE == 1
"""
APPEARS = """
try:
    open("PROJECT/extra.txt")
except FileNotFoundError:
    pass
else:
    raise ValueError("something appeared")
"""
LOOKS = """
import os
assert not os.path.exists("PROJECT/extra.txt")
"""
LISTS = """
import glob
assert len(glob.glob("PROJECT/cases/*.txt")) == 1
"""
SQLITE = """
import sqlite3
names = sqlite3.connect("PROJECT/data.sqlite").execute("select name from sqlite_master").fetchall()
assert names == [], names
"""


OPENED_DATABASE = """
import os, pathlib, sqlite3
os.chdir("PROJECT")
names = sqlite3.connect({}).execute("select name from sqlite_master").fetchall()
assert names == [], names
"""
MAKES_ONE = """
try:
    open("PROJECT/data.txt", "x")
except FileExistsError:
    pass
assert open("PROJECT/data.txt").read() == "good"
"""
IN_OPEN_FOLDER = """
import os
folder = os.open("PROJECT/lib", os.O_RDONLY)
assert os.read(os.open("data.txt", os.O_RDONLY, dir_fd=folder), 9) == b"good"
"""
LISTS_OPEN_FOLDER = """
import os
assert [files for _, _, files, _ in os.fwalk("PROJECT/lib")] == [["a"]]
"""
LOOKS_TWICE = """
import os
os.chdir("PROJECT/a")
os.path.exists("x")
os.chdir("PROJECT/b")
assert not os.path.exists("x")
"""
UPWARDS = """
import os, sys
up = "/".join([".."] * sys.prefix.count("/"))
assert open(sys.prefix + "/" + up + "PROJECT/data.txt").read() == "good"
"""
NO_FOLDER = """
import sys
sys.path.insert(0, "PROJECT/lib")
try:
    import helper
except ImportError:
    pass
else:
    raise ValueError("something appeared")
"""


def _database(home: Home) -> None:
    import sqlite3

    with sqlite3.connect(home.project / "data.sqlite") as connection:
        connection.execute("create table more (id integer)")


CASES: dict[str, tuple[str, Mapping[str, str], Callable[[Home], None]]] = {
    "a data file": (DATA, {"data.txt": "good"}, lambda home: home.write({"data.txt": "bad"})),
    # Within a second, Python itself runs the old bytecode of a module that changes without changing its size.
    "a module": (MODULE, {"lib/helper.py": "VALUE = 1"}, lambda home: home.write({"lib/helper.py": "VALUE = 22"})),
    "a file that appears": (APPEARS, {"a": ""}, lambda home: home.write({"extra.txt": ""})),
    "a file that is only looked for": (LOOKS, {"a": ""}, lambda home: home.write({"extra.txt": ""})),
    "the names in a folder": (LISTS, {"cases/a.txt": ""}, lambda home: home.write({"cases/b.txt": ""})),
    "a database": (SQLITE, {"data.sqlite": ""}, _database),
    "a database by its name": (OPENED_DATABASE.format("'data.sqlite'"), {"data.sqlite": ""}, _database),
    "a database by an object": (OPENED_DATABASE.format("pathlib.Path('data.sqlite')"), {"data.sqlite": ""}, _database),
    "a database by its URI": (
        OPENED_DATABASE.format("'file:PROJECT/data.sqlite?mode=ro', uri=True"),
        {"data.sqlite": ""},
        _database,
    ),
    "a file that it would have made": (MAKES_ONE, {"data.txt": "good"}, lambda home: home.write({"data.txt": "bad"})),
    "a file in an open folder": (
        IN_OPEN_FOLDER,
        {"lib/data.txt": "good"},
        lambda home: home.write({"lib/data.txt": "bad"}),
    ),
    "the names in an open folder": (LISTS_OPEN_FOLDER, {"lib/a": ""}, lambda home: home.write({"lib/b": ""})),
    "a relative path in two folders": (LOOKS_TWICE, {"a/y": "", "b/y": ""}, lambda home: home.write({"b/x": ""})),
    "a path that leads out of the environment": (
        UPWARDS,
        {"data.txt": "good"},
        lambda home: home.write({"data.txt": "bad"}),
    ),
    "a folder of modules that appears": (NO_FOLDER, {"a": ""}, lambda home: home.write({"lib/helper.py": ""})),
}


@pytest.mark.parametrize("name", CASES)
def test_a_script_runs_again_when_something_changes_that_it_read(home: Home, name: str) -> None:
    script, files, change = CASES[name]
    home.write(files)

    first, second = home.run(script), home.run(script)
    change(home)
    third = home.run(script)

    assert (ran(first), status(first)) == (True, Status.PASS), first
    assert (ran(second), status(second)) == (False, Status.PASS)
    assert (ran(third), status(third)) == (True, Status.FAIL)


def test_a_change_that_is_taken_back_finds_the_first_verdict_again(home: Home) -> None:
    home.write({"data.txt": "good"})
    home.run(DATA)
    home.write({"data.txt": "bad"})
    bad = home.run(DATA)
    home.write({"data.txt": "good"})
    again = home.run(DATA)

    assert (ran(bad), status(bad)) == (True, Status.FAIL)
    assert (ran(again), status(again)) == (False, Status.PASS)


def test_what_a_script_does_not_read_does_not_matter(home: Home) -> None:
    home.write({"data.txt": "good", "README.md": "a", "other.py": ""})
    home.run(DATA)
    home.write({"README.md": "b", "other.py": "x = 1"})

    assert not ran(home.run(DATA))


def test_reads_are_recorded_relative_to_the_project_and_without_those_of_the_environment(home: Home) -> None:
    home.write({"data.txt": "good"})
    events = home.run(
        """
        import os, json, decimal, solid, tempfile
        open("PROJECT/data.txt").close()
        open("/proc/self/status").close()
        open(os.devnull).close()
        with open("mine.txt", "w") as file: file.write("x")
        open("mine.txt").close()
        with tempfile.NamedTemporaryFile() as file: open(file.name).close()
        with open("PROJECT/written.txt", "w") as file: file.write("x")
        open("PROJECT/written.txt").close()
        """
    )

    assert status(events) is Status.PASS
    assert list(transcript(events).reads) == ["data.txt"]
    assert transcript(events).watched


def test_the_bytecode_of_a_module_stands_for_its_source(home: Home) -> None:
    home.write({"lib/helper.py": "VALUE = 1"})
    home.run(MODULE)
    assert list((home.project / "lib" / "__pycache__").iterdir())

    assert not ran(home.run(MODULE))  # the folder __pycache__ appeared
    events = home.run(MODULE, fresh_probes=True)  # reads the bytecode
    assert "lib/helper.py" in transcript(events).reads
    assert not [path for path in transcript(events).reads if "__pycache__" in path]


CHANGES_ITSELF = """
with open("PROJECT/data.txt") as file: text = file.read()
with open("PROJECT/data.txt", "w") as file: file.write(text + "x")
"""
SPAWNS = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass'], check=True)"
UNSURE = {
    "it starts a program": (SPAWNS, "it started python, whose reads are not seen"),
    "it runs a shell": ("import os; os.system('true')", "it started true"),
    "it forks": ("import os\nif os.fork() == 0: os._exit(0)\nos.wait()", "it started fork"),
    "it starts a worker of multiprocessing": (
        """
        import multiprocessing
        process = multiprocessing.get_context("spawn").Process(target=print)
        process.start()
        process.join()
        """,
        "it started python",
    ),
    "it runs a program that is named like a harmless one": (
        """
        import os, subprocess
        with open("uname", "w") as file: file.write("#!/bin/sh\\n")
        os.chmod("uname", 0o755)
        subprocess.run([os.path.abspath("uname")], check=True)
        """,
        "it started uname",
    ),
    "it connects": (
        """
        import contextlib, socket
        with contextlib.suppress(OSError): socket.create_connection(("127.0.0.1", 9), timeout=1)
        """,
        "it opened a connection",
    ),
    "a file changes while it runs": (CHANGES_ITSELF, "data.txt changed while the probe ran"),
}


@pytest.mark.parametrize("name", UNSURE)
def test_a_script_runs_every_time_when_what_it_depends_on_is_not_known(home: Home, name: str) -> None:
    from knowngood.model.recorded import why_not_reused

    script, why = UNSURE[name]
    home.write({"data.txt": "x"})

    first, second = home.run(script), home.run(script)

    assert status(first) is Status.PASS
    assert ran(second)
    (basis,) = (event.basis for event in second if isinstance(event, BasisKnown))
    said = why_not_reused(basis.probes[0], [transcript(second)])
    assert said is not None and said.startswith(why)


def test_a_harmless_look_at_the_machine_does_not_count_as_a_program(home: Home) -> None:
    script = """
        import ctypes.util, platform
        platform.processor()
        platform.libc_ver()
        ctypes.util.find_library("a_library_that_is_not_there")
    """

    home.run(script)
    assert not ran(home.run(script))


def script(home: Home, text: str, **more: object) -> Probe:
    return Probe(id="works", source=textwrap.dedent(text).replace("PROJECT", str(home.project)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("inputs", [("data.txt", "dtaa/**"), ("dtaa/**",)])
def test_a_glob_that_matches_no_file_is_probably_mistyped_and_nothing_is_reused(
    home: Home, inputs: tuple[str, ...]
) -> None:
    home.write({"data.txt": "good", "data/more.txt": ""})
    probe = script(home, DATA, inputs=inputs)

    first, second = home.run(probe), home.run(probe)

    assert ran(first) and ran(second)
    (basis,) = (event.basis.probes[0] for event in second if isinstance(event, BasisKnown))
    assert basis.unmatched == ("dtaa/**",)


def test_a_script_that_starts_programs_is_reused_when_it_says_so(home: Home) -> None:
    probe = script(home, SPAWNS, reuse=True)

    home.run(probe)
    assert not ran(home.run(probe))


def test_a_script_that_declares_its_inputs_is_reused_while_they_are_unchanged(home: Home) -> None:
    home.write({"data/a.txt": "x", "README.md": ""})
    probe = script(home, SPAWNS, inputs=("data",))

    home.run(probe)
    home.write({"README.md": "more"})
    assert not ran(home.run(probe))
    home.write({"data/b.txt": ""})
    assert ran(home.run(probe))


def test_a_probe_that_says_so_is_never_reused(home: Home) -> None:
    probe = script(home, "pass", reuse=False)

    home.run(probe)
    assert ran(home.run(probe))


def test_a_verdict_whose_inputs_match_nothing_is_never_reused(home: Home) -> None:
    probe = script(home, "pass", inputs=("dta/**",))

    home.run(probe)
    assert ran(home.run(probe))


CHECKS_DATA = ("python", "-c", "assert open('data.txt').read() == 'good'")


def command(*arguments: str, **more: object) -> Probe:
    return Probe(id="works", kind=ProbeKind.COMMAND, arguments=arguments or CHECKS_DATA, **more)  # type: ignore[arg-type]


FILES = {
    "data.txt": "good",
    "README.md": "one",
    "docs/page.md": "<!-- knowngood:begin tiny -->\none\n<!-- knowngood:end -->\n",
    "docs/plain.md": "one",
    "reports/tiny/matrix.md": "one",
    ".github/workflows/ci.yml": "one",
    "matrices/other.toml": "one",
    "cache/ignored.bin": "one",
    ".gitignore": "cache/\n",
}


@pytest.mark.parametrize("path", ["data.txt", "README.md", "docs/plain.md", ".gitignore", "new.txt"])
def test_a_command_runs_again_when_the_tree_changes(home: Home, path: str) -> None:
    repository(home.project, FILES)
    home.run(command())
    assert not ran(home.run(command()))

    home.write({path: "bad"})
    assert ran(home.run(command()))


@pytest.mark.parametrize(
    "path",
    [
        "docs/page.md",
        "reports/tiny/matrix.md",
        ".github/workflows/ci.yml",
        "matrices/other.toml",
        ".knowngood/notes",
        "cache/ignored.bin",
    ],
)
def test_a_command_does_not_depend_on_what_knowngood_writes_or_git_ignores(home: Home, path: str) -> None:
    repository(home.project, FILES)
    home.run(command())

    home.write({path: "<!-- knowngood:begin tiny -->\ntwo\n<!-- knowngood:end -->\n"})
    assert not ran(home.run(command()))


def test_inputs_narrow_what_a_command_depends_on_and_widen_it_to_ignored_files(home: Home) -> None:
    repository(home.project, FILES)
    probe = command(inputs=("data.txt", "cache/*.bin"))
    home.run(probe)

    home.write({"README.md": "two"})
    assert not ran(home.run(probe))
    home.write({"cache/ignored.bin": "two"})
    assert ran(home.run(probe))
    home.write({"data.txt": "bad"})
    events = home.run(probe)
    assert (ran(events), status(events)) == (True, Status.FAIL)


def test_an_input_that_is_a_link_stands_for_the_file_that_it_leads_to(home: Home, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("good", encoding="utf-8")
    (home.project / "data.txt").symlink_to(tmp_path / "outside.txt")
    repository(home.project, {"a": ""})
    probe = command(inputs=("data.txt",))
    home.run(probe)
    assert not ran(home.run(probe))

    (tmp_path / "outside.txt").write_text("bad", encoding="utf-8")
    events = home.run(probe)
    assert (ran(events), status(events)) == (True, Status.FAIL)


def test_a_command_that_may_use_the_network_is_reused_only_when_it_says_so(home: Home) -> None:
    repository(home.project, FILES)
    home.run(command(network=True))
    assert ran(home.run(command(network=True)))

    home.run(command(network=True, reuse=True))
    assert not ran(home.run(command(network=True, reuse=True)))


def test_tests_run_again_when_a_test_a_data_file_or_a_module_changes(home: Home, index: Index) -> None:
    for name in ("pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        repack(index.folder, name)
    repository(
        home.project,
        {
            "helper.py": "VALUE = 1\n",
            "tests/data.txt": "good",
            "tests/conftest.py": "import sys; sys.path.insert(0, '.')\n",
            "tests/test_it.py": "import helper\ndef test_it():\n"
            "    assert helper.VALUE == 1\n    assert open('tests/data.txt').read() == 'good'\n",
            "README.md": "one",
        },
    )
    tests = Probe(id="works", kind=ProbeKind.PYTEST, arguments=("tests",), inputs=("tests", "*.py"))
    install = replace(ONE, steps=combo(("solid==1.0", "pytest")).steps)

    def run() -> tuple[bool, Status]:
        subject = replace(matrix(home.project, home.url, (install,)), probes=(tests,))
        count = len(list(home.state.glob("runs/tiny/*")))
        events = record(request(subject, home.state / "runs" / "tiny" / f"r{count}", home.environ))
        return ran(events), status(events)

    good, bad = "good", "bad"
    assert run() == (True, Status.PASS)
    assert run() == (False, Status.PASS)
    home.write({"README.md": "two"})
    assert run() == (False, Status.PASS)
    home.write({"tests/data.txt": bad})
    assert run() == (True, Status.FAIL)
    home.write({"tests/data.txt": good, "helper.py": "VALUE = 2\n"})
    assert run() == (True, Status.FAIL)
    home.write({"helper.py": "VALUE = 1\n", "tests/test_new.py": "def test_new(): assert False\n"})
    assert run() == (True, Status.FAIL)


def test_a_passed_variable_is_part_of_the_key_by_digest_only(home: Home) -> None:
    probe = script(home, "import os; print(os.environ['TOKEN_X'])", pass_env=("TOKEN_*",))
    first = home.run(probe, environ={"TOKEN_X": "s3cret-value"})
    assert not ran(home.run(probe, environ={"TOKEN_X": "s3cret-value", "OTHER": "1"}))
    assert ran(home.run(probe, environ={"TOKEN_X": "another-value"}))

    assert status(first) is Status.PASS
    (basis,) = (event.basis for event in first if isinstance(event, BasisKnown))
    assert basis.probes[0].variables == ("TOKEN_X",)
    written = [path for path in home.state.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert not written


def test_a_passed_value_is_removed_however_it_is_written(home: Home) -> None:
    text = """
        import json, os
        value = os.environ["TOKEN_X"]
        print(value, [value], json.dumps([repr(value)]), value.splitlines()[1])
        assert 0, [value, value.splitlines()[1]]
    """
    value = 'a"b\\c-first\nsecond-l\u00efne'

    events = home.run(script(home, text, pass_env=("TOKEN_*",)), environ={"TOKEN_X": value})

    assert status(events) is Status.FAIL
    files = [path for path in home.state.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.name == "records.jsonl"]
    assert not [path for path in files if b"second-l" in path.read_bytes() or b"c-first" in path.read_bytes()]
