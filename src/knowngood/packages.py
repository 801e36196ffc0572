"""Parse requirements and versions, and say what applies, what satisfies what, and where a release line ends.

Parsing is cached: every combo of a matrix brings the same requirements again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_CACHED = 8192  # entries of each cache


@lru_cache(maxsize=_CACHED)
def requirement(text: str) -> Requirement | None:
    """Return ``text`` as a requirement; None when it is not a valid one."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def requirements(texts: Iterable[str]) -> Iterator[Requirement]:
    """Yield the valid requirements among ``texts``, in order."""
    return (parsed for text in texts if (parsed := requirement(text)) is not None)


def name_of(parsed: Requirement) -> str:
    """Return the canonical name of the package that a requirement is about."""
    return canonicalize_name(parsed.name)


def names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the canonical names of the packages that ``texts`` require, each once, in order."""
    return tuple(dict.fromkeys(map(name_of, requirements(texts))))


@lru_cache(maxsize=_CACHED)
def version(text: str) -> Version | None:
    """Return ``text`` as a version; None when it is not a valid one."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def public(text: str) -> Version | None:
    """Return ``text`` as a version without its local part, as bounds have it; None when it is not a valid one."""
    parsed = version(text)
    return version(parsed.public) if parsed is not None else None


_PYTHON = re.compile(r"(?P<pypy>pypy)?(?P<version>\d+\.\d+(?:\.\d+)?)(?P<threads>t)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """A Python as a combo asks for it: ``3.11``, ``3.11.7``, ``3.13t`` without the lock, or ``pypy3.10``."""

    version: str
    """Two or three numbers."""
    pypy: bool = False
    free_threaded: bool = False

    @property
    def minor(self) -> tuple[int, int]:
        """Its first two numbers."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def markers(self) -> dict[str, str]:
        """The variables of markers that it decides."""
        names = {"implementation_name": "pypy", "platform_python_implementation": "PyPy"} if self.pypy else {}
        full = self.version if self.version.count(".") > 1 else f"{self.version}.0"
        return {**names, "python_version": f"{self.minor[0]}.{self.minor[1]}", "python_full_version": full}


@lru_cache
def python(text: str) -> Python:
    """Return the Python that ``text`` names. Raises ``ValueError`` when it names none."""
    match = _PYTHON.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid Python {text!r}")
    return Python(version=match["version"], pypy=bool(match["pypy"]), free_threaded=bool(match["threads"]))


def removal(name: str) -> str:
    """Return the requirement by which ``name`` is not installed: a marker that never holds."""
    return f"{name}; python_version < '0'"


def is_removal(parsed: Requirement) -> bool:
    """Return whether a requirement says that its package must not be installed."""
    return parsed.marker is not None and str(parsed.marker) == 'python_version < "0"'


def applies(
    parsed: Requirement, python: str | None, *, extras: Iterable[str] = (), platform: Mapping[str, str] | None = None
) -> bool:
    """Return whether the marker of a requirement holds for ``python``, such as ``3.11.7``, with or without an extra.

    ``extras`` are those that were requested. ``platform`` is as ``platform_of`` returns it. None stands for the
    Python, or the platform, of the harness.
    """
    if parsed.marker is None:
        return True
    environment = dict(platform or {})
    if python is not None:
        match = _PYTHON.search(python)
        full = match["version"] if match else python
        environment |= {"python_full_version": full, "python_version": ".".join(full.split(".")[:2])}
    return any(parsed.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


@lru_cache(maxsize=_CACHED)
def applying(
    texts: tuple[str, ...], python: str | None, *, extras: frozenset[str] = frozenset(), machine: str = ""
) -> tuple[Requirement, ...]:
    """Return the valid requirements among ``texts`` that apply to a Python and a machine, in order.

    ``extras`` and ``python`` are as in ``applies``; ``machine`` is the platform of a run, as it is recorded.
    """
    platform = platform_of(machine)
    return tuple(each for each in requirements(texts) if applies(each, python, extras=extras, platform=platform))


_SYSTEMS = {
    "Linux": {"sys_platform": "linux", "os_name": "posix"},
    "Darwin": {"sys_platform": "darwin", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "os_name": "nt"},
}


def platform_of(machine: str) -> Mapping[str, str]:
    """Return the variables of markers for a machine as a run records it, such as ``Linux x86_64, glibc 2.36``.

    A text that names no system gives none: then a marker is evaluated for the platform of the harness.
    """
    system, _, processor = machine.partition(",")[0].strip().partition(" ")
    if system not in _SYSTEMS:
        return {}
    named = {"platform_system": system, **_SYSTEMS[system]}
    return {**named, "platform_machine": processor} if processor else named


def satisfies(installed: Version | str | None, parsed: Requirement) -> bool:
    """Return whether an installed version meets a requirement; pre-releases count, and None (absent) meets nothing."""
    return installed is not None and parsed.specifier.contains(installed, prereleases=True)


def conflicts_with(installed: Mapping[str, str], parsed: Requirement) -> bool:
    """Return whether what is installed, versions by name, certainly does not meet a requirement.

    Whether a version that nobody can compare meets it cannot be decided: that is not evidence.
    """
    actual = installed.get(name_of(parsed))
    return actual is None or (version(actual) is not None and not satisfies(actual, parsed))


def lower_bound(parsed: Requirement) -> Version | None:
    """Return the version that a requirement begins at; None when it has no lower bound."""
    bounds = [
        found
        for pin in parsed.specifier
        if pin.operator in (">=", ">", "~=", "==", "===")
        and (found := version(pin.version.removesuffix(".*"))) is not None
    ]
    return max(bounds, default=None)


def declared(parsed: Requirement) -> str:
    """Return a requirement without its marker: ``requests[socks]>=2.31``, or ``name @ URL``."""
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    return f"{parsed.name}{extras} @ {parsed.url}" if parsed.url else f"{parsed.name}{extras}{parsed.specifier}"


def below(release: Version) -> str:
    """Return the specifier that excludes the release line of a version: ``<2`` for 2.0.2, ``<0.28`` for 0.28.1."""
    epoch = f"{release.epoch}!" if release.epoch else ""
    if release.minor == 0 and release.major:
        return f"<{epoch}{release.major}"
    return f"<{epoch}{release.major}.{release.minor}"


def line_of(release: Version) -> tuple[int, int, int]:
    """Return what the versions of a release line have in common: epoch, major and minor."""
    return release.epoch, release.major, release.minor


def is_exact(specifier: SpecifierSet) -> bool:
    """Return whether a specifier asks for one version: ``==1.2``, and not ``==1.*``."""
    return any(each.operator in ("==", "===") and not each.version.endswith(".*") for each in specifier)


def shortest(release: Version) -> str:
    """Return a version without zeros at its end, which mean nothing in ``<3``; that of a pre-release as it is."""
    if release.is_prerelease or release.is_postrelease:
        return str(release)
    numbers = list(release.release)
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return (f"{release.epoch}!" if release.epoch else "") + ".".join(map(str, numbers))


def next_line(release: Version) -> str:
    """Return the release line after that of a version: 4.37 for 4.36.2, 23.3 for the calendar version 23.2."""
    return f"{release.major}.{release.minor + 1}"


def bare_url(url: str) -> str:
    """Return ``url`` without the parts that may be secret: user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
