"""A worker's session evaluates combos step by step, as the machine that started the run asks, without any engine."""

import os
import pickle
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import ComboFinished, Event, PhaseStarted, ProbeFinished, StepResolved
from knowngood.install.index import Routes
from knowngood.model import Probe, ProbeKind, Source, Step
from knowngood.run.executors.interface import RunSettings, Site
from knowngood.run.executors.parcel import Parcel, pack
from knowngood.run.executors.worker import Reply, Session, Sessions
from support.index import Index
from support.processes import living
from support.runs import machine, task
from support.wheels import build_wheel
from support.workshop import combo

SLOW = """
import time
time.sleep(60)
"""


@pytest.fixture
def stocked(index: Index) -> Index:
    build_wheel(index.folder, "solid", "1.0")
    build_wheel(index.folder, "solid", "2.0")
    return index


@pytest.fixture
def site(tmp_path: Path, environ: Mapping[str, str]) -> Site:
    project = tmp_path / "project"
    project.mkdir()
    return Site(
        machine=machine(environ, tmp_path / "cache"),
        project=project,
        folder=tmp_path / "run",
        environments=tmp_path / "environments",
        routes=Routes(),
    )


def settings(url: str, **options: object) -> RunSettings:
    return replace(task(combo(), url).settings, remote=True, **options)  # type: ignore[arg-type]


@pytest.fixture
def session(stocked: Index, site: Site, tmp_path: Path, environ: Mapping[str, str]) -> Iterator[Session]:
    parcel: Parcel = pickle.loads(pickle.dumps(pack(site, settings(stocked.url), [])))
    opened = Session(parcel, tmp_path / "worker", dict(environ))
    yield opened
    opened.close()


def nobody(event: Event) -> None:
    """Watch nothing."""


def kinds(reply: Reply | None) -> list[type[Event]]:
    assert reply is not None
    return [type(event) for event in reply.events]


def test_a_combo_pauses_where_its_key_is_known_and_goes_on_from_there(session: Session) -> None:
    subject, live = combo(("solid==1.0",)), list[Event]()

    begun = session.begin(subject, (), asks=True, live=live.append)
    rest = session.go_on(subject, live=live.append)

    assert begun.keys is not None and not begun.finished
    assert StepResolved in kinds(begun) and ProbeFinished not in kinds(begun)
    assert rest is not None and rest.finished and rest.entry is not None
    assert kinds(rest)[-1] is ComboFinished and StepResolved not in kinds(rest)
    assert [event.phase for event in live if isinstance(event, PhaseStarted)] == [
        "resolve",
        "create",
        "install",
        "probe",
    ]


def test_what_nobody_asks_about_is_evaluated_at_once(session: Session) -> None:
    reply = session.begin(combo(("solid==1.0",)), (), asks=False, live=nobody)

    assert reply.finished and reply.entry is not None


def test_a_combo_without_a_solution_is_finished_without_a_pause(session: Session) -> None:
    reply = session.begin(combo(("solid==9.9",)), (), asks=True, live=nobody)

    assert reply.finished and reply.keys is None


def test_another_worker_takes_the_locks_and_asks_no_index(
    session: Session, stocked: Index, site: Site, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    subject = combo(("solid==1.0",))
    begun = session.begin(subject, (), asks=True, live=nobody)
    locks = pickle.loads(pickle.dumps(begun.locks))
    other = Session(pack(site, settings(stocked.url), []), tmp_path / "other", dict(environ))
    build_wheel(stocked.folder, "solid", "1.0.1")
    stocked.requests.clear()

    again = other.begin(subject, locks, asks=True, live=nobody)

    asked = list(stocked.requests)
    rest = other.go_on(subject, live=nobody)
    other.close()
    assert again.keys is not None and begun.keys is not None and again.keys.verdict == begun.keys.verdict
    assert not [path for path in asked if "solid" in path]
    assert rest is not None and rest.finished


def test_combos_with_equal_steps_are_resolved_once_in_a_session(session: Session) -> None:
    replies = [
        session.begin(combo(("solid==1.0",), name=name, env=(("N", name),)), (), asks=False, live=nobody)
        for name in ("one", "two", "three")
    ]

    assert [reply.finished for reply in replies] == [True, True, True]
    assert not [event for reply in replies for event in reply.events if "harness" in event.event]


def test_going_on_with_what_was_not_begun_is_refused(session: Session) -> None:
    session.begin(combo(("solid==1.0",), name="one"), (), asks=True, live=nobody)

    assert session.go_on(combo(("solid==1.0",), name="other"), live=nobody) is None


def test_a_session_without_work_lets_go_of_its_processes(session: Session) -> None:
    subject = combo(("solid==1.0",))
    of_others = children()
    session.begin(subject, (), asks=True, live=nobody)
    own = children() - of_others
    assert own
    session.last = time.monotonic() - 60

    session.watch()

    assert not children() & own
    assert session.go_on(subject, live=nobody) is None
    assert session.begin(subject, (), asks=False, live=nobody).finished


def children() -> set[int]:
    """Return the supervisors that this process has."""
    return {
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if f" {os.getpid()} " in path.read_text().rpartition(")")[2][:20]
        and b"supervisor.py" in (path.parent / "cmdline").read_bytes()
    }


def test_a_session_ends_what_runs_when_nobody_waits_for_it(
    stocked: Index, site: Site, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    sessions, replies = Sessions(), list[Reply | None]()
    asked = settings(stocked.url, probes=(Probe(id="works", source=SLOW, path=None),))
    outside = {**environ, "KG_TEST_MARK": str(tmp_path)}
    sessions.open("s", pack(site, asked, []), tmp_path, outside)
    wanted, probing = threading.Event(), threading.Event()
    wanted.set()

    def live(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "probe":
            probing.set()

    def work() -> None:
        begin = lambda session: session.begin(combo(("solid==1.0",)), (), asks=False, live=live)  # noqa: E731
        replies.append(sessions.use("s", wanted.is_set, begin))

    thread = threading.Thread(target=work)
    thread.start()
    assert probing.wait(60)
    wanted.clear()
    thread.join(20)

    assert [reply.finished for reply in replies if reply is not None] == [False]
    assert not living(f"KG_TEST_MARK={tmp_path}")
    assert sessions.use("s", lambda: True, lambda session: None) is None


def test_a_parcel_has_the_tree_and_the_wheels_that_git_ignores(
    site: Site, stocked: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    (site.project / "dist").mkdir()
    (site.project / "code.py").write_text("x = 1\n", encoding="utf-8")
    wheel = build_wheel(site.project / "dist", "mine", "1.0")
    asked = settings(stocked.url, probes=(Probe(id="works", kind=ProbeKind.COMMAND, arguments=("true",)),))
    step = Step(lines=(), requirements=(), sources=(Source(path=f"dist/{wheel.name}"),))

    parcel: Parcel = pickle.loads(pickle.dumps(pack(site, asked, [replace(combo(), steps=(step,))])))
    project, given = parcel.unpack(tmp_path / "unpacked")

    assert (project / "code.py").read_text(encoding="utf-8") == "x = 1\n"
    assert (project / "dist" / wheel.name).read_bytes() == wheel.read_bytes()
    assert given.tree is not None and (given.tree.folder / "code.py").exists()
    assert parcel.bases["works"].files == 1


def test_a_parcel_without_need_for_the_project_has_nothing_of_it(site: Site, stocked: Index) -> None:
    (site.project / "large.bin").write_bytes(os.urandom(2**20))

    assert len(pickle.dumps(pack(site, settings(stocked.url), [combo()]))) < 2**16


def test_a_step_that_installs_what_workers_cannot_have_is_an_error(site: Site, stocked: Index) -> None:
    (site.project.parent / "elsewhere").mkdir()
    step = Step(lines=(), requirements=(), sources=(Source(path="../elsewhere"),))

    with pytest.raises(UsageError, match="which workers do not have"):
        pack(site, settings(stocked.url), [replace(combo(), steps=(step,))])


def test_a_parcel_that_is_too_large_is_an_error(site: Site, stocked: Index) -> None:
    (site.project / "code.bin").write_bytes(os.urandom(2**16))
    asked = settings(stocked.url, probes=(Probe(id="works", kind=ProbeKind.COMMAND, arguments=("true",)),))

    with pytest.raises(UsageError, match="too large"):
        pack(site, asked, [combo()], most=2**10)
