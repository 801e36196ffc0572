"""Whole runs over a project of this machine, with every installer: what is built, installed, recorded and reused."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from knowngood.events import Event, FactsReused, StepInstalled, StepResolved, fold
from knowngood.judge.verdict import judge
from knowngood.model import Cell, InstallerName, JudgedRun, Probe, ProbeKind, Reason, Source, SourceFacts, Status, Step
from support import git_server
from support.facts import RULES
from support.index import Index
from support.repositories import commit, git, repository, state, write
from support.runs import cells, matrix, record, request
from support.sources import COUNT, project
from support.wheels import build_sdist, build_wheel
from support.workshop import combo

HERE = Source(path=".")
PROBE = """
from probe_api import check, record

@check
def mine_says_first():
    import mine
    record(version=mine.__version__)
    assert mine.SAYS == "first"
"""


def step(*requirements: str, sources: tuple[Source, ...] = (), **declared: tuple[object, ...]) -> Step:
    """Return a step with lines that name its sources, options and requirements."""
    lines = (*(source.path for source in sources), *map(str, declared.get("options", ())), *requirements)
    return Step(lines=lines, requirements=requirements, sources=sources, **declared)  # type: ignore[arg-type]


@dataclass
class Own:
    """A folder with a project, and runs in it with one installer."""

    folder: Path
    environ: Mapping[str, str]
    index: Index
    installer: InstallerName
    runs: int = 0

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def run(self, *combos: tuple[Step, ...], probe: str | Probe = PROBE) -> list[Event]:
        """Run combos that have these steps, called c0, c1 and so on, and return the events.

        ``probe`` is a script, or a whole probe called "works".
        """
        self.runs += 1
        declared = tuple(
            replace(combo(name=f"c{number}", installer=self.installer), steps=steps)
            for number, steps in enumerate(combos)
        )
        whole = Probe(id="works", source=probe) if isinstance(probe, str) else probe
        subject = replace(matrix(self.folder, self.index.url, declared), project=self.project, probes=(whole,))
        folder = self.folder / "state" / "runs" / "tiny" / f"r{self.runs}"
        environ = {**self.environ, COUNT: str(self.folder / "count"), "GIT_ALLOW_PROTOCOL": "file:http"}
        return record(request(subject, folder, environ))

    @property
    def run_folder(self) -> Path:
        return self.folder / "state" / "runs" / "tiny" / f"r{self.runs}"

    @property
    def count(self) -> int:
        """How many builds of projects there were."""
        file = self.folder / "count"
        return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


@pytest.fixture(params=InstallerName)
def own(request: pytest.FixtureRequest, tmp_path: Path, environ: Mapping[str, str], index: Index) -> Own:
    """Return a folder whose project is the repository of ``mine`` 1.0; the index has 9.0 and what requires it."""
    build_wheel(index.folder, "mine", "9.0")
    build_wheel(index.folder, "plugin", "1.0", requires=("mine>=1",))
    for version in ("1.0", "2.0"):
        build_wheel(index.folder, "base-lib", version)
    repository(project(tmp_path / "project", requires=("base-lib",), extra=("more",)), {})
    build_wheel(index.folder, "more", "1.0")
    return Own(folder=tmp_path, environ=environ, index=index, installer=request.param)


def statuses(events: list[Event]) -> dict[str, Status]:
    return {name: cell.verdict.status for name, cell in cells(events).items()}


def resolved(events: list[Event]) -> list[StepResolved]:
    return [event for event in events if isinstance(event, StepResolved)]


def installed(events: list[Event], name: str = "c0") -> Mapping[str, str]:
    """Return what was installed in a combo in the end, without what installers bring along."""
    last = [event for event in events if isinstance(event, StepInstalled) and event.combo == name][-1]
    assert last.installed is not None, last.action.output
    return {package: version for package, version in last.installed.items() if package not in ("pip", "setuptools")}


def reused(events: list[Event]) -> set[str]:
    return {event.combo for event in events if isinstance(event, FactsReused)}


def sources(events: list[Event]) -> list[SourceFacts]:
    return [source for event in resolved(events) for source in event.sources]


def message(events: list[Event], name: str = "c0") -> str:
    cell: Cell = cells(events)[name]
    return f"{cell.verdict.status} {cell.verdict.reason} {cell.message}"


def test_the_project_is_in_every_combo_and_no_release_of_its_name_replaces_it(own: Own) -> None:
    before = state(own.project)

    events = own.run(
        (step("plugin", sources=(HERE,)),),
        (step("base-lib==1.0"), step(sources=(Source(path=".", extras=("x",)),)), step("plugin")),
        (step(sources=(HERE,)), step("mine", "more"), step("mine[x]>=1")),
    )

    assert set(statuses(events).values()) == {Status.PASS}, [message(events, name) for name in cells(events)]
    assert installed(events, "c0") == {"base-lib": "2.0", "mine": "1.0", "plugin": "1.0"}
    assert installed(events, "c1") == {"base-lib": "1.0", "mine": "1.0", "more": "1.0", "plugin": "1.0"}
    assert installed(events, "c2") == {"base-lib": "2.0", "mine": "1.0", "more": "1.0"}
    assert own.count == 1
    assert state(own.project) == before
    assert git(own.project, "status", "--porcelain") == ""


def test_settings_of_uv_in_folders_above_a_run_do_not_reach_the_build(own: Own) -> None:
    write(own.folder, {"pyproject.toml": '[tool.uv]\nrequired-version = "<0.1"\n'})
    build_wheel(own.index.folder, "base-tool", "1.0")
    settings = (own.project / "pyproject.toml").read_text(encoding="utf-8")
    assert "requires = []" in settings
    write(own.project, {"pyproject.toml": settings.replace("requires = []", 'requires = ["base-tool"]')})

    events = own.run((step(sources=(HERE,)),))

    assert statuses(events) == {"c0": Status.PASS}, message(events)


def test_a_run_records_what_was_tested_and_no_lock_names_a_path_of_this_machine(own: Own) -> None:
    head = git(own.project, "rev-parse", "HEAD")
    write(own.project, {"new.txt": ""})

    events = own.run((step(sources=(HERE,)),))

    (source,) = sources(events)
    assert (source.name, source.version, source.origin, source.commit) == ("mine", "1.0", ".", head)
    assert source.dirty and len(source.tree) == len(source.files) == 64
    lock = (own.run_folder / "combos" / "c0" / "step1.lock").read_text(encoding="utf-8")
    assert f"mine==1.0  # built from files {source.files}\n" in lock
    assert "file:" not in lock and str(own.folder) not in lock
    assert re.search(r"^base-lib==2.0 \\?\s*--hash=sha256:\w{64}$", lock, re.MULTILINE)


def test_a_verdict_is_reused_until_the_project_installs_other_files(own: Own) -> None:
    steps = (step(sources=(HERE,)),)
    first = own.run(steps)
    assert statuses(first) == {"c0": Status.PASS}

    assert reused(own.run(steps)) == {"c0"} and own.count == 1
    write(own.project, {"tests/test_mine.py": "", "README.md": "Hello"})
    assert reused(own.run(steps)) == {"c0"} and own.count == 2
    write(own.project, {"mine.py": "__version__ = '1.0'\nSAYS = 'second'\n"})
    broken = own.run(steps)
    assert reused(broken) == set() and own.count == 3
    assert statuses(broken) == {"c0": Status.FAIL}
    assert resolved(broken)[0].lock != resolved(first)[0].lock


def test_the_same_project_elsewhere_has_the_same_lock(own: Own, tmp_path: Path) -> None:
    steps = (step(sources=(HERE,)),)
    other = replace(own, folder=tmp_path / "elsewhere", environ={**own.environ})
    git(tmp_path, "clone", "--quiet", str(own.project), str(other.project))

    here, there = own.run(steps), other.run(steps)

    assert other.count == 1 and reused(there) == set()
    assert resolved(here)[0].lock == resolved(there)[0].lock


def test_an_editable_project_is_installed_from_a_copy_for_each_combo(own: Own) -> None:
    editable = Source(path=".", editable=True)
    where = """
from probe_api import check, record

@check
def it_is_installed_in_place():
    import mine, os
    record(file=mine.__file__)
    assert "site-packages" not in mine.__file__
    assert os.path.isdir(os.path.join(os.path.dirname(mine.__file__), ".git"))
"""
    before = state(own.project)

    events = own.run(
        (step(sources=(editable,)), step("plugin")), (step(sources=(editable,)), step("mine", "more")), probe=where
    )

    assert set(statuses(events).values()) == {Status.PASS}, [message(events, name) for name in cells(events)]
    files = {str(cell.metrics["file"]) for cell in cells(events).values()}
    assert len(files) == 2 and not any(file.startswith(str(own.project)) for file in files)
    assert not any(Path(file).exists() for file in files), "a copy goes with its environment"
    assert installed(events)["mine"] == "1.0" and installed(events, "c1")["mine"] == "1.0"
    assert state(own.project) == before
    assert reused(own.run((step(sources=(editable,)), step("plugin")), probe=where)) == {"c0"}
    write(own.project, {"tests/test_mine.py": ""})
    assert reused(own.run((step(sources=(editable,)), step("plugin")), probe=where)) == set()


def test_a_step_that_asks_for_another_version_of_the_project_says_what_is_in_its_way(own: Own) -> None:
    other, same = step("mine==9.0"), step("mine>=1.0", "plugin")

    events = own.run((step(sources=(HERE,)), other), (step("mine<1", sources=(HERE,)),), (step(sources=(HERE,)), same))

    assert statuses(events) == {"c0": Status.UNSOLVABLE, "c1": Status.UNSOLVABLE, "c2": Status.PASS}
    assert "mine==9.0 cannot be installed, because the combo has mine 1.0, built from ., which" in message(events)
    diagnosis = cells(events)["c0"].diagnosis
    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.why) == ("mine", "the combo asks for mine==9.0, and . installs mine 1.0")


MAKES_A_FILE = """

def build_editable(folder, config_settings=None, metadata_directory=None):
    os.makedirs("sub/made", exist_ok=True)
    with open("sub/made/compiled.txt", "w") as file:
        file.write("by the build")
    return _wheel(folder, {f"{MODULE}.pth": os.getcwd()})
"""


def test_a_command_sees_what_the_build_of_an_editable_project_made(own: Own) -> None:
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    write(own.project, {"backend.py": backend + MAKES_A_FILE, "sub/kept.txt": "by the user"})
    says = "assert open('sub/made/compiled.txt').read() == 'by the build' and open('sub/kept.txt').read()"
    probe = Probe(id="works", kind=ProbeKind.COMMAND, arguments=("python", "-c", says))
    before = state(own.project)

    events = own.run(
        (step(sources=(Source(path=".", editable=True),)),), (step(sources=(Source(path="."),)),), probe=probe
    )

    assert statuses(events) == {"c0": Status.PASS, "c1": Status.FAIL}, message(events)
    assert state(own.project) == before


def test_an_editable_project_is_built_with_the_lock_of_its_build(own: Own) -> None:
    build_wheel(own.index.folder, "tool", "1.0")
    project(own.project, build_requires=("tool",))
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    says = "\nimport tool\nprint('built with tool', tool.__version__)\nassert tool.__version__ == '1.0'\n"
    constraints = '\n[tool.uv]\nbuild-constraint-dependencies = ["tool<2"]\n'
    declared = (own.project / "pyproject.toml").read_text(encoding="utf-8")
    write(own.project, {"backend.py": backend + says, "pyproject.toml": declared + constraints})
    build_wheel(own.index.folder, "tool", "2.0")

    events = own.run((step(sources=(Source(path=".", editable=True),)),))

    assert statuses(events) == {"c0": Status.PASS}, message(events)


def test_limits_for_builds_hold_for_source_distributions_too(own: Own) -> None:
    if own.installer is InstallerName.PIP:
        pytest.skip("pip has no option for it that takes requirements")
    for version in ("1.0", "2.0"):
        build_wheel(own.index.folder, "tool", version)
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    says = "\nimport tool\nassert tool.__version__ == '1.0', tool.__version__\n"
    backend = backend.replace("'1.0'", "'2.0'") + says
    build_sdist(own.index.folder, "mine", "2.0", backend=backend, requires=("tool",))

    events = own.run((step("mine==2.0", options=("--build-constraint=tool<2",)),), (step("mine==2.0"),), probe="pass")

    assert statuses(events) == {"c0": Status.PASS, "c1": Status.BUILD_FAIL}, message(events)


@pytest.mark.parametrize("editable", [False, True])
def test_without_build_isolation_a_build_sees_the_packages_of_the_steps_before(own: Own, editable: bool) -> None:
    for version in ("1.0", "2.0"):
        build_wheel(own.index.folder, "tool", version)
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    needs_tool = "import tool\nassert tool.__version__ == '1.0', tool.__version__\n"
    write(own.project, {"backend.py": needs_tool + backend})
    source = (Source(path=".", editable=editable),)
    isolated = step(sources=source)
    not_isolated = step(sources=source, options=("--no-build-isolation",))

    events = own.run((step("tool==1.0"), not_isolated), (step("tool==2.0"), not_isolated), (step("tool"), isolated))

    assert statuses(events) == {"c0": Status.PASS, "c1": Status.BUILD_FAIL, "c2": Status.BUILD_FAIL}
    assert "AssertionError: 2.0" in message(events, "c1")
    assert "No module named 'tool'" in message(events, "c2")
    assert installed(events) == {"base-lib": "2.0", "mine": "1.0", "tool": "1.0"}
    assert reused(own.run((step("tool==1.0"), not_isolated))) == {"c0"}


def test_a_project_that_does_not_build_is_named_once_as_the_culprit(own: Own) -> None:
    write(own.project, {"broken": "no compiler of this kind"})

    events = own.run(*[(step(f"base-lib=={version}", sources=(HERE,)),) for version in ("1.0", "2.0")])

    assert statuses(events) == {"c0": Status.BUILD_FAIL, "c1": Status.BUILD_FAIL}
    assert message(events) == "build-fail build-error step 1: RuntimeError: no compiler of this kind"
    judged = judged_of(events)
    (group,) = judged.groups
    assert group.cause == "mine does not build: RuntimeError: no compiler of this kind"
    assert len(group.cells) == 2
    diagnosis = group.cells[0].diagnosis
    assert diagnosis is not None and (diagnosis.culprit, diagnosis.fix) == ("mine", ())
    assert own.count == 1
    assert reused(own.run((step("base-lib==1.0", sources=(HERE,)),))) == set()


def judged_of(events: list[Event]) -> JudgedRun:
    run = fold(events)
    assert run is not None
    return judge(run, RULES)


def test_a_build_that_reaches_no_server_says_nothing_about_the_project(own: Own) -> None:
    write(own.project, {"broken": "<urlopen error [Errno -2] Name or service not known>"})

    events = own.run((step(sources=(HERE,)),))

    assert message(events) == (
        "infra index-unreachable step 1: a server that a build asks for cannot be reached: Name or service not known"
    )


def test_an_outage_while_the_project_is_built_says_nothing_about_it(own: Own) -> None:
    build_wheel(own.index.folder, "tool", "1.0")
    pyproject = (own.project / "pyproject.toml").read_text(encoding="utf-8")
    write(own.project, {"pyproject.toml": pyproject.replace("requires = []", 'requires = ["tool"]')})
    own.index.page_status["tool"] = 503

    events = own.run((step(sources=(HERE,)),))

    assert statuses(events) == {"c0": Status.INFRA}
    assert cells(events)["c0"].verdict.reason is Reason.INDEX_ERROR
    assert "503" in cells(events)["c0"].message


def test_wheels_and_archives_on_disk_are_installed(own: Own) -> None:
    build_wheel(own.project / "dist", "given", "2.0", requires=("base-lib<2",))
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    build_sdist(own.project / "dist", "mine", "1.0", backend=backend)
    files = (Source(path="dist/given-2.0-py3-none-any.whl"), Source(path="dist/mine-1.0.tar.gz"))

    events = own.run((step(sources=files),), (step(sources=(Source(path="dist/none-1.0-py3-none-any.whl"),)),))

    assert installed(events) == {"base-lib": "1.0", "given": "2.0", "mine": "1.0"}
    assert message(events, "c1").startswith("infra no-start")
    assert "there is no dist/none-1.0-py3-none-any.whl in the project" in message(events, "c1")


@pytest.fixture
def remote(own: Own, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a repository of ``mine`` over HTTP; return its folder and its URL."""
    origin = repository(project(tmp_path / "served" / "mine", version="3.0", requires=("base-lib",)), {})
    git(origin, "tag", "v3")
    with git_server.serve(tmp_path / "served") as url:
        yield origin, f"{url}/mine/.git"


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_git_requirement_is_recorded_with_its_commit_and_a_moved_branch_runs_again(
    scheme: str, own: Own, remote: tuple[Path, str]
) -> None:
    origin, served = remote
    url = f"git+file://{origin}" if scheme == "file" else f"git+{served}"
    first = commit(origin)
    steps = (step(f"mine @ {url}@main"), step("plugin"))

    events = own.run(steps)

    assert statuses(events) == {"c0": Status.PASS}, message(events)
    assert installed(events) == {"base-lib": "2.0", "mine": "3.0", "plugin": "1.0"}
    source = sources(events)[0]
    assert (source.name, source.version, source.commit, source.origin) == ("mine", "3.0", first, url)
    lock = (own.run_folder / "combos" / "c0" / "step1.lock").read_text(encoding="utf-8")
    assert f"mine @ {url}@{first}" in lock
    assert reused(own.run(steps)) == {"c0"}
    write(origin, {"mine.py": "__version__ = '3.0'\nSAYS = 'second'\n"})
    commit(origin)
    moved = own.run(steps)
    assert (reused(moved), statuses(moved)) == (set(), {"c0": Status.FAIL})
    assert statuses(own.run((step(f"mine @ {url}@v3"),))) == {"c0": Status.PASS}


def test_an_archive_behind_a_url_is_installed_and_recorded(own: Own) -> None:
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    build_sdist(own.index.folder, "mine", "1.0", backend=backend)
    url = own.index.url.replace("/simple", "/files/mine-1.0.tar.gz")

    events = own.run((step(f"mine @ {url}"), step("plugin")))

    assert installed(events) == {"base-lib": "2.0", "mine": "1.0", "plugin": "1.0"}
    assert [(source.name, source.version, source.origin) for source in sources(events)][:1] == [("mine", "1.0", url)]


def test_a_step_that_upgrades_ignores_what_earlier_steps_left(own: Own) -> None:
    events = own.run(
        (step("base-lib==1.0", sources=(HERE,)), step("base-lib")),
        (step("base-lib==1.0", sources=(HERE,)), step("base-lib", options=("--upgrade",))),
    )

    assert [installed(events, name)["base-lib"] for name in ("c0", "c1")] == ["1.0", "2.0"]
    assert installed(events, "c1")["mine"] == "1.0"


def test_the_options_of_a_step_are_those_of_pip(own: Own) -> None:
    build_wheel(own.index.folder, "extra-part", "1.0")
    build_wheel(own.index.folder, "extra-part", "2.0rc1")
    backend = (own.project / "backend.py").read_text(encoding="utf-8")
    build_sdist(own.index.folder, "mine", "9.0", backend=backend.replace("'1.0'", "'9.0'"))
    anything = "from probe_api import check\n\n@check\ndef it_starts():\n    pass\n"

    events = own.run(
        (step("extra-part", options=("--pre",)),),
        (step("plugin", options=("--no-deps",)),),
        (step("mine", options=("--no-binary=mine", "--config-settings=fast=1")),),
        (step("plugin", "base-lib", constraints=("base-lib<2", "mine==9.0")),),
        probe=anything,
    )

    assert installed(events, "c0") == {"extra-part": "2.0rc1"}
    assert installed(events, "c1") == {"plugin": "1.0"}
    assert installed(events, "c2")["mine"] == "9.0"
    assert "{'fast': '1'}" in (own.folder / "count").read_text(encoding="utf-8")
    assert installed(events, "c3") == {"base-lib": "1.0", "mine": "9.0", "plugin": "1.0"}


def test_only_files_with_the_declared_hashes_are_installed(own: Own) -> None:
    right = f"sha256:{hashlib.sha256((own.index.folder / 'more-1.0-py3-none-any.whl').read_bytes()).hexdigest()}"
    wrong = f"sha256:{'0' * 64}"
    pin, other = "more==1.0", "base-lib==1.0"
    anything = "from probe_api import check\n\n@check\ndef it_starts():\n    pass\n"

    events = own.run(
        (step(pin, hashes=((pin, (wrong, right)),)),),
        (step(pin, hashes=((pin, (wrong,)),)),),
        (step(pin, other, hashes=((pin, (right,)),), options=("--require-hashes",)),),
        probe=anything,
    )

    assert statuses(events)["c0"] is Status.PASS, message(events)
    assert cells(events)["c1"].verdict.reason is Reason.HASH_MISMATCH, message(events, "c1")
    assert statuses(events)["c2"] is Status.UNSOLVABLE, message(events, "c2")
    assert "--require-hashes" in message(events, "c2")


def test_overrides_replace_what_a_package_declares(own: Own) -> None:
    if own.installer is InstallerName.PIP:
        pytest.skip("pip has no overrides")
    build_wheel(own.index.folder, "wants-old", "1.0", requires=("base-lib<2",))

    events = own.run((step("wants-old", sources=(HERE,), overrides=("base-lib==2.0",)),))

    assert installed(events) == {"base-lib": "2.0", "mine": "1.0", "wants-old": "1.0"}


def test_a_yanked_version_that_was_chosen_is_recorded(own: Own) -> None:
    own.index.yanked.add("base_lib-1.0-py3-none-any.whl")

    events = own.run((step("base-lib==1.0", sources=(HERE,)),), (step("base-lib", sources=(HERE,)),))

    assert {event.combo: event.yanked for event in resolved(events)} == {"c0": ("base-lib",), "c1": ()}
    reasons = {event.combo: event.yank_reasons for event in resolved(events)}
    assert reasons == {"c0": {"base-lib": "it was a mistake"}, "c1": {}}


def test_the_events_of_a_run_can_be_read_again(own: Own) -> None:
    events = own.run((step(sources=(HERE,)),))

    lines = (own.run_folder / "events.jsonl").read_bytes().splitlines()
    written = [json.loads(line) for line in lines if b'"step-resolved"' in line]
    assert written[0]["sources"][0]["name"] == "mine"
    run = fold(events)
    assert run is not None and run.combos[0].steps[0].sources[0].name == "mine"
    assert (own.run_folder / "builds").is_dir() and not (own.run_folder / "trees").exists()
