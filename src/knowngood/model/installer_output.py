"""Declare what the output of an installer can mean; each installer answers for its own words."""

from dataclasses import dataclass
from typing import Protocol

from packaging.requirements import Requirement

from knowngood.model.declared import Status
from knowngood.model.reasons import Reason
from knowngood.model.recorded import Action


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """One requirement that the output quotes as a cause of a conflict."""

    package: str
    """Canonical name of the package that declares it."""
    requirement: Requirement


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherPython:
    """A package that cannot be installed on the Python of the combo."""

    package: str
    """Canonical name."""
    requires: str | None
    """The specifier that it declares, such as ``>=3.12``; None when it only lacks a wheel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """Why a resolver found no solution, as far as its output says; a part that it does not give is empty."""

    dependencies: tuple[Dependency, ...] = ()
    """In the order of the output."""
    other_python: OtherPython | None = None
    unreadable: str | None = None
    """The requirement whose release has metadata that the installer refuses: ``celery==5.0.5``."""
    missing: str | None = None
    """The requirement that no index can meet, as the output spells it: ``numpy==9`` or ``nmupy``."""
    only: tuple[str, ...] = ()
    """What an index has of a package that a requirement rules out, as the output spells it: ``numpy<=1.26.4``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A file that an installer downloads, or has downloaded."""

    name: str
    """The name of the package."""
    size: int
    """Bytes, as precisely as the output gives them."""
    done: bool


class InstallerOutput(Protocol):
    """Reads the output of one installer: text in, meaning out."""

    def classify(self, action: Action) -> tuple[Status, Reason]:
        """Return the status and reason that a failed resolve, create or install stands for."""
        ...

    def message(self, action: Action, status: Status) -> str:
        """Return the one sentence of the output that says why, on one line."""
        ...

    def failed_build(self, action: Action) -> tuple[str, str | None] | None:
        """Return the canonical name and, where the output gives it, the version of the package that did not build."""
        ...

    def conflict(self, output: str) -> Conflict:
        """Return what the output of a resolver without a solution says about the cause."""
        ...

    def downloads(self, output: str) -> tuple[Download, ...]:
        """Return the files that the output of an install reports so far, in the order they were started."""
        ...
