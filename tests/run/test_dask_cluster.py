"""Runs on a real Dask scheduler with real workers: the same report as locally, whatever becomes of the workers."""

import json
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.cluster import Cluster, cluster
from support.project import Project, wait_for
from support.wheels import build_wheel
from support.workshop import MINOR

pytestmark = pytest.mark.real

MATRIX = """
[matrix]
timeout = 60

[index.local]
url = "wheels"

[[probe]]
id = "works"
source = '''
import os, pathlib, time
from probe_api import check, record

@check
def the_version_is_good():
    import solid
    record(version=solid.__version__)
    time.sleep(float(os.environ.get("KG_SLEEP", "0")))
    if solid.__version__ == "3.0":
        os.abort()
    assert solid.__version__ == "1.0", "only 1.0 is any good"
'''
"""


def combo(name: str, version: str = "1.0", **extra: object) -> str:
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in extra.items())
    return f'[[combo]]\nid = "{name}"\npython = "{MINOR}"\nsteps = [["solid=={version}"]]\n{lines}'


def many(count: int, sleep: float = 0.0) -> str:
    """Return a matrix with different combos that all pass."""
    combos = (f"{combo(f'c{number:03}')}env = {{ N = '{number}', KG_SLEEP = '{sleep}' }}\n" for number in range(count))
    return MATRIX + "".join(combos)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "wheels").mkdir()
    for version in ("1.0", "2.0", "3.0"):
        build_wheel(tmp_path / "wheels", "solid", version)
    return Project(folder=tmp_path)


def started(project: Project) -> list[str]:
    """Return the combos that a worker was given, in order."""
    return [event["combo"] for event in project.events("combo-started")] if project.logs() else []


def busy(project: Project, worker: str) -> bool:
    """Return whether a worker has a combo that is not finished."""
    if not project.logs():
        return False
    done = {event["combo"] for event in project.events("combo-finished")}
    return any(
        worker in event["host"] and event["combo"] not in done for event in project.events("combo-started")
    ) and any(f" on {worker}" in event["detail"] for event in project.events("phase-started"))


def finished_once(project: Project, count: int) -> None:
    finished = Counter(event["combo"] for event in project.events("combo-finished"))
    assert len(finished) == count
    assert set(finished.values()) == {1}


WHERE_AND_WHEN = {
    "command",
    "environment_bytes",
    "host",
    "id",
    "log",
    "peak_memory",
    "peak_memory_mib",
    "reused",
    "seconds",
    "started",
}


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: comparable(inner) for name, inner in value.items() if name not in WHERE_AND_WHEN}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    return re.sub(r"/[\w./-]+(?=/env/|/works\.)|\d+\.\d+ ?s\b", "PLACE", value) if isinstance(value, str) else value


def test_a_cluster_gives_the_same_report_as_this_machine(project: Project) -> None:
    combos = (
        combo("passes"),
        combo("equal"),
        combo("fails", "2.0"),
        combo("crashes", "3.0"),
        combo("unsolvable", "9.9"),
        combo("by-pip", installer="pip"),
        combo("no-python").replace(f'"{MINOR}"', '"3.7.1"'),
    )
    project.write(MATRIX + "".join(combos))
    here = project.run_matrix("--fresh")
    locally = json.loads((project.report / "matrix.json").read_text(encoding="utf-8"))

    with cluster(project, "a", "b", "c") as running:
        there = project.run_matrix("--fresh", *running.options)
        again = project.run("run", *running.options)

    assert there.returncode == here.returncode == 1, there.stdout + there.stderr
    remotely = json.loads((project.report / "matrix.json").read_text(encoding="utf-8"))
    assert comparable(remotely["cells"]) == comparable(locally["cells"])
    assert {cell["host"].split()[0] for cell in remotely["cells"]} <= {"a", "b", "c"}
    assert {cell["host"] for cell in locally["cells"]} == {""}
    # The second run has the verdicts of the first, which the client keeps.
    assert "5 reused" in again.stdout
    assert sum(cell["reused"] is not None for cell in remotely["cells"]) == 1, "one of the two equal combos ran"


def test_nothing_is_lost_when_workers_die_hang_come_late_or_are_foreign(project: Project) -> None:
    project.write(many(200))
    stub = project.folder / "stub" / "knowngood"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text('__version__ = "0.0.1"\n', encoding="utf-8")

    with cluster(project, "dies", "hangs", "stays") as running:
        running.add("foreign", PYTHONPATH=str(stub.parent))
        run = project.start("run", "--report-dir", "report", *running.options)
        wait_for(lambda: busy(project, "dies") and busy(project, "hangs"), seconds=240)
        running.kill("dies")
        running.send("hangs", signal.SIGSTOP)
        running.add("late")
        out, err = run.communicate(timeout=900)

    assert run.returncode == 0, out + err
    finished_once(project, 200)
    assert {cell["verdict"]["status"] for cell in project.cells().values()} == {"pass"}
    assert "knowngood 0.0.1" in err
    places = {cell["host"].split()[0] for cell in project.cells().values()}
    assert "late" in places
    assert "foreign" not in places
    changed = {(event["worker"].split()[0], event["state"]) for event in project.events("worker-changed")}
    assert {("dies", "lost"), ("hangs", "lost"), ("foreign", "refused"), ("late", "joined")} <= changed
    time.sleep(2)
    assert project.processes_left() == []


def test_a_combo_that_is_lost_twice_could_not_be_tested_and_did_not_crash(project: Project) -> None:
    project.write(many(1, sleep=50))

    with cluster(project, "first", "second", "third") as running:
        run = project.start("run", "--report-dir", "report", *running.options)
        for number in (1, 2):
            wait_for(lambda number=number: len(started(project)) == number, seconds=240)  # type: ignore[misc]
            name = project.events("combo-started")[-1]["host"].split()[0]
            wait_for(lambda name=name: busy(project, name), seconds=60)  # type: ignore[misc]
            running.kill(name)
        out, err = run.communicate(timeout=120)

    assert run.returncode == 3, out + err
    (cell,) = project.cells().values()
    assert cell["verdict"] == {"status": "infra", "phase": "probe", "reason": "worker-lost"}


@pytest.mark.parametrize("how", ["Ctrl-C", "the scheduler is lost", "kill -9"])
def test_a_run_that_ends_early_leaves_nothing_and_is_resumed(project: Project, how: str) -> None:
    project.write(many(9, sleep=2))

    with cluster(project, "a", "b", "c") as running:
        run = project.start("run", "--report-dir", "report", *running.options)
        wait_for(lambda: project.logs() and project.events("combo-finished"), seconds=240)
        match how:
            case "Ctrl-C":
                run.send_signal(signal.SIGINT)
            case "the scheduler is lost":
                assert running.scheduler is not None
                running.scheduler.kill()
            case _:
                run.kill()
        out, err = run.communicate(timeout=20)
        wait_for(lambda: not [line for line in project.processes_left() if "supervisor" in line], seconds=4)

    match how:
        case "Ctrl-C":
            assert run.returncode == 130, out + err
            assert "not-run" in out
            assert (project.report / "index.html").exists()
        case "the scheduler is lost":
            assert run.returncode == 3, out + err
            assert "scheduler" in out + err
            assert "not-run" in out
        case _:
            assert run.returncode == -signal.SIGKILL
    done = {event["combo"] for event in project.events("combo-finished")}
    assert 0 < len(done) < 9
    again = project.run_matrix()
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(project.logs()) == 1
    finished_once(project, 9)


def test_a_search_runs_its_candidates_on_the_cluster(project: Project) -> None:
    project.write(MATRIX + combo("fails", "2.0").replace("solid==2.0", "solid>=1"))

    with cluster(project, "a", "b") as running:
        result = project.run("frontier", "fails", "solid", "--format", "json", *running.options)

    assert result.returncode == 0, result.stdout + result.stderr
    assert [interval["says"] for interval in json.loads(result.stdout)["intervals"]] == ["works", "fails", "fails"]
    assert project.processes_left() == []


def test_a_cluster_with_certificates_is_used_and_strangers_are_not(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(project.folder / "ca.pem")
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        project.folder / "own.pem"
    )
    project.write(MATRIX + combo("passes"))
    running = Cluster(project=project)
    with monkeypatch.context() as trusted:
        trusted.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", str(project.folder / "ca.pem"))
        for role in ("SCHEDULER", "WORKER", "CLIENT"):
            for part in ("CERT", "KEY"):
                trusted.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__{part}", str(project.folder / "own.pem"))
        try:
            running.start("--protocol", "tls")
            running.add("a")
            known = project.run("run", *running.options)
            trusted.undo()
            stranger = project.run("run", *running.options)
        finally:
            running.end()

    assert json.loads(running.file.read_text(encoding="utf-8"))["address"].startswith("tls://127.0.0.1:")
    assert known.returncode == 0, known.stdout + known.stderr
    assert stranger.returncode == 3, stranger.stdout + stranger.stderr
    assert "Traceback" not in stranger.stderr
