"""Tests of environments that outlive their run: probed again while they are unchanged, else built again."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowngood.cache.environments import EnvironmentPool, PooledEnvironment
from knowngood.events import Event, PhaseStarted
from knowngood.install.environment import Survey
from knowngood.model import InstallerName, Phase, Status
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.stop import Stop
from support.index import Index
from support.runs import cells, matrix, record, request
from support.wheels import build_wheel
from support.workshop import combo

MOST = 24
ONE = combo(("solid==1.0",))
SMALL = Survey(size=1000, own=1000, fingerprint="f")


class Home:
    """The runs of one test, which share a pool of environments."""

    def __init__(self, folder: Path, index: Index, environ: Mapping[str, str]) -> None:
        self.folder, self.url, self.environ = folder, index.url, environ

    def run(
        self, name: str, *, probe: str = "import solid", installer: InstallerName | None = None, **how: object
    ) -> list[Event]:
        solid = combo(("solid==1.0",), installer=installer or InstallerName.UV)
        subject = matrix(self.folder, self.url, (solid,), probes={"works": probe})
        return record(request(subject, self.folder / "runs" / "tiny" / name, self.environ, **how))  # type: ignore[arg-type]

    def was_built(self, name: str) -> bool:
        """Return whether a run built an environment, as its logs show."""
        logs = {path.name for path in (self.folder / "runs" / "tiny" / name / "combos" / "one").glob("*.log")}
        assert ("create.log" in logs) == ("step1.install.log" in logs)
        return "create.log" in logs

    @property
    def environments(self) -> Path:
        return self.folder / "environments" / "tiny"

    def kept(self) -> list[Path]:
        return sorted(path for path in self.environments.iterdir() if path.is_dir())


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    build_wheel(index.folder, "solid", "1.0")
    return Home(tmp_path, index, environ)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[EnvironmentPool]:
    made = EnvironmentPool(folder=tmp_path / "environments")
    yield made
    made.close()


def test_an_unchanged_environment_is_probed_again_instead_of_built(home: Home) -> None:
    first = home.run("first", fresh_probes=True)
    (place,) = home.kept()
    inode = (place / "env" / "bin" / "python").lstat().st_ino

    second = home.run("second", fresh_probes=True)

    assert home.was_built("first") and not home.was_built("second")
    phases = [(event.phase, event.detail) for event in second if isinstance(event, PhaseStarted)]
    assert phases[1:] == [(Phase.INSTALL, "the environment of an earlier run"), (Phase.PROBE, "works")]
    assert home.kept() == [place] and (place / "env" / "bin" / "python").lstat().st_ino == inode
    before, after = cells(first)["one"], cells(second)["one"]
    assert (after.verdict, after.installed, after.python) == (before.verdict, before.installed, before.python)
    assert after.reused is None


@pytest.mark.parametrize("change", ["touched", "added", "removed", "written", "replaced", "record", "python"])
def test_a_changed_environment_is_built_again(home: Home, change: str) -> None:
    home.run("first", fresh_probes=True)
    (place,) = home.kept()
    (module,) = place.glob("env/lib/python*/site-packages/solid.py")
    match change:
        case "touched":
            os.utime(module)
        case "added":
            module.with_name("conftest.pth").write_text("import antigravity\n", encoding="utf-8")
        case "removed":
            module.unlink()
        case "written":
            stat = module.stat()
            module.write_text(module.read_text().replace("1.0", "1.00"), encoding="utf-8")
            os.utime(module, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        case "replaced":
            stat = module.stat()
            source = module.read_bytes()
            module.rename(place / "old")
            module.write_bytes(source)
            os.utime(module, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        case "record":
            (place / "built.jsonl").write_text("{", encoding="utf-8")
        case _:
            (place / "env" / "bin" / "python").unlink()

    second = home.run("second", fresh_probes=True)

    assert home.was_built("second")
    assert cells(second)["one"].verdict.status is Status.PASS
    assert not home.run("third", fresh_probes=True) or not home.was_built("third")


def test_an_environment_that_its_probe_changed_is_not_used_again(home: Home) -> None:
    writes = "import solid, pathlib\npathlib.Path(solid.__file__).with_name('more.py').write_text('')"

    home.run("first", probe=writes)
    home.run("second", probe="import solid, importlib.util\nassert not importlib.util.find_spec('more')")

    assert home.was_built("second")


@pytest.mark.parametrize("how", ["fresh", "optimization"])
def test_an_environment_is_built_again_on_request(home: Home, how: str) -> None:
    home.run("first")

    if how == "fresh":
        home.run("second", fresh=True)
    else:
        home.run("second", fresh_probes=True, optimizations=ALL_OPTIMIZATIONS - {Optimization.KEPT})

    assert home.was_built("second")


def test_an_environment_of_pip_does_not_stay_because_its_lock_comes_too_late(home: Home) -> None:
    home.run("first", installer=InstallerName.PIP)

    assert not home.environments.exists() or home.kept() == []


def test_no_trash_is_left_when_a_run_ends(home: Home) -> None:
    for name in ("first", "second"):
        home.run(name, fresh=True)
        trash = home.environments / f".trash-of-a-run-that-was-killed-after-the-{name}"
        trash.mkdir()
        (trash / "file").touch()
    home.run("third")

    deadline = time.monotonic() + 30
    while list(home.environments.glob(".trash*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(home.environments.glob(".trash*"))
    assert len(home.kept()) == 1


def test_a_stopped_run_leaves_neither_environment_nor_trash(home: Home) -> None:
    def also(event: Event, stop: Stop) -> None:
        if isinstance(event, PhaseStarted) and event.phase is Phase.PROBE:
            stop("SIGTERM")

    subject = matrix(home.folder, home.url, (ONE,), probes={"works": "import time; time.sleep(60)"})
    record(request(subject, home.folder / "runs" / "tiny" / "first", home.environ), also)

    assert [path for path in home.environments.iterdir() if path.is_dir()] == []


def test_keep_links_the_environment_into_the_folder_of_the_run(home: Home) -> None:
    home.run("first", keep=True)

    link = home.folder / "runs" / "tiny" / "first" / "combos" / "one" / "env"
    assert link.is_symlink() and (link / "bin" / "python").exists()
    assert link.resolve().parent == home.kept()[0].resolve()


def test_keep_links_an_environment_that_an_earlier_run_built(home: Home) -> None:
    home.run("first")

    home.run("second", keep=True, fresh_probes=True)

    assert (home.folder / "runs" / "tiny" / "second" / "combos" / "one" / "env" / "bin" / "python").exists()


def test_keep_builds_an_environment_even_when_the_verdict_could_be_reused(home: Home) -> None:
    home.run("first", optimizations=ALL_OPTIMIZATIONS - {Optimization.KEPT})

    home.run("second", keep=True)

    assert (home.folder / "runs" / "tiny" / "second" / "combos" / "one" / "env" / "bin" / "python").exists()


def make(place: PooledEnvironment, *, used: float | None = None) -> None:
    """Create what looks like an environment that was last used at ``used``; without, like an incomplete one."""
    (place.folder / "env" / "bin").mkdir(parents=True)
    (place.folder / "env" / "bin" / "python").touch()
    if used is not None:
        record = place.folder / "built.jsonl"
        record.write_text(json.dumps({"fingerprint": "f"}) + "\n", encoding="utf-8")
        os.utime(record, (used, used))


def test_two_runs_at_once_do_not_share_an_environment(pool: EnvironmentPool) -> None:
    other = EnvironmentPool(folder=pool.folder)
    with pool.take("one", "k" * 64) as first:
        make(first)
        with other.take("one", "k" * 64) as second:
            assert second.folder != first.folder
            make(second)
        assert first.folder.exists() and not second.folder.exists(), "only the first environment can stay"
    with other.take("one", "k" * 64) as third:
        assert third.folder == first.folder
    other.close()


def test_another_thread_can_let_go_of_an_environment(pool: EnvironmentPool) -> None:
    taken = pool.take("one", "k" * 64)

    with ThreadPoolExecutor(1) as builder, ThreadPoolExecutor(1) as prober:
        first = builder.submit(taken.__enter__).result()
        prober.submit(taken.__exit__, None, None, None).result()
        # The context still exists: the lock is released, not merely collected.
        with pool.take("one", "k" * 64) as second:
            assert second.folder == first.folder


def test_another_key_gives_another_environment(pool: EnvironmentPool) -> None:
    with pool.take("one", "a" * 64) as first, pool.take("one", "b" * 64) as second:
        assert first.folder != second.folder


def test_the_environments_used_most_recently_stay(tmp_path: Path) -> None:
    pool = EnvironmentPool(folder=tmp_path / "environments")
    for number in range(MOST + 3):
        with pool.take(f"c{number}", "k" * 64) as place:
            make(place, used=1000.0 + number if number else None)

    pool.close()

    left = {path.name for path in pool.folder.iterdir() if path.is_dir()}
    assert left == {f"c{number}-{'k' * 12}" for number in range(3, MOST + 3)}
    assert not (pool.folder / f"c1-{'k' * 12}.lock").exists()


def test_an_environment_that_another_run_uses_is_not_evicted(tmp_path: Path) -> None:
    ours, theirs = (EnvironmentPool(folder=tmp_path / "environments") for _ in range(2))
    for number in range(MOST + 3):
        with ours.take(f"c{number}", "k" * 64) as place:
            make(place, used=1000.0 + number)
    with theirs.take("c0", "k" * 64) as oldest, theirs.take("c0", "k" * 64) as spare:
        make(spare)
        ours.close()

        assert oldest.environment.python.exists() and spare.environment.python.exists()
    assert not spare.folder.exists()
    theirs.close()


def test_a_limited_number_of_environments_stay_and_no_large_one(pool: EnvironmentPool) -> None:
    pool.folder.mkdir()
    chosen = [PooledEnvironment(folder=pool.folder / str(number)) for number in range(MOST + 1)]
    large = Survey(size=2**31, own=2**31, fingerprint="f")
    linked = Survey(size=2**31, own=1000, fingerprint="f")

    assert not pool.may_stay(chosen[0], large)
    assert [pool.may_stay(place, linked) for place in chosen] == [True] * MOST + [False]
    assert pool.may_stay(chosen[0], SMALL), "it stays already"
    pool.discard(chosen[1])
    assert pool.may_stay(chosen[-1], SMALL)


def test_many_threads_can_take_and_discard_at_once(tmp_path: Path) -> None:
    pool = EnvironmentPool(folder=tmp_path / "environments")
    inside, most, lock = [0], [0], threading.Lock()

    def use(number: int) -> None:
        for _ in range(10):
            with pool.take("one", "k" * 64) as place:
                with lock:
                    inside[0] += place.folder.name == f"one-{'k' * 12}"
                    most[0] = max(most[0], inside[0])
                make(place)
                pool.discard(place)
                with lock:
                    inside[0] -= place.folder.name == f"one-{'k' * 12}"

    with ThreadPoolExecutor(6) as threads:
        for future in [threads.submit(use, number) for number in range(6)]:
            future.result()
    pool.close()

    assert most == [1]
    assert [path.name for path in pool.folder.iterdir() if path.is_dir()] == []
