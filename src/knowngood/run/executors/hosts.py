"""Describe the hosts of workers: which are of the same kind, and which cannot take part in a run."""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import knowngood
from knowngood import __version__
from knowngood.cache.keys import digest_of
from knowngood.install import registry
from knowngood.install.interpreters import Interpreters
from knowngood.run import host

GREETING = """(lambda sys, found, metadata: {
    "python": "%d.%d" % sys.version_info[:2],
    "host": __import__("platform").node(),
    "knowngood": getattr(__import__("knowngood"), "__version__", "") if found("knowngood") else "",
    "uv": next((each.version for each in metadata.distributions(name="uv")), ""),
})(__import__("sys"), __import__("importlib.util").util.find_spec, __import__("importlib.metadata").metadata)"""
"""An expression that any Python evaluates: nothing else may run on a worker before it is known what it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeting:
    """What a worker answers first."""

    host: str
    python: str
    """Its minor version, such as ``3.12``."""
    knowngood: str
    """Empty: it has none."""
    uv: str

    def refused(self, ours: "Greeting") -> str | None:
        """Return a sentence why the worker cannot take part; None when it can.

        Tasks are pickled, which only the same versions read alike, and another uv may choose other versions.
        """
        for name, theirs, wanted in (
            ("Python", self.python, ours.python),
            ("knowngood", self.knowngood, ours.knowngood),
            ("uv", self.uv, ours.uv),
        ):
            if theirs != wanted:
                has = f"has {name} {theirs}" if theirs else f"has no {name}"
                return f"the worker on {self.host} {has}, and this run needs {name} {wanted}"
        return None


def greeting() -> Greeting:
    """Return what a worker has to answer to take part in a run of this process."""
    return Greeting(**eval(GREETING))


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The machine of a worker, as far as verdicts depend on it."""

    name: str
    machine: str
    """Operating system, architecture and C library."""
    cpu_level: str
    """Such as ``x86-64-v3``."""
    cpu_flags: str
    installers: Mapping[str, str]
    pythons: Mapping[str, str]
    """Version as combos ask for it -> the build of that interpreter. Those that the machine lacks are left out."""
    source: str
    """What identifies the code of its knowngood."""

    @property
    def kind(self) -> str:
        """What machines have in common whose locks and verdicts count for one another."""
        parts = [
            self.machine,
            self.cpu_flags,
            repr(sorted(self.installers.items())),
            repr(sorted(self.pythons.items())),
        ]
        return digest_of("\n".join(parts).encode())[:16]

    def refused(self, source: str) -> str | None:
        """Return a sentence why it cannot take part beside code that ``source`` identifies; None when it can."""
        if self.source == source:
            return None
        return f"the worker on {self.name} has other code of knowngood {__version__} than this run: install the same"

    def __str__(self) -> str:
        return f"{self.machine}, {self.cpu_level}, Python {', '.join(sorted(self.pythons)) or 'none'}"


def describe(outside: Mapping[str, str], pythons: Iterable[str]) -> Host:
    """Return the description of this machine, with the interpreters that it has of ``pythons``."""
    interpreters = Interpreters(outside=outside, cache=host.cache_folder() / "pythons")
    found = {version: interpreters.find(version) for version in pythons}
    return Host(
        name=platform.node(),
        machine=host.machine(),
        cpu_level=host.cpu_level(),
        cpu_flags=host.cpu_flags(),
        installers={name.value: identity for name, identity in registry.identities().items()},
        pythons={version: interpreter.build for version, interpreter in found.items() if interpreter is not None},
        source=source(),
    )


@cache
def source() -> str:
    """Return what identifies the code of this knowngood."""
    folder = Path(knowngood.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
