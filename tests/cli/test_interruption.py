"""Runs that are stopped by a signal, by the death of their parent process, or by ``kill -9``."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.index import Index
from support.project import Project, wait_for

STUCK = """
[matrix]
isolation = "none"
timeout = 60

[index.local]
url = "{url}"

[[probe]]
id = "quick"
source = "import tiny"

[[probe]]
id = "stuck"
source = '''
import pathlib, os, signal, subprocess, sys, time
gate = pathlib.Path(os.environ["KG_TEST_MARK"], "gate")
if not gate.exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(60)"])
    pathlib.Path(os.environ["KG_TEST_MARK"], "reached").touch()
    time.sleep(60)
'''

[[combo]]
id = "first"
steps = [["tiny==1.0"]]
probes = ["quick"]

[[combo]]
id = "second"
steps = [["tiny==1.0"]]
probes = ["stuck"]

[[combo]]
id = "third"
steps = [["tiny==1.0"]]
timeout = "9m"
probes = ["quick"]
"""


@pytest.fixture
def stuck(project: Project, index: Index) -> Project:
    """Return a project whose second combo hangs until there is a file called ``gate``."""
    project.write(STUCK.format(url=index.url))
    return project


def _start(project: Project, *options: str) -> "subprocess.Popen[str]":
    """Start a run, and return once its second combo hangs."""
    running = project.start("run", "--jobs", "1", "--report-dir", "report", *options)
    wait_for((project.folder / "reached").exists)
    return running


def _statuses(project: Project) -> dict[str, str]:
    return {name: cell["verdict"]["status"] for name, cell in project.cells().items()}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_within_seconds_with_its_report_and_nothing_left(
    stuck: Project, number: signal.Signals, code: int
) -> None:
    running = _start(stuck)

    running.send_signal(number)
    out, err = running.communicate(timeout=10)

    assert running.returncode == code, err
    assert _statuses(stuck) == {"first": "pass", "second": "not-run", "third": "not-run"}
    assert "Traceback" not in out + err
    wait_for(lambda: not stuck.processes_left(), seconds=2)


def test_the_same_command_resumes_an_interrupted_run_and_runs_only_unfinished_combos(stuck: Project) -> None:
    running = _start(stuck)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=10)
    assert "Re-run the same command within 24 hours to resume." in out
    (stuck.folder / "gate").touch()

    again = stuck.run("run", "--report-dir", "report")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "Resuming" in again.stderr
    assert _statuses(stuck) == {"first": "pass", "second": "pass", "third": "pass"}
    assert [event["combo"] for event in stuck.events("combo-started")].count("first") == 1
    assert len(stuck.logs()) == 1


def test_fresh_starts_over_instead_of_resuming(stuck: Project) -> None:
    running = _start(stuck, "--fresh")
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=10)
    assert "Re-run the command without --fresh within 24 hours to resume." in out
    (stuck.folder / "gate").touch()

    again = stuck.run("run", "--fresh")

    assert again.returncode == 0
    assert len(stuck.logs()) == 2


def test_kill_9_leaves_a_readable_log_no_process_and_a_run_that_can_be_resumed(stuck: Project) -> None:
    running = _start(stuck)

    running.kill()
    running.communicate()

    wait_for(lambda: not stuck.processes_left(), seconds=4)
    rendered = stuck.run("report", str(stuck.logs()[0]))
    assert rendered.returncode == 0, rendered.stderr
    assert "not-run" in rendered.stdout and "pass" in rendered.stdout
    (stuck.folder / "gate").touch()
    again = stuck.run("run", "--report-dir", "report")
    assert again.returncode == 0, again.stdout + again.stderr
    assert [event["combo"] for event in stuck.events("combo-started")].count("first") == 1


def test_a_later_run_removes_the_temporary_folders_of_one_that_was_killed(
    stuck: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as system:
        monkeypatch.setenv("TMPDIR", system)
        running = _start(stuck)
        running.kill()
        running.communicate()
        wait_for(lambda: not stuck.processes_left(), seconds=4)
        assert list(Path(system).glob("kg-*"))
        (stuck.folder / "gate").touch()

        again = stuck.run("run", "--report-dir", "report")

        assert again.returncode == 0, again.stdout + again.stderr
        assert not list(Path(system).glob("kg-*"))


def test_a_run_ends_when_the_process_that_started_it_is_gone(stuck: Project) -> None:
    starter = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    command = stuck.command("run", "--jobs", "1", "--report-dir", "report")
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, *command],
        cwd=stuck.folder,
        env=stuck.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Below nohup, which ignores SIGHUP, a run is meant to outlive its parent.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    wait_for((stuck.folder / "reached").exists)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    wait_for(lambda: not stuck.processes_left(), seconds=6)
    assert _statuses(stuck)["second"] == "not-run"
    assert stuck.events("interrupted")[0]["signal"] == "SIGTERM"
