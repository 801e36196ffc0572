"""Read from the files of an environment what can go wrong in it, before anything runs: few files are opened.

The signs by which an extension shows which C API of NumPy it was built for come from real wheels. Their extensions were
imported on NumPy 2: no distribution with an extension that counts as ``1`` here worked there.
"""

import ast
import csv
import hashlib
import mmap
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path, PurePosixPath

from packaging.tags import compatible_tags, cpython_tags, parse_tag, platform_tags
from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment, metadata_of
from knowngood.model import Distribution, EnvironmentFacts, Extension
from knowngood.packages import version
from knowngood.process.files import open_regular, read_text
from knowngood.syntax import parse

_LARGEST = 128 * 2**20
"""Bytes. Larger libraries hold kernels for GPUs; to read them would take longer than all others together."""
_ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "benchmarks"})
"""Top-level folders that many distributions contain by mistake and that nobody imports."""
_DIGITS = 12
"""Hexadecimal digits of a digest that only tells two builds of one version apart."""
_PLAIN = "py3-none-any"
_TAG = re.compile(r"^Tag: *([\w.]+-[\w.]+-[\w.]+)\s*$", re.MULTILINE)
_OPENMP = re.compile(r"(libi?omp5?)(-[0-9a-f]+)?\.so[.\d]*")
"""LLVM's and Intel's OpenMP, also with a hash in the name: two copies in one process abort or hang. GCC's do not."""


class _Api(Enum):
    """The C API of NumPy that an extension was built for."""

    ONE = auto()
    ONE_BY_TYPES = auto()
    """Cython that calls nothing of NumPy, but compares the sizes of its types with those in the headers of 1.x."""
    TWO = auto()
    OLD_PYBIND11 = auto()
    """Finds NumPy at run time and expects the layout of 1.x: some functions give wrong numbers on NumPy 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Installed:
    """One distribution, its metadata and its files."""

    name: str
    version: str
    requires: tuple[str, ...]
    files: Mapping[str, str]
    """Path as in RECORD -> hash, which may be empty."""
    tags: tuple[str, ...]
    """The tags of the wheel that it was installed from."""
    folder: Path

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


def read(environment: Environment) -> EnvironmentFacts:
    """Return the distributions and extensions of ``environment``, and remarks on what is suspicious.

    An environment without ``site-packages`` has none of them.
    """
    installed = _installed(environment)
    numpy = next((distribution.version for distribution in installed if distribution.name == "numpy"), None)
    extensions: list[Extension] = []
    remarks: list[str] = []
    for distribution in installed:
        built_for, old_pybind11 = _extensions(distribution)
        extensions += built_for
        if old_pybind11 is not None and numpy is not None and _major(numpy) >= 2:
            remarks.append(
                f"{distribution.label} was built with a pybind11 older than 2.12 ({old_pybind11}), "
                f"which can give wrong arrays on NumPy {numpy}"
            )
    return EnvironmentFacts(
        distributions=tuple(
            Distribution(
                name=distribution.name,
                version=distribution.version,
                requires=distribution.requires,
                modules=_modules(distribution.files),
                contents=_contents(distribution),
            )
            for distribution in installed
        ),
        extensions=tuple(extensions),
        remarks=(*remarks, *_clashes(installed), *_foreign(installed, environment), *_openmp(installed)),
    )


def _installed(environment: Environment) -> list[_Installed]:
    installed: dict[str, _Installed] = {}
    for folder in environment.site_packages():
        for place in sorted(path for path in folder.iterdir() if path.suffix in (".dist-info", ".egg-info")):
            metadata = metadata_of(place)
            # Metadata cut short by a failed install has neither.
            if not metadata["Name"] or not metadata["Version"]:
                continue
            if (name := canonicalize_name(metadata["Name"])) in installed:
                continue
            installed[name] = _Installed(
                name=name,
                version=metadata["Version"],
                requires=tuple(metadata.get_all("Requires-Dist") or ()),
                files=_files(read_text(place / "RECORD")),
                tags=tuple(_TAG.findall(read_text(place / "WHEEL"))),
                folder=folder,
            )
    return [distribution for _, distribution in sorted(installed.items())]


def _files(record: str) -> dict[str, str]:
    try:
        rows = list(csv.reader(record.splitlines()))
    except csv.Error:
        return {}
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}


_OF_INSTALLER = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})
"""Files of a ``.dist-info`` that the installer writes."""


def _contents(distribution: _Installed) -> str:
    """Return what is equal for two installs of one build: a digest of its own files, and the tags of its wheel.

    What an installer adds does not count: bytecode, scripts, and the links of an editable install.
    """
    lines = [
        f"{path},{digest}"
        for path, digest in distribution.files.items()
        if not path.startswith(("../", "/"))
        and not path.endswith((".pyc", ".pth"))
        and not path.startswith("__editable__")
        and not (".dist-info/" in path and path.rpartition("/")[2] in _OF_INSTALLER)
    ]
    if not lines:
        return ""
    digest = hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
    return " ".join([digest[:_DIGITS], *sorted(distribution.tags)])


def _modules(files: Iterable[str]) -> tuple[str, ...]:
    """Return the top-level modules and packages among ``files``, sorted."""
    modules = set()
    for path in files:
        if not path.endswith((".py", ".so")):
            continue
        top, slash, _ = path.partition("/")
        # `numpy.libs`, `x-1.0.data` and `..` are not packages.
        name = top if slash else top.partition(".")[0]
        if name.isidentifier() and name != "__pycache__":
            modules.add(name)
    return tuple(sorted(modules))


def _extensions(distribution: _Installed) -> tuple[list[Extension], str | None]:
    """Return the extensions that show which NumPy they were built for, and one with an old pybind11, if any."""
    if distribution.name == "numpy" or distribution.name.startswith("nvidia-"):
        return [], None
    apis: dict[str, _Api] = {}
    all_read = True
    for path in filter(_is_extension, distribution.files):
        file = distribution.folder / path
        try:
            size = file.stat().st_size
            all_read = all_read and size <= _LARGEST
            api = _api_of(file) if 0 < size <= _LARGEST else None
        except (OSError, ValueError):
            continue  # the file is gone, or RECORD holds an impossible name
        if api is not None:
            apis[path] = api
    numpy = {_Api.ONE: "1", _Api.TWO: "2"}
    # A distribution is built against one NumPy: a certain sign in one file outweighs a likely one in another.
    if _Api.TWO not in apis.values():
        numpy[_Api.ONE_BY_TYPES] = "1"
    extensions = [
        Extension(file=path, distribution=distribution.name, numpy=numpy[api])
        for path, api in sorted(apis.items())
        if api in numpy
    ]
    if extensions or not all_read:
        return extensions, None
    return [], next((path for path, api in sorted(apis.items()) if api is _Api.OLD_PYBIND11), None)


def _is_extension(path: str) -> bool:
    """Return whether Python imports the file, or extensions share it as a library, such as ``libtorch_python.so``."""
    folder, _, name = path.rpartition("/")
    if not name.endswith(".so") or path.startswith(("/", "../")) or folder.endswith(".libs"):
        return False
    return ".cpython-" in name or ".abi3." in name or not name.startswith("lib") or "python" in name


_APIS: dict[tuple[int, int, int, int], "_Api | None"] = {}
"""APIs by device, inode, size and time: a file that is linked into many environments is read once."""


def _api_of(file: Path) -> "_Api | None":
    stat = file.stat()
    key = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
    if key not in _APIS:
        _APIS[key] = _api(file)
    return _APIS[key]


def _api(file: Path) -> _Api | None:
    with open_regular(file, linked=True) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:

        def holds(text: bytes) -> bool:
            return data.find(text) >= 0

        # For nearly all files without NumPy, this search is the only one.
        if not holds(b"multiarray"):
            return None
        if holds(b"numpy._core"):
            marks = (b"numpy._core._multiarray_umath", b"numpy._core.multiarray failed to import", b"pybind11")
            return _Api.TWO if any(map(holds, marks)) else None
        if holds(b"numpy.core._multiarray_umath"):
            return _Api.ONE if holds(b"compiled against ABI version") else None
        if holds(b"numpy.core.multiarray failed to import"):
            return _Api.ONE_BY_TYPES
        return _Api.OLD_PYBIND11 if holds(b"numpy.core.multiarray") and holds(b"pybind11") else None


def _clashes(installed: Iterable[_Installed]) -> Iterator[str]:
    owners: dict[str, tuple[_Installed, str]] = {}
    clashes: dict[tuple[str, str], list[str]] = {}
    for distribution in installed:
        for path, digest in distribution.files.items():
            if not path.endswith((".py", ".so")):
                continue
            owner, other = owners.setdefault(path, (distribution, digest))
            differ = digest and other and digest != other
            if owner is not distribution and differ and not _shared(path, owner, distribution):
                clashes.setdefault((owner.name, distribution.name), []).append(path)
    for (first, second), paths in clashes.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"{first} and {second} both own {paths[0]}{more}, with different contents: the one installed last won"


def _shared(path: str, *owners: _Installed) -> bool:
    """Return whether several distributions may own a file: part of a namespace package, or never imported."""
    parts = PurePosixPath(path).parts
    if parts[0] in _ASIDE:
        return True
    if len(parts) != 2 or parts[1] != "__init__.py":
        return False
    return _makes_namespace(owners[-1].folder / path)


def _makes_namespace(file: Path) -> bool:
    """Return whether a package does nothing in its ``__init__.py`` that another one could overwrite."""
    try:
        text = read_text(file)
    except ValueError:
        return True
    tree = parse(text)
    return (
        tree is None or "extend_path" in text or "declare_namespace" in text or not any(map(_does_something, tree.body))
    )


def _does_something(node: ast.stmt) -> bool:
    match node:
        case ast.Expr() | ast.Pass() | ast.ImportFrom(module="__future__"):
            return False
        case ast.Assign(targets=[ast.Name(id=name)]):
            return not name.startswith("__")
        case _:
            return True


def _foreign(installed: Iterable[_Installed], environment: Environment) -> Iterator[str]:
    python = environment.python_version()
    for distribution in installed:
        if not distribution.tags or _PLAIN in distribution.tags:
            continue
        tags = {tag for text in distribution.tags for tag in parse_tag(text)}
        fitting = {tag for tag in tags if tag.platform == "any" or tag.platform in _platforms()}
        pythons = {(tag.interpreter, tag.abi) for tag in fitting}
        if not fitting:
            tagged = " or ".join(sorted({tag.platform for tag in tags}))
            yield f"{distribution.label} was built for {tagged}, this machine is {_machine()}"
        elif python is not None and pythons.isdisjoint(_supported(_python(distribution.folder, python))):
            tagged = " or ".join(sorted(map("-".join, pythons)))
            yield f"{distribution.label} was built for {tagged}, this environment has Python {python}"


def _python(folder: Path, version: str) -> tuple[int, int, bool]:
    """Return major and minor version, and whether it is free-threaded: only its folder shows that, ``python3.13t``."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor), folder.parent.name.endswith("t")


@lru_cache
def _platforms() -> frozenset[str]:
    return frozenset(platform_tags())


@lru_cache
def _supported(python: tuple[int, int, bool]) -> frozenset[tuple[str, str]]:
    """Return the interpreter and ABI tags that a Python supports, on any platform."""
    major, minor, free_threaded = python
    interpreter = f"cp{major}{minor}"
    suffix = "t" if free_threaded else "m" if python < (3, 8) else ""
    own = cpython_tags((major, minor), abis=[interpreter + suffix], platforms=["any"])
    plain = compatible_tags((major, minor), interpreter=interpreter, platforms=["any"])
    return frozenset((tag.interpreter, tag.abi) for tag in (*own, *plain))


def _machine() -> str:
    libc = " ".join(filter(None, platform.libc_ver()))
    return f"{platform.system()} on {platform.machine()}" + (f" with {libc}" if libc else "")


def _openmp(installed: Iterable[_Installed]) -> Iterator[str]:
    copies: dict[str, str] = {}
    for distribution in installed:
        for path in distribution.files:
            name = path.rpartition("/")[2]
            if _OPENMP.fullmatch(name):
                copies.setdefault(distribution.name, name)
    if len(copies) > 1:
        owners = " and ".join(f"{name} ({file})" for name, file in copies.items())
        yield f"{owners} each bring an OpenMP runtime of the kind that cannot be loaded twice into one process"


def _major(text: str) -> int:
    parsed = version(text)
    return parsed.major if parsed is not None else 0
