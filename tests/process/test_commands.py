import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from knowngood.model import Action, Ending
from knowngood.process import Processes
from knowngood.process.helpers import Helper, end_all
from support.processes import living, wait_for

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1:] != ["grandchild"]:
    subprocess.Popen([sys.executable, __file__, "grandchild"], start_new_session=True)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def mark() -> str:
    return f"KNOWNGOOD_TEST={uuid4().hex}"


@pytest.fixture
def run(tmp_path: Path, mark: str) -> Callable[..., Action]:
    """Return a function that runs Python source; the process and its children carry the mark of the test."""

    def run_python(source: str, *, timeout: float = 30.0, grace: float = 0.3, **options: object) -> Action:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source), encoding="utf-8")
        name, _, value = mark.partition("=")
        processes = Processes(tmp_path, grace=grace, secrets=options.get("secrets", ()))  # type: ignore[arg-type]
        return processes.run(
            [sys.executable, script], env={name: value}, cwd=tmp_path, log=tmp_path / "logs" / "log", timeout=timeout
        )

    return run_python


@pytest.mark.parametrize("code", [0, 1, 3, 125, 255])
def test_the_exit_code_is_recorded(run: Callable[..., Action], code: int) -> None:
    action = run(f"raise SystemExit({code})")

    assert (action.exit.ending, action.exit.code, action.exit.signal) == (Ending.EXITED, code, None)
    assert action.exit.ok is (code == 0)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGABRT, "SIGABRT"),
        (signal.SIGKILL, "SIGKILL"),
        (signal.SIGTERM, "SIGTERM"),
        (40, "signal 40"),
    ],
)
def test_a_signal_that_ended_the_command_is_recorded_by_name(
    run: Callable[..., Action], number: int, name: str
) -> None:
    action = run(f"import os; os.kill(os.getpid(), {int(number)})")

    assert (action.exit.ending, action.exit.code, action.exit.signal) == (Ending.SIGNALLED, None, name)


def test_both_output_streams_go_to_the_log_in_the_order_of_writing(run: Callable[..., Action], tmp_path: Path) -> None:
    action = run("import os\nfor turn in range(50): os.write(1, b'out\\n'); os.write(2, b'err\\n')")

    assert (tmp_path / action.log).read_bytes() == b"out\nerr\n" * 50
    assert action.output == "out\nerr\n" * 50
    assert action.log == "logs/log"


def test_a_command_gets_empty_input_its_own_environment_and_its_own_folder(
    run: Callable[..., Action], tmp_path: Path, mark: str
) -> None:
    action = run(
        """
        import json, os, sys
        print(json.dumps([sys.stdin.read(), os.getcwd(), dict(os.environ)]))
        """
    )

    read, folder, environment = json.loads(action.output)
    assert (read, Path(folder)) == ("", tmp_path.resolve())
    assert set(environment) - {"LC_CTYPE"} == {mark.partition("=")[0]}


def test_output_that_is_not_utf_8_is_logged_byte_for_byte(run: Callable[..., Action], tmp_path: Path) -> None:
    action = run(r"import os; os.write(1, b'caf\xe9 \xff\xfe\x00 end\n')")

    assert (tmp_path / action.log).read_bytes() == b"caf\xe9 \xff\xfe\x00 end\n"
    assert action.output == "caf� ��\x00 end\n"


def test_a_timeout_kills_a_command_that_ignores_sigterm_and_its_grandchild_in_another_session(
    run: Callable[..., Action], mark: str
) -> None:
    action = run(STUBBORN, timeout=1.0, grace=0.5)

    assert action.exit.ending is Ending.TIMED_OUT
    assert action.output == "up\nup\n"
    assert action.seconds < 1.0 + 0.5 + 20, "it would sleep for ten minutes"
    assert living(mark) == []


def test_a_command_that_timed_out_has_time_to_clean_up(run: Callable[..., Action]) -> None:
    action = run(
        """
        import signal, sys, time
        def leave(number, frame):
            time.sleep(0.2)
            print("cleaned up")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        time.sleep(600)
        """,
        timeout=0.7,
        grace=5.0,
    )

    assert (action.exit.ending, action.output) == (Ending.TIMED_OUT, "cleaned up\n")
    assert action.seconds < 20, "it would sleep for ten minutes"


def test_a_grandchild_that_is_left_behind_is_killed_and_counted(run: Callable[..., Action], mark: str) -> None:
    action = run(
        """
        import subprocess, sys
        sleep = [sys.executable, "-c", "import time; print('still here', flush=True); time.sleep(600)"]
        left = subprocess.Popen(sleep, start_new_session=True, stdout=subprocess.PIPE)
        left.stdout.readline()
        """
    )

    assert (action.exit.ending, action.exit.code, action.exit.leaked) == (Ending.EXITED, 0, 1)
    assert action.seconds < 20, "it would sleep for ten minutes"
    assert living(mark) == []


def test_a_child_that_exits_soon_after_the_command_is_not_counted_as_leaked(
    run: Callable[..., Action], mark: str
) -> None:
    action = run(
        """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-S", "-c", "print('last words')"], start_new_session=True)
        """
    )

    assert (action.exit.leaked, action.output) == (0, "last words\n")


def test_the_peak_memory_of_a_command_includes_its_children(run: Callable[..., Action]) -> None:
    action = run("import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(150_000_000)'], check=True)")

    assert 150_000_000 < action.exit.peak_memory < 400_000_000


def test_a_gigabyte_of_output_makes_a_small_log_and_needs_little_memory(tmp_path: Path) -> None:
    flood = (
        "import os\n"
        "os.write(1, b'first\\n')\n"
        "for _ in range(1024): os.write(1, b'x' * 2**20)\n"
        "os.write(1, b'\\nlast\\n')\n"
    )
    harness = f"""
import json, resource, sys
from pathlib import Path
from knowngood.process import Processes

def peak(whose):
    return resource.getrusage(whose).ru_maxrss * 1024

before = peak(resource.RUSAGE_SELF)
folder = Path({str(tmp_path)!r})
action = Processes(folder).run(
    [sys.executable, "-c", {flood!r}], env={{}}, cwd=folder, log=folder / "log", timeout=60
)
grown, supervisor = peak(resource.RUSAGE_SELF) - before, peak(resource.RUSAGE_CHILDREN)
print(json.dumps([action.exit.code, action.exit.dropped_bytes, grown, supervisor, action.output]))
"""
    done = subprocess.run([sys.executable, "-c", harness], capture_output=True, check=True, timeout=90)
    code, dropped, grown, supervisor, output = json.loads(done.stdout)

    log = (tmp_path / "log").read_bytes()
    assert code == 0
    assert len(log) <= 5 * 2**20
    assert log.startswith(b"first\n") and log.endswith(b"\nlast\n")
    # The dropped bytes and the logged bytes add up to the whole output.
    assert dropped + len(log) - len(f"\n[... {dropped} bytes left out ...]\n") == 2**30 + len("first\n\nlast\n")
    assert f"[... {dropped} bytes left out ...]".encode() in log
    assert output.startswith("first\n") and output.endswith("\nlast\n") and len(output) < 40_000
    assert grown < 64 * 2**20
    assert supervisor < 128 * 2**20


@pytest.mark.parametrize(
    ("command", "folder", "error"),
    [
        ("nothing-here", ".", "FileNotFoundError"),
        ("script.py", ".", "PermissionError"),
        (".", ".", "PermissionError"),
        (sys.executable, "nowhere", "FileNotFoundError"),
    ],
)
def test_a_command_that_cannot_start_is_recorded_with_the_error(
    tmp_path: Path, command: str, folder: str, error: str
) -> None:
    (tmp_path / "script.py").write_text("not executable", encoding="utf-8")

    action = Processes(tmp_path).run(
        [tmp_path / command], env={}, cwd=tmp_path / folder, log=tmp_path / "log", timeout=10
    )

    assert (action.exit.ending, action.exit.code, action.exit.ok) == (Ending.NOT_STARTED, None, False)
    assert action.exit.note.startswith(error)


def test_a_command_whose_log_cannot_be_written_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    proof = tmp_path / "proof"

    with pytest.raises(IsADirectoryError):
        Processes(tmp_path).run(
            [sys.executable, "-c", f"open({str(proof)!r}, 'w')"],
            env={},
            cwd=tmp_path,
            log=tmp_path / "log",
            timeout=10,
        )
    assert not proof.exists()


def test_secrets_are_replaced_in_the_log(run: Callable[..., Action], tmp_path: Path) -> None:
    action = run(
        "print('GET http://user:correct-horse@example/ with token-of-the-realm')",
        secrets=("correct-horse", "token-of-the-realm"),
    )

    assert action.output == "GET http://***@example/ with ***\n"
    assert (tmp_path / action.log).read_text() == action.output


def test_cancel_ends_all_running_commands_and_no_more_start(tmp_path: Path, mark: str) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN, encoding="utf-8")
    processes = Processes(tmp_path, grace=5.0)
    name, _, value = mark.partition("=")

    def start(number: int) -> Action:
        log = tmp_path / f"log{number}"
        return processes.run([sys.executable, script], env={name: value}, cwd=tmp_path, log=log, timeout=60)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(start, number) for number in range(3)]
        assert len(wait_for(mark, 6, within=10)) == 6
        cancelled = time.monotonic()
        processes.cancel()
        assert time.monotonic() - cancelled < 5
        endings = [future.result(timeout=10).exit.ending for future in running]
        took = time.monotonic() - cancelled

    assert endings == [Ending.CANCELLED] * 3
    # Nobody waits for the result, so commands that ignore SIGTERM get less than the usual grace.
    assert took < 4.0
    assert living(mark) == []
    assert processes.cancelled
    assert start(9).exit.ending is Ending.CANCELLED
    assert not (tmp_path / "log9").exists()


def test_cancelling_several_times_with_nothing_running_is_harmless(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    threads = [threading.Thread(target=processes.cancel) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert processes.cancelled


def test_commands_that_run_at_once_keep_their_logs_and_exit_codes_apart(tmp_path: Path) -> None:
    processes = Processes(tmp_path)

    def start(number: int) -> tuple[int | None, str]:
        source = f"print({number}); raise SystemExit({number})"
        action = processes.run(
            [sys.executable, "-S", "-c", source], env={}, cwd=tmp_path, log=tmp_path / f"log{number}", timeout=60
        )
        return action.exit.code, action.output

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(16))) == [(number, f"{number}\n") for number in range(16)]


def test_killing_the_harness_leaves_no_process_behind(tmp_path: Path, mark: str) -> None:
    script, harness = tmp_path / "stubborn.py", tmp_path / "harness.py"
    script.write_text(STUBBORN, encoding="utf-8")
    name, _, value = mark.partition("=")
    harness.write_text(
        f"""
import sys
from pathlib import Path
from knowngood.process import Processes

folder = Path({str(tmp_path)!r})
command = [sys.executable, folder / "stubborn.py"]
Processes(folder, grace=5.0).run(
    command, env={{{name!r}: {value!r}}}, cwd=folder, log=folder / "log", timeout=600
)
""",
        encoding="utf-8",
    )
    with subprocess.Popen([sys.executable, harness]) as started:
        try:
            assert len(wait_for(mark, 2, within=10)) == 2
        finally:
            started.kill()

    assert wait_for(mark, 0, within=3.0) == []


def test_a_command_whose_supervisor_is_killed_is_recorded_as_killed_from_outside(tmp_path: Path, mark: str) -> None:
    name, _, value = mark.partition("=")
    # The command's parent is its supervisor.
    source = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"

    action = Processes(tmp_path).run(
        [sys.executable, "-c", source], env={name: value}, cwd=tmp_path, log=tmp_path / "log", timeout=10
    )

    assert (action.exit.ending, action.exit.signal) == (Ending.SIGNALLED, "SIGKILL")
    assert action.exit.note == "another process killed or stopped its supervisor"


LEAVES = """
import os, signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
os.kill(os.getppid(), signal.{signal})
time.sleep(300)
"""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_command_that_uses_more_memory_than_it_may_is_killed(tmp_path: Path, mark: str, elsewhere: bool) -> None:
    name, _, value = mark.partition("=")
    eats = "import time; held = bytearray(b'x') * (300 * 2**20); time.sleep(300)"
    source = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {eats!r}])" if elsewhere else eats

    action = Processes(tmp_path).run(
        [sys.executable, "-c", source],
        env={name: value},
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout=200,
        memory=200 * 2**20,
    )

    assert action.exit.ending is Ending.OUT_OF_MEMORY
    assert action.exit.note == "its processes used more than the 0.20 GiB of memory that it may use"
    assert wait_for(mark, 0, within=10.0) == []


def test_a_command_within_its_memory_is_left_alone(tmp_path: Path) -> None:
    action = Processes(tmp_path).run(
        [sys.executable, "-c", "held = bytearray(b'x') * (50 * 2**20); import time; time.sleep(0.5)"],
        env={},
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout=200,
        memory=200 * 2**20,
    )

    assert action.exit.ok


def test_what_a_killed_supervisor_ran_is_ended(tmp_path: Path, mark: str) -> None:
    name, _, value = mark.partition("=")
    began = time.monotonic()

    action = Processes(tmp_path).run(
        [sys.executable, "-c", LEAVES.format(signal="SIGKILL")],
        env={name: value},
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout=200,
    )

    assert action.exit.note == "another process killed or stopped its supervisor"
    assert wait_for(mark, 0, within=10.0) == []
    assert time.monotonic() - began < 60


def test_a_supervisor_that_stays_stopped_is_ended_with_what_it_runs_long_before_its_time_is_over(
    tmp_path: Path, mark: str
) -> None:
    name, _, value = mark.partition("=")
    began = time.monotonic()

    action = Processes(tmp_path).run(
        [sys.executable, "-c", LEAVES.format(signal="SIGSTOP")],
        env={name: value},
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout=600,
    )

    note = "another process killed or stopped its supervisor"
    assert (action.exit.ending, action.exit.note) == (Ending.SIGNALLED, note)
    assert wait_for(mark, 0, within=10.0) == []
    assert time.monotonic() - began < 60


def test_idle_supervisors_that_were_stopped_are_ended_together_within_seconds() -> None:
    helpers = [Helper("supervisor.py") for _ in range(4)]
    for helper in helpers:
        assert helper.ask(b'{"end": 0}\n', 60) == b"{}\n"
        os.kill(helper._process.pid, signal.SIGSTOP)
        (worker,) = Path(f"/proc/{helper._process.pid}/task/{helper._process.pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGSTOP)
    began = time.monotonic()

    end_all(helpers)

    assert time.monotonic() - began < 25
    assert [helper.alive for helper in helpers if helper._process.poll() is None] == []


def test_a_stopped_supervisor_is_ended_with_what_it_runs_when_its_time_is_over(tmp_path: Path, mark: str) -> None:
    name, _, value = mark.partition("=")
    spec = {
        "argv": [sys.executable, "-c", LEAVES.format(signal="SIGSTOP")],
        "env": {name: value},
        "cwd": str(tmp_path),
        "log": str(tmp_path / "log"),
        "timeout": 300,
        "grace": 1,
        "head": 100,
        "tail": 100,
        "stays": False,
        "guard": "",
        "memory": None,
    }
    helper = Helper("supervisor.py")

    assert helper.ask(json.dumps(spec).encode() + b"\n", 5.0) == b""

    assert wait_for(mark, 0, within=10.0) == []
    helper.end()


def test_a_command_inherits_no_open_file_of_the_harness(tmp_path: Path) -> None:
    descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    try:
        action = Processes(tmp_path).run(
            [sys.executable, "-S", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"],
            env={},
            cwd=tmp_path,
            log=tmp_path / "log",
            timeout=10,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)

    # Descriptor 3 is the listing's own.
    assert action.output == "['0', '1', '2', '3']\n"


PARENT = "import os; print(os.getppid())"


def supervisor_of(processes: Processes, tmp_path: Path, name: str = "log") -> int:
    """Run a command and return the process id of its supervisor."""
    action = processes.run([sys.executable, "-S", "-c", PARENT], env={}, cwd=tmp_path, log=tmp_path / name, timeout=30)
    assert action.exit.ok, action
    return int(action.output)


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def end_soon(pids: set[int], *, within: float = 5.0) -> bool:
    """Wait up to ``within`` seconds for all processes to end; return whether they did."""
    deadline = time.monotonic() + within
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(is_alive, pids))


def test_one_supervisor_runs_one_command_after_the_other_however_they_end(tmp_path: Path) -> None:
    processes = Processes(tmp_path, grace=0.2)
    first = supervisor_of(processes, tmp_path)

    def run(source: str, timeout: float = 30.0) -> Action:
        return processes.run(
            [sys.executable, "-S", "-c", source], env={}, cwd=tmp_path, log=tmp_path / "more", timeout=timeout
        )

    assert run("raise SystemExit(7)").exit.code == 7
    assert run("import os; os.abort()").exit.signal == "SIGABRT"
    assert run("import time; time.sleep(60)", timeout=0.2).exit.ending is Ending.TIMED_OUT
    nothing = processes.run([tmp_path / "nothing"], env={}, cwd=tmp_path, log=tmp_path / "none", timeout=5)
    assert nothing.exit.ending is Ending.NOT_STARTED
    assert supervisor_of(processes, tmp_path) == first


def test_leaks_and_memory_of_a_command_are_not_counted_for_the_next_one(tmp_path: Path, mark: str) -> None:
    processes = Processes(tmp_path)
    name, _, value = mark.partition("=")
    greedy = (
        "import subprocess, sys; block = bytearray(150_000_000)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
    )

    def run(source: str, log: str, env: dict[str, str]) -> Action:
        return processes.run([sys.executable, "-c", source], env=env, cwd=tmp_path, log=tmp_path / log, timeout=30)

    first = run(greedy, "first", {name: value})
    second = run("import os; print(sorted(os.environ), os.listdir('/proc/self/fd'))", "second", {})

    assert (first.exit.leaked, second.exit.leaked) == (1, 0)
    assert first.exit.peak_memory > 150_000_000 > second.exit.peak_memory > 0
    assert name not in second.output and "['0', '1', '2', '3']" in second.output
    assert living(mark) == []


def open_files(pid: int) -> set[str]:
    return {path.name for path in Path(f"/proc/{pid}/fd").iterdir()}


def test_a_supervisor_keeps_no_file_open_after_many_commands(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    pid = supervisor_of(processes, tmp_path)
    before = open_files(pid)

    for number in range(20):
        assert supervisor_of(processes, tmp_path, f"log{number}") == pid
        processes.run([tmp_path / "nothing"], env={}, cwd=tmp_path, log=tmp_path / "none", timeout=5)
        processes.run([sys.executable], env={}, cwd=tmp_path / "nowhere", log=tmp_path / "none", timeout=5)

    assert open_files(pid) == before


def test_an_idle_supervisor_that_was_killed_is_replaced(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    first = supervisor_of(processes, tmp_path)
    os.kill(first, signal.SIGKILL)
    assert end_soon({first})

    second = supervisor_of(processes, tmp_path)

    assert second != first
    assert supervisor_of(processes, tmp_path) == second


def test_there_are_never_more_supervisors_than_commands_at_once(tmp_path: Path) -> None:
    processes = Processes(tmp_path)

    with ThreadPoolExecutor(3) as pool:
        pids = set(pool.map(lambda number: supervisor_of(processes, tmp_path, f"log{number}"), range(12)))

    assert 1 <= len(pids) <= 3


@pytest.mark.parametrize("how", ["cancelled", "forgotten"])
def test_idle_supervisors_end_when_the_processes_are_cancelled_or_forgotten(tmp_path: Path, how: str) -> None:
    processes = Processes(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        pids = set(pool.map(lambda number: supervisor_of(processes, tmp_path, f"log{number}"), range(4)))
    assert any(map(is_alive, pids))

    if how == "cancelled":
        processes.cancel()
    else:
        del processes
        gc.collect()

    assert end_soon(pids)


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_idle_supervisors_end_with_the_harness(tmp_path: Path, how: str) -> None:
    harness = f"""
import sys, time
from pathlib import Path
from knowngood.process import Processes

folder = Path({str(tmp_path)!r})
processes = Processes(folder)
action = processes.run(
    [sys.executable, "-S", "-c", {PARENT!r}], env={{}}, cwd=folder, log=folder / "log", timeout=30
)
print(action.output, flush=True)
if {how != "ends"}:
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", harness], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        if how != "ends":
            assert is_alive(pid)
            started.kill()

    assert end_soon({pid})
