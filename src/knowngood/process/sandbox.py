"""Run commands in a sandbox of bubblewrap: they read everything, and write only into folders of their own.

Inside, the file system is read-only except for the folders that are named, the temporary folder of the system is an
empty one, and no process outside can be seen. Whether bubblewrap works is found out by running it: many machines have
it and do not let users make namespaces.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from knowngood.process.helpers import answer_of
from knowngood.process.temporary import system_folder

PROGRAM = "bwrap"
_PATIENCE = 20.0  # seconds
_WORKS = "works"
_READ_ONLY = ("--ro-bind", "/", "/", "--dev", "/dev")
_HIDDEN = ("--unshare-pid", "--unshare-ipc", "--proc", "/proc")
_TEMPORARY = ("/tmp", "/var/tmp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What one command may do in the sandbox."""

    writable: tuple[Path, ...]
    """The folders that it may write into, with everything below them."""
    readable: tuple[Path, ...] = ()
    """Folders that it needs although they may be in the temporary folder of the system."""
    network: bool = False
    """Whether it may use the network; else it has only a loopback interface of its own."""
    shares_processes: bool = False
    """Whether it sees the processes outside, and its own outlive it: services that it starts for others."""


ALL_READ_ONLY = Access(writable=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """Bubblewrap on this machine, which works."""

    program: Path

    def command(self, argv: Sequence[str | Path], access: Access, cwd: Path) -> list[str]:
        """Return the command that runs ``argv`` in the sandbox."""
        return [*self.prefix(access), "--chdir", str(cwd), "--", *map(str, argv)]

    def replacing(self, argv: Sequence[str | Path], file: Path, *, by: Path, kept: Path, cwd: Path) -> list[str]:
        """Return the command that runs ``argv`` where ``file`` has been replaced, and nothing else is different.

        ``by`` is in its place, and the file itself is at ``kept``, a path that does not exist yet.
        """
        mounts = ["--dev-bind", "/", "/", "--ro-bind", str(file), str(kept), "--ro-bind", str(by), str(file)]
        return [str(self.program), *mounts, "--die-with-parent", "--chdir", str(cwd), "--", *map(str, argv)]

    def prefix(self, access: Access) -> list[str]:
        """Return the program and its options; more of them, ``--`` and a command are to follow."""
        options = [*_READ_ONLY]
        if not access.shares_processes:
            options += _HIDDEN
        if not access.network:
            options.append("--unshare-net")
        kept = [path.resolve() for path in (*access.readable, *access.writable)]
        for folder in dict.fromkeys([*_TEMPORARY, str(system_folder())]):
            place = Path(folder).resolve()
            # What is needed of the temporary folder is mounted over the empty one.
            if place.is_dir() and place not in kept and not any(place.is_relative_to(path) for path in kept):
                options += ["--tmpfs", str(place)]
        for path in _outermost(access.readable):
            options += ["--ro-bind", str(path), str(path)]
        for path in _outermost(access.writable):
            options += ["--bind", str(path), str(path)]
        return [str(self.program), *options, "--die-with-parent"]

    @property
    def nests(self) -> bool:
        """Whether a command in the sandbox can start another sandbox, as builds need it."""
        return _nests(str(self.program))


def find(outside: Mapping[str, str]) -> Sandbox | None:
    """Return the sandbox of this machine; None when bubblewrap is missing or does not work.

    ``outside`` is the environment of the harness: its ``PATH`` is searched.
    """
    program = shutil.which(PROGRAM, path=outside.get("PATH", os.defpath))
    return Sandbox(program=Path(program)) if program is not None and _works(program) else None


@cache
def _works(program: str) -> bool:
    """Run the program as probes are run, and return whether it did what it should."""
    sandbox = Sandbox(program=Path(program))
    command = sandbox.command(["/bin/sh", "-c", f"echo {_WORKS}"], ALL_READ_ONLY, Path("/"))
    return answer_of(command, env={"PATH": os.defpath}, timeout=_PATIENCE).strip() == _WORKS


@cache
def _nests(program: str) -> bool:
    sandbox = Sandbox(program=Path(program))
    inner = sandbox.command(["/bin/sh", "-c", f"echo {_WORKS}"], ALL_READ_ONLY, Path("/"))
    outer = sandbox.command(inner, ALL_READ_ONLY, Path("/"))
    return answer_of(outer, env={"PATH": os.defpath}, timeout=_PATIENCE).strip() == _WORKS


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Return the folders that are there and in no other of ``paths``; a mount over a folder would hide those in it."""
    resolved = sorted({path.resolve() for path in paths if path.is_dir()})
    return [path for path in resolved if not any(path != other and path.is_relative_to(other) for other in resolved)]
