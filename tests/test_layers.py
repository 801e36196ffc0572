"""Holds the layers of the design: which room may import which, and that the pure ones do no input or output."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "knowngood"
MODULES = {path.relative_to(SOURCE).with_suffix("").as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

FLOORS = (
    {"model", "errors"},
    {"packages", "tracebacks", "patterns", "sessions", "strict_json", "syntax"},
    {"process", "events"},
    {"declare", "install", "probe", "judge", "report"},
    {"project", "cache"},
    {"run"},
    {"search"},
)
"""The rooms of the house, lowest floor first: a room may import what is on the floors below it, and its own."""
PURE = {"declare", "judge", "report"}
"""The rooms that do no input and no output: they may not import what does."""
ABOVE_ALL = {"__init__", "__main__", "cli", "nox", "sphinx"}
"""What may import everything."""
MAY_IMPORT = {
    room: {room}.union(*FLOORS[:floor]) - ({"process", "install", "probe"} if room in PURE else set())
    for floor, rooms in enumerate(FLOORS)
    for room in rooms
}
MAY_IMPORT["run"] -= {"report"}
"""The runner knows a callback, not a reporter."""

EFFECTS = {
    "asyncio",
    "concurrent",
    "ctypes",
    "filelock",
    "glob",
    "http",
    "io",
    "multiprocessing",
    "os",
    "platform",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
}
"""Modules that a pure room has no use for."""

EFFECT_CALLS = {
    "chmod",
    "exists",
    "glob",
    "input",
    "is_dir",
    "is_file",
    "iterdir",
    "mkdir",
    "open",
    "print",
    "read_bytes",
    "read_text",
    "rename",
    "resolve",
    "rmdir",
    "stat",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}
"""Functions, and methods of a path, that look at the machine or change it."""


def room(module: str) -> str:
    return module.split("/")[0]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of the syntax tree of a file."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that is imported anywhere in a file, late ones and those for type checkers too, dotted."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None, f"{path}: a relative import"
            if node.module == "knowngood":
                yield from (f"knowngood.{alias.name}" for alias in node.names)
            else:
                yield node.module


def rooms_imported(path: Path) -> set[str]:
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("knowngood.")}
    return ours - {"__version__"}


def third_party(path: Path) -> set[str]:
    top = {name.split(".")[0] for name in imports(path)}
    return {name for name in top if name not in sys.stdlib_module_names and name not in ("__future__", "knowngood")}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_the_rooms_that_its_own_may_import(module: str) -> None:
    if room(module) in ABOVE_ALL:
        return
    assert room(module) in MAY_IMPORT, f"{module}: give its room a row in the table of layers"
    extra = rooms_imported(MODULES[module]) - MAY_IMPORT[room(module)]
    assert not extra, f"{module} may not import {', '.join(sorted(extra))}"


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in PURE])
def test_declaring_judging_and_reporting_touch_nothing_outside_the_process(module: str) -> None:
    effects = {name for name in imports(MODULES[module]) if name in EFFECTS or name.split(".")[0] in EFFECTS}
    called: set[str] = set()
    for node in nodes(MODULES[module]):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            called |= {name} & EFFECT_CALLS
    assert not effects | called


@pytest.mark.parametrize(
    "module",
    # The launcher of pytest prepares the environment of its own workers, and Dask calls the functions of its module.
    [
        module
        for module in MODULES
        if module
        not in (
            "process/helpers",
            "cli/main",
            "__init__",
            "probe/in_env/pytest_launcher",
            "run/executors/dask_worker",
            "install/pip/launcher",
        )
    ],
)
def test_only_one_module_spawns_and_only_the_command_line_and_the_python_api_read_the_environment(module: str) -> None:
    spawning = {"subprocess", "pty", "multiprocessing"} & set(imports(MODULES[module]))
    reads = {
        node.attr
        for node in nodes(MODULES[module])
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb") and _is_os(node.value)
    }
    assert not spawning | reads


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


IN_ENV = [module for module in MODULES if module.startswith("probe/in_env/")]


@pytest.mark.parametrize("module", ["process/supervisor", "process/remover", "install/pip/launcher", *IN_ENV])
def test_what_runs_without_our_packages_imports_only_the_standard_library(module: str) -> None:
    theirs = {"pytest"} if module == "probe/in_env/pytest_launcher" else set()
    names = {name.split(".")[0] for name in imports(MODULES[module])}
    assert names <= sys.stdlib_module_names | {"__future__"} | theirs


@pytest.mark.parametrize("module", IN_ENV)
def test_what_runs_in_an_environment_is_python_3_7(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    # The parser lets some newer syntax through; these are the ones that one writes without a thought.
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.NamedExpr | ast.Match)]


def importers(module: str) -> set[str]:
    """Return the modules that import ``module``, itself or a name from it."""
    dotted = f"knowngood.{module.replace('/', '.')}"
    parent, _, name = dotted.rpartition(".")
    return {
        other
        for other, path in MODULES.items()
        if other != module
        and any(
            (isinstance(node, ast.ImportFrom) and node.module == dotted)
            or (isinstance(node, ast.ImportFrom) and node.module == parent and name in {one.name for one in node.names})
            for node in nodes(path)
        )
    }


LENGTHS = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}


def test_no_module_is_a_heap() -> None:
    assert not {module: length for module, length in LENGTHS.items() if length > 400}


STAND_ALONE = {"__main__", "cli/list", "probe/in_env/imports", "process/remover"}
"""Short modules that cannot be part of another: an entry point, a verb, and two that are loaded by
their path: by a process of its own, and by several files inside the environment."""


@pytest.mark.parametrize(
    "module", [name for name, lines in LENGTHS.items() if lines < 40 and not name.endswith("__init__")]
)
def test_no_module_is_a_crumb(module: str) -> None:
    assert module in STAND_ALONE or len(importers(module)) > 1, "fold it into the one module that imports it"


def test_every_test_is_collected(tmp_path: Path) -> None:
    """Where pytest looks and what it refuses depends on names: files with one short test are collected sooner."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    paths = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "tests").rglob("__init__.py")]
    files = {path.relative_to(ROOT).as_posix() for path in paths}
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("" if file.endswith("__init__.py") else "def test(): pass\n", encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    collected = {line.partition(":")[0] for line in asked.stdout.splitlines()}

    assert asked.returncode == 0, asked.stdout + asked.stderr
    tests = {file for file in files if not file.endswith("__init__.py")}
    assert tests - collected == set()
    assert [file for file in tests if not re.search(r"(?m)^ *def test_", (ROOT / file).read_text("utf-8"))] == []


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}


def test_every_runtime_dependency_is_used() -> None:
    files = [*MODULES.values(), ROOT / "noxfile.py"]
    used = {name for path in files for name in third_party(path)}
    # What runs as `python -m NAME` is named in a string.
    used |= {word for path in files for word in re.findall(r'"-m", "(\w+)"', path.read_text(encoding="utf-8"))}
    distributions = packages_distributions()
    known = {canonicalize_name(one) for name in used for one in distributions.get(name, [name])}
    assert not dependencies() - known


def test_every_package_that_is_imported_is_a_runtime_dependency() -> None:
    distributions = packages_distributions()
    # Who imports the extension of Sphinx has Sphinx, which brings docutils.
    # pytest is that of the environment under test, and Dask comes with an extra.
    without = ("sphinx.py", "pytest_launcher.py", "dask.py", "dask_worker.py")
    files = [path for path in MODULES.values() if path.name not in without]
    used = {name for path in files for name in third_party(path)} - {"pydantic_core"}  # pydantic's other half
    undeclared = {name for name in used if not {canonicalize_name(one) for one in distributions[name]} & dependencies()}
    assert not undeclared
