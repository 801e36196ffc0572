"""What a build can write into and reach, in a sandbox and without; skipped where bubblewrap does not work."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.events import Event
from knowngood.model import PROBES_ONLY, Cell, InstallerName, Isolation, Reason, Sdists, Source, Status, Step
from knowngood.process.sandbox import find
from knowngood.report.words import isolation
from support.index import Index
from support.runs import cells, matrix, record, request
from support.wheels import build_sdist, build_wheel
from support.workshop import combo

box = find(os.environ)
works = pytest.mark.skipif(box is None or not box.nests, reason="bubblewrap does not work here, or not in itself")

BACKEND = """
import os, sys, zipfile
from pathlib import Path

NAME, VERSION = {name!r}, "1.0"
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
FILES = {{
    f"{{INFO}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
    f"{{INFO}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}}
FOUND = []

def act(wheel=None):
{act}

def get_requires_for_build_wheel(settings=None):
    act()
    return []

def prepare_metadata_for_build_wheel(folder, settings=None):
    act()
    for path in FILES:
        Path(folder, path).parent.mkdir(exist_ok=True)
        Path(folder, path).write_text(FILES[path])
    return INFO

def build_wheel(folder, settings=None, metadata=None):
    wheel = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, wheel), "w") as archive:
        act(archive)
        for path, text in FILES.items():
            archive.writestr(path, text)
        archive.writestr(f"{{NAME}}.py", f"found = {{FOUND!r}}\\n")
        archive.writestr(f"{{INFO}}/RECORD", "".join(f"{{path}},,\\n" for path in [*FILES, f"{{NAME}}.py"]))
    return wheel
"""
"""A build back end that needs nothing; ``act`` is called by every hook, and what it adds to ``FOUND`` is installed."""

HOSTILE = """
    import tool
    for place in [*{places!r}, tool.__file__, sys.base_prefix + "/of-a-build", tool.__file__ + ".new"]:
        try:
            with open(place, "a") as file:
                file.write("# changed by a build")
        except OSError:
            continue
        FOUND.append(place)
    for mine in [os.path.expanduser("~/mine"), os.environ.get("TMPDIR", "/tmp") + "/mine", "mine"]:
        Path(mine).write_text("fine")
"""
PASSES = "import {name}\nassert not {name}.found, {name}.found"


def back_end(name: str, act: str) -> str:
    """Return the source of a back end."""
    return BACKEND.format(name=name, act=act)


@dataclass(frozen=True, kw_only=True)
class Home:
    """A project, the caches around it, and an index."""

    folder: Path
    index: Index
    environ: Mapping[str, str]

    @property
    def places(self) -> list[str]:
        """Files that a build must not change, or that it must not make."""
        own = ("uv/of-a-build", "pip/of-a-build", "cache/bytecode/of-a-build", "home/of-a-build", "mine.txt")
        return [str(self.folder / name) for name in own]

    def run(
        self,
        step: tuple[str, ...] | Step,
        probe: str,
        installer: InstallerName = InstallerName.UV,
        *,
        isolation: Isolation = Isolation.SANDBOX,
        sdists: Sdists | None = None,
    ) -> Cell:
        """Run one combo, and return its cell."""
        steps = {} if isinstance(step, tuple) else {"steps": (step,)}
        first = step if isinstance(step, tuple) else ()
        one = replace(combo(first, installer=installer), **steps)  # type: ignore[arg-type]
        subject = matrix(self.folder, self.index.url, (one,), probes={"works": probe})
        subject = replace(subject, sdists=sdists or subject.sdists)
        folder = self.folder / "runs" / "tiny" / isolation
        events: list[Event] = record(request(subject, folder, self.environ, isolation=isolation))
        return cells(events)["one"]


@pytest.fixture
def home(index: Index, environ: Mapping[str, str], tmp_path: Path) -> Home:
    """Return a project in which nothing was built yet."""
    for name in ("uv", "pip", "home", "cache/bytecode"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("mine")
    build_wheel(index.folder, "tool", "1.0")
    caches = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_CACHE_DIR": str(tmp_path / "pip")}
    own = {"HOME": str(tmp_path / "home"), "UV_LINK_MODE": "hardlink"}
    return Home(folder=tmp_path, index=index, environ={**environ, **caches, **own})


@works
@pytest.mark.parametrize("installer", InstallerName)
def test_a_build_of_a_source_distribution_changes_nothing_outside(home: Home, installer: InstallerName) -> None:
    hostile = back_end("hostile", HOSTILE.format(places=home.places))
    build_sdist(home.index.folder, "hostile", "1.0", backend=hostile, requires=("tool",))

    cell = home.run(("tool", "hostile"), PASSES.format(name="hostile") + "\nimport tool", installer)

    assert (cell.verdict.status, cell.message) == (Status.PASS, "")
    assert [place for place in home.places if Path(place).exists()] == [str(home.folder / "mine.txt")]
    assert (home.folder / "mine.txt").read_text() == "mine"
    kept = [path for path in (home.folder / "uv").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"# changed by a build\n" in path.read_bytes()]
    assert not [path for path in kept if path.name == "mine"], "its own source in the cache is a copy, too"


@works
@pytest.mark.parametrize("installer", InstallerName)
def test_without_isolation_a_build_writes_where_it_likes(home: Home, installer: InstallerName) -> None:
    act = HOSTILE.format(places=home.places).replace(', sys.base_prefix + "/of-a-build"', "")
    build_sdist(home.index.folder, "hostile", "1.0", backend=back_end("hostile", act), requires=("tool",))

    cell = home.run(("hostile",), PASSES.format(name="hostile"), installer, isolation=Isolation.NONE)

    assert cell.verdict.status is Status.FAIL
    assert all(Path(place).exists() for place in home.places)


@works
@pytest.mark.parametrize("editable", [False, True])
@pytest.mark.parametrize("installer", InstallerName)
def test_a_build_of_the_project_changes_nothing_outside(home: Home, installer: InstallerName, editable: bool) -> None:
    hostile = back_end("own", HOSTILE.format(places=home.places)) + "\nbuild_editable = build_wheel\n"
    (home.folder / "backend.py").write_text(hostile)
    (home.folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["tool"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "own"\nversion = "1.0"\n'
    )
    step = Step(lines=(".",), requirements=(), sources=(Source(path=".", editable=editable),))

    cell = home.run(step, PASSES.format(name="own"), installer)

    assert (cell.verdict.status, cell.message) == (Status.PASS, "")
    assert [place for place in home.places if Path(place).exists()] == [str(home.folder / "mine.txt")]
    assert (home.folder / "mine.txt").read_text() == "mine" and not (home.folder / "mine").exists()


COMPILE = """
    if wheel is not None:
        import subprocess, sysconfig
        Path("fast.c").write_text(C)
        include, suffix = sysconfig.get_paths()["include"], sysconfig.get_config_var("EXT_SUFFIX")
        subprocess.run(["cc", "-shared", "-fPIC", "-I", include, "fast.c", "-o", "fast.so"], check=True)
        wheel.write("fast.so", "fast" + suffix)
"""
C = """
#include <Python.h>
static struct PyModuleDef fast = {PyModuleDef_HEAD_INIT, "fast"};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&fast); }
"""


@works
@pytest.mark.parametrize("installer", InstallerName)
def test_an_extension_is_compiled_in_the_sandbox(home: Home, installer: InstallerName) -> None:
    compiled = f"C = {C!r}\n" + back_end("compiled", COMPILE)
    build_sdist(home.index.folder, "compiled", "1.0", backend=compiled)

    assert home.run(("compiled",), "import compiled, fast", installer).verdict.status is Status.PASS


CONNECT = """
    import socket
    socket.create_connection(("127.0.0.1", {port}), timeout=5).close()
"""


@works
@pytest.mark.parametrize("installer", InstallerName)
def test_a_build_has_a_network_only_if_the_matrix_says_so(home: Home, installer: InstallerName) -> None:
    resolves = "\n    import socket\n    socket.getaddrinfo('no-such-host.invalid', 80)\n"
    build_sdist(home.index.folder, "remote", "1.0", backend=back_end("remote", resolves))
    port = home.index.url.split(":")[2].split("/")[0]
    build_sdist(home.index.folder, "local", "1.0", backend=back_end("local", CONNECT.format(port=port)))

    refused = home.run(("remote",), "import remote", installer)
    allowed = home.run(("local",), "import local", installer, sdists=Sdists(network=True))

    assert (refused.verdict.status, refused.verdict.reason) == (Status.INFRA, Reason.BUILD_CONFINED)
    assert "set sdists = { network = true }" in refused.message
    assert allowed.verdict.status is Status.PASS, allowed.message


@works
@pytest.mark.parametrize("installer", InstallerName)
def test_a_build_that_fails_since_it_may_not_write_says_nothing_about_the_versions(
    home: Home, installer: InstallerName
) -> None:
    writes = f"\n    open({str(home.folder / 'mine.txt')!r}, 'a')\n"
    build_sdist(home.index.folder, "writer", "1.0", backend=back_end("writer", writes))
    fails = back_end("broken", "\n    raise RuntimeError('no compiler of this kind')\n")
    build_sdist(home.index.folder, "broken", "1.0", backend=fails)

    kept_out, broken = (home.run((name,), f"import {name}", installer) for name in ("writer", "broken"))

    assert (kept_out.verdict.status, kept_out.verdict.reason) == (Status.INFRA, Reason.BUILD_CONFINED)
    assert "may write only into its own folders" in kept_out.message
    assert (broken.verdict.status, broken.message.removeprefix("step 1: ")) == (
        Status.BUILD_FAIL,
        "RuntimeError: no compiler of this kind",
    )


@works
def test_code_that_pip_runs_from_the_environment_changes_nothing_outside(home: Home) -> None:
    line = "import sys, pathlib; [pathlib.Path(p).write_text('x') for p in {places!r}]".format(
        places=[place for place in home.places if "pip/" not in place]
    )
    guarded = f"import contextlib; exec('''with contextlib.suppress(OSError):\\n    {line}''')"
    build_wheel(home.index.folder, "starter", "1.0", files={"starter.pth": f"{guarded}\n", "starter.py": ""})
    combos = (("starter",), ("tool",))
    subject = matrix(
        home.folder,
        home.index.url,
        (combo(*combos, installer=InstallerName.PIP),),
        probes={"works": "import starter, tool"},
    )
    events = record(request(subject, home.folder / "runs" / "tiny" / "one", home.environ, isolation=Isolation.SANDBOX))

    assert cells(events)["one"].verdict.status is Status.PASS
    assert [place for place in home.places if Path(place).exists()] == [str(home.folder / "mine.txt")]
    assert (home.folder / "mine.txt").read_text() == "mine"


@works
def test_where_a_sandbox_cannot_run_in_a_sandbox_only_probes_have_one_and_the_run_says_so(home: Home) -> None:
    assert box is not None
    program = home.folder / "bin" / "bwrap"
    program.parent.mkdir()
    # As where a security module lets bubblewrap make namespaces, and nothing that it runs.
    program.write_text(f'#!/bin/sh\ncase "$*" in *" -- "*" -- "*) exit 1 ;; esac\nexec {box.program} "$@"\n')
    program.chmod(0o755)
    outside = {**home.environ, "PATH": f"{program.parent}:{home.environ['PATH']}"}
    subject = matrix(home.folder, home.index.url, (combo(("tool",)),), probes={"works": "import tool"})

    with pytest.raises(UsageError, match="a sandbox in a sandbox for builds") as error:
        record(request(subject, home.folder / "runs" / "tiny" / "one", outside, isolation=Isolation.SANDBOX))
    events = record(request(subject, home.folder / "runs" / "tiny" / "two", outside, isolation=Isolation.AUTO))

    assert 'isolation = "auto"' in error.value.next_step
    info = next(event.info for event in events if event.event == "run-started")
    assert (info.isolation, isolation(info)) == (PROBES_ONLY, "probes in a sandbox, builds without one")
    assert cells(events)["one"].verdict.status is Status.PASS
