"""What the files of an environment tell before anything runs in it: nothing is imported, and few files are opened.

How an extension tells which C API of NumPy it was built for was learned from real wheels, whose extensions
were imported on NumPy 2: no distribution with one that is told as ``1`` worked there.
"""

import csv
import importlib.metadata
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
from packaging.version import InvalidVersion, Version

from knowngood.install.environment import Environment
from knowngood.model import Distribution, EnvironmentFacts, Extension

_LARGEST = 128 * 2**20
"""Bytes; larger libraries hold kernels, and would take longer to read than all others together."""
_ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "benchmarks"})
"""Folders at the top that many distributions bring by mistake and nobody imports."""
_PLAIN = "py3-none-any"
_TAG = re.compile(r"^Tag: *([\w.]+-[\w.]+-[\w.]+)\s*$", re.MULTILINE)
_OPENMP = re.compile(r"(libi?omp5?)(-[0-9a-f]+)?\.so[.\d]*")
"""LLVM's and Intel's OpenMP, hashed names too: two copies of them in one process abort or hang. GCC's get along."""


class _Api(Enum):
    """What an extension tells about the C API of NumPy."""

    ONE = auto()
    ONE_BY_TYPES = auto()
    """Cython that calls nothing of NumPy, and yet looks whether its types are as large as in the headers of 1.x."""
    TWO = auto()
    OLD_PYBIND11 = auto()
    """Finds NumPy at run time, with the layout of 1.x in mind: some functions give wrong numbers on NumPy 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Installed:
    """One distribution, its metadata and its files."""

    name: str
    version: str
    requires: tuple[str, ...]
    files: Mapping[str, str]
    """Path as in RECORD -> hash, which may be empty."""
    tags: tuple[str, ...]
    """Of the wheel that it came from."""
    folder: Path

    @property
    def called(self) -> str:
        return f"{self.name} {self.version}"


def read(environment: Environment) -> EnvironmentFacts:
    """Return what the files of ``environment`` tell; an environment without ``site-packages`` tells nothing."""
    installed = _installed(environment)
    version = next((one.version for one in installed if one.name == "numpy"), None)
    extensions: list[Extension] = []
    remarks: list[str] = []
    for one in installed:
        told, old_pybind11 = _extensions(one)
        extensions += told
        if old_pybind11 is not None and version is not None and _major(version) >= 2:
            remarks.append(
                f"{one.called} was built with a pybind11 older than 2.12 ({old_pybind11}), "
                f"which can give wrong arrays on NumPy {version}"
            )
    return EnvironmentFacts(
        distributions=tuple(
            Distribution(name=one.name, version=one.version, requires=one.requires, modules=_modules(one.files))
            for one in installed
        ),
        extensions=tuple(extensions),
        remarks=(*remarks, *_clashes(installed), *_foreign(installed, environment), *_openmp(installed)),
    )


def _installed(environment: Environment) -> list[_Installed]:
    found: dict[str, _Installed] = {}
    for folder in environment.site_packages():
        for distribution in importlib.metadata.distributions(path=[str(folder)]):
            metadata = distribution.metadata  # parsed anew at each access
            names, versions = metadata.get_all("Name"), metadata.get_all("Version")
            # Metadata cut short by a failed install has neither.
            if not names or not versions or (name := canonicalize_name(names[0])) in found:
                continue
            found[name] = _Installed(
                name=name,
                version=versions[0],
                requires=tuple(metadata.get_all("Requires-Dist") or ()),
                files=_files(_text(distribution, "RECORD")),
                tags=tuple(_TAG.findall(_text(distribution, "WHEEL"))),
                folder=folder,
            )
    return [one for _, one in sorted(found.items())]


def _text(distribution: importlib.metadata.Distribution, name: str) -> str:
    try:
        return distribution.read_text(name) or ""
    except UnicodeDecodeError:
        return ""


def _files(record: str) -> dict[str, str]:
    try:
        rows = list(csv.reader(record.splitlines()))
    except csv.Error:
        return {}
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}


def _modules(files: Iterable[str]) -> tuple[str, ...]:
    found = set()
    for path in files:
        if not path.endswith((".py", ".so")):
            continue
        top, slash, _ = path.partition("/")
        # `numpy.libs`, `x-1.0.data` and `..` are no packages.
        name = top if slash else top.partition(".")[0]
        if name.isidentifier() and name != "__pycache__":
            found.add(name)
    return tuple(sorted(found))


def _extensions(one: _Installed) -> tuple[list[Extension], str | None]:
    """Return the extensions that tell for which NumPy they were built, and one of an old pybind11 if there is any."""
    if one.name == "numpy" or one.name.startswith("nvidia-"):
        return [], None
    told: dict[str, _Api] = {}
    all_seen = True
    for path in filter(_is_extension, one.files):
        file = one.folder / path
        try:
            size = file.stat().st_size
            all_seen = all_seen and size <= _LARGEST
            api = _api_of(file) if 0 < size <= _LARGEST else None
        except (OSError, ValueError):
            continue  # it is gone, or its name is no name of a file
        if api is not None:
            told[path] = api
    numpy = {_Api.ONE: "1", _Api.TWO: "2"}
    # A distribution is built against one NumPy: what is certain of one file outweighs what is likely of another.
    if _Api.TWO not in told.values():
        numpy[_Api.ONE_BY_TYPES] = "1"
    extensions = [
        Extension(file=path, distribution=one.name, numpy=numpy[api])
        for path, api in sorted(told.items())
        if api in numpy
    ]
    if extensions or not all_seen:
        return extensions, None
    return [], next((path for path, api in sorted(told.items()) if api is _Api.OLD_PYBIND11), None)


def _is_extension(path: str) -> bool:
    """Whether Python imports it; the library of extensions that share one, such as ``libtorch_python.so``, counts."""
    folder, _, name = path.rpartition("/")
    if not name.endswith(".so") or path.startswith(("/", "../")) or folder.endswith(".libs"):
        return False
    return ".cpython-" in name or ".abi3." in name or not name.startswith("lib") or "python" in name


_APIS: dict[tuple[int, int, int, int], "_Api | None"] = {}
"""What extensions tell, by device, inode, size and time: linked into many environments they are one file, read once."""


def _api_of(file: Path) -> "_Api | None":
    stat = file.stat()
    key = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
    if key not in _APIS:
        _APIS[key] = _api(file)
    return _APIS[key]


def _api(file: Path) -> _Api | None:
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:

        def holds(text: bytes) -> bool:
            return data.find(text) >= 0

        # Nearly all files that know nothing of NumPy need this one look.
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
    owners: dict[str, tuple[str, str]] = {}
    clashes: dict[tuple[str, str], list[str]] = {}
    for one in installed:
        for path, digest in one.files.items():
            if not path.endswith((".py", ".so")):
                continue
            owner, other = owners.setdefault(path, (one.name, digest))
            differ = digest and other and digest != other
            if owner != one.name and differ and not _shared(path):
                clashes.setdefault((owner, one.name), []).append(path)
    for (first, second), paths in clashes.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"{first} and {second} both own {paths[0]}{more}, with different contents: the one installed last won"


def _shared(path: str) -> bool:
    """Whether several distributions may well bring it: parts of a namespace package, or what nobody imports."""
    parts = PurePosixPath(path).parts
    return parts[0] in _ASIDE or (len(parts) == 2 and parts[1] == "__init__.py")


def _foreign(installed: Iterable[_Installed], environment: Environment) -> Iterator[str]:
    version = environment.python_version()
    for one in installed:
        if not one.tags or _PLAIN in one.tags:
            continue
        tags = {tag for text in one.tags for tag in parse_tag(text)}
        fitting = {tag for tag in tags if tag.platform == "any" or tag.platform in _platforms()}
        pythons = {(tag.interpreter, tag.abi) for tag in fitting}
        if not fitting:
            asked = " or ".join(sorted({tag.platform for tag in tags}))
            yield f"{one.called} was built for {asked}, this machine is {_machine()}"
        elif version is not None and pythons.isdisjoint(_supported(_python(one.folder, version))):
            asked = " or ".join(sorted(map("-".join, pythons)))
            yield f"{one.called} was built for {asked}, this environment has Python {version}"


def _python(folder: Path, version: str) -> tuple[int, int, bool]:
    """Return major and minor version, and whether it is free-threaded, as only its folder tells: ``python3.13t``."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor), folder.parent.name.endswith("t")


@lru_cache
def _platforms() -> frozenset[str]:
    return frozenset(platform_tags())


@lru_cache
def _supported(python: tuple[int, int, bool]) -> frozenset[tuple[str, str]]:
    """Return the interpreter and ABI tags that go together with a Python, whatever the platform."""
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
    for one in installed:
        for path in one.files:
            name = path.rpartition("/")[2]
            if _OPENMP.fullmatch(name):
                copies.setdefault(one.name, name)
    if len(copies) > 1:
        told = " and ".join(f"{name} ({file})" for name, file in copies.items())
        yield f"{told} each bring an OpenMP runtime of the kind that cannot be loaded twice into one process"


def _major(version: str) -> int:
    try:
        return Version(version).major
    except InvalidVersion:
        return 0
