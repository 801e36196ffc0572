"""Run commands as probes, with what runs before and after them, and judge them."""

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from knowngood.judge.probes import judge_probe
from knowngood.model import Probe, ProbeFacts, ProbeKind, Reason, Status
from support.processes import wait_for
from support.workshop import launch


def python(code: str) -> tuple[str, ...]:
    """Return the command that runs a line of Python."""
    return (sys.executable, "-c", code)


def run(
    command: tuple[str, ...],
    folder: Path,
    *,
    setup: tuple[tuple[str, ...], ...] = (),
    teardown: tuple[tuple[str, ...], ...] = (),
    **options: Any,
) -> ProbeFacts:
    """Run a command as a probe in a copy of an empty project."""
    tree = folder / "project"
    tree.mkdir(exist_ok=True)
    probe = Probe(id="works", kind=ProbeKind.COMMAND, arguments=command, setup=setup, teardown=teardown)
    return launch(probe, folder, tree=tree, **options)


@pytest.mark.parametrize(
    ("command", "status", "reason", "message"),
    [
        (python("pass"), Status.PASS, Reason.ALL_PASSED, ""),
        (python("print('no'); exit(1)"), Status.FAIL, Reason.CHECK_FAILED, "exited with code 1: no"),
        (python("exit(126)"), Status.FAIL, Reason.CHECK_FAILED, "exited with code 126"),
        (
            python("print('no display'); exit(125)"),
            Status.NOT_RUN,
            Reason.SKIPPED,
            "the command skipped itself: it exited with code 125: no display",
        ),
        (python("import os; os.abort()"), Status.CRASH, Reason.SIGNALLED, "died of SIGABRT, in check 'command'"),
        (python("import time; time.sleep(600)"), Status.TIMEOUT, Reason.TIMED_OUT, "did not finish within its time"),
        (
            ("no-such-command", "--help"),
            Status.ERROR,
            Reason.COMMAND_MISSING,
            "the command 'no-such-command' is neither in the environment nor on PATH: "
            "add the package that brings it to a step",
        ),
        (
            ("sh", "-c", "cp /etc/passwd /dev/full"),
            Status.INFRA,
            Reason.NO_SPACE,
            "exited with code 1: cp: error writing '/dev/full': No space left on device",
        ),
        (
            python("open('/dev/full', 'wb', 0).write(b'x')"),
            Status.INFRA,
            Reason.NO_SPACE,
            "exited with code 1: OSError: [Errno 28] No space left on device",
        ),
        (("./gone.sh",), Status.ERROR, Reason.COMMAND_MISSING, "there is no file ./gone.sh"),
    ],
)
def test_how_a_command_ends_is_the_verdict(
    command: tuple[str, ...], status: Status, reason: Reason, message: str, tmp_path: Path
) -> None:
    verdict, _, said = judge_probe(run(command, tmp_path, timeout=5))

    assert (verdict.status, verdict.reason) == (status, reason), said
    assert said.startswith(message) and bool(said) == bool(message)


@pytest.mark.parametrize("line", ["from thing import _fast", "import thing._fast"])
@pytest.mark.parametrize("installed", [True, False])
def test_a_command_that_misses_a_module_in_the_sources_is_an_error_only_if_it_is_installed(
    tmp_path: Path, line: str, *, installed: bool
) -> None:
    environment = tmp_path / "env"
    for folder in (environment / "lib" / "python3" / "site-packages", tmp_path / "project" / "src"):
        (folder / "thing").mkdir(parents=True)
        (folder / "thing" / "__init__.py").write_text(line, encoding="utf-8")
    if installed:
        (environment / "lib" / "python3" / "site-packages" / "thing" / "_fast.abi3.so").touch()
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(sys.executable)
    command = ("python", "-c", "import sys; sys.path.insert(0, 'src'); import thing")

    verdict, _, said = judge_probe(run(command, tmp_path, python=environment / "bin" / "python"))

    if not installed:
        assert (verdict.status, verdict.reason) == (Status.FAIL, Reason.CHECK_FAILED)
        return
    assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.SHADOWED), said
    assert said.startswith("the command imports thing from the sources of the project (src/thing/__init__.py), which")
    assert "no thing._fast" in said and "option -I" in said


ENDS = {
    "a pass": ("pass", Status.PASS),
    "a failure": ("exit(1)", Status.FAIL),
    "a crash": ("import os; os.abort()", Status.CRASH),
    "a timeout": ("import time; time.sleep(600)", Status.TIMEOUT),
}


@pytest.mark.parametrize("how", ENDS)
def test_teardown_runs_however_the_command_ended_and_does_not_change_the_verdict(how: str, tmp_path: Path) -> None:
    code, status = ENDS[how]
    left = tmp_path / "left"
    teardown = (python("exit(1)"), python(f"open({str(left)!r}, 'w')"))

    facts = run(python(code), tmp_path, teardown=teardown, timeout=3)

    assert judge_probe(facts)[0].status is status
    assert left.exists()


SETUPS = {
    "it exits with an error": (python("print('port in use'); exit(3)"), "exited with code 3: port in use"),
    "it does not exist": (("no-such-server",), "the command 'no-such-server' is neither in the environment"),
    "it hangs": (python("import time; time.sleep(600)"), "it did not finish within the time limit"),
    "it crashes": (python("import os; os.abort()"), "it died of SIGABRT"),
    "it writes no variable": (
        python("import os; open(os.environ['KNOWNGOOD_ENV'], 'w').write('nonsense')"),
        "it wrote 'nonsense' into the file KNOWNGOOD_ENV, which is not NAME=VALUE",
    ),
}


@pytest.mark.parametrize("how", SETUPS)
def test_when_setup_fails_the_command_does_not_run_and_teardown_does(how: str, tmp_path: Path) -> None:
    setup, message = SETUPS[how]
    ran, left = tmp_path / "ran", tmp_path / "left"

    facts = run(
        python(f"open({str(ran)!r}, 'w')"),
        tmp_path,
        setup=(setup,),
        teardown=(python(f"open({str(left)!r}, 'w')"),),
        timeout=3,
    )

    verdict, _, said = judge_probe(facts)
    assert (verdict.status, verdict.reason) == (Status.INFRA, Reason.SETUP_FAILED)
    assert said.startswith(f"setup {' '.join(setup)!r}: {message}")
    assert (ran.exists(), left.exists()) == (False, True)


SERVER = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    os.setsid()
    while True:
        listening.accept()[0].close()
with open(os.environ["KNOWNGOOD_ENV"], "a") as file:
    file.write(f"PORT={listening.getsockname()[1]}\\n")
"""
CONNECT = "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])))"


@pytest.mark.parametrize("after", ["", "; raise SystemExit(1)"], ids=["passes", "fails"])
def test_a_service_of_setup_serves_the_command_and_the_teardown_and_is_ended_after_them(
    after: str, tmp_path: Path
) -> None:
    name, value = "KNOWNGOOD_TEST", uuid4().hex
    reached = tmp_path / "reached"
    facts = run(
        python(CONNECT + after),
        tmp_path,
        setup=(python(SERVER),),
        teardown=(python(f"{CONNECT}; open({str(reached)!r}, 'w')"),),
        env=((name, value),),
    )

    assert judge_probe(facts)[0].status is (Status.FAIL if after else Status.PASS), facts
    assert reached.exists()
    assert wait_for(f"{name}={value}", 0, within=5) == []
