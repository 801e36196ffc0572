"""Declare what an installer is: how it builds environments, and what the harness has to know about it beforehand.

An installer is a folder beside this module, and one line in ``registry``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from knowngood.install.environment import Environment
from knowngood.install.index import Variables
from knowngood.install.interpreters import Interpreter
from knowngood.model import Action
from knowngood.model import Step as DeclaredStep
from knowngood.model.installer_output import InstallerOutput
from knowngood.process import Processes

CREATE_LIMIT = 120.0  # seconds
RESOLVE_LIMIT = 900.0  # a resolution may build source distributions, and it may hang
INSTALL_LIMIT = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One install command: its number, what the matrix declares, and the folder for its files and logs."""

    number: int
    declared: DeclaredStep
    folder: Path

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
    def hashed(self) -> tuple[str, ...]:
        """Its requirements as lines of a requirements file, with their hashes."""
        hashes = dict(self.declared.hashes)
        return tuple(
            " ".join([requirement, *(f"--hash={value}" for value in hashes.get(requirement, ()))])
            for requirement in self.declared.requirements
        )


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

    def resolve(
        self, step: Step, environment: Environment, version: str, before: Mapping[str, str]
    ) -> tuple[Action, dict[str, str]]:
        """Return what ``step`` would leave installed of the packages it concerns: canonical name -> version.

        ``before`` is what the earlier steps left; versions that still fit are kept. On success it writes the lock of
        the step. Raises ``LookupError`` when there is no Python of ``version``.
        """
        ...

    def install(self, step: Step, environment: Environment) -> Action:
        """Carry out ``step`` in ``environment``, after ``resolve``."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What an installer works with in one run."""

    processes: Processes
    environ: Mapping[str, str]
    """The environment variables of its commands."""
    find_python: Callable[[str], Interpreter | None]
    """Finds a base interpreter on this machine; an installer that brings its own Python has no use for it."""

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
