"""Simulate a run on hundreds of workers, and print what it costs the machine that leads it. See ``--help``.

The client, its log, its verdicts and its files are real. The workers are threads that answer at once with what the
worker of a cell of 40 packages reports, so the client is what limits the run.
"""

import argparse
import io
import os
import pickle
import sys
import tarfile
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import knowngood  # noqa: E402
from bench.promises import publish  # noqa: E402
from knowngood.cache.keys import Keys  # noqa: E402
from knowngood.cache.verdicts import Entry  # noqa: E402
from knowngood.events import (  # noqa: E402
    BasisKnown,
    EnvironmentCreated,
    EnvironmentMeasured,
    EnvironmentRead,
    Event,
    Folding,
    ProbeFinished,
    RunStarted,
    StepInstalled,
    StepResolved,
)
from knowngood.install.index import Routes  # noqa: E402
from knowngood.model import Basis, Combo, Distribution, EnvironmentFacts, ProbeBasis, ProbeKind, Reused  # noqa: E402
from knowngood.process.redaction import Redactor  # noqa: E402
from knowngood.run import host  # noqa: E402
from knowngood.run.engine import EventLog, Recorder  # noqa: E402
from knowngood.run.executors import hosts  # noqa: E402
from knowngood.run.executors.client import Client  # noqa: E402
from knowngood.run.executors.connection import Patience  # noqa: E402
from knowngood.run.executors.interface import Site  # noqa: E402
from knowngood.run.executors.worker import Reply  # noqa: E402
from knowngood.run.stop import Stop  # noqa: E402
from support.facts import GOOD, action, attempt, check, info  # noqa: E402
from support.loopback import Loopback, Threaded  # noqa: E402
from support.runs import machine, task  # noqa: E402
from support.workshop import MINOR, combo  # noqa: E402

PAGE = ROOT / "docs" / "clusters.md"
PACKAGES = 40
MILLION = 1_000_000
CELL = 60.0
"""Seconds of a cell, for the arithmetic."""
_LOG = 4000  # bytes of each of the logs that a worker sends back


def main() -> None:
    """Simulate runs of two sizes and print what one combo costs, and a million."""
    parser = argparse.ArgumentParser(description="Simulate a run on many workers, and print what its client costs.")
    parser.add_argument("--workers", type=int, default=500, help="how many workers (default: 500)")
    parser.add_argument("--combos", type=int, default=5_000, help="combos of the larger run (default: 5000)")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="knowngood-simulation-") as folder:
        small = simulate(Path(folder) / "small", arguments.workers, arguments.combos // 5)
        large = simulate(Path(folder) / "large", arguments.workers, arguments.combos)
    table = render(small, large)
    print(table)
    if arguments.write:
        publish(PAGE, table, name="simulation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a simulated run cost the client."""

    workers: int
    combos: int
    events: int
    cpu: float
    """Seconds of the thread that leads the run, with pickling and unpickling as an engine does it."""
    seconds: float
    memory: int
    """Bytes that the process grew by."""
    log: int
    """Bytes of the event log."""
    disk: int
    """Bytes of everything that the client wrote."""
    files: int


def simulate(folder: Path, workers: int, combos: int) -> Cost:
    """Lead a run of ``combos`` combos on ``workers`` simulated workers, and return its cost."""
    folder.mkdir()
    described = replace(hosts.describe(dict(os.environ), []), pythons={MINOR: "build"})
    engine = _Pickling(all={f"tcp://w{number}": _worker(described) for number in range(workers)})
    tasks = [task(_combo(number), "") for number in range(combos)]
    site = Site(
        machine=machine(dict(os.environ), folder / "cache"),
        project=folder,
        folder=folder / "run",
        environments=folder / "environments",
        routes=Routes(),
    )
    events = 0

    def count(event: Event, folding: Folding) -> None:
        nonlocal events
        events += 1

    with closing(EventLog(site.folder / "events.jsonl")) as log:
        recorder = Recorder([lambda event, folding: log(event), count], Redactor(()))
        before, began, used = _memory(), time.monotonic(), time.thread_time()
        recorder(RunStarted(info=info(), combos=tuple(each.combo for each in tasks)))
        Client(engine, site, tasks, b"parcel", emit=recorder, stop=Stop(), patience=Patience()).work()
        cpu, seconds, after = time.thread_time() - used, time.monotonic() - began, _memory()
    if len(recorder.finished) != combos:
        sys.exit(f"{combos - len(recorder.finished)} combos were lost")
    written = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Cost(
        workers=workers,
        combos=combos,
        events=events,
        cpu=cpu + engine.unpickling,
        seconds=seconds,
        memory=after - before,
        log=(site.folder / "events.jsonl").stat().st_size,
        disk=sum(written),
        files=len(written),
    )


def render(small: Cost, large: Cost) -> str:
    """Return the table of what a combo costs and a million, with the assumptions and the limits that follow."""
    more = large.combos - small.combos
    cpu = (large.cpu - small.cpu) / more
    memory = (large.memory - small.memory) / more
    log, disk = large.log / large.combos, large.disk / large.combos
    events, files = large.events / large.combos, large.files / large.combos
    hours = MILLION * cpu / 3600
    ideal = MILLION * CELL / large.workers / 3600
    rows = (
        ("events", f"{events:.0f}", f"{MILLION * events / 1e6:.0f} million"),
        ("CPU of the client", f"{1000 * cpu:.1f} ms", f"{hours:.1f} h"),
        ("memory of the client", f"{memory / 1024:.1f} KiB", f"{MILLION * memory / 2**30:.1f} GiB"),
        ("event log", f"{log / 1024:.1f} KiB", f"{MILLION * log / 2**30:.1f} GiB"),
        ("disk: log, locks, logs, verdicts", f"{disk / 1024:.1f} KiB", f"{MILLION * disk / 2**30:.1f} GiB"),
        ("files", f"{files:.1f}", f"{MILLION * files / 1e6:.1f} million"),
    )
    lines = [
        f"{large.workers} workers, measured with {small.combos:,} and {large.combos:,} combos on {host.cpu_level()}, "
        f"knowngood {knowngood.__version__}:",
        "",
        "| what | one combo | a million combos |",
        "| --- | ---: | ---: |",
        *(f"| {what} | {one} | {all_} |" for what, one, all_ in rows),
        "",
        f"- The client takes in {events / cpu:,.0f} events for each second of its CPU, which is {1 / cpu:,.0f} combos.",
        f"- With cells of {CELL:.0f} s, {large.workers} workers finish {large.workers / CELL:.1f} combos a second, and "
        f"a million in {ideal:.0f} h. The client is busy for {100 * large.workers / CELL * cpu:.0f} % of that time.",
        f"- The run is as fast as its workers up to {CELL / cpu:,.0f} workers with such cells, or with "
        f"{large.workers} workers down to cells of {large.workers * cpu:.1f} s. Beyond that, workers wait.",
    ]
    return "\n".join(lines) + "\n"


class _Pickling(Loopback):
    """An engine that pickles calls and results, as one with processes does; it counts how long unpickling takes."""

    unpickling = 0.0
    _lock = threading.Lock()

    def submit(self, key: str, worker: str, call: Any, done: Any) -> Any:
        function, arguments = call

        def receive(result: Any) -> None:
            sent = pickle.dumps(result)
            began = time.thread_time()
            received = pickle.loads(sent)
            with self._lock:
                self.unpickling += time.thread_time() - began
            done(received)

        return super().submit(key, worker, (function, pickle.loads(pickle.dumps(arguments))), receive)


def _worker(described: hosts.Host) -> Threaded:
    return Threaded(host=described, begin=_begin, go_on=_go_on)


def _combo(number: int) -> Combo:
    pins = [f"package-{position}==1.{(number >> position) % 2}" for position in range(10)]
    return combo(tuple(pins), name=f"c{number:07}")


def _begin(subject: Combo) -> Reply:
    key = f"{subject.id:0>64}"
    probe = ProbeBasis(probe="works", kind=ProbeKind.SCRIPT)
    basis = Basis(key=key, lock=key, python="3.11.7 main", machine="Linux", variables=("LANG", "TZ"), probes=(probe,))
    resolved = StepResolved(
        combo=subject.id,
        step=1,
        requirements=subject.steps[0].lines,
        action=action(GOOD, "", log=f"combos/{subject.id}/step1.resolve.log"),
        resolved=_versions(subject),
        lock=key,
    )
    keys = Keys(build=key, verdict=key, ingredients={"steps": key}, basis=basis)
    events = (resolved, BasisKnown(combo=subject.id, basis=basis))
    return Reply(events=events, files=_files("step1.lock", "step1.resolve.log"), keys=keys)


def _go_on(subject: Combo) -> Reply:
    name, versions = subject.id, _versions(subject)
    recorded = attempt(check("imports"), check("encodes"))
    read = EnvironmentFacts(
        distributions=tuple(
            Distribution(name=package, version=version, requires=(f"{package}-dep>=1",) * 5, modules=(package,))
            for package, version in versions.items()
        )
    )
    done = action(GOOD, "Installed 40 packages\n", log=f"combos/{name}/step1.install.log")
    events: tuple[Any, ...] = (
        EnvironmentCreated(combo=name, action=done, python_version="3.11.7"),
        StepInstalled(combo=name, step=1, requirements=subject.steps[0].lines, action=done, installed=versions),
        EnvironmentMeasured(combo=name, size=10**9),
        EnvironmentRead(combo=name, environment=read),
        ProbeFinished(combo=name, probe="works", action=recorded.action, transcript=recorded.transcript),
    )
    reused = Reused(run="r", combo=name, recorded="2026-01-01T00:00:00+00:00", key=f"{name:0>64}")
    entry = Entry(reused=reused, matrix="m", statuses={"works": "pass"}, ingredients={}, events=events)
    return Reply(
        events=events, files=_files("create.log", "step1.install.log", "works.log"), finished=True, entry=entry
    )


def _versions(subject: Combo) -> dict[str, str]:
    pins = (requirement.partition("==")[::2] for requirement in subject.steps[0].requirements)
    return {f"package-{number}": "1.0" for number in range(PACKAGES)} | dict(pins)


def _files(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = _LOG
            archive.addfile(member, io.BytesIO(b"line of a log\n" * (_LOG // 14 + 1)))
    return buffer.getvalue()


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
