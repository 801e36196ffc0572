"""Declare what an installer is: how it builds environments, and what the harness has to know about it beforehand.

An installer is a folder beside this module, and one line in ``registry``.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from knowngood.install.confined import BuildSandbox
from knowngood.install.environment import Environment
from knowngood.install.index import Variables
from knowngood.install.interpreters import Interpreter
from knowngood.model import Action, InstallerName, ResolutionMode, Source, SourceFacts
from knowngood.model import Step as DeclaredStep
from knowngood.model.installer_output import InstallerOutput
from knowngood.process import Processes
from knowngood.process.temporary import system_folder

CREATE_LIMIT = 120.0  # seconds
RESOLVE_LIMIT = 900.0  # a resolution may build source distributions, and it may hang
INSTALL_LIMIT = 3600.0

OUTSIDE = system_folder()
"""Where commands run, away from the project: uv would read its settings, and Python take its files for modules."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A source as a step installs it."""

    source: Source
    facts: SourceFacts
    wheel: Path | None = None
    """None: it could not be built."""
    pure: bool = False
    """Whether every Python can use the wheel."""
    identity: str = ""
    """What it was built from, as locks name it."""
    constraints: Path | None = None
    """The lock of its build."""
    place: Path | None = None
    """The private copy that an environment installs in place; None unless it is editable."""

    @property
    def extras(self) -> str:
        """Its extras, as a requirement has them."""
        return f"[{','.join(self.source.extras)}]" if self.source.extras else ""

    @property
    def requirement(self) -> str:
        """What an installer is asked for."""
        return f"{self.facts.name}{self.extras} @ {self._url}"

    @property
    def constraint(self) -> str:
        """What keeps later steps from installing anything else under its name."""
        return f"{self.facts.name} @ {self._url}"

    @property
    def hash(self) -> str:
        """The hash of its wheel, as a requirements file has it."""
        assert self.wheel is not None, "only what was built is installed"
        with self.wheel.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    @property
    def _url(self) -> str:
        assert self.wheel is not None, "only what was built is installed"
        return self.wheel.as_uri()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install command: its number, what the matrix declares, and the folder for its files and logs."""

    number: int
    declared: DeclaredStep
    folder: Path
    sources: tuple[Built, ...] = ()
    """What it installs from this machine."""
    kept: tuple[Built, ...] = ()
    """What earlier steps installed from this machine: it stays, whatever an index has under its name."""
    urls: tuple[str, ...] = ()
    """What earlier steps installed from repositories and other URLs, as requirements: it stays as well."""

    @property
    def built(self) -> Mapping[str, Built]:
        """Everything from this machine that is installed after it, by canonical name."""
        return {built.facts.name: built for built in (*self.kept, *self.sources)}

    @property
    def resolved_by_uv(self) -> bool:
        """Whether uv resolves it for any installer, since only uv can."""
        return self.declared.resolution is not ResolutionMode.HIGHEST or bool(self.declared.cutoff)

    @property
    def isolated(self) -> bool:
        """Whether builds get an environment of their own; else they need the environment that it installs into."""
        return not any(option.startswith("--no-build-isolation") for option in self.declared.options)

    def file(self, kind: str) -> Path:
        """Return the path of one of its files; that of ``kind`` "lock" holds what ``resolve`` chose."""
        return self.folder / f"step{self.number}.{kind}"

    def write(self, kind: str, lines: Iterable[str]) -> Path:
        """Write one of its files, a line for each of ``lines``, and return its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.file(kind)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it installs, as lines of a requirements file: with hashes, and with wheels for its sources."""
        hashes = dict(self.declared.hashes)
        return (
            *(
                " ".join([requirement, *(f"--hash={value}" for value in hashes.get(requirement, ()))])
                for requirement in self.declared.requirements
            ),
            *(f"{built.requirement} --hash={built.hash}" if hashes else built.requirement for built in self.sources),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The answer of a resolver for one step."""

    action: Action
    versions: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version; empty when there is no solution."""
    direct: tuple[SourceFacts, ...] = ()
    """What comes from a repository or another URL."""
    urls: tuple[str, ...] = ()
    """The same as requirements, each with its commit."""
    yanked: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> why its chosen version was yanked; empty where the index does not say."""
    highest: tuple[str, ...] = ()
    """Canonical names of what was asked for and resolves to its highest version, in a step that takes the lowest."""


class Installer(Protocol):
    """Builds environments. A method that runs a command returns what became of it and does not raise when it fails.

    ``version`` is the Python that a combo asks for: ``3.11``, or ``3.11.7``.
    """

    @property
    def resolves_ahead(self) -> bool:
        """Whether steps can be resolved before the environment exists."""
        ...

    def identify_python(self, version: str) -> str | None:
        """Return what tells the Python of its environments from another build of the same version.

        None when it cannot make an environment of ``version`` on this machine.
        """
        ...

    def create(self, environment: Environment, version: str, log: Path) -> Action:
        """Make the empty environment. Raises ``LookupError`` when there is no Python of ``version``."""
        ...

    def resolve(self, step: Step, environment: Environment, version: str, before: Mapping[str, str]) -> Resolution:
        """Return what ``step`` would leave installed of the packages it concerns.

        ``before`` is what the earlier steps left, canonical name -> version; versions that still fit are kept. On
        success it writes the lock of the step: a file "lock" that is the same on every machine. Raises ``LookupError``
        when there is no Python of ``version``.
        """
        ...

    def install(self, step: Step, environment: Environment) -> Action:
        """Carry out ``step`` in ``environment``, after ``resolve``."""
        ...

    def forget(self, names: Sequence[str], log: Path) -> None:
        """Remove distributions, given their canonical names, from the cache that environments are linked from."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What an installer works with in one run."""

    processes: Processes
    environ: Mapping[str, str]
    """The environment variables of its commands."""
    find_python: Callable[[str], Interpreter | None]
    """Finds a base interpreter on this machine; an installer that brings its own Python has no use for it."""
    builds: BuildSandbox | None = None
    """What builds run in; None: as any process of the user."""
    copies: bool = False
    """Whether files are copied into environments, which otherwise may share them."""
    review: Callable[[Action, InstallerName], Action] = lambda action, installer: action
    """Returns what a command of an installer did, with what is known about the indexes that it asked."""

    def relative(self, log: Path) -> str:
        """Return the path of a log, as an action has it."""
        return str(log.relative_to(self.processes.root))

    def python_build(self, version: str) -> str | None:
        """Return what tells the base interpreter for ``version`` from other builds; None when there is none."""
        interpreter = self.find_python(version)
        return interpreter.build if interpreter is not None else None

    def python(self, version: str) -> Path:
        """Return the base interpreter for ``version``. Raises ``LookupError`` when this machine has none."""
        interpreter = self.find_python(version)
        if interpreter is None:
            raise LookupError(f"this machine has no Python {version}")
        return interpreter.path


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """One installer, as the registry holds it."""

    make: Callable[[Tools], Installer]
    output: InstallerOutput
    variables: Variables
    versions: Callable[[], Mapping[str, str]]
    """Returns name -> version of the tools it consists of, for the record of a run."""
    identity: Callable[[], str]
    """Returns what tells it from another version of it: a verdict is reused only with the same identity."""
