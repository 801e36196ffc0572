"""Tests of the cache of verdicts: what is stored, what is reused, and damaged or hostile files."""

import json
import os
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from subprocess import PIPE, Popen
from sys import executable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.cache.keys import Surroundings, key
from knowngood.cache.verdicts import SCHEMA, Entry, TakenIn, Verdicts, export, parse, take_in
from knowngood.events import EnvironmentCreated, Event, FactsReused, PhaseStarted, ProbeFinished, add
from knowngood.model import (
    Action,
    Asset,
    Cell,
    Combo,
    ComboFacts,
    Ending,
    Exit,
    InstallerName,
    Matrix,
    Phase,
    Reason,
    Reused,
    Seconds,
    Status,
)
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.project.tree import Tree
from knowngood.run.basis import Bases
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.reuse import KeptVerdicts, VerdictReuse
from knowngood.run.stop import Stop
from support.facts import action, attempt
from support.index import Index, closed_url
from support.runs import PROBE, cells, matrix, record, request, task
from support.wheels import build_wheel
from support.workshop import combo


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """The runs of one test, which share a cache; each run has a name."""

    folder: Path
    url: str
    environ: Mapping[str, str]

    def matrix(self, *combos: Combo, probe: str = PROBE, **more: object) -> Matrix:
        return matrix(self.folder, self.url, combos, probes={"works": probe}, **more)  # type: ignore[arg-type]

    def run(self, name: str, subject: Matrix, environ: Mapping[str, str] | None = None, **how: object) -> list[Event]:
        outside = dict(self.environ) | dict(environ or {})
        return record(request(subject, self.folder / "runs" / "tiny" / name, outside, **how))  # type: ignore[arg-type]

    @property
    def verdicts(self) -> Verdicts:
        return Verdicts(folder=self.folder / "cache" / "verdicts")


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(index.folder, "solid", version)
    return Home(folder=tmp_path, url=index.url, environ=environ)


def probed(events: list[Event]) -> list[str]:
    """Return the combos whose probe was started, once for each attempt."""
    return sorted(event.combo for event in events if isinstance(event, PhaseStarted) and event.phase is Phase.PROBE)


def reused(events: list[Event]) -> dict[str, Reused]:
    return {event.combo: event.reused for event in events if isinstance(event, FactsReused)}


def timeless(cell: Cell) -> Cell:
    """Return a cell without what may differ when it is reused."""
    return replace(cell, seconds=Seconds(), log=None, reused=None)


ONE = combo(("solid==1.0",))
DECIDED = (
    ONE,
    combo(("solid==2.0",), name="fails"),
    combo(("solid==3.0",), name="crashes"),
    combo(("solid==1.0",), ("solid==2.0",), name="drifts"),
    combo(("solid==1.0",), name="hangs", probes=("hangs",), timeout=0.6),
    combo(("solid==1.0",), name="with-pip", installer=InstallerName.PIP),
)


def test_an_unchanged_run_probes_nothing_and_names_the_run_it_reused(home: Home) -> None:
    probes = {"works": PROBE, "hangs": "import time; time.sleep(600)"}
    subject = matrix(home.folder, home.url, DECIDED, probes=probes)

    first, second = home.run("first", subject), home.run("second", subject)

    assert probed(first) == ["crashes", "crashes", "drifts", "fails", "hangs", "hangs", "one", "with-pip"]
    assert probed(second) == []
    assert not [
        event
        for event in second
        if isinstance(event, PhaseStarted) and event.phase is Phase.CREATE and event.combo != "with-pip"
    ]
    before, after = cells(first), cells(second)
    assert {name: cell.verdict.status for name, cell in before.items()} == {
        "one": Status.PASS,
        "fails": Status.FAIL,
        "crashes": Status.CRASH,
        "drifts": Status.FAIL,
        "hangs": Status.TIMEOUT,
        "with-pip": Status.PASS,
    }
    for name, cell in after.items():
        assert timeless(cell) == timeless(before[name])
        assert before[name].reused is None
        assert cell.reused is not None
        assert (cell.reused.run, cell.reused.combo) == ("first", name)
        recorded = datetime.fromisoformat(cell.reused.recorded)
        assert recorded.tzinfo is not None and recorded.timestamp() == pytest.approx(datetime.now().timestamp(), abs=90)
        stored = home.verdicts.get(cell.reused.key)
        assert stored is not None and stored.statuses == {cell.probe: cell.verdict.status.value}
        assert key(stored.ingredients) == cell.reused.key


@pytest.mark.parametrize("installer", InstallerName)
def test_a_reused_verdict_names_the_run_that_recorded_it(home: Home, installer: InstallerName) -> None:
    subject = home.matrix(replace(ONE, installer=installer))

    _, second, third = (home.run(name, subject) for name in ("first", "second", "third"))

    assert reused(second)["one"].run == reused(third)["one"].run == "first"


@pytest.mark.parametrize("how", ["fresh", "fresh_probes"])
def test_fresh_runs_every_probe_and_stores_the_results(home: Home, how: str) -> None:
    subject = home.matrix(ONE, combo(("solid==2.0",), name="fails"))
    home.run("first", subject)

    again = home.run("second", subject, fresh=how == "fresh", fresh_probes=how == "fresh_probes")

    assert probed(again) == ["fails", "one"]
    assert reused(again) == {}
    assert reused(home.run("third", subject))["one"].run == "second"


@pytest.mark.parametrize("left_out", ["read", "written"])
def test_without_the_optimization_nothing_is_reused_and_nothing_stored(home: Home, left_out: str) -> None:
    runs = (
        [ALL_OPTIMIZATIONS, ALL_OPTIMIZATIONS - {Optimization.CACHE}]
        if left_out == "read"
        else [ALL_OPTIMIZATIONS - {Optimization.CACHE}, ALL_OPTIMIZATIONS]
    )

    recorded = [
        home.run(str(number), home.matrix(ONE), optimizations=optimizations)
        for number, optimizations in enumerate(runs)
    ]

    assert [probed(events) for events in recorded] == [["one"], ["one"]]


@pytest.mark.parametrize(
    "change",
    [
        "the probe",
        "a variable of the combo",
        "a variable for probes",
        "the time limit",
        "the order of steps",
        "the threads",
        "the asset",
    ],
)
def test_a_run_with_a_change_probes_again(home: Home, index: Index, change: str) -> None:
    solid = combo(("solid==1.0",), ("solid",))
    build_wheel(index.folder, "pack", "1.0", files={"pack/model/w.txt": "1"})
    build_wheel(index.folder, "pack", "2.0", files={"pack/model/w.txt": "2"})
    asset = Asset(name="weights", wheel="pack==1.0", path="pack/model")
    probe = "import solid"
    home.run("first", home.matrix(solid, probe=probe, assets=(asset,)))
    environ, how = dict[str, str](), dict[str, object]()
    match change:
        case "the probe":
            probe = "import  solid"
        case "a variable of the combo":
            solid = replace(solid, env=(("EXTRA", "1"),))
        case "a variable for probes":
            environ["KG_HINT"] = "1"
        case "the time limit":
            solid = replace(solid, timeout=29.0)
        case "the order of steps":
            solid = replace(solid, steps=solid.steps[::-1])
        case "the threads":
            how["jobs"] = 1
        case _:
            asset = replace(asset, wheel="pack==2.0")

    subject = home.matrix(solid, probe=probe, assets=(asset,))
    assert probed(home.run("second", subject, environ, **how)) == ["one"]
    assert probed(home.run("third", subject, environ, **how)) == []


def test_a_changed_expectation_or_title_is_judged_again_but_not_probed(home: Home) -> None:
    home.run("first", home.matrix(ONE))

    again = home.run("second", home.matrix(replace(ONE, id="other", title="Other")), {"PATH": "/usr/bin:/bin"})

    assert probed(again) == []
    assert reused(again)["other"].combo == "one"
    assert cells(again)["other"].verdict.status is Status.PASS


def test_a_new_version_that_a_floating_requirement_takes_is_probed(home: Home, index: Index) -> None:
    subject = home.matrix(combo(("solid<4",)), combo(("solid==1.0",), name="pinned"), probe="import solid")
    first = home.run("first", subject)
    build_wheel(index.folder, "solid", "3.5")

    second = home.run("second", subject)

    assert cells(first)["one"].installed == {"solid": "3.0"}
    assert cells(second)["one"].installed == {"solid": "3.5"}
    assert probed(second) == ["one"]


def test_other_files_of_the_same_version_are_probed(home: Home, index: Index) -> None:
    home.run("first", home.matrix(ONE))
    build_wheel(index.folder, "solid", "1.0", files={"solid.py": "__version__ = '1.0 rebuilt'\n"})

    second = home.run("second", home.matrix(ONE), {"UV_CACHE_DIR": str(home.folder / "another-cache")})

    assert probed(second) == ["one"]
    assert cells(second)["one"].verdict.status is Status.FAIL


KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("kind", ["infra", "error", "flaky", "no-asset", "index-down"])
def test_a_result_that_another_run_may_not_confirm_is_not_stored(home: Home, kind: str) -> None:
    been, one, probe, assets = home.folder / "been", ONE, PROBE, tuple[Asset, ...]()
    expected, url = Status.INFRA, home.url
    match kind:
        case "infra":
            probe = KILLED
        case "error":
            one, expected = replace(ONE, probes=("never-declared",)), Status.ERROR
        case "flaky":
            probe = f"import os, pathlib\nb = pathlib.Path({str(been)!r})\nif not b.exists(): b.touch(); os.abort()\n"
            expected = Status.PASS
        case "no-asset":
            assets = (Asset(name="weights", wheel="nowhere==1.0", path="x"),)
        case _:
            url = closed_url()
    subject = replace(home, url=url).matrix(one, probe=probe, assets=assets)

    first = home.run("first", subject)

    assert cells(first)["one"].verdict.status is expected
    assert list(home.verdicts) == []
    assert reused(home.run("second", subject)) == {}


def test_the_result_of_a_stopped_combo_is_not_stored(home: Home) -> None:
    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, ProbeFinished):
            stop("SIGTERM")

    events = record(request(home.matrix(ONE), home.folder / "runs" / "tiny" / "first", home.environ), also)

    assert events[-1].event == "interrupted"
    assert list(home.verdicts) == []


def _no_tree() -> Tree:
    raise AssertionError("a script needs no tree")


@pytest.mark.parametrize(
    ("ending", "is_kept"),
    [
        (Exit(ending=Ending.EXITED, code=0), True),
        (Exit(ending=Ending.EXITED, code=1), True),
        (Exit(ending=Ending.SIGNALLED, signal="SIGSEGV"), True),
        (Exit(ending=Ending.TIMED_OUT), True),
        (Exit(ending=Ending.OUT_OF_MEMORY), False),
        (Exit(ending=Ending.CANCELLED), False),
        (Exit(ending=Ending.NOT_STARTED), False),
        (Exit(ending=Ending.SIGNALLED, signal="SIGKILL"), False),
    ],
    ids=lambda value: f"{value.ending}-{value.signal or value.code}" if isinstance(value, Exit) else "",
)
def test_a_result_is_stored_when_the_versions_decided_how_the_probe_ended(
    home: Home, tmp_path: Path, ending: Exit, is_kept: bool
) -> None:
    around = Surroundings(
        machine="m", cpu_flags="c", installers={InstallerName.UV: "1", InstallerName.PIP: "1"}, assets={}
    )
    launcher = Launcher(processes=Processes(tmp_path), outside=home.environ, assets={}, threads=1)
    settings = task(ONE, home.url).settings
    bases = Bases(_no_tree, project=tmp_path, outside={})
    kept = KeptVerdicts(verdicts=home.verdicts, settings=settings, project=launcher.project)
    reuse = VerdictReuse(kept=kept, surroundings=around, launcher=launcher, settings=settings, bases=bases)
    probe = attempt(end=ending)
    events = (
        EnvironmentCreated(combo="one", action=action(), python_version="3.11.7"),
        ProbeFinished(combo="one", probe="works", action=probe.action, transcript=probe.transcript),
    )
    facts = ComboFacts(combo=ONE, started=True)
    keys = reuse.keys(facts, "b")
    for event in events:
        facts = add(facts, event)

    entry = kept.store(keys, facts, events)

    assert (entry is not None) is is_kept
    assert len(list(home.verdicts)) == is_kept
    assert (kept.find(keys) is not None) is is_kept


TWINS = (
    combo(("solid==1.0",), name="a"),
    combo(("solid==1.0",), name="b"),
    combo(("solid==1.0",), name="c"),
    combo(("solid==2.0",), name="d"),
)


def test_combos_with_the_same_lock_are_probed_once_and_each_has_its_cell(home: Home) -> None:
    events = home.run("first", home.matrix(*TWINS, reference="b"))

    assert probed(events) == ["b", "d"]
    assert {name: one.combo for name, one in reused(events).items()} == {"a": "b", "c": "b"}
    judged = cells(events)
    assert {name: cell.verdict.status for name, cell in judged.items()} == {
        "a": Status.PASS,
        "b": Status.PASS,
        "c": Status.PASS,
        "d": Status.FAIL,
    }
    assert judged["a"].metrics == judged["b"].metrics
    assert judged["a"].metrics["version"] == "1.0"
    assert judged["a"].installed == judged["b"].installed == {"solid": "1.0"}
    assert {name: cell.reused.run for name, cell in judged.items() if cell.reused} == {"a": "first", "c": "first"}


def test_combos_with_the_same_lock_are_each_probed_on_request(home: Home) -> None:
    assert probed(home.run("first", home.matrix(*TWINS), optimizations=ALL_OPTIMIZATIONS - {Optimization.SHARING})) == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert probed(home.run("second", home.matrix(*TWINS), fresh_probes=True)) == ["a", "b", "c", "d"]


def test_combos_with_the_same_lock_and_other_variables_are_each_probed(home: Home) -> None:
    other = replace(TWINS[1], env=(("EXTRA", "1"),))

    assert probed(home.run("first", home.matrix(TWINS[0], other))) == ["a", "b"]


def test_when_the_first_of_several_equal_combos_is_undecided_each_is_probed(home: Home) -> None:
    been = home.folder / "been"
    once = f"import pathlib\nb = pathlib.Path({str(been)!r})\nif not b.exists():\n  b.touch(); {KILLED}\n"

    events = home.run("first", home.matrix(*TWINS[:3], probe=once), jobs=1)

    judged = cells(events)
    assert (judged["a"].verdict.status, judged["a"].verdict.reason) == (Status.INFRA, Reason.KILLED_BY_OTHERS)
    assert (judged["b"].verdict.status, judged["c"].verdict.status) == (Status.PASS, Status.PASS)
    assert probed(events) == ["a", "b", "c"]
    assert reused(events) == {}


# -- the files -------------------------------------------------------------------------------------------------------


def entry(number: int, *, size: int = 0, combo: str = "one") -> Entry:
    """Return an entry of at least ``size`` bytes, with the key that belongs to it."""
    ingredients = {"steps": [number], "timeout": 600.0}
    ended = Action(exit=Exit(ending=Ending.EXITED, code=0, note="x" * size), seconds=1.0, log="")
    return Entry(
        reused=Reused(run="r", combo=combo, recorded="2026-01-01T00:00:00+00:00", key=key(ingredients)),
        matrix="m",
        statuses={"works": "pass"},
        ingredients=ingredients,
        events=(
            EnvironmentCreated(
                combo=combo, action=replace(ended, exit=Exit(ending=Ending.EXITED, code=0)), python_version="3.11.7"
            ),
            ProbeFinished(combo=combo, probe="works", action=ended, transcript=attempt().transcript),
            ProbeFinished(combo=combo, probe="also-works", action=ended, transcript=attempt().transcript),
        ),
    )


@pytest.fixture
def verdicts(tmp_path: Path) -> Verdicts:
    return Verdicts(folder=tmp_path / "verdicts")


def test_an_entry_is_read_as_it_was_written(verdicts: Verdicts) -> None:
    verdicts.put(entry(1))

    assert verdicts.get(entry(1).reused.key) == entry(1) == parse(entry(1).lines())
    assert verdicts.get(entry(2).reused.key) is None


def test_an_entry_under_the_key_of_another_is_not_read(verdicts: Verdicts) -> None:
    verdicts.put(entry(1))
    (stored,) = verdicts
    wrong = entry(2).reused.key
    target = verdicts.folder / wrong[:2] / f"{wrong}.jsonl"
    target.parent.mkdir(exist_ok=True)
    stored.path.rename(target)

    assert verdicts.get(wrong) is None


HEAD = json.loads(entry(1).lines().split(b"\n")[0])
TAIL = entry(1).lines().partition(b"\n")[2]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": SCHEMA + 1},
        {"schema": None},
        {"recorded": "yesterday"},
        {"recorded": "2026-01-01T00:00:00"},
        {"statuses": 7},
        {"statuses": ["abc"]},
        {"ingredients": None},
    ],
    ids=str,
)
def test_an_entry_with_a_header_of_another_version_or_form_is_not_read(change: dict[str, object]) -> None:
    assert parse(json.dumps(HEAD).encode() + b"\n" + TAIL) is not None
    assert parse(json.dumps(HEAD | change).encode() + b"\n" + TAIL) is None


@pytest.mark.parametrize("name", sorted(set(HEAD) - {"schema", "archive"}))
def test_an_entry_with_an_incomplete_header_is_not_read(name: str) -> None:
    head = {other: value for other, value in HEAD.items() if other != name}

    assert parse(json.dumps(head).encode() + b"\n" + TAIL) is None


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"null\n", b"[]\n", b'"text"\n', b"[" * 100_000, b"{}\n", b"\xff\xfe\n", b"9" * 10_000]
)
def test_a_file_that_is_something_else_is_not_read(data: bytes) -> None:
    assert parse(data) is None


def test_an_entry_with_a_deeply_nested_event_is_not_read() -> None:
    assert parse(json.dumps(HEAD).encode() + b"\n" + b"[" * 100_000) is None


def test_an_entry_that_is_cut_short_anywhere_is_not_read() -> None:
    whole = entry(1).lines()

    for length in range(len(whole) - 1):
        assert parse(whole[:length]) is None, length


@given(st.binary(max_size=200))
def test_random_bytes_are_not_read_as_an_entry(data: bytes) -> None:
    assert parse(data) is None


@given(st.integers(0, len(entry(1).lines()) - 1), st.binary(max_size=8))
def test_a_damaged_entry_never_raises(place: int, garbage: bytes) -> None:
    whole = entry(1).lines()

    read = parse(whole[:place] + garbage + whole[place + len(garbage) :])

    assert read is None or len(read.events) == 3


def test_threads_and_processes_can_use_the_cache_at_once(verdicts: Verdicts) -> None:
    source = f"""
import sys
from pathlib import Path
from knowngood.cache.verdicts import Verdicts, parse
verdicts = Verdicts(folder=Path({str(verdicts.folder)!r}))
entries = [parse(data.encode() + b"\\n") for data in sys.stdin.read().split("\\n\\n") if data]
print("ready", flush=True)
for _ in range(40):
    for stored in entries:
        verdicts.put(stored)
        assert verdicts.get(stored.reused.key) == stored
"""
    entries = [entry(number, size=20_000) for number in range(4)]
    lines = "\n\n".join(stored.lines().decode().strip() for stored in entries)
    processes = [Popen([executable, "-c", source], stdin=PIPE, stdout=PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()

    def use(number: int) -> None:
        for turn in range(60):
            stored = entries[(number + turn) % 4]
            verdicts.put(stored)
            assert verdicts.get(stored.reused.key) == stored

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(use, number) for number in range(4)]:
            future.result()
    for process in processes:
        assert process.wait(timeout=60) == 0
        assert process.stdout is not None
        process.stdout.close()

    assert len(list(verdicts)) == 4
    assert len([path for path in verdicts.folder.rglob("*") if path.is_file()]) == 4, "no unfinished files are left"


def test_an_entry_that_is_pruned_while_it_is_used_is_there_or_not_there(verdicts: Verdicts, tmp_path: Path) -> None:
    entries = [entry(number, size=20_000) for number in range(4)]

    def use(number: int) -> None:
        for turn in range(40):
            stored = entries[(number + turn) % 4]
            verdicts.put(stored)
            assert verdicts.get(stored.reused.key) in (stored, None)
            verdicts.prune(30_000)
            export(verdicts, tmp_path / f"{number}.zip")

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(use, number) for number in range(4)]:
            future.result()

    assert sum(stored.size for stored in verdicts) <= 30_000


def test_pruning_removes_the_entries_used_least_recently_until_the_cache_is_small_enough(verdicts: Verdicts) -> None:
    entries = [entry(number, size=1000) for number in range(6)]
    for age, one in enumerate(entries):
        verdicts.put(one)
        os.utime(verdicts.folder / one.reused.key[:2] / f"{one.reused.key}.jsonl", (age, age))
    size = sum(stored.size for stored in verdicts)
    assert verdicts.get(entries[0].reused.key) is not None  # used just now

    gone, freed = verdicts.prune(size // 2)

    assert gone == 3 and freed >= size // 2
    left = {stored.key for stored in verdicts}
    assert left == {entries[number].reused.key for number in (0, 4, 5)}
    assert sum(stored.size for stored in verdicts) <= size // 2
    assert verdicts.prune(size) == (0, 0)


def test_a_cache_that_is_missing_or_cannot_be_written_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        verdicts = Verdicts(folder=folder)
        assert list(verdicts) == []
        assert verdicts.get("a" * 64) is None
        assert verdicts.prune() == (0, 0)
    Verdicts(folder=tmp_path / "file").put(entry(1))
    assert (tmp_path / "file").is_file()


def test_an_entry_that_is_too_large_for_an_import_is_not_stored(verdicts: Verdicts) -> None:
    verdicts.put(entry(1, size=17 * 2**20))

    assert list(verdicts) == []


def test_an_exported_verdict_is_reused_on_another_machine(home: Home, tmp_path: Path) -> None:
    subject = home.matrix(ONE, combo(("solid==2.0",), name="fails"))
    home.run("first", subject)
    file = tmp_path / "known.zip"

    assert export(home.verdicts, file) == 2
    elsewhere = tmp_path / "elsewhere"
    assert take_in(Verdicts(folder=elsewhere / "verdicts"), file) == TakenIn(added=2, refused=0)

    again = home.run("second", subject, cache=elsewhere)
    assert probed(again) == []
    assert {(origin.run, origin.archive) for origin in reused(again).values()} == {("first", "known.zip")}
    assert list(tmp_path.glob("known.zip*")) == [file]


def test_an_import_replaces_no_verdict_of_an_own_run(verdicts: Verdicts, tmp_path: Path) -> None:
    own, other = entry(1), entry(2)
    verdicts.put(own)
    with zipfile.ZipFile(tmp_path / "known.zip", "w") as archive:
        forged = replace(own, reused=replace(own.reused, run="forged"))
        archive.writestr("own.jsonl", forged.lines())
        archive.writestr("other.jsonl", replace(other, reused=replace(other.reused, archive="")).lines())

    assert take_in(verdicts, tmp_path / "known.zip") == TakenIn(added=1, known=1)
    assert verdicts.get(own.reused.key) == own
    imported = verdicts.get(other.reused.key)
    assert imported is not None and imported.reused.archive == "known.zip"
    # What was imported before is replaced, and names the newer file.
    (tmp_path / "known.zip").rename(tmp_path / "newer.zip")
    assert take_in(verdicts, tmp_path / "newer.zip") == TakenIn(added=1, known=1)


def test_a_failed_export_leaves_no_file(verdicts: Verdicts, tmp_path: Path) -> None:
    verdicts.put(entry(1))
    (tmp_path / "out" / "folder").mkdir(parents=True)

    with pytest.raises(OSError):
        export(verdicts, tmp_path / "out" / "folder")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["folder"]


def test_an_imported_entry_that_does_not_fit_its_key_is_refused(verdicts: Verdicts, tmp_path: Path) -> None:
    forged = replace(entry(1), ingredients={"steps": [2], "timeout": 600.0})
    with zipfile.ZipFile(tmp_path / "known.zip", "w") as archive:
        archive.writestr(f"{forged.reused.key}.jsonl", forged.lines())
        archive.writestr("good.jsonl", entry(3).lines())

    assert take_in(verdicts, tmp_path / "known.zip") == TakenIn(added=1, refused=1)
    assert [stored.key for stored in verdicts] == [entry(3).reused.key]


def test_a_hostile_archive_writes_nothing_outside_the_cache(verdicts: Verdicts, tmp_path: Path) -> None:
    outward = replace(entry(1), reused=replace(entry(1).reused, key="../../../../escaped"))
    target = tmp_path / "archive" / "hostile.zip"
    target.parent.mkdir()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("../../escaped.jsonl", str(tmp_path / "escaped.jsonl"), "a/../../escaped", "good.jsonl"):
            archive.writestr(name, entry(2).lines())
        archive.writestr("outward.jsonl", outward.lines())
        archive.writestr("huge.jsonl", entry(4, size=17 * 2**20).lines())
        archive.writestr("deep.jsonl", b"[" * 1_000_000)
        archive.writestr("folder/", b"")

    assert take_in(verdicts, target) == TakenIn(added=4, refused=4)

    everything = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert everything == {target, *(stored.path for stored in verdicts)}
    assert [stored.key for stored in verdicts] == [entry(2).reused.key]


def test_only_the_damaged_members_of_an_archive_are_refused(verdicts: Verdicts, tmp_path: Path) -> None:
    target = tmp_path / "known.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.jsonl", entry(1).lines())
        archive.writestr("two.jsonl", entry(2).lines())
        archive.writestr("three.jsonl", entry(3).lines(), compress_type=zipfile.ZIP_BZIP2)
    data = bytearray(target.read_bytes())
    place = data.index(b"one.jsonl") + len(b"one.jsonl")
    data[place : place + 40] = b"\xff" * 40
    target.write_bytes(data)

    assert take_in(verdicts, target) == TakenIn(added=1, refused=2)


def test_an_encrypted_member_is_refused(verdicts: Verdicts, tmp_path: Path) -> None:
    target = tmp_path / "known.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("one.jsonl", entry(1).lines())
    data = bytearray(target.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    target.write_bytes(data)

    assert take_in(verdicts, target) == TakenIn(refused=1)


def test_importing_a_file_that_is_not_an_archive_raises(verdicts: Verdicts, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive", encoding="utf-8")

    with pytest.raises(zipfile.BadZipFile):
        take_in(verdicts, tmp_path / "text")
    with pytest.raises(OSError):
        take_in(verdicts, tmp_path / "nothing")
