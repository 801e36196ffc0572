"""A client leads a run on workers that die, hang, answer late or not at all, without a real engine."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.cache.verdicts import Entry
from knowngood.errors import UndecidedError
from knowngood.events import ComboFinished, ComboStarted, Event, FactsReused, HarnessFailed, TroubleMet, WorkerChanged
from knowngood.install.index import Routes
from knowngood.model import Combo, Reason, Reused
from knowngood.run.executors import hosts
from knowngood.run.executors.client import Client
from knowngood.run.executors.connection import Patience, WorkerLostError
from knowngood.run.executors.hosts import Host
from knowngood.run.executors.interface import Site, Task
from knowngood.run.executors.worker import Reply
from knowngood.run.stop import Stop
from support.loopback import NO_FILES, Loopback, Threaded, finished, paused
from support.runs import machine, task
from support.workshop import MINOR, combo

PATIENCE = Patience(silence=1.0, nobody=3.0, only_refused=1.0, ending=1.0)


@pytest.fixture(scope="module")
def host() -> Host:
    return replace(hosts.describe({"PATH": "/usr/bin", "HOME": "/"}, []), pythons={MINOR: "build"})


def tasks(count: int) -> list[Task]:
    return [task(combo(name=f"c{number}"), "") for number in range(count)]


class Run:
    """A run that is led until it ends, with its events."""

    def __init__(self, connection: Loopback, what: list[Task], folder: Path, environ: Mapping[str, str]) -> None:
        self.events: list[Event] = []
        self.stop = Stop()
        self.also: Callable[[Event], None] = lambda event: None
        site = Site(
            machine=machine(environ, folder / "cache"),
            project=folder,
            folder=folder / "run",
            environments=folder / "environments",
            routes=Routes(),
        )
        self.client = Client(connection, site, what, b"parcel", emit=self.emit, stop=self.stop, patience=PATIENCE)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.also(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def finished(self) -> Counter[str]:
        return Counter(event.combo for event in self.events if isinstance(event, ComboFinished))


@pytest.fixture
def run(tmp_path: Path, environ: Mapping[str, str]) -> Callable[[Loopback, list[Task]], Run]:
    return lambda connection, what: Run(connection, what, tmp_path, environ)


Make = Callable[[Loopback, list[Task]], Run]


def test_every_combo_is_evaluated_once_by_some_worker(run: Make, host: Host) -> None:
    connection = Loopback(all={f"tcp://{name}": Threaded(host=host) for name in "abc"})
    led = run(connection, tasks(50))

    led.client.work()

    assert led.finished == Counter({f"c{number}": 1 for number in range(50)})
    assert sum(len(worker.begun) for worker in connection.all.values()) == 50
    assert {event.state for event in led.events if isinstance(event, WorkerChanged)} == {"joined"}


def test_a_combo_of_a_worker_that_dies_is_evaluated_by_another(run: Make, host: Host) -> None:
    connection = Loopback(all={})

    def die(combo: Combo) -> Reply:
        connection.all.pop("tcp://dies").is_silent = True
        return finished()

    connection.all["tcp://dies"] = Threaded(host=host, begin=die)
    led = run(connection, tasks(1))

    def another_comes(event: Event) -> None:
        if isinstance(event, WorkerChanged) and event.state == "lost":
            connection.all["tcp://lives"] = Threaded(host=host)

    led.also = another_comes
    led.client.work()

    assert led.finished == Counter(c0=1)
    assert [event.host for event in led.events if isinstance(event, ComboStarted)] == ["dies", "lives"]
    assert not led.of(TroubleMet)


def test_a_combo_that_two_workers_are_lost_with_is_infra(run: Make, host: Host) -> None:
    def lost(combo: Combo) -> Reply:
        raise WorkerLostError("it died")

    connection = Loopback(all={f"tcp://{name}": Threaded(host=host, begin=lost) for name in "ab"})
    led = run(connection, tasks(1))

    led.client.work()

    (trouble,) = (event.trouble for event in led.events if isinstance(event, TroubleMet))
    assert trouble.reason is Reason.WORKER_LOST
    assert led.finished == Counter(c0=1)
    assert not led.of(HarnessFailed)


def test_a_worker_that_hangs_loses_its_combo_and_a_late_answer_does_not_count(run: Make, host: Host) -> None:
    released = threading.Event()
    connection = Loopback(all={})

    def hang(combo: Combo) -> Reply:
        connection.all["tcp://hangs"].is_silent = True
        return finished()

    connection.all["tcp://hangs"] = Threaded(host=host, begin=hang)
    led = run(connection, tasks(3))

    def others_come(event: Event) -> None:
        if isinstance(event, ComboStarted) and len(connection.all) == 1:
            connection.all["tcp://works"] = Threaded(host=host, begin=lambda combo: finished())

    led.also = others_come
    led.client.work()
    released.set()

    assert led.finished == Counter(c0=1, c1=1, c2=1)
    assert any("has not been heard of" in event.about for event in led.events if isinstance(event, WorkerChanged))
    assert connection.cancelled


def test_a_worker_whose_session_is_gone_opens_it_again(run: Make, host: Host) -> None:
    answers = iter([None, finished()])
    connection = Loopback(all={"tcp://a": Threaded(host=host, begin=lambda combo: next(answers))})
    led = run(connection, tasks(1))

    led.client.work()

    assert led.finished == Counter(c0=1)


def test_a_bug_of_ours_on_a_worker_ends_that_combo_and_no_other(run: Make, host: Host) -> None:
    def breaks(combo: Combo) -> Reply:
        if combo.id == "c1":
            raise ZeroDivisionError("oh")
        return finished()

    led = run(Loopback(all={"tcp://a": Threaded(host=host, begin=breaks)}), tasks(3))

    led.client.work()

    assert [event.error for event in led.events if isinstance(event, HarnessFailed)] == ["ZeroDivisionError: oh"]
    assert led.finished == Counter(c0=1, c1=1, c2=1)


def test_combos_with_the_same_key_are_evaluated_once(run: Make, host: Host) -> None:
    entry = Entry(
        reused=Reused(run="r", combo="c0", recorded="2026-01-01T00:00:00+00:00", key="equal"),
        matrix="m",
        statuses={},
        ingredients={},
        events=(),
    )
    went_on: list[str] = []

    def go_on(combo: Combo) -> Reply:
        went_on.append(combo.id)
        return finished(entry=entry)

    workers = {f"tcp://{name}": Threaded(host=host, begin=lambda combo: paused("equal"), go_on=go_on) for name in "ab"}
    led = run(Loopback(all=workers), tasks(4))

    led.client.work()

    assert led.finished == Counter(c0=1, c1=1, c2=1, c3=1)
    assert len(went_on) == 1
    assert len(led.of(FactsReused)) == 3


def test_workers_that_cannot_take_part_are_named_when_there_is_no_other(run: Make, host: Host) -> None:
    other = {"python": "3.99", "host": "node7", "knowngood": "1", "uv": "1"}
    led = run(Loopback(all={"tcp://a": Threaded(host=host, greeting=other)}), tasks(1))

    with pytest.raises(UndecidedError) as error:
        led.client.work()

    assert "the worker on node7 has Python 3.99" in str(error.value.cause)
    assert not led.finished


def test_a_run_without_workers_is_given_up(run: Make) -> None:
    with pytest.raises(UndecidedError) as error:
        run(Loopback(all={}), tasks(1)).client.work()

    assert "none was there for 3 s" in str(error.value.cause)


def test_a_lost_scheduler_stops_the_run(run: Make, host: Host) -> None:
    connection = Loopback(all={})

    def lose(combo: Combo) -> Reply:
        connection.is_alive = False
        return finished()

    connection.all["tcp://a"] = Threaded(host=host, begin=lose)
    led = run(connection, tasks(5))

    led.client.work()

    assert "the loss of the scheduler" in str(led.stop.reason)
    assert len(led.finished) < 5


def test_stopping_cancels_what_runs_and_records_nothing_of_it(run: Make, host: Host) -> None:
    reached = threading.Event()

    def long(combo: Combo) -> Reply:
        reached.set()
        threading.Event().wait(30)
        return finished()

    connection = Loopback(all={"tcp://a": Threaded(host=host, begin=long)})
    led = run(connection, tasks(2))
    thread = threading.Thread(target=led.client.work)
    thread.start()
    assert reached.wait(10)

    led.stop("SIGINT")
    thread.join(10)

    assert not thread.is_alive()
    assert not led.finished
    assert connection.cancelled


def test_what_a_worker_ends_because_it_leaves_is_evaluated_again(run: Make, host: Host) -> None:
    answers = iter([Reply(events=(), files=NO_FILES), finished()])
    led = run(Loopback(all={"tcp://a": Threaded(host=host, begin=lambda combo: next(answers))}), tasks(1))

    led.client.work()

    assert led.finished == Counter(c0=1)


def test_what_recording_raises_ends_the_run(run: Make, host: Host) -> None:
    led = run(Loopback(all={"tcp://a": Threaded(host=host)}), tasks(3))

    def full(event: Event) -> None:
        if isinstance(event, ComboFinished):
            raise UndecidedError("the disk is full")

    led.also = full

    with pytest.raises(UndecidedError, match="the disk is full"):
        led.client.work()
