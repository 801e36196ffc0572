"""Two ways to build an environment, behind one protocol: uv, and real pip in a virtualenv."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from packaging.utils import canonicalize_name

from knowngood.install.environment import Environment
from knowngood.model import Action, InstallerName
from knowngood.process import Processes

_RESOLVE_LIMIT = 900.0  # seconds; a resolution may build source distributions, and it may hang
_CREATE_LIMIT = 120.0
_INSTALL_LIMIT = 3600.0

_OUTSIDE = Path(tempfile.gettempdir())  # where installers run: a project's own settings for them must not apply


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install command: its number, its requirements, and the folder for its files and logs."""

    number: int
    requirements: tuple[str, ...]
    folder: Path

    def file(self, kind: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / f"step{self.number}.{kind}"


class Installer(Protocol):
    """Builds environments. Every method runs commands and reports on them; none raises for what they say."""

    @property
    def resolves_ahead(self) -> bool:
        """Whether steps can be resolved before the environment exists."""
        ...

    def create(self, environment: Environment, python: Path, log: Path) -> Action:
        """Make the empty venv with the base interpreter ``python``."""
        ...

    def resolve(
        self, step: Step, environment: Environment, python: Path, before: Mapping[str, str]
    ) -> tuple[Action, dict[str, str]]:
        """Return what ``step`` would leave installed of what it concerns: canonical name -> version.

        ``before`` is what the earlier steps left; versions that still fit are kept.
        """
        ...

    def install(self, step: Step, environment: Environment) -> Action:
        """Carry out ``step`` in ``environment``."""
        ...


def choose(name: InstallerName, processes: Processes, uv: Path, environ: Mapping[str, str]) -> Installer:
    """Return the installer called ``name``; ``environ`` is what its commands get to see."""
    match name:
        case InstallerName.UV:
            return Uv(processes=processes, uv=uv, environ=environ)
        case InstallerName.PIP:
            return Pip(processes=processes, environ=environ)


@dataclass(frozen=True, kw_only=True, slots=True)
class Uv:
    """``uv pip``: each step is compiled to a lock with hashes, preferring what is there, and the lock is installed."""

    processes: Processes
    uv: Path
    environ: Mapping[str, str]
    resolves_ahead: bool = True

    def create(self, environment: Environment, python: Path, log: Path) -> Action:
        """Make the venv with ``uv venv``; it has neither pip nor setuptools."""
        return self._run(["venv", "--python", python, environment.folder], log, _CREATE_LIMIT)

    def resolve(
        self, step: Step, environment: Environment, python: Path, before: Mapping[str, str]
    ) -> tuple[Action, dict[str, str]]:
        """Compile the step with ``uv pip compile``; ``before`` goes in as the preferences of an existing lock."""
        asked, lock = step.file("in"), step.file("lock")
        asked.parent.mkdir(parents=True, exist_ok=True)
        asked.write_text("".join(f"{requirement}\n" for requirement in step.requirements), encoding="utf-8")
        lock.unlink(missing_ok=True)
        if before:
            lock.write_text("".join(f"{name}=={version}\n" for name, version in before.items()), encoding="utf-8")
        compile_step: list[str | Path] = ["pip", "compile", asked, "--python", python, "--output-file", lock]
        options = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
        action = self._run([*compile_step, *options], step.file("resolve.log"), _RESOLVE_LIMIT)
        return action, _locked(lock) if action.exit.ok else {}

    def install(self, step: Step, environment: Environment) -> Action:
        """Install the lock of the step, every file checked against its hash.

        Not in the form of a ``pylock.toml``: uv installs that one by URL and asks the index about every file again,
        where this one is served from its cache.
        """
        install_lock: list[str | Path] = [
            "pip",
            "install",
            "--python",
            environment.python,
            "--no-deps",
            "-r",
            step.file("lock"),
        ]
        return self._run(install_lock, step.file("install.log"), _INSTALL_LIMIT)

    def _run(self, arguments: list[str | Path], log: Path, limit: float) -> Action:
        return self.processes.run([self.uv, *arguments], env=self.environ, cwd=_OUTSIDE, log=log, timeout=limit)


def _locked(lock: Path) -> dict[str, str]:
    """Return the pins of a lock that uv wrote: canonical name -> version. Lines that go on with hashes are indented."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins = (line.partition(" ")[0].partition("==") for line in lines)
    return {name: version for name, equals, version in pins if equals}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """Real ``pip`` inside a ``virtualenv``, as a Dockerfile runs it: each step resolves where the last one ended."""

    processes: Processes
    environ: Mapping[str, str]
    resolves_ahead: bool = False

    def create(self, environment: Environment, python: Path, log: Path) -> Action:
        """Make the venv with ``virtualenv``; it has the pip that virtualenv brings along, and no setuptools."""
        make: list[str | Path] = [sys.executable, "-I", "-m", "virtualenv", "--no-periodic-update", "--no-setuptools"]
        return self._run([*make, "--python", python, environment.folder], log, _CREATE_LIMIT)

    def resolve(
        self, step: Step, environment: Environment, python: Path, before: Mapping[str, str]
    ) -> tuple[Action, dict[str, str]]:
        """Ask ``pip install --dry-run`` in the environment itself; what it would not touch stays as it is."""
        report = step.file("report.json")
        action = self._pip(["--dry-run", "--report", report, *step.requirements], environment, step, "resolve")
        if not action.exit.ok:
            return action, {}
        planned = json.loads(report.read_text(encoding="utf-8"))["install"]
        step.file("lock").write_text("".join(map(_pinned, planned)), encoding="utf-8")
        return action, {canonicalize_name(one["metadata"]["name"]): one["metadata"]["version"] for one in planned}

    def install(self, step: Step, environment: Environment) -> Action:
        """Run ``pip install`` with the requirements of the step, as they were given."""
        return self._pip(list(step.requirements), environment, step, "install")

    def _pip(self, arguments: list[str | Path], environment: Environment, step: Step, verb: str) -> Action:
        details = step.file(f"{verb}.debug.log")
        step.folder.mkdir(parents=True, exist_ok=True)
        details.unlink(missing_ok=True)
        install: list[str | Path] = [
            environment.python,
            "-I",
            "-m",
            "pip",
            "install",
            "--verbose",  # or, with a debug log, what a build says goes only there
            "--no-color",
            "--progress-bar=off",
            "--log",
            details,
        ]
        limit = _RESOLVE_LIMIT if verb == "resolve" else _INSTALL_LIMIT
        action = self._run([*install, *arguments], step.file(f"{verb}.log"), limit)
        return action if action.exit.ok else _with_hidden_causes(action, details)

    def _run(self, arguments: list[str | Path], log: Path, limit: float) -> Action:
        return self.processes.run(arguments, env=self.environ, cwd=_OUTSIDE, log=log, timeout=limit)


def _pinned(planned: dict[str, Any]) -> str:
    """Return a line of pip's report as one of a lock."""
    hashes = planned.get("download_info", {}).get("archive_info", {}).get("hashes", {})
    pin = f"{canonicalize_name(planned['metadata']['name'])}=={planned['metadata']['version']}"
    return " ".join([pin, *(f"--hash={name}:{value}" for name, value in sorted(hashes.items()))]) + "\n"


def _with_hidden_causes(action: Action, details: Path) -> Action:
    """Add what pip tells only its debug log: why a page of the index was not read.

    Without it an outage reads "No matching distribution found" (pip issue 12008).
    """
    if not details.is_file():
        return action
    lines = details.read_text(encoding="utf-8", errors="replace").splitlines()
    hidden = [line.strip() for line in lines if "Could not fetch URL" in line or "is not a trusted or secure" in line]
    return replace(action, output="\n".join([action.output.rstrip(), *dict.fromkeys(hidden)]) + "\n")
