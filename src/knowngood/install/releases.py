"""Look up what a diagnosis asks: upload dates, wheels and symbols, through uv's resolver and in source files."""

import ast
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood.install.environment import Environment
from knowngood.install.uv.installer import UV
from knowngood.model import Action, Distribution, Status
from knowngood.process import Processes

_DEEPEST = 4  # star imports followed


def offers(folder: Path, module: str, name: str) -> bool:
    """Return whether ``module``, unpacked below ``folder``, has ``name``: defined, imported, or a part of the package.

    Also True where the source does not show it: a compiled module, or one that computes its names on access.
    """
    place = folder / module.replace(".", "/")
    if (place / name).is_dir() or any(place.glob(f"{name}.*")):
        return True
    return _defines(folder, place, name, _DEEPEST)


def _defines(folder: Path, place: Path, name: str, depth: int) -> bool:
    candidates = place.with_name(f"{place.name}.py"), place / "__init__.py"
    source = next((file for file in candidates if file.is_file()), None)
    if source is None or depth == 0:
        return True
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return True
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="__getattr__"):
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if node.name == name:
                return True
            case ast.Name(id=variable, ctx=ast.Store()) if variable == name:
                return True
            case ast.Import() | ast.ImportFrom() if any((alias.asname or alias.name) == name for alias in node.names):
                return True
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                base = source.parent if node.level else folder
                for _ in range(node.level - 1):
                    base = base.parent
                starred = base / (node.module or "").replace(".", "/")
                # Packages elsewhere cannot be read, and names rarely come from there.
                if (starred.is_dir() or starred.with_name(f"{starred.name}.py").is_file()) and _defines(
                    folder, starred, name, depth - 1
                ):
                    return True
            case _:
                pass
    return False


_LIMIT = 60.0  # seconds for one command; a diagnosis is not worth more
_LARGEST_SOURCE = 2 * 1024 * 1024  # bytes
_MOST_STEPS_BACK = 6  # release lines in which to look for a name
_MOST_SOURCES = 4000  # files of one distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseIndex:
    """Questions about releases, answered by uv as it would resolve them for ``python``.

    Files and logs go to ``folder``. An answer that is None is unknown.
    """

    processes: Processes
    uv: Path
    environ: Mapping[str, str]
    python: Path
    folder: Path

    def uploaded(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Return canonical name -> when that version was uploaded, UTC, ISO 8601, where the index has the date."""
        # A local version, 2.1.2+cpu, comes from another index, but from the same day.
        pins = [f"{name}=={version.partition('+')[0]}" for name, version in versions.items()]
        dates: dict[str, str] = {}
        for package in self._resolve("uploaded", pins):
            times = [file["upload-time"] for file in package.get("wheels", []) if "upload-time" in file]
            times += [package["sdist"]["upload-time"]] if "upload-time" in package.get("sdist", {}) else []
            if times:
                first = min(time if time.tzinfo else time.replace(tzinfo=UTC) for time in times)
                dates[canonicalize_name(package["name"])] = first.isoformat()
        return dates

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

    def solvable(self, requirements: Iterable[str]) -> bool | None:
        """Return whether a set of versions meets all ``requirements``; None when the resolver could not tell."""
        action, _ = self._compile("solvable", requirements)
        if action.exit.ok:
            return True
        return False if UV.output.classify(action)[0] is Status.UNSOLVABLE else None

    def last_with(self, name: str, installed: str, module: str, symbol: str) -> str | None:
        """Return the newest version below the release line of ``installed`` whose ``module`` offers ``symbol``."""
        version = Version(installed)
        for _ in range(_MOST_STEPS_BACK):
            unpacked = self.folder / "older"
            shutil.rmtree(unpacked, ignore_errors=True)
            below = f"{name}<{version.major}.{version.minor}"
            command: list[str | Path] = [self.uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
            action = self.processes.run(
                [*command, "--python", self.python, "--target", unpacked, below],
                env=self.environ,
                cwd=self.folder,
                log=self.folder / f"older-{name}.log",
                timeout=_LIMIT,
            )
            older: dict[str, str] = {
                canonicalize_name(metadata.name): metadata.version for metadata in distributions(path=[str(unpacked)])
            }
            if not action.exit.ok or name not in older:
                return None
            if offers(unpacked, module, symbol):
                return older[name]
            version = Version(older[name])
        return None

    def _resolve(self, topic: str, requirements: Iterable[str], *options: str) -> list[Any]:
        action, lock = self._compile(topic, requirements, "--no-deps", *options)
        if not action.exit.ok:
            return []
        packages: list[Any] = tomllib.loads(lock.read_text(encoding="utf-8")).get("packages", [])
        return packages

    def _compile(self, topic: str, requirements: Iterable[str], *options: str) -> tuple[Action, Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        source, lock = self.folder / f"{topic}.in", self.folder / f"pylock.{topic.replace('.', '-')}.toml"
        source.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
        lock.unlink(missing_ok=True)
        command: list[str | Path] = [self.uv, "pip", "compile", source, "--quiet", "--python", self.python]
        action = self.processes.run(
            [*command, "--format", "pylock.toml", "--output-file", lock, *options],
            env=self.environ,
            cwd=self.folder,
            log=self.folder / f"{topic}.log",
            timeout=_LIMIT,
        )
        return action, lock


def definitions(
    environment: Environment, names: Iterable[str], owners: Iterable[Distribution]
) -> dict[str, tuple[str, ...]]:
    """Return for each of ``names`` the distributions whose Python source defines a class or function of that name."""
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return {}
    any_of = "|".join(map(re.escape, wanted)).encode()
    defined = re.compile(rb"^\s*(?:async\s+)?(?:class|def)\s+(" + any_of + rb")\b", re.MULTILINE)
    definers: dict[str, list[str]] = {name: [] for name in wanted}
    for owner in owners:
        matches = {match for source in _sources(environment, owner) for match in defined.findall(source)}
        for match in matches:
            definers[match.decode()].append(owner.name)
    return {name: tuple(owners) for name, owners in definers.items() if owners}


def _sources(environment: Environment, distribution: Distribution) -> Iterable[bytes]:
    for folder in environment.site_packages():
        for module in distribution.modules:
            place = folder / module.replace(".", "/")
            files = [place.with_name(f"{place.name}.py")] if not place.is_dir() else sorted(place.rglob("*.py"))
            for file in files[:_MOST_SOURCES]:
                if file.is_file() and file.stat().st_size <= _LARGEST_SOURCE:
                    yield file.read_bytes()
