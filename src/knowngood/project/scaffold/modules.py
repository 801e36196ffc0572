"""Find what a project lets others import, and what an application imports itself."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from knowngood.declare.pyproject import strings, table
from knowngood.project.scaffold.folder import Folder

_NOT_PACKAGES = frozenset(
    {
        "benchmarks",
        "bin",
        "ci",
        "conf",
        "docs",
        "doc",
        "examples",
        "example",
        "notebooks",
        "requirements",
        "scripts",
        "samples",
    }
    | {"setup", "tasks", "test", "testing", "tests", "tools", "noxfile", "conftest", "fabfile", "versioneer", "dodo"}
)
_MOST_NAMES = 40
"""Names of one module that a smoke probe touches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Modules:
    """What a project lets others import."""

    names: tuple[str, ...]
    """Top-level modules and packages."""
    why: str
    flat: tuple[str, ...]
    """Those in the folder of the project itself, where tests may import them instead of what is installed."""


def find(folder: Folder, name: str) -> Modules:
    """Return the modules of a project called ``name``: as it declares them (PEP 794), else as its folders show."""
    declared = strings(folder.project, "import-names")
    if declared:
        names = tuple(dict.fromkeys(entry.partition(";")[0].strip() for entry in declared))
        return Modules(names=names, why="import-names in pyproject.toml", flat=_flat(folder, names))
    stated = tuple(_stated(folder))
    if stated:
        return Modules(names=stated, why="its build settings", flat=_flat(folder, stated))
    for top in ("src", "lib", "."):
        candidates = tuple(_candidates(folder, top))
        expected = {spelling for spelling in (name, name.replace("-", "_"), name.replace("-", "")) if spelling}
        same = tuple(module for module in candidates if module.lower() in {each.lower() for each in expected})
        names = candidates if top != "." else same or candidates
        if names:
            where = "the folder of the project" if top == "." else f"{top}/"
            return Modules(names=names, why=where, flat=names if top == "." else ())
    guess = re.sub(r"[-.]+", "_", name)
    return Modules(names=(guess,) if guess.isidentifier() else (), why="the name of the project", flat=())


def _stated(folder: Folder) -> Iterator[str]:
    """Yield the modules that the settings of build backends name."""
    hatch = table(table(table(folder.tool("hatch"), "build"), "targets"), "wheel")
    for path in strings(hatch, "packages"):
        yield path.strip("/").rpartition("/")[2].removesuffix(".py")
    for backend in ("flit", "pdm"):
        module = table(folder.tool(backend), "module").get("name")
        if isinstance(module, str):
            yield module
    uv = table(folder.tool("uv"), "build-backend").get("module-name")
    yield from (uv,) if isinstance(uv, str) else strings({"uv": uv}, "uv")
    packages = folder.tool("poetry").get("packages")
    for entry in packages if isinstance(packages, list) else ():
        include = entry.get("include") if isinstance(entry, dict) else None
        if isinstance(include, str) and re.fullmatch(r"[\w./]+", include):
            yield include.partition("/")[0].removesuffix(".py")
    modules = strings(folder.tool("setuptools"), "py-modules")
    yield from modules
    if isinstance(listed := folder.tool("setuptools").get("packages"), list):
        yield from dict.fromkeys(str(package).partition(".")[0] for package in listed)


def _candidates(folder: Folder, top: str) -> Iterator[str]:
    """Yield the packages and, in the folder of a project that has none, the modules below ``top``."""
    root = folder.path / top
    packages = [
        entry.name
        for entry in sorted(root.iterdir() if root.is_dir() else ())
        if entry.is_dir()
        and entry.name.isidentifier()
        and entry.name.lower() not in _NOT_PACKAGES
        and ((entry / "__init__.py").is_file() or (top != "." and any(entry.glob("*/__init__.py"))))
    ]
    modules = [file.stem for file in sorted(root.glob("*.py")) if file.stem.isidentifier()]
    modules = [module for module in modules if module.lower() not in _NOT_PACKAGES and not module.startswith("_")]
    yield from packages or modules


def _flat(folder: Folder, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        name
        for name in names
        if folder.has_folder(name.partition(".")[0]) or folder.has(f"{name.partition('.')[0]}.py")
    )


def uses(folder: Folder) -> dict[str, tuple[str, ...]]:
    """Return what the code of an application imports that is neither its own nor of the standard library.

    Module -> names that are imported from it. Imports in a ``try`` or in a function are left out: the code may do
    without them, or never get there.
    """
    files = [file for file in folder.python_files() if not _is_test(file.relative_to(folder.path).parts)]
    own = {part.removesuffix(".py") for file in files for part in file.relative_to(folder.path).parts}
    found: dict[str, dict[str, None]] = {}
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        for node in tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, {})
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.setdefault(node.module, {}).update(
                    (alias.name, None) for alias in node.names if alias.name != "*"
                )
    return {
        module: tuple(names)[:_MOST_NAMES]
        for module, names in sorted(found.items())
        if module.partition(".")[0] not in sys.stdlib_module_names | own
    }


def _is_test(parts: tuple[str, ...]) -> bool:
    name = parts[-1]
    return (
        name in ("setup.py", "noxfile.py", "conftest.py")
        or name.startswith("test_")
        or not {"test", "tests"}.isdisjoint(parts)
    )


def modules_of(requirements: tuple[str, ...]) -> tuple[str, ...]:
    """Return the likely modules of requirements, for an application whose code imports nothing at its top."""
    known = {
        "pyyaml": "yaml",
        "pillow": "PIL",
        "scikit-learn": "sklearn",
        "beautifulsoup4": "bs4",
        "opencv-python": "cv2",
    }
    known |= {"python-dateutil": "dateutil", "python-dotenv": "dotenv", "attrs": "attr", "pyjwt": "jwt"}
    names = (canonicalize_name(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in requirements)
    return tuple(dict.fromkeys(known.get(name, name.replace("-", "_")) for name in names if name))
