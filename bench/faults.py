"""Provoke faults in real runs with real installers, and note which promises held."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.promises import Promise, Tally
from knowngood.install.registry import OUTPUTS
from knowngood.judge.evidence import Rules
from knowngood.judge.verdict import judge
from knowngood.project.runs import read
from support.index import Index, closed_url, serve
from support.project import Project, wait_for
from support.wheels import build_wheel

COMBOS = ("one", "two", "three", "four")
_MATRIX = """\
[matrix]
timeout = "20s"
installer = "{installer}"
isolation = "{isolation}"

[index.local]
url = "{url}"

[[probe]]
id = "works"
source = "import time, {name}; time.sleep(0.2)"
"""
_COMBO = '\n[[combo]]\nid = "{combo}"\nsteps = [["{name}=={number}.0"]]\n'
_BLAMED = frozenset({"fail", "unsolvable", "build-fail", "crash", "timeout", "oom"})
"""Statuses that are held against the versions."""
_PATIENCE = 240.0  # seconds after which a run counts as one that never ends


class BrokenError(Exception):
    """A promise did not hold; the text says how."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One try at one kind of fault, in a project of its own below ``folder``."""

    folder: Path
    goods: Path
    tally: Tally
    random: random.Random
    usual: float
    """Seconds that a run takes without a fault."""

    def project(self, url: str, *, installer: str = "uv", name: str = "solid") -> Project:
        """Write a project with a combo for each of ``COMBOS``, whose packages come from the index at ``url``.

        Half of them are without a sandbox, also where it works.
        """
        project = Project(folder=self.folder / "project")
        project.folder.mkdir(parents=True, exist_ok=True)
        combos = (_COMBO.format(combo=combo, name=name, number=number) for number, combo in enumerate(COMBOS, start=1))
        isolation = self.random.choice(["auto", "none"])
        project.write(_MATRIX.format(url=url, installer=installer, isolation=isolation, name=name) + "".join(combos))
        return project

    @contextlib.contextmanager
    def index(self) -> Iterator[Index]:
        """Serve the wheels until the block ends."""
        with serve(self.goods) as running:
            yield running

    def some_time(self, most: float = 1.1) -> float:
        """Return a random moment of a run, in seconds after its start."""
        return self.random.uniform(0.0, self.usual * most)

    def note(self, promise: Promise, held: object, detail: str, seconds: float = 0.0) -> None:
        """Count a try; raises ``BrokenError`` if the promise did not hold."""
        if not self.tally.note(promise, held=bool(held), seconds=seconds):
            raise BrokenError(f"{promise.sentence}: {detail[-2000:]} ({seconds:.1f} s)")


def start(project: Project, *options: str, prefix: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Start a run; ``prefix`` is the beginning of the command that starts it."""
    command = [*prefix, *project.command("run", "--jobs", "2", "--report-dir", "report", *options)]
    return subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(running: "subprocess.Popen[str]") -> tuple[int | None, str, float]:
    """Return the exit code of a run, None if it never ends, with its output and the seconds until then."""
    began = time.monotonic()
    try:
        printed, errors = running.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        running.kill()
        return None, "it never ends", _PATIENCE
    return running.returncode, printed + errors, time.monotonic() - began


def statuses(project: Project) -> list[dict[str, str]]:
    """Return combo -> status of each run of the project that has a log, oldest first."""
    runs = filter(None, map(read, project.logs()))
    rules = Rules(signatures=(), installers=OUTPUTS)
    return [{cell.combo.id: cell.verdict.status.value for cell in judge(run, rules).cells} for run in runs]


def count(project: Project, event: str, combo: str) -> int:
    """Return how often an event of a combo is in the log of a run, at most: a new run repeats what it reuses."""
    return max(
        (sum(_is(line, event, combo) for line in log.read_bytes().splitlines()) for log in project.logs()), default=0
    )


def _is(line: bytes, event: str, combo: str) -> bool:
    with contextlib.suppress(ValueError, AttributeError):
        read = json.loads(line)
        return bool(read.get("event") == event and read.get("combo") == combo)
    return False


def note_gone(trial: Trial, project: Project) -> None:
    """Wait until no process of the project is left, and note how long that took."""
    began = time.monotonic()
    while (left := project.processes_left()) and time.monotonic() - began < 15:
        time.sleep(0.05)
    trial.note(Promise.GONE, not left, "\n".join(left), time.monotonic() - began)


def supervisors(run: int) -> list[int]:
    """Return the ids of the processes that supervise the commands of the run with process id ``run``."""
    parents: dict[int, int] = {}
    named = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"supervisor.py" in (folder / "cmdline").read_bytes():
                named.add(int(folder.name))
    # The second of the two processes of a supervisor is a child of the first.
    return sorted(pid for pid in named if run in (parents[pid], parents.get(parents[pid])))


def kill_the_run(trial: Trial) -> None:
    """Kill a run with signal 9 at a random moment, up to six times, and let the same command finish it."""
    with trial.index() as index:
        project = trial.project(index.url)
        before: dict[str, int] = {}  # finished combo -> steps installed until then
        for _ in range(trial.random.randint(1, 6)):
            running = start(project)
            time.sleep(trial.some_time())
            running.kill()
            running.communicate()
            note_gone(trial, project)
            _note_recorded(trial, project, before)
        code, output, _ = ended(start(project))
        _note_recorded(trial, project, before)
        again = [combo for combo, steps in before.items() if count(project, "step-installed", combo) > steps]
        trial.note(Promise.RESUMED, code == 0 and not again, f"exit code {code}, again: {again}\n{output}")
        trial.note(Promise.SAME, project.cells().keys() == set(COMBOS) and _passes(project), output)


def _note_recorded(trial: Trial, project: Project, before: dict[str, int]) -> None:
    """Note whether the combos of ``before`` are still finished, and add those that are finished now."""
    finished = [combo for combo in COMBOS if count(project, "combo-finished", combo)]
    trial.note(Promise.RECORDED, set(before) <= set(finished), f"{list(before)} became {finished}")
    for combo in finished:
        before.setdefault(combo, count(project, "step-installed", combo))


def _passes(project: Project) -> bool:
    return {cell["verdict"]["status"] for cell in project.cells().values()} == {"pass"}


def interrupt(trial: Trial) -> None:
    """Press Ctrl-C at a random moment, once or twice."""
    _signalled(trial, signal.SIGINT, trial.random.choice([1, 2]), Promise.CTRL_C, 130)


def terminate(trial: Trial) -> None:
    """Send SIGTERM at a random moment, once Python has handed over to knowngood."""
    _signalled(trial, signal.SIGTERM, 1, Promise.TERMINATED, 143)


def _signalled(trial: Trial, number: signal.Signals, times: int, promise: Promise, expected: int) -> None:
    with trial.index() as index:
        project = trial.project(index.url)
        running = start(project)
        time.sleep(trial.some_time())
        # Until Python executes the first line of knowngood, only Python can react.
        ours = any(project.folder.glob(".knowngood/runs/*/*/events.jsonl"))
        running.send_signal(number)
        if times == 2:
            time.sleep(trial.random.uniform(0.0, 0.5))
            with contextlib.suppress(ProcessLookupError):
                running.send_signal(number)
        code, output, seconds = ended(running)
        early = not ours and code in (-number, 128 + number) and "knowngood/" not in output
        # When a run has ended and only its report is written, SIGTERM ends the process: a shell calls that 143, too.
        shown = 128 + number if code == -number and number is signal.SIGTERM else code
        right = shown in (0, expected) and "Traceback" not in output
        trial.note(promise, right or early, f"exit code {code}\n{output}", seconds)
        note_gone(trial, project)
        code, output, _ = ended(start(project))
        trial.note(Promise.SAME, code == 0 and _passes(project), output)


def kill_supervisors(trial: Trial) -> None:
    """Kill the supervisors of a run at a random moment."""
    _supervised(trial, signal.SIGKILL, Promise.SUPERVISOR)


def stop_supervisors(trial: Trial) -> None:
    """Stop the supervisors of a run at a random moment."""
    _supervised(trial, signal.SIGSTOP, Promise.STOPPED)


def _supervised(trial: Trial, number: signal.Signals, promise: Promise) -> None:
    with trial.index() as index:
        project = trial.project(index.url)
        running = start(project)
        time.sleep(trial.some_time(0.8))
        while not (found := supervisors(running.pid)) and running.poll() is None:
            time.sleep(0.01)
        for supervisor in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, number)
        code, output, seconds = ended(running)
        blamed = [known for known in statuses(project) if _BLAMED & set(known.values())]
        if not found:
            return  # it had ended before
        trial.note(promise, code in (0, 3) and not blamed, f"exit code {code}, {blamed}\n{output}", seconds)
        note_gone(trial, project)


def pause(trial: Trial) -> None:
    """Stop a run for a moment, and let it go on."""
    with trial.index() as index:
        project = trial.project(index.url)
        running = start(project)
        time.sleep(trial.some_time(0.9))
        running.send_signal(signal.SIGSTOP)
        time.sleep(trial.random.uniform(0.2, 3.0))
        running.send_signal(signal.SIGCONT)
        code, output, _ = ended(running)
        trial.note(Promise.PAUSED, code == 0 and _passes(project), f"exit code {code}\n{output}")


def run_together(trial: Trial) -> None:
    """Start several runs of one project at once, with different options."""
    options = [(), ("--fresh",), ("--fresh-probes",), ("--no-optimization", "all"), ("--only", "one")]
    with trial.index() as index:
        project = trial.project(index.url)
        number = trial.random.randint(3, 6)
        several = [start(project, *trial.random.choice(options), "--report-dir", f"report{n}") for n in range(number)]
        ends = [ended(running) for running in several]
        torn = [line for log in project.logs() for line in log.read_bytes().splitlines() if not line.endswith(b"}")]
        others = [known for known in statuses(project) if set(known.values()) != {"pass"}]
        for code, output, _ in ends:
            trial.note(Promise.TOGETHER, code == 0 and not torn and not others, f"{code} {torn} {others}\n{output}")


def fill_the_disk(trial: Trial) -> None:
    """Limit the size of every file that a run writes, as a full disk would."""
    with trial.index() as index:
        project = trial.project(index.url)
        blocks = str(trial.random.choice([0, 1, 2, 4, 8, 16, 32]))  # of 512 bytes or 1 KiB, as the shell has it
        limited = ("sh", "-c", 'ulimit -f "$1"; shift; exec "$@"', "sh", blocks)
        code, output, _ = ended(start(project, prefix=limited))
        blamed = [known for known in statuses(project) if _BLAMED & set(known.values())]
        crashed = "Traceback" in output or "knowngood itself failed" in output
        again, printed, _ = ended(start(project))
        right = code in (0, 2, 3) and not blamed and not crashed and again == 0 and _passes(project)
        detail = f"{blocks} blocks: exit codes {code} and {again}, {blamed}\n{output}\n{printed}"
        trial.note(Promise.DISK, right, detail)


def break_sinks(trial: Trial) -> None:
    """Let a run print to a full device, print to nobody, or report into a folder that is a file."""
    with trial.index() as index:
        project = trial.project(index.url)
        way = trial.random.choice(
            [">/dev/full", "2>/dev/full", ">/dev/full 2>&1", ">&-", "2>&-", "| head -1", "report"]
        )
        running = start(project, prefix=("sh", "-c", f'"$@" {way if way != "report" else ""}', "sh"))
        if way == "report":
            wait_for(project.logs, seconds=_PATIENCE)
            shutil.rmtree(project.report, ignore_errors=True)
            project.report.write_text("a file")
        code, output, _ = ended(running)
        known = statuses(project)
        right = code == 0 and known and known[-1] == dict.fromkeys(COMBOS, "pass") and "Traceback" not in output
        trial.note(Promise.SINKS, right, f"{way}: exit code {code}, {known}\n{output}")


_HTML = "text/html"
_API = "application/vnd.pypi.simple.v1+json"
_NEWER = b'{"meta": {"api-version": "2.0"}, "name": "solid", "files": []}'


def _replace(index: Index, member: str, data: bytes) -> None:
    """Serve wheels in which the end of a name of a member stands for other data."""
    spoiled = index.folder.parent / "spoiled"
    spoiled.mkdir()
    for wheel in index.folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(spoiled / wheel.name, "w") as after:
            for name in before.namelist():
                after.writestr(name, data if name.endswith(member) else before.read(name))
    index.folder = spoiled


def _everything(status: int, kind: str, body: bytes) -> Callable[[Index], None]:
    def provoke(index: Index) -> None:
        index.everything = (status, kind, body)

    return provoke


FAULTS: dict[str, Callable[[Index], object]] = {
    "login page": _everything(200, _HTML, b"<!doctype html><title>Log in</title><form><input name=user></form>"),
    "redirects for ever": _everything(302, "", b"/simple/solid/"),
    "empty page": _everything(200, _HTML, b""),
    "newer API": _everything(200, _API, _NEWER),
    "random bytes": _everything(200, _HTML, bytes(range(256)) * 20),
    "broken JSON": _everything(200, _API, b'{"meta": {"api-ver'),
    "404 for everything": _everything(404, "text/plain", b"not here"),
    "403 for everything": _everything(403, "text/plain", b"no"),
    "500 for everything": _everything(500, "text/plain", b"oops"),
    "a file is cut short": lambda index: index.truncated.update(path.name for path in index.folder.iterdir()),
    "a file has another hash": lambda index: index.wrong_hash.update(path.name for path in index.folder.iterdir()),
    "a file is missing": lambda index: index.file_status.update({path.name: 404 for path in index.folder.iterdir()}),
    "metadata is garbage": lambda index: _replace(index, "METADATA", b"\x00\xff garbage \x01" * 50),
    "metadata is empty": lambda index: _replace(index, "METADATA", b""),
    "metadata has another name": lambda index: _replace(
        index, "METADATA", b"Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"
    ),
    "metadata has another version": lambda index: _replace(
        index, "METADATA", b"Metadata-Version: 2.1\nName: solid\nVersion: 9.9\n"
    ),
}


def break_the_index(trial: Trial) -> None:
    """Let the index answer with nonsense."""
    fault, installer = trial.random.choice(list(FAULTS)), trial.random.choice(["uv", "pip"])
    goods = trial.folder / "goods"
    goods.mkdir(parents=True)
    for wheel in trial.goods.iterdir():
        (goods / wheel.name).write_bytes(wheel.read_bytes())
    with serve(goods) as index:
        project = trial.project(index.url, installer=installer)
        FAULTS[fault](index)
        code, output, _ = ended(start(project))
        known = statuses(project)
        right = code == 3 and known and set(known[-1].values()) == {"infra"}
        trial.note(Promise.INDEX, right, f"{fault}, {installer}: exit code {code}, {known}\n{output}")


def lose_the_index(trial: Trial) -> None:
    """Let nobody answer."""
    installer = trial.random.choice(["uv", "pip"])
    project = trial.project(closed_url(), installer=installer)
    code, output, _ = ended(start(project))
    known = statuses(project)
    right = code == 3 and known and set(known[-1].values()) == {"infra"}
    trial.note(Promise.INDEX, right, f"nobody answers, {installer}: exit code {code}, {known}\n{output}")


def slow_the_index(trial: Trial) -> None:
    """Let the index answer slowly."""
    with trial.index() as index:
        index.delay = trial.random.uniform(0.1, 1.0)
        project = trial.project(index.url, installer=trial.random.choice(["uv", "pip"]))
        code, output, _ = ended(start(project))
        trial.note(Promise.SLOW_INDEX, code == 0 and _passes(project), output)


TRIALS: tuple[Callable[[Trial], None], ...] = (
    kill_the_run,
    interrupt,
    break_the_index,
    terminate,
    fill_the_disk,
    break_sinks,
    kill_supervisors,
    stop_supervisors,
    run_together,
    pause,
    lose_the_index,
    slow_the_index,
)
OFTEN: dict[Callable[[Trial], None], int] = {kill_the_run: 10, run_together: 3}
"""How often a kind is tried while each of the others is tried once."""


def build_goods(folder: Path) -> Path:
    """Build the wheels that every index of a soak has, and return their folder."""
    for number, _ in enumerate(COMBOS, start=1):
        build_wheel(folder, "solid", f"{number}.0")
    return folder


def usual_seconds(folder: Path, goods: Path) -> float:
    """Return how long a run takes without a fault. Raises ``BrokenError`` if it does not pass."""
    trial = Trial(folder=folder, goods=goods, tally=Tally(), random=random.Random(0), usual=1.0)
    with trial.index() as index:
        project = trial.project(index.url)
        code, output, seconds = ended(start(project))
        if code != 0:
            raise BrokenError(f"a run without a fault exits {code}\n{output}")
    return seconds
