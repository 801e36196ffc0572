"""Tests of probes in a sandbox of bubblewrap; skipped where it does not work."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import Event
from knowngood.model import Cell, Isolation, Status
from knowngood.process.sandbox import find
from support.index import Index
from support.runs import cells, matrix, names, record, request
from support.wheels import build_wheel
from support.workshop import combo

works = pytest.mark.skipif(find(os.environ) is None, reason="bubblewrap does not work here")


DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass"


class Home:
    """The runs of one test, in a sandbox."""

    def __init__(self, folder: Path, index: Index, environ: Mapping[str, str]) -> None:
        self.folder, self.url = folder, index.url
        self.environ = dict(environ) | {"UV_CACHE_DIR": str(folder / "uv"), "UV_LINK_MODE": "hardlink"}

    def run(
        self, name: str, probe: str, isolation: Isolation = Isolation.SANDBOX, timeout: float = 30.0, **how: object
    ) -> list[Event]:
        subject = matrix(self.folder, self.url, (combo(("solid==1.0",), timeout=timeout),), probes={"works": probe})
        folder = self.folder / "runs" / "tiny" / name
        return record(request(subject, folder, self.environ, isolation=isolation, **how))  # type: ignore[arg-type]

    def cell(self, name: str, probe: str, **how: object) -> Cell:
        return cells(self.run(name, probe, **how))["one"]  # type: ignore[arg-type]


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    build_wheel(index.folder, "solid", "1.0")
    return Home(tmp_path, index, environ)


@works
def test_a_probe_writes_only_into_folders_of_its_own(home: Home) -> None:
    project = home.folder / "mine.txt"
    project.write_text("mine")
    places = [project, home.folder / "uv" / "new", home.folder / "cache" / "new", Path.home() / "new-of-a-probe"]
    probe = f"""
import os, pathlib, sys, tempfile, solid
for folder in [pathlib.Path.home(), tempfile.gettempdir(), ".", "/tmp"]:
    pathlib.Path(folder, "d").write_text("fine")
inside = [solid.__file__, sys.prefix + "/x", sys.base_prefix + "/x"]
for place in [*{[str(place) for place in places]!r}, *inside]:
    try:
        open(place, "a").close()
    except OSError as error:
        assert error.errno in (30, 2), error
    else:
        raise SystemError(place)
"""
    cell = home.cell("one", probe)

    assert (cell.verdict.status, cell.message) == (Status.PASS, "")
    assert project.read_text() == "mine"
    assert not Path("/tmp/d").exists() or Path("/tmp/d").read_text() != "fine"


@works
def test_a_probe_sees_no_process_and_no_network_outside(home: Home) -> None:
    port = home.url.split(":")[2].split("/")[0]
    probe = f"""
import os, socket
assert {os.getpid()} not in [int(name) for name in os.listdir("/proc") if name.isdigit()] or os.getpid() < 100
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=5).close()
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=5)
except OSError:
    pass
else:
    raise SystemError("it reached the index")
"""
    assert home.cell("one", probe).verdict.status is Status.PASS


@works
def test_a_probe_that_needs_to_write_into_its_environment_gets_a_private_copy(home: Home) -> None:
    probe = """
import pathlib, solid
place = pathlib.Path(solid.__file__).with_name("state.txt")
place.write_text("needed")
assert place.read_text() == "needed"
"""
    events = home.run("one", probe, keep=True)
    again = home.run(
        "two",
        "import solid, pathlib\nassert not pathlib.Path(solid.__file__).with_name('state.txt').exists()",
    )

    assert cells(events)["one"].verdict.status is Status.PASS
    assert names(events).count("retrying") == 1 and names(events).count("probe-finished") == 1
    assert cells(again)["one"].verdict.status is Status.PASS


@works
@pytest.mark.parametrize(
    ("probe", "status"),
    [
        ("import os; os.abort()", Status.CRASH),
        ("import ctypes; ctypes.string_at(0)", Status.CRASH),
        ("import time; time.sleep(60)", Status.TIMEOUT),
        ("assert 0, 'plain'", Status.FAIL),
        (DEAF, Status.TIMEOUT),
    ],
)
def test_how_a_probe_ends_is_seen_through_the_sandbox(home: Home, probe: str, status: Status) -> None:
    began = time.monotonic()

    cell = home.cell("one", probe, timeout=2.0)

    assert cell.verdict.status is status
    assert time.monotonic() - began < 60


@works
def test_what_a_probe_leaves_running_ends_with_it(home: Home) -> None:
    mark = f"left-{os.getpid()}-{time.monotonic_ns()}"
    probe = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", {mark!r}], start_new_session=True)
"""
    assert home.cell("one", probe).verdict.status is Status.PASS

    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]
    assert not running


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@works
def test_a_sigterm_reaches_the_command_and_not_only_the_sandbox(home: Home) -> None:
    probe = """
import signal, sys, time
from pathlib import Path
def end(*_):
    Path(Path.cwd().parent / "ended").write_text("cleanly")
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
time.sleep(60)
"""
    home.run("one", probe, timeout=2.0)

    assert list((home.folder / "runs").rglob("ended"))


@works
def test_isolation_is_recorded_and_part_of_the_key(home: Home) -> None:
    def basis(events: list[Event]) -> str:
        return next(event.basis.key for event in events if event.event == "basis-known")

    inside, outside = (home.run(how, "import solid", how) for how in (Isolation.SANDBOX, Isolation.NONE))

    infos = [event.info.isolation for events in (inside, outside) for event in events if event.event == "run-started"]
    assert infos == ["sandbox", "none"]
    assert basis(inside) != basis(outside)


@works
def test_bytecode_is_shared_although_a_probe_cannot_write_it(home: Home) -> None:
    home.run("one", "import solid", fresh_probes=True)
    home.run("two", "import solid", fresh_probes=True)

    third = "import solid, pathlib\nassert pathlib.Path(solid.__cached__).is_file()"
    assert home.cell("three", third).verdict.status is Status.PASS


def test_a_sandbox_that_does_not_work_is_an_error_before_anything_runs(home: Home) -> None:
    broken = home.folder / "bin" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    home.environ |= {"PATH": f"{broken.parent}:{home.environ['PATH']}"}

    with pytest.raises(UsageError, match="needs bubblewrap, which does not work") as error:
        home.run("one", "import solid")

    assert str(broken) in error.value.cause and "bubblewrap" in error.value.next_step
    assert not (home.folder / "runs").exists()
    events = home.run("two", "import solid", Isolation.AUTO)
    assert next(event.info.isolation for event in events if event.event == "run-started") == "none"


@works
def test_a_pipe_where_a_probe_notes_what_it_imported_holds_nobody(home: Home) -> None:
    probe = "import os, solid\nos.mkfifo('../imports.txt')"

    assert home.cell("one", probe, timeout=20.0).verdict.status is Status.PASS


@works
def test_a_probe_cannot_read_where_programs_keep_passwords(home: Home) -> None:
    user = home.folder / "user"
    files = [user / name for name in (".ssh/id_ed25519", ".netrc", ".config/pip/pip.conf", ".aws/credentials", "data")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("canary-of-the-home")
    (user / ".pypirc").symlink_to(user / "data-of-uploads")
    (user / "data-of-uploads").write_text("canary-of-the-home")
    home.environ |= {"HOME": str(user)}
    probe = f"""
import pathlib
found = []
for file in {[str(file) for file in [*files, user / ".pypirc"]]!r}:
    try:
        found.append((pathlib.Path(file).name, pathlib.Path(file).read_text()))
    except OSError:
        pass
assert found == [("data", "canary-of-the-home")], found
"""
    # What is in the project stays: here the home is in the folder of the project, as in that of a container.
    cell = home.cell("one", probe)

    assert (cell.verdict.status, cell.message) == (Status.PASS, "")


@works
def test_bubblewrap_may_be_in_a_temporary_folder(tmp_path: Path) -> None:
    program = find(os.environ)
    assert program is not None
    shutil.copy(program.program, tmp_path / "bwrap")

    copied = find({"PATH": str(tmp_path)})

    assert copied is not None and copied.program == tmp_path / "bwrap"
    assert copied.nests == program.nests


@works
def test_root_cannot_make_anything_writable_and_no_service_outside_can_be_asked(home: Home) -> None:
    probe = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for place in [b"/", b"/proc/sys"]:
    assert libc.mount(b"none", place, None, 32 | 4096, None) != 0, "it was mounted again, and may be written"
for place in [{str(home.folder)!r} + "/escaped", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]:
    try:
        open(place, "a").close()
    except OSError:
        continue
    raise SystemError(place)
sockets = [name for folder, _, names in os.walk("/run") for name in names]
assert not [name for name in sockets if name.endswith((".sock", "bus"))], sockets
"""
    cell = home.cell("one", probe)

    assert (cell.verdict.status, cell.message) == (Status.PASS, "")
