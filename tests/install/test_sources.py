"""Build projects of this machine with real uv: how often, from what, and what a failed build says."""

import os
import threading
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from knowngood.install import origin, registry, wheelhouse
from knowngood.install.index import Routes
from knowngood.install.interface import Built, Tools
from knowngood.install.interpreters import Interpreter
from knowngood.install.registry import OUTPUTS
from knowngood.install.source import Builds
from knowngood.install.wheelhouse import Wheel, Wheelhouse
from knowngood.model import Ending, InstallerName, Reason, Source, Status
from knowngood.process import Processes
from knowngood.project.tree import Trees
from support.index import Index
from support.repositories import commit, git, repository, state, write
from support.sources import COUNT, project
from support.wheels import build_sdist, build_wheel
from support.workshop import BASE_PYTHON

HERE = Source(path=".")


@dataclass
class Shop:
    """Starts one run after the other, all of which keep their wheels in the same folder."""

    folder: Path
    environ: Mapping[str, str]
    index: Index
    runs: int = 0

    def run(
        self,
        *,
        pythons: tuple[str, ...] = ("3.11",),
        reuses: bool = True,
        project: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Builds:
        """Return the builds of a new run, for which every version of Python is the same interpreter."""
        self.runs += 1
        processes = Processes(self.folder / f"run{self.runs}")
        environ = registry.environment(Routes(default=self.index.url), {**self.environ, **(variables or {})})
        environ |= {COUNT: str(self.folder / "count")}
        trees = Trees(processes.root / "trees", processes=processes, environ=environ)
        find = lambda version: Interpreter(path=BASE_PYTHON, build=version)  # noqa: E731
        return Builds(
            tools=Tools(processes=processes, environ=environ, find_python=find),
            folder=processes.root / "builds",
            kept=Wheelhouse(folder=self.folder / "kept"),
            project=project or self.project,
            tree=trees.of,
            pythons=pythons,
            machine="a machine",
            wait=lambda seconds: False,
            reuses=reuses,
        )

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def count(self) -> int:
        """How many builds there were."""
        file = self.folder / "count"
        return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


@pytest.fixture
def shop(tmp_path: Path, environ: Mapping[str, str], index: Index) -> Shop:
    return Shop(folder=tmp_path, environ=environ, index=index)


def built(builds: Builds, source: Source = HERE, python: str = "3.11", *options: str) -> Built:
    result = builds.wheel(source, options, python)
    assert not result.facts.failed, result.facts.build and result.facts.build.output
    return result


def text(wheel: Path | None, member: str) -> str:
    assert wheel is not None
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member).decode()


def test_a_pure_project_is_built_once_for_all_pythons_and_not_again_in_the_next_run(shop: Shop) -> None:
    repository(project(shop.project), {})
    before = state(shop.project)
    pythons = ("3.11", "3.9", "3.10")

    builds = shop.run(pythons=pythons)
    first = [built(builds, python=python) for python in pythons]
    second = built(shop.run(pythons=pythons[:1]))

    assert shop.count == 1
    assert {result.wheel for result in first} == {second.wheel}
    assert first[0].facts.build is not None and second.facts.build is None
    assert (second.facts.name, second.facts.version) == ("mine", "1.0")
    assert state(shop.project) == before


def test_a_compiled_project_is_built_once_for_each_python(shop: Shop) -> None:
    repository(project(shop.project, compiled=True), {})
    pythons = ("3.10", "3.11")

    for _ in range(2):
        builds = shop.run(pythons=pythons)
        results = [built(builds, python=python) for python in (*pythons, *pythons)]
        assert shop.count == 2
        assert results[0].wheel != results[1].wheel
        assert results[0].identity == results[1].identity == results[2].identity


def test_combos_that_ask_for_a_project_at_the_same_time_wait_for_one_build(shop: Shop) -> None:
    repository(project(shop.project), {})
    builds, barrier = shop.run(), threading.Barrier(6)

    def ask(_: int) -> Built:
        barrier.wait()
        return built(builds)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(ask, range(6)))

    assert shop.count == 1
    assert len({result.wheel for result in results}) == 1


CHANGES: dict[str, tuple[Callable[[Path], object], bool, bool]] = {
    "a module": (lambda folder: write(folder, {"mine.py": "SAYS = 'second'"}), True, True),
    "a new file": (lambda folder: write(folder, {"more.py": ""}), True, True),
    "a test": (lambda folder: write(folder, {"tests/test_mine.py": "assert 0"}), True, False),
    "the text that describes the project": (lambda folder: write(folder, {"README.md": "Hello"}), True, False),
    "a matrix": (lambda folder: write(folder, {"matrices/m.toml": "x"}), False, False),
    "an ignored file": (lambda folder: write(folder, {"x.log": ""}), False, False),
    "a commit": (commit, False, False),
}
"""What changes, whether the project is built again then, and whether it installs other files."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_project_is_built_again_when_its_tree_changed_and_its_key_is_of_what_it_installs(
    change: str, shop: Shop
) -> None:
    repository(project(shop.project, files={".gitignore": "*.log"}), {})
    first = built(shop.run())
    alter, again, another = CHANGES[change]

    alter(shop.project)
    second = built(shop.run())

    assert shop.count == (2 if again else 1)
    assert (second.facts.tree != first.facts.tree) == again
    assert (second.identity != first.identity) == another
    assert (second.facts.files != first.facts.files) == another


def test_a_compiled_project_has_another_key_when_anything_in_its_tree_changed(shop: Shop) -> None:
    repository(project(shop.project, compiled=True), {})
    first = built(shop.run())
    write(shop.project, {"tests/test_mine.py": ""})

    assert built(shop.run()).identity != first.identity


def test_the_same_tree_built_on_another_machine_has_the_same_key(shop: Shop, tmp_path: Path) -> None:
    repository(project(shop.project), {})
    other = replace(shop, folder=tmp_path / "other")
    git(tmp_path, "clone", "--quiet", str(shop.project), str(other.project))

    here, there = built(shop.run()), built(other.run())

    assert (here.identity, here.facts.tree) == (there.identity, there.facts.tree)
    assert here.wheel != there.wheel


def test_a_version_from_git_is_read_again_when_the_repository_changed(shop: Shop) -> None:
    repository(project(shop.project), {})
    pyproject = (shop.project / "pyproject.toml").read_text(encoding="utf-8")
    dynamic = pyproject.replace('version = "1.0"', 'dynamic = ["version"]')
    write(shop.project, {"pyproject.toml": dynamic})
    commit(shop.project)
    built(shop.run())
    git(shop.project, "tag", "v1.0")

    built(shop.run())
    built(shop.run())

    assert shop.count == 2


def test_newer_build_requirements_build_a_project_again(shop: Shop) -> None:
    build_wheel(shop.index.folder, "tool", "1.0")
    repository(project(shop.project, build_requires=("tool",)), {})
    first = built(shop.run(variables={"UV_CACHE_DIR": str(shop.folder / "one-cache")}))
    assert first.constraints is not None and first.constraints.read_text(encoding="utf-8") == "tool==1.0\n"
    built(shop.run())
    assert shop.count == 1

    build_wheel(shop.index.folder, "tool", "1.1")
    again = built(shop.run(variables={"UV_CACHE_DIR": str(shop.folder / "other-cache")}))

    assert shop.count == 2
    assert again.constraints is not None and again.constraints.read_text(encoding="utf-8") == "tool==1.1\n"


def test_a_run_that_reuses_nothing_builds_again(shop: Shop) -> None:
    repository(project(shop.project), {})

    for _ in range(2):
        built(shop.run(reuses=False))

    assert shop.count == 2


@pytest.mark.parametrize(
    ("variable", "again"),
    [("CFLAGS", True), ("MINE_NO_EXTENSIONS", True), ("MINE_FAST", True), ("GITHUB_RUN_ID", False)],
)
def test_a_variable_that_changes_what_is_built_is_part_of_the_key(variable: str, again: bool, shop: Shop) -> None:
    repository(project(shop.project), {})
    built(shop.run(variables={variable: "1"}))

    built(shop.run(variables={variable: "2"}))

    assert shop.count == (2 if again else 1)


def test_settings_reach_the_backend_and_are_part_of_the_key(shop: Shop) -> None:
    repository(project(shop.project), {})
    builds = shop.run()

    built(builds, HERE, "3.11", "--config-settings=fast=1", "--pre")
    built(builds, HERE, "3.11", "--config-settings=fast=2")

    lines = (shop.folder / "count").read_text(encoding="utf-8").splitlines()
    assert ["'fast': '1'" in lines[0], "'fast': '2'" in lines[1]] == [True, True]


def test_a_failed_build_says_why_without_the_folder_of_the_copy_and_is_not_tried_again(shop: Shop) -> None:
    repository(project(shop.project, files={"broken": "no compiler of this kind"}), {})
    builds = shop.run(pythons=("3.11", "3.10"))

    results = [builds.wheel(HERE, (), python) for python in ("3.11", "3.10", "3.11")]

    action = results[0].facts.build
    assert action is not None and results[2].facts.build == action
    output = OUTPUTS[InstallerName.UV]
    assert output.classify(action) == (Status.BUILD_FAIL, Reason.BUILD_ERROR)
    assert output.message(action, Status.BUILD_FAIL) == "RuntimeError: no compiler of this kind"
    assert str(shop.folder / "run1") not in action.output
    assert (results[0].facts.name, results[0].facts.version) == ("mine", None)
    assert shop.count == 2, "once for each Python"


def test_a_backend_that_makes_no_wheel_is_named(shop: Shop) -> None:
    backend = "def build_wheel(folder, *others):\n    name = 'mine-1-py3-none-any.whl'\n"
    backend += "    open(f'{folder}/{name}', 'w').write('no archive')\n    return name\n"
    text = '[project]\nname = "mine"\nversion = "1"\n[build-system]\nrequires = []\nbuild-backend = "backend"\n'
    repository(shop.project, {"backend.py": backend, "pyproject.toml": text + 'backend-path = ["."]\n'})

    built = shop.run().wheel(HERE, (), "3.11")

    assert built.wheel is None
    assert built.facts.build is not None
    assert "which is not a wheel: File is not a zip file" in built.facts.build.exit.note


def test_a_build_requirement_that_does_not_exist_is_a_failed_build(shop: Shop) -> None:
    repository(project(shop.project, build_requires=("ghost",)), {})

    action = shop.run().wheel(HERE, (), "3.11").facts.build

    assert action is not None
    assert OUTPUTS[InstallerName.UV].classify(action) == (Status.BUILD_FAIL, Reason.BUILD_ERROR)
    assert "ghost was not found" in OUTPUTS[InstallerName.UV].message(action, Status.BUILD_FAIL)


def test_an_index_that_is_down_stops_a_build_and_the_next_combo_tries_again(shop: Shop) -> None:
    build_wheel(shop.index.folder, "tool", "1.0")
    repository(project(shop.project, build_requires=("tool",)), {})
    shop.index.page_status["tool"] = 500
    builds = shop.run()

    stopped = builds.wheel(HERE, (), "3.11").facts.build
    shop.index.page_status.clear()

    assert stopped is not None
    assert OUTPUTS[InstallerName.UV].classify(stopped) == (Status.INFRA, Reason.INDEX_ERROR)
    assert shop.count == 0
    assert built(builds).wheel is not None


def test_the_variables_of_a_git_hook_do_not_reach_a_build(shop: Shop) -> None:
    repository(project(shop.project), {})

    assert built(shop.run(variables={"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index"})).wheel is not None


def test_projects_of_one_repository_are_built_each_from_its_folder(shop: Shop) -> None:
    project(shop.project / "packages" / "a", name="a")
    project(shop.project / "packages" / "b", name="b", files={"shared.txt": ""})
    (shop.project / "packages" / "b" / "shared.txt").unlink()
    (shop.project / "packages" / "b" / "shared.txt").symlink_to("../../shared.txt")
    repository(shop.project, {"shared.txt": "from above"})
    builds = shop.run()

    results = [built(builds, Source(path=f"packages/{name}")) for name in ("a", "b")]

    assert [result.facts.name for result in results] == ["a", "b"]
    assert text(results[1].wheel, "shared.txt") == "from above"
    assert results[0].facts.tree != results[1].facts.tree
    # A matrix in a folder of its own names what is above it.
    write(shop.project, {"ci/matrices/m.toml": ""})
    assert built(shop.run(project=shop.project / "ci"), Source(path="../packages/b")).wheel is not None


def test_a_project_elsewhere_has_a_snapshot_of_its_own(shop: Shop, tmp_path: Path) -> None:
    repository(project(shop.project), {})
    repository(project(tmp_path / "elsewhere", name="other"), {})

    result = built(shop.run(), Source(path="../elsewhere", extras=("x", "y")))

    assert result.requirement.startswith("other[x,y] @ file:///")
    assert result.constraint.startswith("other @ file:///")


def test_a_project_is_built_with_the_commit_and_changes_that_it_has(shop: Shop) -> None:
    repository(project(shop.project), {})
    clean = built(shop.run()).facts
    write(shop.project, {"new.py": ""})
    dirty = built(shop.run()).facts

    assert (clean.commit, clean.dirty) == (git(shop.project, "rev-parse", "HEAD"), False)
    assert (dirty.commit, dirty.dirty) == (clean.commit, True)


def test_a_wheel_and_an_archive_are_sources_too(shop: Shop, tmp_path: Path) -> None:
    project(shop.project)
    wheel = build_wheel(shop.project / "dist", "given", "2.0")
    backend_text = (shop.project / "backend.py").read_text(encoding="utf-8")
    build_sdist(shop.project / "dist", "mine", "1.0", backend=backend_text)
    builds = shop.run()

    given = built(builds, Source(path="dist/given-2.0-py3-none-any.whl"))
    archive = built(builds, Source(path="dist/mine-1.0.tar.gz"))

    assert given.wheel == wheel
    assert (given.facts.name, given.facts.version, given.facts.build) == ("given", "2.0", None)
    assert (archive.facts.name, archive.facts.version) == ("mine", "1.0")
    assert shop.count == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("dist/none-1.0-py3-none-any.whl", "there is no dist/none-1.0-py3-none-any.whl in the project"),
        ("nowhere", "there is no nowhere in the project"),
        ("dist/empty-1.0-py3-none-any.whl", "dist/empty-1.0-py3-none-any.whl is not a wheel: File is not a zip file"),
    ],
)
def test_a_source_that_is_not_there_is_named(path: str, why: str, shop: Shop) -> None:
    write(project(shop.project), {"dist/empty-1.0-py3-none-any.whl": ""})

    action = shop.run().wheel(Source(path=path), (), "3.11").facts.build

    assert action is not None and action.exit.ending is Ending.NOT_STARTED
    assert OUTPUTS[InstallerName.UV].classify(action)[0] is Status.INFRA
    assert OUTPUTS[InstallerName.UV].message(action, Status.INFRA) == why


def test_what_is_installed_in_place_has_the_lock_of_a_build_by_the_python_of_its_combo(shop: Shop) -> None:
    build_wheel(shop.index.folder, "tool", "1.0")
    repository(project(shop.project, build_requires=("tool",)), {})
    builds = shop.run(pythons=("3.9", "3.11"))
    here, newest = (built(builds, Source(path=".", editable=True), python=python) for python in ("3.9", "3.11"))

    assert here.constraints is not None and newest.constraints is not None
    assert here.constraints != newest.constraints, "the newest Python may have other requirements of its build"


def test_a_copy_to_install_in_place_is_private(shop: Shop, tmp_path: Path) -> None:
    repository(project(shop.project), {})
    builds = shop.run()

    result = built(builds, Source(path=".", editable=True))
    copies = [builds.copy(result, tmp_path / name).place for name in ("one", "two")]

    assert result.identity == f"tree {result.facts.tree}" and result.facts.editable
    for copy in copies:
        assert copy is not None and (copy / "mine.py").is_file() and (copy / ".git").is_dir()
    write(tmp_path / "one", {"mine.py": "changed"})
    assert "changed" not in (tmp_path / "two" / "mine.py").read_text(encoding="utf-8")
    assert git(shop.project, "status", "--porcelain") == ""


def test_the_wheels_used_least_recently_go_first(tmp_path: Path) -> None:
    kept = Wheelhouse(folder=tmp_path / "kept")
    for key in ("aa1", "bb2", "cc3"):
        kept.put(key, wheelhouse.read_wheel(build_wheel(tmp_path / key, "solid", "1.0")))
    record = next((tmp_path / "kept" / "aa").glob("*/*.json"))
    os.utime(record, (0, 0))

    kept.prune(most=sum(file.stat().st_size for file in (tmp_path / "kept" / "bb").rglob("*.*")) * 2)

    assert [kept.get(key) is not None for key in ("aa1", "bb2", "cc3")] == [False, True, True]


def test_a_damaged_record_of_a_kept_wheel_counts_as_none(tmp_path: Path) -> None:
    kept = Wheelhouse(folder=tmp_path / "kept")
    wheel = kept.put("aa1", wheelhouse.read_wheel(build_wheel(tmp_path, "solid", "1.0")))
    assert kept.get("aa1") == wheel

    next((tmp_path / "kept").rglob("*.json")).write_text("{", encoding="utf-8")

    assert kept.get("aa1") is None


def test_what_identifies_a_wheel_are_the_files_that_it_installs(tmp_path: Path) -> None:
    def read(folder: str, **options: object) -> Wheel:
        return wheelhouse.read_wheel(build_wheel(tmp_path / folder, "solid", "1.0", **options))  # type: ignore[arg-type]

    first = read("a")
    assert read("b") == replace(first, path=tmp_path / "b" / first.path.name)
    assert read("c", files={"solid.py": "x = 1"}).content != first.content
    assert read("d", requires=("other",)).content != first.content


@pytest.mark.parametrize(
    ("files", "name", "requires", "reads_git"),
    [
        ({"pyproject.toml": '[project]\nname = "A.B"\nversion = "1"'}, "a-b", ("setuptools>=40.8.0",), False),
        ({"pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]'}, "a", ("setuptools>=40.8.0",), True),
        (
            {"pyproject.toml": '[project]\nname = "a"\nversion = "1"', "setup.py": ""},
            "a",
            ("setuptools>=40.8.0",),
            True,
        ),
        (
            {"pyproject.toml": '[build-system]\nrequires = ["poetry-core"]\n[tool.poetry]\nname = "p"'},
            "p",
            ("poetry-core",),
            True,
        ),
        ({"setup.cfg": "[metadata]\nname = legacy\n"}, "legacy", ("setuptools>=40.8.0",), True),
        ({"setup.py": 'setup(\n    name="old_style",\n)'}, "old-style", ("setuptools>=40.8.0",), True),
        ({"setup.py": "setup(**settings)"}, "some-folder", ("setuptools>=40.8.0",), True),
        ({"pyproject.toml": "broken ="}, "some-folder", ("setuptools>=40.8.0",), True),
        (
            {"pyproject.toml": '[build-system]\nrequires = ["a", "b"]\n[tool.uv.sources]\nb = { workspace = true }'},
            "some-folder",
            ("a",),
            True,
        ),
    ],
)
def test_a_project_says_how_it_is_built(
    files: dict[str, str], name: str, requires: tuple[str, ...], reads_git: bool, tmp_path: Path
) -> None:
    described = origin.read_backend(write(tmp_path / "some_folder", files))

    assert (described.name, described.requires, described.reads_git) == (name, requires, reads_git)
