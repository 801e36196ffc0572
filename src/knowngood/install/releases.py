"""Look up what a diagnosis asks: dates and releases from the index, what uv resolves, and names in source files."""

import io
import tarfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, platform_tags
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from knowngood import packages
from knowngood.install.confined import BuildSandbox, run_uv
from knowngood.install.interface import OUTSIDE
from knowngood.install.pages import File, Page
from knowngood.install.symbols import mentions, offers
from knowngood.install.uv.installer import UV
from knowngood.model import Action, FirstWith, InstallerName, LastWith, NearestWithout, Status
from knowngood.model.questions import Files, Release
from knowngood.process import Processes
from knowngood.process.files import read_text
from knowngood.process.remover import remove_tree

_SCALE = (Files.NONE, Files.SOURCE, Files.WHEEL, Files.OWN_WHEEL)
"""From the worst to the best file of a release."""


def read_page(page: Page, python: str) -> tuple[Release, ...]:
    """Return the releases on the page of a package for a Python such as ``3.11`` or ``3.13t``, the lowest first."""
    best: dict[Version, Files] = {}
    built: set[Version] = set()
    times: dict[Version, datetime] = {}
    sizes: dict[Version, int] = {}
    sources: dict[Version, int] = {}
    for file in page.files:
        version = _version(file.name)
        if version is None:
            continue
        kind = _kind(file, python)
        if file.name.endswith(".whl"):
            built.add(version)
        best[version] = max(best.get(version, Files.NONE), kind, key=_SCALE.index)
        if kind in (Files.WHEEL, Files.OWN_WHEEL) and file.size is not None:
            sizes[version] = min(file.size, sizes.get(version, file.size))
        elif kind is Files.SOURCE and file.size is not None:
            sources[version] = min(file.size, sources.get(version, file.size))
        time = _time(file.upload_time)
        if time is not None:
            times[version] = min(time, times.get(version, time))
    for version in built:
        if best[version] is Files.SOURCE:
            best[version] = Files.ELSEWHERE
    return tuple(
        Release(
            version=version,
            uploaded=times.get(version),
            files=best[version],
            size=sizes.get(version) or sources.get(version, 0),
        )
        for version in sorted(best)
    )


def _version(name: str) -> Version | None:
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
        return None


def _kind(file: File, python: str) -> Files:
    if file.yanked or not _allows(file.requires_python, python):
        return Files.NONE
    if not file.name.endswith(".whl"):
        return Files.SOURCE
    tags = parse_wheel_filename(file.name)[3]
    if tags.isdisjoint(_supported(python)):
        return Files.NONE
    own = _interpreter(packages.python(python))
    return Files.OWN_WHEEL if any(tag.interpreter == own for tag in tags) else Files.WHEEL


def _allows(specifier: str | None, python: str) -> bool:
    version = packages.python(python).version
    # The latest patch of a release line counts.
    full = version if version.count(".") > 1 else f"{version}.99"
    try:
        return not specifier or SpecifierSet(specifier).contains(full, prereleases=True)
    except InvalidSpecifier:
        return True


def _interpreter(python: packages.Python) -> str:
    """Return the interpreter in the tags of wheels that are built for a Python."""
    return f"{'pp' if python.pypy else 'cp'}{python.minor[0]}{python.minor[1]}"


@lru_cache
def _supported(text: str) -> frozenset[Tag]:
    python = packages.python(text)
    minor, interpreter = python.minor, _interpreter(python)
    if python.pypy:
        own = generic_tags(interpreter, [f"pypy{minor[0]}{minor[1]}_pp73"], list(platform_tags()))
    else:
        abi = f"cp{minor[0]}{minor[1]}" + ("m" if minor < (3, 8) else "t" if python.free_threaded else "")
        own = cpython_tags(minor, abis=[abi])
    return frozenset((*own, *compatible_tags(minor, interpreter)))


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


_LIMIT = 60.0  # seconds for one command; a diagnosis is not worth more
_STRIDES = (0, 1, 2, 4, 7, 12, 20, 33, 54)
"""The release lines that are looked into, counted from the installed one, until one is the way it should be."""
_MOST_MAJORS = 6
"""The major versions whose nearest release is looked into as well: a name may have come and gone with one of them."""
_LARGEST_ARCHIVE = 20 * 1024 * 1024  # bytes
_LARGEST_WHEEL = 120 * 1024 * 1024  # bytes; a name is not worth a larger download


def _nothing(file: File) -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseIndex:
    """Questions about releases, answered by uv as it would resolve them for ``python``.

    Files and logs go to ``folder``. ``page`` asks the index that a package comes from for its page, with the access
    that installers have; None when that cannot say. An answer that is None is unknown.
    """

    processes: Processes
    uv: Path
    environ: Mapping[str, str]
    python: Path
    folder: Path
    review: Callable[[Action, InstallerName], Action]
    page: Callable[[str], Page | None]
    contents: Callable[[File], bytes | None] = _nothing
    """Returns the contents of a file of a page; None when it cannot be read."""
    builds: BuildSandbox | None = None
    """What builds run in that a resolution needs; None: as any process of the user."""

    def uploaded(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Return canonical name -> when that version was uploaded, UTC, ISO 8601, where the index has the date."""
        # A local version, 2.1.2+cpu, comes from another index, but from the same day.
        pins = [f"{name}=={version.partition('+')[0]}" for name, version in versions.items()]
        days = {canonicalize_name(package["name"]): _uploaded(package) for package in self._resolve("uploaded", pins)}
        return {name: day for name, day in days.items() if day}

    def current(self, name: str, time: str) -> str | None:
        """Return the version of ``name`` that was the newest at ``time`` (ISO 8601), of those that need no build."""
        then = datetime.fromisoformat(time).astimezone(UTC)
        options = ["--exclude-newer", then.isoformat(), "--only-binary", name]
        packages = self._resolve(f"current-{name}", [name], *options)
        return next((package["version"] for package in packages), None)

    def next_with_wheel(self, name: str, above: str | None) -> str | None:
        """Return the lowest version above ``above`` that has a wheel for this Python; the newest when that is None."""
        options = ["--only-binary", name, "--resolution", "lowest-direct" if above else "highest"]
        packages = self._resolve(f"wheel-{name}", [f"{name}>{above}" if above else name], *options)
        return next((package["version"] for package in packages), None)

    def solvable(self, requirements: Iterable[str], options: Iterable[str] = ()) -> tuple[str, ...] | bool | None:
        """Return a set of versions that meets all ``requirements``; False when there is none.

        Each is ``NAME==VERSION TIME``, where the index has the time of its upload. None: the resolver could not say.
        """
        action, lock = self._compile("solvable", requirements, *options)
        if action.exit.ok:
            packages = tomllib.loads(read_text(lock)).get("packages", [])
            pins = (f"{package['name']}=={package.get('version', '')} {_uploaded(package)}" for package in packages)
            return tuple(pin.strip() for pin in pins)
        # What must be built to be resolved, and cannot be built, does not solve it either.
        return False if UV.output.classify(action)[0] in (Status.UNSOLVABLE, Status.BUILD_FAIL) else None

    def listed(self, package: str, python: str) -> tuple[str, ...] | None:
        """Return the releases of ``package`` for a Python such as ``3.11.7``, each as it is recorded."""
        page = self.page(package)
        return tuple(map(str, read_page(page, python))) if page is not None else None

    def sizes(self, versions: Mapping[str, str], python: str) -> tuple[int, int]:
        """Return how many bytes the files of ``versions`` are, by canonical name, and those that have to be built.

        What the index does not say counts as nothing.
        """
        chosen = [
            release
            for name, version in versions.items()
            for release in self._releases(name, python)
            if str(release.version) == version
        ]
        return sum(each.size for each in chosen), sum(each.size for each in chosen if not each.has_wheel)

    def status(self, package: str) -> str | None:
        """Return the status of a project at its index, and the reason for it; None where the index states none."""
        page = self.page(package)
        if page is None or not page.status:
            return None
        reason = " ".join(page.status_reason.split())
        return f"{page.status}: {reason}" if reason else page.status

    def nearest_with(self, question: LastWith | FirstWith, python: str) -> str | None:
        """Return the nearest release of an older or newer line whose module has a name."""

        def has(folder: Path) -> bool:
            return offers(folder, question.module, question.name) is True

        def has_plainly(folder: Path) -> bool:
            return offers(folder, question.module, question.name, lazily=False) is True

        newer = isinstance(question, FirstWith)
        # It is known that the installed one lacks the name: a reading that denies it would mislead elsewhere as well.
        found = self._nearest(question.package, question.installed, python, newer, has)
        return found or self._nearest(question.package, question.installed, python, newer, has_plainly)

    def nearest_without(self, question: NearestWithout, python: str) -> str | None:
        """Return the nearest older or newer release whose sources, or module, do not have a word."""

        def lacks(folder: Path) -> bool:
            if question.module:
                return offers(folder, question.module, question.word) is False
            return not mentions(folder, question.word)

        return self._nearest(question.package, question.installed, python, question.newer, lacks)

    def _nearest(
        self, package: str, installed: str, python: str, newer: bool, fits: Callable[[Path], bool]
    ) -> str | None:
        """Return the release nearest to the installed one that fits, as far as releases between them do not."""
        base = Version(installed.partition("+")[0])
        releases = [
            release
            for release in self._releases(package, python)
            if _is_readable(release) and (release.version > base if newer else release.version < base)
        ]
        releases.sort(key=lambda release: release.version, reverse=not newer)
        own = self._unpacked(package, base)
        if not releases or own is None or fits(own):
            return None
        low = -1
        for high in _places(releases):
            if self._fits(package, releases[high], fits):
                break
            low = high
        else:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fits(package, releases[middle], fits) else (middle, high)
        return str(releases[high].version)

    def _releases(self, package: str, python: str) -> tuple[Release, ...]:
        page = self.page(package)
        return read_page(page, python) if page is not None else ()

    def _fits(self, package: str, release: Release, fits: Callable[[Path], bool]) -> bool:
        if release.files is Files.SOURCE:
            unpacked = self._source(package, release.version)
        else:
            unpacked = self._wheel(package, release.version) if release.size <= _LARGEST_WHEEL else None
        return unpacked is not None and fits(unpacked)

    def _unpacked(self, package: str, version: Version) -> Path | None:
        """Return the folder into which a release of ``package`` is unpacked; None when it cannot be read."""
        return self._wheel(package, version) or self._source(package, version)

    def _wheel(self, package: str, version: Version) -> Path | None:
        folder = self._emptied()
        command: list[str | Path] = [self.uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        action = self.processes.run(
            [*command, "--python", self.python, "--target", folder, f"{package}=={version}"],
            env=self.environ,
            cwd=OUTSIDE,
            log=self.folder / f"unpacked-{package}.log",
            timeout=_LIMIT,
        )
        return folder if action.exit.ok else None

    def _source(self, package: str, version: Version) -> Path | None:
        """Return the folder with the modules in a source distribution, which is read and not built."""
        page = self.page(package)
        for file in page.files if page is not None else ():
            if (
                file.name.endswith(".tar.gz")
                and _version(file.name) == version
                and (file.size or 0) <= _LARGEST_ARCHIVE
            ):
                data = self.contents(file)
                return _modules_of(data, self._emptied()) if data is not None else None
        return None

    def _emptied(self) -> Path:
        folder = self.folder / "unpacked"
        remove_tree(folder)
        folder.mkdir(parents=True)
        return folder

    def _resolve(self, topic: str, requirements: Iterable[str], *options: str) -> list[Any]:
        action, lock = self._compile(topic, requirements, "--no-deps", *options)
        if not action.exit.ok:
            return []
        packages: list[Any] = tomllib.loads(read_text(lock)).get("packages", [])
        return packages

    def _compile(self, topic: str, requirements: Iterable[str], *options: str) -> tuple[Action, Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        source, lock = self.folder / f"{topic}.in", self.folder / f"pylock.{topic.replace('.', '-')}.toml"
        source.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
        lock.unlink(missing_ok=True)
        command: list[str | Path] = [self.uv, "pip", "compile", source, "--quiet", "--python", self.python]
        action = run_uv(
            self.builds,
            self.processes,
            [*command, "--format", "pylock.toml", "--output-file", lock, *options],
            python=self.python,
            env=self.environ,
            cwd=OUTSIDE,
            log=self.folder / f"{topic}.log",
            timeout=_LIMIT,
        )
        return self.review(action, InstallerName.UV), lock


def _places(releases: Sequence[Release]) -> list[int]:
    """Return which of ``releases``, the nearest first, to look into, in order."""
    lines = [number for number, release in enumerate(releases) if _begins(releases, number, 2)]
    majors = [number for number in lines if _begins(releases, number, 1)]
    strides = [lines[stride] for stride in _STRIDES if stride < len(lines)]
    last = [len(releases) - 1] if len(lines) <= _STRIDES[-1] else []
    return sorted({*strides, *majors[:_MOST_MAJORS], *last})


def _begins(releases: Sequence[Release], number: int, numbers: int) -> bool:
    """Return whether a release differs from the one before in the first ``numbers`` of its version."""
    before = releases[number - 1].version.release[:numbers] if number else None
    return releases[number].version.release[:numbers] != before


def _is_readable(release: Release) -> bool:
    """Return whether the sources of a final release can be read: from a wheel, or from an archive if it has none."""
    return release.installs or (release.files is Files.SOURCE and not release.version.is_prerelease)


def _modules_of(data: bytes, folder: Path) -> Path | None:
    """Unpack a source distribution into ``folder`` and return where its modules are; None when it is broken."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return None
    root = next((path for path in sorted(folder.iterdir()) if path.is_dir()), folder)
    for aside in ("tests", "test", "docs", "doc", "examples"):
        remove_tree(root / aside)
    return next((root / name for name in ("src", "lib") if any((root / name).glob("*/__init__.py"))), root)


def _uploaded(package: Mapping[str, Any]) -> str:
    """Return when the first file of a package in a lock was uploaded, UTC, ISO 8601; empty where that is not known."""
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    times = [file["upload-time"] for file in files if "upload-time" in file]
    return min(time if time.tzinfo else time.replace(tzinfo=UTC) for time in times).isoformat() if times else ""
