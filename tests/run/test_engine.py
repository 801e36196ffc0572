"""Tests of whole runs, for real: tiny wheels from a loopback index, and every way for a combo to end."""

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from knowngood.errors import UndecidedError
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    EnvironmentCreated,
    EnvironmentRead,
    Event,
    HarnessFailed,
    Interrupted,
    PhaseStarted,
    ProbeFinished,
    Retrying,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
)
from knowngood.judge.verdict import judge
from knowngood.model import Asset, Cell, InstallerName, Phase, Reason, Status
from knowngood.project.runs import RecordedRun
from knowngood.run.stop import Stop
from support.facts import RULES
from support.index import Index, serve
from support.processes import living, wait_for
from support.runs import cells, matrix, names, record, request
from support.wheels import build_wheel
from support.workshop import combo


def stock(folder: Path) -> None:
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(folder, "solid", version)
    build_wheel(folder, "wants-old", "1.0", requires=("solid<2",))
    build_wheel(folder, "wants-new", "1.0", requires=("solid>=2,<3",))


@pytest.fixture
def stocked(index: Index) -> Index:
    stock(index.folder)
    return index


COMBOS = (
    combo(("solid==2.0",), name="fails"),
    combo(("solid==1.0",), name="passes-with-pip", installer=InstallerName.PIP),
    combo(("solid==1.0",), ("wants-new",), name="drifts"),
    combo(("wants-old", "wants-new"), name="unsolvable"),
    combo(("solid==3.0",), name="crashes"),
    combo(("solid==1.0",), name="passes"),
    combo(("solid==1.0",), name="no-python", python="3.99"),
    combo(("solid==1.0",), name="our-bug", probes=("a-probe-that-nobody-declared",)),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, environ: Mapping[str, str]) -> Iterator[tuple[list[Event], Path]]:
    """One run of every kind of combo, and its folder."""
    home = tmp_path_factory.mktemp("conduct")
    stock(home / "index")
    with serve(home / "index") as index:
        folder = home / "runs" / "tiny" / "run"
        yield record(request(matrix(home, index.url, COMBOS, reference="passes"), folder, environ)), folder


@pytest.fixture(scope="module")
def judged(run: tuple[list[Event], Path]) -> dict[str, Cell]:
    return cells(run[0])


@pytest.mark.parametrize(
    ("name", "status", "phase", "reason", "says"),
    [
        ("passes", Status.PASS, Phase.PROBE, Reason.ALL_PASSED, ""),
        ("passes-with-pip", Status.PASS, Phase.PROBE, Reason.ALL_PASSED, ""),
        ("fails", Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, "only 1.0 is any good"),
        ("drifts", Status.FAIL, Phase.DRIFT, Reason.PIN_VIOLATED, "solid==1.0 was asked for, 2.0 is installed"),
        ("unsolvable", Status.UNSOLVABLE, Phase.RESOLVE, Reason.CONFLICT, "wants-old depend on solid<2"),
        ("crashes", Status.CRASH, Phase.PROBE, Reason.SIGNALLED, "died of SIGABRT, in check 'the_version_is_good'"),
        ("no-python", Status.INFRA, Phase.CREATE, Reason.PYTHON_MISSING, "this machine has no Python 3.99"),
        ("our-bug", Status.ERROR, Phase.PROBE, Reason.HARNESS_BUG, "KeyError: 'a-probe-that-nobody-declared'"),
    ],
)
def test_each_combo_gets_its_verdict(
    judged: dict[str, Cell], name: str, status: Status, phase: Phase, reason: Reason, says: str
) -> None:
    cell = judged[name]

    assert (cell.verdict.status, cell.verdict.phase, cell.verdict.reason) == (status, phase, reason), cell.message
    assert says in cell.message


def test_a_run_and_each_of_its_combos_have_a_first_and_a_last_event(run: tuple[list[Event], Path]) -> None:
    events, _ = run

    assert isinstance(events[0], RunStarted) and events[0].combos == COMBOS
    assert isinstance(events[-1], RunFinished)
    for subject in COMBOS:
        emitted = names(events, subject.id)
        assert (emitted[0], emitted[-1]) == ("combo-started", "combo-finished")
        assert emitted.count("combo-started") == emitted.count("combo-finished") == 1


def test_the_reference_is_among_the_first_to_start(run: tuple[list[Event], Path]) -> None:
    started = [event.combo for event in run[0] if isinstance(event, ComboStarted)]

    assert "passes" in started[:2]  # two at a time
    assert sorted(started) == sorted(subject.id for subject in COMBOS)


def test_a_crash_is_tried_twice_and_a_failure_once(run: tuple[list[Event], Path], judged: dict[str, Cell]) -> None:
    tried = [event.combo for event in run[0] if isinstance(event, ProbeFinished)]
    again = [(event.combo, event.phase) for event in run[0] if isinstance(event, Retrying)]

    assert (tried.count("crashes"), tried.count("fails"), tried.count("passes")) == (2, 1, 1)
    assert again == [("crashes", Phase.PROBE)]
    assert judged["crashes"].attempts == 2


def test_the_installed_versions_are_recorded_after_each_step(
    run: tuple[list[Event], Path], judged: dict[str, Cell]
) -> None:
    steps = [event.installed for event in run[0] if isinstance(event, StepInstalled) and event.combo == "drifts"]

    assert steps == [{"solid": "1.0"}, {"solid": "2.0", "wants-new": "1.0"}]
    assert [(move.package, move.step, move.before, move.after) for move in judged["drifts"].drift] == [
        ("solid", 2, "1.0", "2.0")
    ]


def test_a_bug_of_ours_ends_its_combo_with_a_traceback_and_no_other_combo(run: tuple[list[Event], Path]) -> None:
    events, folder = run

    assert [event.combo for event in events if isinstance(event, HarnessFailed)] == ["our-bug"]
    trace = (folder / "combos" / "our-bug" / "harness-error.txt").read_text(encoding="utf-8")
    assert trace.startswith("Traceback") and "KeyError" in trace


def test_a_run_removes_its_environments_and_keeps_its_logs(
    run: tuple[list[Event], Path], judged: dict[str, Cell]
) -> None:
    _, folder = run

    assert list(folder.glob("combos/*/env")) == []
    for name in ("passes", "fails", "crashes", "unsolvable", "drifts", "passes-with-pip"):
        log = judged[name].log
        assert log is not None and (folder / log).is_file()


def test_keep_leaves_an_environment_that_works(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",), name="kept"),))

    record(request(subject, tmp_path / "runs" / "tiny" / "run", environ, keep=True))

    assert (tmp_path / "runs" / "tiny" / "run" / "combos" / "kept" / "env" / "bin" / "python").exists()


SLEEPS = "from probe_api import check\n@check\ndef sleeps():\n    import time\n    time.sleep(600)\n"
CUT_SHORT = (
    combo(("solid==1.0",), name="quick"),
    combo(("solid==1.0",), name="sleeper", probes=("sleeps",), timeout=60),
    combo(("solid==1.0",), name="waiting", timeout=31),
)


def test_a_stopped_run_is_interrupted_and_the_next_request_resumes_it(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    mark = f"KNOWNGOOD_TEST={uuid4().hex}"
    name, _, value = mark.partition("=")
    combos = tuple(replace(subject, env=((name, value),)) for subject in CUT_SHORT)
    quick = {"works": "import solid", "sleeps": SLEEPS}
    subject = matrix(tmp_path, stocked.url, combos, probes=quick)
    folder = RecordedRun(file=tmp_path / "runs" / "tiny" / "first" / "events.jsonl", name="first")
    stopping: list[threading.Thread] = []

    def stop_twice(stop: Stop) -> None:
        assert wait_for(mark, 1, within=10)
        stop("SIGTERM")
        stop("SIGINT")

    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, PhaseStarted) and (event.combo, event.phase) == ("sleeper", Phase.PROBE):
            stopping.append(threading.Thread(target=stop_twice, args=(stop,)))
            stopping[-1].start()

    started = time.monotonic()
    events = record(request(subject, folder.folder, environ, jobs=1), also)
    stopping[0].join()

    assert time.monotonic() - started < 20
    assert events[-1] == Interrupted(signal="SIGTERM")
    assert [event.combo for event in events if isinstance(event, ComboFinished)] == ["quick"]
    assert "probe-finished" not in names(events, "waiting")
    assert living(mark) == []
    assert list(folder.folder.glob("combos/*/env")) == []
    judged = cells(events)
    assert {name: judged[name].verdict.reason for name in judged} == {
        "quick": Reason.ALL_PASSED,
        "sleeper": Reason.INTERRUPTED,
        "waiting": Reason.INTERRUPTED,
    }

    # Later, with a probe that does not sleep. The matrix keeps its digest, so the run is resumed.
    awake = replace(subject, probes=tuple(replace(probe, source="import solid") for probe in subject.probes))
    more = record(request(awake, folder.folder.with_name("second"), environ))

    assert isinstance(more[0], RunResumed) and isinstance(more[-1], RunFinished)
    assert {event.combo for event in more if isinstance(event, ComboStarted)} == {"sleeper", "waiting"}
    whole = folder.read()
    assert whole.finished and whole.interrupted is None
    assert whole.bad_lines == whole.unknown_events == 0
    assert [(facts.combo.id, facts.finished, len(facts.probes)) for facts in whole.combos] == [
        ("quick", True, 1),
        ("sleeper", True, 1),
        ("waiting", True, 1),
    ]
    assert not folder.folder.with_name("second").exists()


def test_a_run_whose_step_has_a_url_with_a_password_is_recorded_without_it_and_resumed(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    place = stocked.url.removesuffix("/simple").replace("http://", "http://me:correct-horse@")
    url = f"solid @ {place}/files/solid-1.0-py3-none-any.whl"
    combos = (*CUT_SHORT[:2], combo((url,), name="waiting", timeout=31))
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": "import solid", "sleeps": SLEEPS})
    first = tmp_path / "runs" / "tiny" / "first"

    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, PhaseStarted) and (event.combo, event.phase) == ("sleeper", Phase.PROBE):
            stop("SIGINT")

    record(request(subject, first, environ, jobs=1), also)
    awake = replace(
        subject, probes=tuple(replace(probe, source=probe.source.replace("600", "0")) for probe in subject.probes)
    )
    more = record(request(awake, first.with_name("second"), environ))

    assert isinstance(more[0], RunResumed)
    whole = RecordedRun(file=first / "events.jsonl", name="first").read()
    verdicts = {cell.combo.id: cell.verdict.status for cell in judge(whole, RULES).cells}
    assert verdicts == {"quick": Status.PASS, "sleeper": Status.PASS, "waiting": Status.PASS}
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"step1.in", "step1.lock", "events.jsonl", "built.jsonl"} <= {path.name for path in written}
    assert not [path for path, data in written.items() if b"correct-horse" in data]


def test_a_resumed_run_evaluates_a_finished_combo_again_after_a_file_that_it_read_has_changed(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "data.txt").write_text("old", encoding="utf-8")
    reads = f"assert open({str(tmp_path / 'data.txt')!r}).read() == 'old'"
    combos = (*CUT_SHORT[:2], combo(("solid==1.0",), name="other", probes=("imports",), timeout=90))
    subject = matrix(
        tmp_path, stocked.url, combos, probes={"works": reads, "sleeps": SLEEPS, "imports": "import solid"}
    )
    first = tmp_path / "runs" / "tiny" / "first"

    reached: set[str] = set()

    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, PhaseStarted) and (event.combo, event.phase) == ("sleeper", Phase.PROBE):
            reached.add("asleep")
        if isinstance(event, ComboFinished) and event.combo == "quick":
            reached.add("quick")
        if reached == {"asleep", "quick"}:
            stop("SIGINT")

    begun = record(request(subject, first, environ, jobs=1), also)
    assert "quick" in [event.combo for event in begun if isinstance(event, ComboFinished)]
    (tmp_path / "data.txt").write_text("new", encoding="utf-8")
    awake = replace(
        subject, probes=tuple(replace(probe, source=probe.source.replace("600", "0")) for probe in subject.probes)
    )

    more = record(request(awake, first.with_name("second"), environ))

    again = {event.combo for event in more if isinstance(event, ComboStarted)}
    assert isinstance(more[0], RunResumed) and {"quick", "sleeper"} <= again
    whole = RecordedRun(file=first / "events.jsonl", name="first").read()
    verdicts = {cell.combo.id: cell.verdict.status for cell in judge(whole, RULES).cells}
    assert verdicts == {"quick": Status.FAIL, "sleeper": Status.PASS, "other": Status.PASS}


def test_an_exception_of_a_sink_ends_the_run_and_every_process(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    mark = f"KNOWNGOOD_TEST={uuid4().hex}"
    name, _, value = mark.partition("=")
    combos = (
        combo(("solid==1.0",), name="sleeper", probes=("sleeps",), timeout=15, env=((name, value),)),
        combo(("solid==1.0",), name="other"),
        *(combo(("solid==1.0",), name=f"more-{number}") for number in range(3)),
    )
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": "import time; time.sleep(2)", "sleeps": SLEEPS})
    built: list[str] = []

    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, EnvironmentCreated):
            built.append(event.combo)
        if isinstance(event, ComboFinished):
            assert wait_for(mark, 1, within=10)
            raise UndecidedError("the disk is full")

    with pytest.raises(UndecidedError):
        record(request(subject, tmp_path / "runs" / "tiny" / "run", environ), also)

    assert living(mark) == []
    assert sorted(built) == ["other", "sleeper"]


def test_two_runs_at_once_do_not_disturb_each_other(stocked: Index, environ: Mapping[str, str], tmp_path: Path) -> None:
    folders = [tmp_path / "runs" / "tiny" / name for name in ("a", "b")]
    versions = ("1.0", "2.0")
    subjects = [
        matrix(tmp_path, stocked.url, (combo((f"solid=={version}",), name="same"), combo(("solid==1.0",), name="both")))
        for version in versions
    ]

    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(record, request(subject, folder, environ, keep=True))
            for subject, folder in zip(subjects, folders, strict=True)
        ]
        judged = [cells(future.result()) for future in running]

    assert [combos["same"].verdict.status for combos in judged] == [Status.PASS, Status.FAIL]
    assert [combos["both"].verdict.status for combos in judged] == [Status.PASS, Status.PASS]
    assert [combos["same"].installed["solid"] for combos in judged] == list(versions)
    for folder in folders:
        assert {path.name.partition(".trial")[0] for path in folder.glob("combos/*")} == {"both", "same"}


READS_ASSET = """
from pathlib import Path
from probe_api import asset, check

@check
def has_the_weights():
    assert Path(asset("weights"), "weights.txt").read_text() == "7"

@check
def but_not_as_a_package():
    try:
        import pack
    except ImportError:
        pass
    else:
        raise AssertionError("it is installed")
"""


def test_an_asset_is_fetched_once_for_all_runs_and_given_to_probes(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(stocked.folder, "pack", "1.0", files={"pack/__init__.py": "", "pack/model/weights.txt": "7"})
    asset = Asset(name="weights", wheel="pack==1.0", path="pack/model")
    combos = (combo(("solid==1.0",), name="one"), combo(("solid==2.0",), name="two"))
    subject = matrix(tmp_path, stocked.url, combos, probes={"works": READS_ASSET}, assets=(asset,))

    for name in ("first", "second"):
        judged = cells(record(request(subject, tmp_path / "runs" / "tiny" / name, environ, cache=tmp_path / "cache")))
        assert {cell.verdict.status for cell in judged.values()} == {Status.PASS}, judged

    assert sum("pack" in path for path in stocked.requests if path.startswith("/files/")) == 1
    assert stocked.requests.count("/simple/pack/") == 1


@pytest.mark.parametrize(
    ("wheel", "path", "says"),
    [
        ("pack==9.9", "pack/model", "no version of pack==9.9"),
        ("nowhere==1.0", "x", "nowhere was not found"),
        ("pack==1.0", "pack/other", "pack==1.0 holds no pack/other"),
    ],
)
def test_an_asset_that_cannot_be_fetched_is_infra_and_reported(
    wheel: str, path: str, says: str, stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(stocked.folder, "pack", "1.0", files={"pack/__init__.py": "", "pack/model/weights.txt": "7"})
    asset = Asset(name="weights", wheel=wheel, path=path)
    subject = matrix(
        tmp_path, stocked.url, (combo(("solid==1.0",), name="one"),), probes={"works": READS_ASSET}, assets=(asset,)
    )

    (cell,) = cells(record(request(subject, tmp_path / "runs" / "tiny" / "run", environ))).values()

    assert (cell.verdict.status, cell.verdict.reason) == (Status.INFRA, Reason.ASSET_UNAVAILABLE)
    assert cell.message.startswith("asset weights: ") and says in cell.message
    assert cell.as_expected is None


def test_resuming_a_run_with_nothing_left_only_finishes_it(
    stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject = matrix(tmp_path, stocked.url, (combo(("solid==1.0",), name="one"),))
    folder = tmp_path / "runs" / "tiny" / "run"
    record(request(subject, folder, environ))
    log = folder / "events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))

    again = record(request(subject, folder.with_name("another"), environ))

    assert set(names(again)) == {"run-resumed", "index-chosen", "run-finished"}


def test_a_combo_that_shares_packages_with_one_being_compiled_is_probed_later(
    index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    for name in ("heavy", "light", "heavy-too", "light-too"):
        build_wheel(index.folder, name, "1.0")
    # It is built last, so that it would be probed last.
    build_wheel(index.folder, "large", "1.0", files={f"large/m{number}.py": "" for number in range(3000)})
    go_on = {name: tmp_path / f"go-on-{name}" for name in ("slow", "quick")}
    waits = """
import os, pathlib, time
while "KG_WAIT" in os.environ and not pathlib.Path(os.environ["KG_WAIT"]).exists():
    time.sleep(0.01)
"""
    combos = (
        combo(("heavy", "heavy-too"), name="slow", env=(("KG_WAIT", str(go_on["slow"])),)),
        combo(("light", "light-too"), name="quick", env=(("KG_WAIT", str(go_on["quick"])),)),
        combo(("heavy",), name="shares-with-slow"),
        combo(("light", "large"), name="shares-with-quick"),
    )
    built: list[str] = []

    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, EnvironmentRead):
            built.append(event.combo)
            if len(built) == len(combos):
                go_on["quick"].touch()
        if isinstance(event, PhaseStarted) and event.phase is Phase.PROBE and event.combo.startswith("shares"):
            go_on["slow"].touch()

    subject = matrix(tmp_path, index.url, combos, probes={"works": waits})
    events = record(request(subject, tmp_path / "runs" / "tiny" / "first", environ), also)

    probed = [event.combo for event in events if isinstance(event, PhaseStarted) and event.phase is Phase.PROBE]
    assert probed[2:] == ["shares-with-quick", "shares-with-slow"]


def test_the_combos_that_took_longest_in_the_past_start_first(
    index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "light", "1.0")
    combos = tuple(combo(("light",), name=name, env=(("KG_NAME", name),)) for name in ("short", "long", "longest"))
    subject = matrix(tmp_path, index.url, combos, probes={"works": "import light"})
    first = request(subject, tmp_path / "runs" / "tiny" / "first", environ, jobs=1)
    first.project.runs.folder.mkdir(parents=True)
    (first.project.runs.folder / "durations.json").write_text(
        '{"short": 1.0, "long": 5.0, "longest": 9.0}', encoding="utf-8"
    )

    events = record(first)

    probed = [event.combo for event in events if isinstance(event, PhaseStarted) and event.phase is Phase.PROBE]
    assert probed == ["longest", "long", "short"]
