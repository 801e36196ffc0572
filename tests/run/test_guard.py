"""Tests that no environment changes another one: what probes write into shared files is found, and taken back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.events import Event, TamperingFound
from knowngood.model import Cell, Combo, Phase, Reason, Status
from support.imported import TAG
from support.index import Index
from support.runs import cells, matrix, names, record, request
from support.wheels import build_wheel
from support.workshop import combo

VANDAL = """
import os, sys, time
from pathlib import Path
import solid

if os.environ.get("KG_VANDAL") == "yes":
    path = Path({path})
    state = path.stat()
    {act}
    {after}
assert solid.__version__ == "1.0", "solid is not what its wheel has"
"""
IN_PLACE = "path.open('r+').write(path.read_text().replace('1.0', '6.6'))"
RESTORE = "os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))"
BYTECODE = f"Path(solid.__file__).parent / '__pycache__' / 'solid.{TAG}.pyc'"


class Home:
    """The runs of one test, with a cache of uv and of knowngood that they share."""

    def __init__(self, folder: Path, index: Index, environ: Mapping[str, str]) -> None:
        self.folder, self.url = folder, index.url
        self.environ = dict(environ) | {"UV_CACHE_DIR": str(folder / "uv"), "UV_LINK_MODE": "hardlink"}

    def run(self, name: str, probe: str, *combos: Combo, jobs: int = 1, **how: object) -> list[Event]:
        subject = matrix(self.folder, self.url, combos, probes={"works": probe})
        return record(request(subject, self.folder / "runs" / "tiny" / name, self.environ, jobs=jobs, **how))  # type: ignore[arg-type]


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    build_wheel(index.folder, "solid", "1.0", files={"solid.py": "__version__ = '1.0'\n", "more.py": "X = 1\n"})
    for name in ("first", "second", "third"):
        build_wheel(index.folder, name, "1.0")
    return Home(tmp_path, index, environ)


def vandal(act: str = IN_PLACE, *, path: str = "solid.__file__", after: str = "pass") -> str:
    return VANDAL.format(path=path, act=act, after=after)


def using(name: str, *, vandal: bool = False) -> Combo:
    return combo((f"{name}==1.0", "solid==1.0"), name=name, env=(("KG_VANDAL", "yes"),) if vandal else ())


def remarks(cell: Cell) -> str:
    return " ".join(cell.remarks)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("after", ["pass", RESTORE, f"{RESTORE}; time.sleep(0.5)", f"{RESTORE}; time.sleep(4)"])
def test_a_write_into_a_shared_file_reaches_no_other_combo_and_no_later_run(home: Home, jobs: int, after: str) -> None:
    combos = (using("first", vandal=True), using("second"), using("third"))

    events = home.run("one", vandal(after=after), *combos, jobs=jobs)
    later = home.run("two", vandal(), using("second"), using("third"), fresh=True)

    found = [event for event in events if isinstance(event, TamperingFound) and event.combo == "first"]
    assert [(event.tampering.probe, event.tampering.files) for event in found] == [("works", ("solid.py",))]
    assert [event.tampering.distributions for event in found] == [("solid",)]
    after_all = cells(events)
    assert {name: cell.verdict.status for name, cell in after_all.items()} == dict.fromkeys(
        ("first", "second", "third"), Status.PASS
    )
    assert "solid.py; solid was removed from the caches" in remarks(after_all["first"])
    assert {cell.verdict.status for cell in cells(later).values()} == {Status.PASS}
    assert all("solid.py" not in remarks(cell) for cell in cells(later).values())


@pytest.mark.parametrize(
    "act",
    [
        "path.unlink()",
        "path.rename(path.with_name('old.py')); path.write_text('__version__ = 1')",
        "path.chmod(0)",
        "os.truncate(path, 0)",
    ],
)
def test_any_change_of_a_shared_file_is_found(home: Home, act: str) -> None:
    events = home.run("one", vandal(act), using("first", vandal=True))

    assert "tampering-found" in names(events)
    assert cells(events)["first"].verdict.status is Status.PASS


def test_what_runs_in_the_private_copy_is_believed(home: Home) -> None:
    fails = "import solid, pathlib\npathlib.Path(solid.__file__).write_text('__version__ = 6')\nassert 0, 'for good'"

    events = home.run("one", fails, using("first"))

    assert names(events).count("tampering-found") == 1
    assert names(events).count("probe-finished") == 1
    cell = cells(events)["first"]
    assert (cell.verdict.status, cell.message) == (Status.FAIL, "AssertionError: for good")


def test_an_environment_built_from_a_spoiled_cache_is_built_again_before_it_is_probed(home: Home) -> None:
    """The second combo is built while the first one's probe, which wrote at once, still runs."""
    slow = vandal(after="time.sleep(4)")

    events = home.run("one", slow, using("first", vandal=True), using("second"), jobs=2)

    assert cells(events)["second"].verdict.status is Status.PASS
    assert cells(events)["second"].message != "solid is not what its wheel has"


def test_a_kept_environment_that_shares_what_was_written_into_is_not_used_again(home: Home) -> None:
    home.run("one", vandal(), using("second"))
    home.run("two", vandal(after=RESTORE), using("first", vandal=True))

    third = home.run("three", vandal(), using("second"), fresh_probes=True)

    assert (home.folder / "runs" / "tiny" / "three" / "combos" / "second" / "create.log").exists()
    assert cells(third)["second"].verdict.status is Status.PASS


def test_a_reused_verdict_says_what_its_probe_did(home: Home) -> None:
    home.run("one", vandal(), using("first", vandal=True))

    second = home.run("two", vandal(), using("first", vandal=True))

    assert "facts-reused" in names(second)
    assert "solid.py" in remarks(cells(second)["first"])


def test_forged_bytecode_is_not_executed_in_another_environment(home: Home) -> None:
    forge = (
        "import marshal; head = path.read_bytes()[:16]; path.unlink(); "
        "path.write_bytes(head + marshal.dumps(compile('__version__ = 6.6', 'solid.py', 'exec')))"
    )

    first = home.run("one", vandal(forge, path=BYTECODE), using("first", vandal=True))
    second = home.run("two", vandal(), using("second"))

    assert cells(first)["first"].verdict.status is Status.PASS
    assert cells(second)["second"].verdict.status is Status.PASS
    assert "tampering-found" not in names(first)
    stored = list((home.folder / "cache" / "bytecode").glob("solid-*/__pycache__/*.pyc"))
    assert stored and b"6.6" not in stored[0].read_bytes()


def test_a_write_into_shared_bytecode_is_found(home: Home) -> None:
    forge = (
        "import marshal; head = path.read_bytes()[:16]; "
        "path.open('r+b').write(head + marshal.dumps(compile('__version__ = 6.6', 'solid.py', 'exec')))"
    )
    home.run("zero", vandal(), using("third"))
    home.run("one", vandal(), using("second"))

    first = home.run("two", vandal(forge, path=BYTECODE), using("first", vandal=True))
    second = home.run("three", vandal(), using("second"))

    assert "tampering-found" in names(first)
    assert cells(second)["second"].verdict.status is Status.PASS


def test_a_run_without_writes_finds_nothing_although_links_come_and_go(home: Home) -> None:
    combos = [using(name) for name in ("first", "second", "third")]

    events = home.run("one", vandal(), *combos, jobs=3, optimizations=frozenset())

    assert "tampering-found" not in names(events)
    assert {cell.verdict.status for cell in cells(events).values()} == {Status.PASS}


def test_the_event_is_a_line_of_the_log(home: Home) -> None:
    home.run("one", vandal(), using("first", vandal=True))

    log = home.folder / "runs" / "tiny" / "one" / "events.jsonl"
    (line,) = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "tampering-found"]
    assert line["tampering"] == {"probe": "works", "files": ["solid.py"], "more": 0, "distributions": ["solid"]}
    assert Phase.PROBE in [
        event.phase for event in home.run("two", vandal(), using("third")) if event.event == "phase-started"
    ]


def test_a_probe_that_needs_too_much_memory_runs_out_of_it(home: Home) -> None:
    limited = replace(using("first"), memory=200 * 2**20)

    events = home.run("one", "held = bytearray(b'x') * (400 * 2**20)\nimport time; time.sleep(60)", limited)

    cell = cells(events)["first"]
    assert (cell.verdict.status, cell.verdict.reason) == (Status.OOM, Reason.OUT_OF_MEMORY)
    assert "0.20 GiB" in cell.message
