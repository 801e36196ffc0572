"""Holds the layers of the design: which room may import which, and that the pure ones do no input or output."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "knowngood"
MODULES = {path.relative_to(SOURCE).with_suffix("").as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

BASE = {"model", "errors"}
PURE = {"declare", "judge", "report"}
MAY_IMPORT = {
    "model": {"model"},
    "errors": set[str](),
    "atomic": set[str](),
    "events": BASE,
    "process": BASE | {"process"},
    **{room: BASE | {"events", room} for room in PURE},
    **{room: BASE | {"events", "process", room} for room in ("build", "probe")},
    "run": BASE | {"atomic", "events", "process", "build", "probe", "judge", "report", "run"},
    "search": BASE | {"events", "process", "build", "judge", "run", "search"},
}
RIM = {
    "__init__",
    "__main__",
    "baseline",
    "caching",
    "cli",
    "explaining",
    "exporting",
    "files",
    "options",
    "planning",
    "publishing",
    "reporting",
    "running",
    "scanning",
    "showing",
    "signatures",
    "sphinx",
    "watch",
}
"""The modules that may import everything."""

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


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that is imported anywhere in a file, late ones and those for type checkers too, dotted."""
    for node in ast.walk(tree(path)):
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
    if room(module) in RIM:
        return
    assert room(module) in MAY_IMPORT, f"{module}: give its room a row in the table of layers"
    extra = rooms_imported(MODULES[module]) - MAY_IMPORT[room(module)]
    assert not extra, f"{module} may not import {', '.join(sorted(extra))}"


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in PURE])
def test_declaring_judging_and_reporting_touch_nothing_outside_the_process(module: str) -> None:
    effects = {name for name in imports(MODULES[module]) if name in EFFECTS or name.split(".")[0] in EFFECTS}
    called: set[str] = set()
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            called |= {name} & EFFECT_CALLS
    assert not effects | called


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ("process/spawn", "cli")])
def test_only_one_module_spawns_and_only_the_command_line_reads_the_environment(module: str) -> None:
    spawning = {"subprocess", "pty", "multiprocessing"} & set(imports(MODULES[module]))
    reads = {
        node.attr
        for node in ast.walk(tree(MODULES[module]))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb") and _is_os(node.value)
    }
    assert not spawning | reads


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


@pytest.mark.parametrize("module", ["process/supervisor", "process/remover", "probe/in_env/probe_api"])
def test_what_runs_without_our_packages_imports_only_the_standard_library(module: str) -> None:
    assert {name.split(".")[0] for name in imports(MODULES[module])} <= sys.stdlib_module_names | {"__future__"}


def test_the_runner_of_probes_is_python_3_7() -> None:
    source = MODULES["probe/in_env/probe_api"].read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    # The parser lets some newer syntax through; these are the ones that one writes without a thought.
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.NamedExpr | ast.Match)]


def test_modules_stay_short() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert median(lengths.values()) <= 150
    assert not [module for module, length in lengths.items() if length > 400]


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
    files = [path for path in MODULES.values() if path.name != "sphinx.py"]
    used = {name for path in files for name in third_party(path)} - {"pydantic_core"}  # pydantic's other half
    undeclared = {name for name in used if not {canonicalize_name(one) for one in distributions[name]} & dependencies()}
    assert not undeclared
